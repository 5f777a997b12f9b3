"""Objects put at one side of a running local cloud, and what both workers took to handle them."""

import io
import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.bench.cost_count import DESTINATION, SOURCE, Caller, Usage, count, role_keys
from scripts.bench.cost_meter import Meter
from sync_core.local.cloud import LocalCloud
from sync_core.local.demonstration import watched_sites
from sync_core.local.observe import Observer, wait_until
from sync_core.local.ready_file import parse

_DEADLINE_SECONDS = 600.0
# The worker writes its metrics with every third of the visibility timeout.
_METRICS_SECONDS = 300.0
_SMALL_BYTES = 1024**2
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class Bench:
    """A running local cloud with a meter in front of it."""

    def __init__(self, cloud: LocalCloud, meter: Meter) -> None:
        self._cloud = cloud
        self._meter = meter
        self._observer = Observer(watched_sites(parse(cloud.to_json()), cloud.client))
        self._users = {site.user_access_key_id: name for name, site in cloud.sites.items()}
        self._callers = self._dedicated_users()

    def measure(self, objects: int, size_bytes: int) -> Usage:
        """Have a user put the objects, wait until both sides are quiet, and count.

        Raises `RuntimeError` when anything went wrong on the way, and `Unnamed` when a request
        cannot be named or priced.
        """
        prefix = f"{size_bytes}-bytes/"
        self._put(1, size_bytes, f"{prefix}warm-up-")
        self._settle()
        self._callers |= role_keys(self._meter.take(), self._users)
        cpu, logs = self._cpu_seconds(), self._log_bytes()
        dead, retried = self._failures()
        self._put(objects, size_bytes, f"{prefix}object-")
        self._settle()
        self._await_metrics(logs)
        exchanges = self._meter.take()
        self._callers |= role_keys(exchanges, self._users)
        self._require_arrival(objects, size_bytes, f"{prefix}object-")
        if self._failures() != (dead, retried):
            raise RuntimeError("messages were retried or dead-lettered: this is no usual run")
        return Usage(
            objects,
            size_bytes,
            count(exchanges, self._callers, self._users),
            _gain(self._cpu_seconds(), cpu),
            {name: int(grown) for name, grown in _gain(self._log_bytes(), logs).items()},
        )

    def _dedicated_users(self) -> dict[str, Caller]:
        """Return the key pairs with which each site's worker reaches its peer's account."""
        found = {}
        for name, site in self._cloud.sites.items():
            (peer,) = set(self._cloud.sites) - {name}
            vault = self._cloud.client("secretsmanager", name)
            text = vault.get_secret_value(SecretId=site.peer_secret)["SecretString"]
            found[str(json.loads(text)["access_key_id"])] = Caller(name, peer, "dedicated user")
        return found

    def _put(self, objects: int, size_bytes: int, prefix: str) -> None:
        """Put new objects as boto3's users do: those of 8 MB and more in parts."""
        s3, bucket = self._cloud.client("s3", SOURCE), self._cloud.sites[SOURCE].bucket

        def put(number: int) -> None:
            s3.upload_fileobj(io.BytesIO(os.urandom(size_bytes)), bucket, f"{prefix}{number:06}")

        with ThreadPoolExecutor(8 if size_bytes < _SMALL_BYTES else 1) as threads:
            list(threads.map(put, range(objects)))

    def _settle(self) -> None:
        self._observer.wait_until_quiet(_DEADLINE_SECONDS)

    def _await_metrics(self, positions: Mapping[str, float]) -> None:
        """Wait until each worker has written the metrics of what it did."""

        def have_come() -> bool:
            return all(
                b'"_aws"' in _tail(self._cloud.log_file(name), int(position))
                for name, position in positions.items()
            )

        wait_until(have_come, _METRICS_SECONDS, lambda: "the workers wrote no metrics")

    def _require_arrival(self, objects: int, size_bytes: int, prefix: str) -> None:
        bucket = self._cloud.sites[DESTINATION].bucket
        pages = self._cloud.client("s3", DESTINATION).get_paginator("list_objects_v2")
        found = [
            entry["Size"]
            for page in pages.paginate(Bucket=bucket, Prefix=prefix)
            for entry in page.get("Contents", ())
        ]
        if found != [size_bytes] * objects:
            raise RuntimeError(f"{len(found)} of {objects} objects arrived whole")

    def _failures(self) -> tuple[int, int]:
        self._observer.read_logs()
        tally = self._observer.tally
        return tally.dead_lettered.total(), tally.retried.total()

    def _cpu_seconds(self) -> dict[str, float]:
        return {name: self._cpu_of(name) for name in self._cloud.sites}

    def _cpu_of(self, site: str) -> float:
        process_id = self._cloud.workers.process_id(site)
        if process_id is None:
            raise RuntimeError(f"the worker of site {site} is down")
        # The name, in brackets, may hold spaces; utime and stime are fields 14 and 15 (proc(5)).
        fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND

    def _log_bytes(self) -> dict[str, float]:
        return {name: self._cloud.log_file(name).stat().st_size for name in self._cloud.sites}


@contextmanager
def bench() -> Iterator[Bench]:
    """Launch both sites with their workers, which run no finder, and yield the bench."""
    meter = Meter()
    with TemporaryDirectory(prefix="dualway-cost-") as folder:
        cloud = LocalCloud(directory=Path(folder), finder_seconds=0)
        cloud.middleware.append(meter.around)
        with cloud:
            yield Bench(cloud, meter)


def _gain(after: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float]:
    gained = {name: after[name] - before[name] for name in after}
    if min(gained.values()) < 0:
        raise RuntimeError("a worker was started anew during the run")
    return gained


def _tail(path: Path, position: int) -> bytes:
    with path.open("rb") as file:
        file.seek(position)
        return file.read()
