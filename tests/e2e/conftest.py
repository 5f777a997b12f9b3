"""`dualway local` as a process of its own, and the users of its two sides."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sync_core.local.clients import Clients, KeyPair
from sync_core.local.demonstration import watched_sites
from sync_core.local.observe import Observer, wait_until
from sync_core.local.ready_file import ReadyCloud, read_ready_file

DEADLINE_SECONDS = 180
COMMAND = (sys.executable, "-m", "sync_core.cli")


@dataclass
class Running:
    """A running local cloud, reached as its users reach it."""

    cloud: ReadyCloud
    ready_file: Path
    process: "subprocess.Popen[bytes]"
    users: dict[str, Clients] = field(default_factory=dict)

    def client(self, service: str, side: str) -> Any:
        """Return a client of a side's user."""
        if side not in self.users:
            self.users[side] = self.cloud.clients(side)
        return self.users[side].client(service)

    def bucket(self, side: str) -> str:
        return self.cloud.sites[side].bucket

    def put(self, side: str, key: str, body: bytes, **parameters: Any) -> None:
        self.client("s3", side).put_object(
            Bucket=self.bucket(side), Key=key, Body=body, **parameters
        )

    def delete(self, side: str, key: str) -> None:
        self.client("s3", side).delete_object(Bucket=self.bucket(side), Key=key)

    def read(self, side: str, key: str) -> dict[str, Any] | None:
        """Return GetObject's answer with the bytes as `Body`; None when there is no object."""
        try:
            answer = self.client("s3", side).get_object(Bucket=self.bucket(side), Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise
        return {**answer, "Body": answer["Body"].read()}

    def body(self, side: str, key: str) -> bytes | None:
        found = self.read(side, key)
        return found["Body"] if found else None

    def keys(self, side: str, prefix: str) -> list[str]:
        listed = self.client("s3", side).list_objects_v2(Bucket=self.bucket(side), Prefix=prefix)
        return [entry["Key"] for entry in listed.get("Contents", [])]

    def log(self, side: str) -> list[dict[str, Any]]:
        """Return what a side's worker has logged so far."""
        return entries_in(Path(self.cloud.sites[side].log_file))

    def started_workers(self, side: str) -> list[int]:
        """Return the process ids of the workers that a side has had so far, the last one last."""
        return started_in(self.log(side))

    def command(self, *words: str) -> str:
        """Run a command of dualway on this cloud; return what it prints."""
        done = self._done(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def find(self, side: str) -> int:
        """Run a finder round on a side; return how many keys it has sent to the queue.

        It waits for a round that the worker is at.
        """
        tried: list[subprocess.CompletedProcess[str]] = []

        def has_had_its_turn() -> bool:
            tried.append(self._done("finder", "--site", side, "--json"))
            return "another finder is at work" not in tried[-1].stderr

        eventually(has_had_its_turn, "the worker's own round ends")
        assert tried[-1].returncode == 0, tried[-1].stderr
        return sum(json.loads(tried[-1].stdout)["hinted"].values())

    def _done(self, *words: str) -> "subprocess.CompletedProcess[str]":
        command = [*COMMAND, *words, "--ready-file", str(self.ready_file)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def observer(self) -> Observer:
        """Return what watches both queues and logs."""
        return Observer(watched_sites(self.cloud, self.client))

    def dedicated_user(self, side: str) -> Clients:
        """Return clients of a side's dedicated user, with the key pair that the peer has."""
        site = self.cloud.sites[side]
        (peer,) = set(self.cloud.sites) - {side}
        vault = self.client("secretsmanager", peer)
        texts = [
            vault.get_secret_value(SecretId=secret["ARN"])["SecretString"]
            for secret in vault.list_secrets()["SecretList"]
        ]
        [own] = [
            found
            for text in texts
            if site.queue_url == (found := json.loads(text)).get("queue_url")
        ]
        key_pair = KeyPair(own["access_key_id"], own["secret_access_key"])
        return Clients(self.cloud.endpoint_url, site.region, key_pair)


def entries_in(log_file: Path) -> list[dict[str, Any]]:
    """Return what a worker has logged so far; a line that is still being written is not read."""
    *lines, _ = log_file.read_bytes().split(b"\n")
    return [json.loads(line) for line in lines if line.startswith(b"{") and line.endswith(b"}")]


def started_in(entries: Iterable[Mapping[str, Any]]) -> list[int]:
    """Return the process ids of the workers that wrote a log, the last one last."""
    return [entry["process_id"] for entry in entries if entry.get("action") == "worker_started"]


def eventually(condition: Callable[[], bool], says: str) -> None:
    """Wait until the condition holds."""
    wait_until(condition, DEADLINE_SECONDS, lambda: says)


def start_local(folder: Path, *options: str, **environment: str) -> Running:
    """Start `dualway local` and return when its ready file is there."""
    ready_file = folder / "ready.json"
    process = subprocess.Popen(
        [*COMMAND, "local", "--ready-file", str(ready_file), "--directory", str(folder), *options],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONWARNINGS": "default", **environment},
    )
    return when_ready(ready_file, process)


def when_ready(ready_file: Path, process: "subprocess.Popen[bytes]") -> Running:
    """Return once the ready file of a process is there; one that does not come so far is killed."""
    try:
        eventually(lambda: ready_file.exists() or process.poll() is not None, "no ready file")
        assert process.poll() is None
        return Running(read_ready_file(ready_file), ready_file, process)
    except BaseException:
        killed(process)
        raise


def stop_local(running: Running) -> int:
    """End `dualway local` as an operator would and return its exit status."""
    for clients in running.users.values():
        clients.close()
    running.process.send_signal(signal.SIGTERM)
    try:
        return running.process.wait(DEADLINE_SECONDS)
    except BaseException:
        killed(running.process)
        raise


def killed(process: "subprocess.Popen[bytes]") -> None:
    """Kill -9 a process and wait for its end, so that nothing of it is left to other tests."""
    process.kill()
    process.wait()


@contextmanager
def run_local(folder: Path, *options: str, **environment: str) -> Iterator[Running]:
    """Run `dualway local` while the context is entered; it has to end well if the test does."""
    running = start_local(folder, *options, **environment)
    try:
        yield running
    except BaseException:
        stop_local(running)
        raise
    assert stop_local(running) == 0


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Both sites with their workers, for the whole session; keys are each test's own."""
    with run_local(tmp_path_factory.mktemp("local"), "--netstorage") as started:
        yield started
    assert not started.ready_file.exists()
