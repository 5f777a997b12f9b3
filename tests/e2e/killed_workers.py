"""Shared uploads while their workers are killed: `python -m tests.e2e.killed_workers --help`.

Workers die by SIGKILL while one of their own steps is under way, before or after it has taken
effect; another worker takes their place. Prints what was seen, and ends with status 1 if something
was that must not be.

Nothing watches the uploads meanwhile.
"""

import argparse
import hashlib
import json
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from boto3.s3.transfer import TransferConfig

from sync_core.local.observe import wait_until
from tests.e2e.fleet import Fleet, MeteredCloud, fleet, metered_cloud

MIB = 1024**2
PUTS_AT_ONCE = 2
PREFIX = "giant/"


@dataclass(frozen=True)
class Plan:
    """How much is copied, by how many workers, and how many of them die.

    The last one dies on a copy more; and there are more where these are done before the others have
    died.
    """

    copies: int = 20
    mib: int = 256
    kills: int = 30
    workers: int = 3
    shared_mib: int = 64
    seed: int = 1
    visibility_seconds: int = 10
    deadline_seconds: float = 1800

    @property
    def keys(self) -> list[str]:
        return [f"{PREFIX}{number:04d}.bin" for number in range(self.copies)]


@dataclass(frozen=True)
class Report:
    """What was seen; `complaints` are what must not be, one sentence each.

    `handed_on` are copies whose parts more workers than one have sent, or were sending. `orphans`
    are uploads that a worker had begun and not yet recorded when it died; `watched` are those that
    the ledger did not know to be over.
    """

    kills: int
    killed_at: dict[str, int]
    redelivered: int
    most_deliveries: int
    uploads: int
    parts: int
    parts_sent_twice: int
    parts_by_worker: dict[str, int]
    handed_on: int
    orphans: int
    complaints: tuple[str, ...]
    watched: int = 0
    seconds: float = 0.0


class Content:
    """The bytes of one object, made as they are read: every MiB is another."""

    def __init__(self, seed: int, number: int, mib: int) -> None:
        self._block = random.Random(f"{seed}/{number}").randbytes(MIB)
        self._mib = mib
        self._chunks = self._made()
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """Return the next `size` bytes at most, all that is left when it is negative."""
        while size < 0 or len(self._rest) < size:
            chunk = next(self._chunks, b"")
            if not chunk:
                break
            self._rest += chunk
        taken = len(self._rest) if size < 0 else size
        data, self._rest = self._rest[:taken], self._rest[taken:]
        return data

    def digest(self) -> str:
        """Return the SHA-256 of the whole."""
        whole = hashlib.sha256()
        for chunk in self._made():
            whole.update(chunk)
        return whole.hexdigest()

    def _made(self) -> Iterator[bytes]:
        return (n.to_bytes(8, "big") + self._block[8:] for n in range(self._mib))


def run(folder: Path, plan: Plan) -> Report:
    """Carry the plan out; raises `TimeoutError` where the copies do not come to an end."""
    settings = {"DUALWAY_SHARED_UPLOAD_MIB": str(plan.shared_mib)}
    with (
        metered_cloud(folder) as cloud,
        fleet(cloud, settings, plan.workers, plan.visibility_seconds) as workers,
        ThreadPoolExecutor(PUTS_AT_ONCE, thread_name_prefix="user") as users,
    ):
        began = time.monotonic()
        puts = [users.submit(_put, cloud, plan, number) for number in range(plan.copies)]
        wait_until(
            lambda: bool(cloud.calls("CreateMultipartUpload", "b")),
            plan.deadline_seconds,
            lambda: "no copy has begun",
        )
        killer = _Killer(cloud, workers, plan)
        while not killer.has_done(plan):
            plan = _grown(plan)
            puts.append(users.submit(_put, cloud, plan, plan.copies - 1))
        for put in puts:
            put.result()
        watched = _await_rest(cloud, plan)
        report = _report(cloud, workers, plan, killer.killed)
        return replace(report, seconds=round(time.monotonic() - began, 1), watched=watched)


