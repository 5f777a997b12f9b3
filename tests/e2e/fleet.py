"""Workers as processes that a test starts and kills, on a metered cloud; see `metered_cloud`."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sync_core.local.workers import COMMAND, process_environment
from sync_core.model import SharedUpload, SyncRecord
from sync_core.orphans import abort_orphans
from sync_core.queues.sqs import SQSQueue
from sync_core.records.dynamodb import DynamoDBRecordStore
from sync_core.records.uploads_dynamodb import DynamoDBUploadLedger
from sync_core.storage.s3 import S3ObjectStore
from sync_core.storage.s3_clients import S3Clients
from sync_core.watch import Status, Watch, WatchParts
from tests.e2e.conftest import Running, entries_in, stop_local, when_ready

ROOT = Path(__file__).parents[2]
STOP_SECONDS = 60
MOST_DELIVERIES = 1000


@dataclass
class MeteredCloud:
    """A running metered cloud: what was asked of it, its gate, and what is under way."""

    folder: Path
    running: Running

    def calls(self, operation: str = "", side: str = "") -> list[dict[str, Any]]:
        """Return the steps so far, of one operation and one side's bucket if these are named."""
        path = self.folder / "calls"
        found = entries_in(path) if path.exists() else []
        bucket = self.running.bucket(side) if side else ""
        return [
            call
            for call in found
            if operation in {"", call["operation"]} and bucket in {"", call.get("bucket")}
        ]

    def answered(self, operation: str, side: str = "") -> list[dict[str, Any]]:
        """Return the calls that were answered with success."""
        return [call for call in self.calls(operation, side) if call.get("status", 500) < 300]

    def held(self) -> list[dict[str, Any]]:
        """Return the steps that were made to wait."""
        return [call for call in self.calls() if "held" in call]

    def set_gate(self, **gate: Any) -> None:
        """Say which steps are to wait from now on; none without arguments."""
        fresh = self.folder / "gate.new"
        fresh.write_text(json.dumps(gate), encoding="utf-8")
        fresh.replace(self.folder / "gate")

    def uploads(self, side: str) -> list[str]:
        """Return the keys of the uploads under way at a side, whoever has begun them."""
        s3, bucket = self.running.client("s3", side), self.running.bucket(side)
        return [each["Key"] for each in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])]

    def ledger(self, side: str = "a") -> DynamoDBUploadLedger:
        """Return the side's ledger of shared uploads."""
        site = self.running.cloud.sites[side]
        key_pair = (site.user_access_key_id, site.user_secret_access_key)
        url = self.running.cloud.endpoint_url
        return DynamoDBUploadLedger.connect(
            site.parts_table, site.region, endpoint_url=url, key_pair=key_pair
        )

    def records(self, *keys: str, side: str = "a") -> Mapping[str, SyncRecord]:
        """Return what a side has recorded of these keys."""
        return self._records(side).read(keys)

    def abort_orphans(self, now: datetime) -> list[str]:
        """Abort the uploads of a's workers at b as a finder round at `now` would; return keys."""
        with self._dedicated("b") as bucket:
            found = abort_orphans(bucket, self.ledger(), self._records("a"), now, 7)
        return [orphan.key for orphan in found]

    def watch(self, upload: SharedUpload, now: datetime) -> Status:
        """Look at an upload of a's workers as the state machine would, and do what is due."""
        with self._dedicated("b") as bucket:
            site, client = self.running.cloud.sites["a"], self.running.client
            at_a = S3Clients(client("s3", "a"), client("s3", "a"))
            watched = WatchParts(
                own=S3ObjectStore(site.bucket, lambda: at_a),
                peer=bucket,
                ledger=self.ledger(),
                send=SQSQueue(client("sqs", "a"), site.queue_url),
                own_prefix="",
                clock=lambda: now,
            )
            return Watch(watched).look(upload.key, upload.upload_id).status

    def depth(self, side: str) -> int:
        """Return how many messages the side's queue holds."""
        return self.running.observer().sites[side].depth()

    def dead_letters(self, side: str) -> int:
        """Return how many messages are in the side's dead-letter queue."""
        return self.running.observer().sites[side].dead_letter_depth()

    def _records(self, side: str) -> DynamoDBRecordStore:
        site = self.running.cloud.sites[side]
        key_pair = (site.user_access_key_id, site.user_secret_access_key)
        url = self.running.cloud.endpoint_url
        return DynamoDBRecordStore.connect(
            site.records_table, site.region, endpoint_url=url, key_pair=key_pair
        )

    @contextmanager
    def _dedicated(self, side: str) -> Iterator[S3ObjectStore]:
        """Yield a side's bucket, with the key pair that the peer's workers have."""
        with closing(self.running.dedicated_user(side)) as clients:
            own = frozenset({clients.client("sts").get_caller_identity()["Arn"]})
            s3 = S3Clients(clients.client("s3"), clients.client("s3"))
            yield S3ObjectStore(self.running.bucket(side), lambda: s3, identities=lambda: own)