def _put(cloud: MeteredCloud, plan: Plan, number: int) -> None:
    cloud.running.client("s3", "a").upload_fileobj(
        Content(plan.seed, number, plan.mib),
        cloud.running.bucket("a"),
        plan.keys[number],
        Config=TransferConfig(use_threads=False),
    )


def _grown(plan: Plan) -> Plan:
    return replace(plan, copies=plan.copies + 1)


class _Killer:
    """Kills workers of side a at steps that chance picks, and the last one as it sends a part.

    `killed` says at which.
    """

    def __init__(self, cloud: MeteredCloud, workers: Fleet, plan: Plan) -> None:
        self.killed: list[str] = []
        self._cloud = cloud
        self._workers = workers
        self._chance = random.Random(plan.seed)
        self._gate = 0
        self._is_late = False
        # Of the steps of copies without any mishap, half as many come to a kill.
        self._most = max(1, plan.copies * (plan.mib // 8 + 16) // max(1, plan.kills) // 2)
        self._set_next_gate(plan)

    def has_done(self, plan: Plan) -> bool:
        """Kill until so many have died; False: for that, one more has to be copied."""
        while len(self.killed) < plan.kills:
            held = _await_held(self._cloud, plan, self._gate)
            if held is None:
                return False
            # A step of one that died before may have been on its way.
            if held["worker"] in self._workers.names("a"):
                self._kill(held)
            self._set_next_gate(plan)
        return True

    def _kill(self, held: Mapping[str, Any]) -> None:
        self.killed.append(f"{'after' if self._is_late else 'before'} {held['operation']}")
        self._workers.kill(held["worker"])
        self._workers.start("a")

    def _set_next_gate(self, plan: Plan) -> None:
        left = plan.kills - len(self.killed)
        if left > 1:
            first = _steps(self._cloud) + self._chance.randint(1, self._most)
            self._set_gate(side="a", **{"from": first})
        elif left:
            # Of a copy that is not put before, so that no part of it can be there.
            self._set_gate(operation="UploadPart", key=_grown(plan).keys[-1], after=0)
        else:
            self._cloud.set_gate()

    def _set_gate(self, **steps: Any) -> None:
        self._gate += 1
        self._is_late = self._chance.random() < 0.5
        self._cloud.set_gate(id=self._gate, late=self._is_late, **steps)


def _steps(cloud: MeteredCloud) -> int:
    return max((call.get("number", 0) for call in cloud.calls()), default=0)


def _await_held(cloud: MeteredCloud, plan: Plan, gate: int) -> dict[str, Any] | None:
    """Return the step that the gate holds, once it does; None when all is copied without one."""
    found: list[dict[str, Any]] = []

    def is_decided() -> bool:
        found[:] = [call for call in cloud.held() if call["held"] == gate]
        return bool(found) or _are_all_there(cloud, plan)

    wait_until(is_decided, plan.deadline_seconds, lambda: "no step comes any more")
    return found[0] if found else None


def _are_all_there(cloud: MeteredCloud, plan: Plan) -> bool:
    done = {call["key"] for call in cloud.answered("CompleteMultipartUpload", "b")}
    return done >= set(plan.keys)


def _await_rest(cloud: MeteredCloud, plan: Plan) -> int:
    """Wait until all is copied and recorded, and no message is left.

    A worker that dies between the record and the ledger leaves an entry behind, which the state
    machine would find; return how many there were.
    """

    def left() -> str:
        depths = {side: cloud.depth(side) for side in "ab"}
        intents = [
            key for key, record in cloud.records(*plan.keys).items() if record.intent is not None
        ]
        return f"messages: {depths}; intents: {intents}"

    def is_at_rest() -> bool:
        at_rest = "messages: {'a': 0, 'b': 0}; intents: []"
        return _are_all_there(cloud, plan) and left() == at_rest

    wait_until(is_at_rest, plan.deadline_seconds, left)
    forgotten = [*cloud.ledger().list()]
    for upload in forgotten:
        cloud.watch(upload, datetime.now(UTC) + timedelta(hours=1))
    wait_until(is_at_rest, plan.deadline_seconds, left)
    return len(forgotten)


def _report(cloud: MeteredCloud, workers: Fleet, plan: Plan, killed: Sequence[str]) -> Report:
    parts = cloud.answered("UploadPart", "b")
    sent = Counter((part["uploadId"], part["partNumber"]) for part in parts)
    again = [call for call in cloud.calls("ReceiveMessage") if call["worker"][0] == "a"]
    orphans = cloud.abort_orphans(datetime.now(UTC) + timedelta(days=8))
    return Report(
        kills=len(killed),
        killed_at=dict(Counter(killed)),
        redelivered=sum(call["again"] for call in again),
        most_deliveries=max((call["most"] for call in again), default=1),
        uploads=len(cloud.answered("CreateMultipartUpload", "b")),
        parts=len(sent),
        parts_sent_twice=len(parts) - len(sent),
        parts_by_worker=dict(Counter(part["worker"] for part in parts)),
        handed_on=sum(len(senders) > 1 for senders in _senders(cloud).values()),
        orphans=len(orphans),
        complaints=tuple(_complaints(cloud, workers, plan)),
    )


def _senders(cloud: MeteredCloud) -> Mapping[str, set[str]]:
    """Return who has sent parts of each key, or was about to when it died."""
    senders: defaultdict[str, set[str]] = defaultdict(set)
    for call in cloud.calls("UploadPart", "b"):
        senders[call["key"]].add(call["worker"])
    return senders


def _complaints(cloud: MeteredCloud, workers: Fleet, plan: Plan) -> Iterator[str]:
    """Say what must not be, however many workers have died."""
    completed = Counter(call["key"] for call in cloud.answered("CompleteMultipartUpload", "b"))
    copied = Counter(e["key"] for e in workers.log() if e.get("action") == "object_copied")
    for number, key in enumerate(plan.keys):
        if _digest(cloud, "b", key) != Content(plan.seed, number, plan.mib).digest():
            yield f"{key!r} is not at b as it was put"
        if completed[key] != 1:
            yield f"{key!r} was completed {completed[key]} times at b"
        if copied[key] > 1:
            yield f"{key!r} was said to be copied {copied[key]} times"
    for side, operation in (("a", "CompleteMultipartUpload"), ("a", "PutObject")):
        if any(call["worker"] for call in cloud.answered(operation, side)):
            yield f"a worker has written to {side} ({operation})"
    yield from (f"an upload of {key!r} was left at b" for key in cloud.uploads("b"))
    yield from (f"{key!r} is under way in the ledger" for key in _open(cloud))
    for side in "ab":
        if cloud.dead_letters(side):
            yield f"{cloud.dead_letters(side)} messages in the dead-letter queue of side {side}"


def _open(cloud: MeteredCloud) -> list[str]:
    return [upload.key for upload in cloud.ledger().list()]


def _digest(cloud: MeteredCloud, side: str, key: str) -> str:
    whole = hashlib.sha256()
    s3, bucket = cloud.running.client("s3", side), cloud.running.bucket(side)
    for chunk in s3.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(MIB):
        whole.update(chunk)
    return whole.hexdigest()


def main(words: Sequence[str]) -> int:
    """Run what the command line asks for; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    default = Plan()
    for name in ("copies", "mib", "kills", "workers", "shared-mib", "seed", "visibility-seconds"):
        parser.add_argument(f"--{name}", type=int, default=getattr(default, name.replace("-", "_")))
    parser.add_argument("--folder", type=Path, help="for the logs; else a temporary one")
    chosen = vars(parser.parse_args(words))
    folder = chosen.pop("folder") or Path(tempfile.mkdtemp(prefix="dualway-"))
    folder.mkdir(parents=True, exist_ok=True)
    report = run(folder, Plan(**chosen))
    print(json.dumps({**asdict(report), "folder": str(folder)}, indent=2))  # noqa: T201 - its result
    return 1 if report.complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