@contextmanager
def metered_cloud(folder: Path) -> Iterator[MeteredCloud]:
    """Run a metered cloud while the context is entered."""
    command = [sys.executable, "-m", "tests.e2e.metered_cloud", str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    running = when_ready(folder / "ready.json", process)
    try:
        yield MeteredCloud(folder, running)
    finally:
        stop_local(running)


@dataclass
class Fleet:
    """The workers of both sites, by names of their own; `settings` come before the sites' own."""

    cloud: MeteredCloud
    settings: Mapping[str, str]
    visibility_seconds: int = 10
    _processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    _started: int = 0

    def start(self, side: str) -> str:
        """Start one more worker of a side; return its name."""
        self._started += 1
        name = f"{side}-{self._started}"
        site = self.cloud.running.cloud.sites[side]
        own = {
            **site.environment,
            "DUALWAY_VISIBILITY_TIMEOUT_SECONDS": str(self.visibility_seconds),
            # Tells the meter whose call it is.
            "AWS_SDK_UA_APP_ID": name,
            **self.settings,
        }
        with self._log(name).open("ab") as log:
            self._processes[name] = subprocess.Popen(
                COMMAND,
                env=process_environment(own, os.environ),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )
        return name

    def set_queues(self) -> None:
        """Have the queues return messages as early as the workers expect it, however often.

        So many deaths in so little time would bring sound messages into the dead-letter queue.
        """
        for side, site in self.cloud.running.cloud.sites.items():
            sqs = self.cloud.running.client("sqs", side)
            found = sqs.get_queue_attributes(
                QueueUrl=site.queue_url, AttributeNames=["RedrivePolicy"]
            )
            policy = json.loads(found["Attributes"]["RedrivePolicy"])
            sqs.set_queue_attributes(
                QueueUrl=site.queue_url,
                Attributes={
                    "VisibilityTimeout": str(self.visibility_seconds),
                    "RedrivePolicy": json.dumps({**policy, "maxReceiveCount": MOST_DELIVERIES}),
                },
            )

    def names(self, side: str) -> list[str]:
        """Return the names of a side's workers that are running."""
        running = (name for name, process in self._processes.items() if process.poll() is None)
        return [name for name in running if name.startswith(f"{side}-")]

    def kill(self, name: str) -> None:
        """Kill -9 a worker."""
        process = self._processes[name]
        process.kill()
        process.wait()

    def log(self) -> list[dict[str, Any]]:
        """Return what all workers have logged so far; each entry says whose it is in `by`."""
        return [
            {**entry, "by": name}
            for name in self._processes
            for entry in entries_in(self._log(name))
        ]

    def stop(self) -> None:
        """End all workers: they stop once nobody holds the other end of their input."""
        for process in self._processes.values():
            if process.stdin is not None:
                process.stdin.close()
        for process in self._processes.values():
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _log(self, name: str) -> Path:
        return self.cloud.folder / f"{name}.log"


@contextmanager
def fleet(
    cloud: MeteredCloud, settings: Mapping[str, str], workers: int, visibility_seconds: int = 10
) -> Iterator[Fleet]:
    """Run so many workers at side a, and one at side b, while the context is entered."""
    started = Fleet(cloud, settings, visibility_seconds)
    started.set_queues()
    try:
        for side in ["a"] * workers + ["b"]:
            started.start(side)
        yield started
    finally:
        started.stop()
