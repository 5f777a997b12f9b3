"""A deterministic world of two accounts: two users, two buckets, two queues, two stacks.

Everything is production code on memory adapters, in one thread, under a virtual clock. Each store
or record call of a stack is a *point* at which something may happen first: a user's operation, or
a crash. The world keeps its own account of who saw what (it shares nothing with the decision under
test): every user operation has a number, carried in the object's bytes (or, for a metadata
edit, in its metadata), and a history: the numbers that were visible there when it was done.
"""

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from urllib.parse import quote_plus

from sync_core.errors import Ambiguous, Poison
from sync_core.events import job_body
from sync_core.model import Action, ObjectVersion, Outcome, Site, SitePair
from sync_core.pipeline import Pipeline, Settlement
from sync_core.queues.protocol import Message
from sync_core.records.memory import MemoryRecordStore
from sync_core.stack import Context, Settings, Sides, Stack
from sync_core.storage.memory import ChangeRecord, MemoryBucket, MemoryObjectStore
from sync_core.storage.protocol import ObjectWrite, Written
from tests.inline_executor import Inline

SIDES = ("a", "b")
SITES = {"a": Site("a", "bucket-a", "cn-north-1"), "b": Site("b", "bucket-b", "us-west-2")}
GRACE_SECONDS = 60
VISIBILITY_SECONDS = LEASE_SECONDS = 30
TOUCHED = "touched"


class Crash(BaseException):
    """The process dies here."""


@dataclass
class Points:
    """Counts a stack's calls to the outside and lets something happen before the n-th."""

    left: int | None = None
    happening: Callable[[], object] | None = None
    calls: list[str] = field(default_factory=list)
    refusals: dict[tuple[str, str], Exception] = field(default_factory=dict)
    lost_answers: set[str] = field(default_factory=set)

    def put(self, bucket: str, put_if: Callable[..., Written], *args: Any) -> Written:
        """Write, unless it is to be refused; lose the answer, if it is to be lost."""
        write: ObjectWrite = args[0]
        refusal = self.refusals.get((bucket, write.key))
        if refusal is not None:
            raise refusal
        written = put_if(*args)
        if bucket in self.lost_answers:
            self.lost_answers.remove(bucket)
            raise Ambiguous("put", write.key, "the answer was lost")
        return written

    def pass_one(self, name: str) -> None:
        self.calls.append(name)
        if self.left is None or self.happening is None:
            return
        self.left -= 1
        if self.left <= 0:
            happening, self.left, self.happening = self.happening, None, None
            happening()


class Pointed:
    """An adapter with a point before each call."""

    def __init__(self, name: str, inner: Any, points: Points) -> None:
        self._name = name
        self._inner = inner
        self._points = points

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._inner, name)
        if not callable(attribute):
            return attribute

        def call(*args: Any, **kwargs: Any) -> Any:
            self._points.pass_one(f"{self._name}.{name}")
            if name == "put_if":
                return self._points.put(self._inner.bucket, attribute, *args)
            return attribute(*args, **kwargs)

        return call


@dataclass
class Queued:
    """A message and the instant from which it may be delivered."""

    body: str
    visible_at: datetime
    receive_count: int = 0


@dataclass
class World:
    """See the module. `violations` collects what must never happen, as sentences."""

    seed: int = 0
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    queues: dict[str, list[Queued]] = field(default_factory=lambda: {side: [] for side in SIDES})
    delivered: dict[str, list[str]] = field(default_factory=lambda: {side: [] for side in SIDES})
    dead_letters: list[str] = field(default_factory=list)
    histories: dict[int, frozenset[int]] = field(default_factory=dict)
    twins: set[int] = field(default_factory=set)
    deletions: list[tuple[str, frozenset[int]]] = field(default_factory=list)
    visible: dict[tuple[str, str], frozenset[int]] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    outcomes: Counter[Action] = field(default_factory=Counter)
    reported: list[Outcome] = field(default_factory=list)
    sync_writes: int = 0
    user_operations: int = 0
    crashes: int = 0
    interruptions: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.points = Points()
        self.nonces = 0
        self.buckets = {side: MemoryBucket(SITES[side].bucket, self.clock) for side in SIDES}
        for side, bucket in self.buckets.items():
            bucket.listeners.append(self._listener(side))
        self.users = {
            side: MemoryObjectStore(bucket, f"AWS:AIDAUSER{side}")
            for side, bucket in self.buckets.items()
        }
        for side, bucket in self.buckets.items():
            bucket.listeners.append(self._watcher(side))
        self.records = {side: MemoryRecordStore() for side in SIDES}
        self.pipelines = {side: Pipeline(self._stack(side)) for side in SIDES}

    # --- wiring ---

    def clock(self) -> datetime:
        return self.now

    def _nonce(self) -> str:
        self.nonces += 1
        return f"{self.nonces:016x}"

    def _stack(self, side: str) -> Stack:
        peer = other(side)
        own_store = MemoryObjectStore(self.buckets[side], f"AWS:AROAROLE{side}:worker")
        peer_store = MemoryObjectStore(self.buckets[peer], f"AWS:AIDASYNC{peer}")
        sides: Any = Sides(
            SitePair(SITES[side], SITES[peer]),
            Pointed("own", own_store, self.points),
            Pointed("peer", peer_store, self.points),
        )
        records: Any = Pointed("records", self.records[side], self.points)
        echoes = frozenset({f"AIDASYNC{side}", f"AROAROLE{side}"})
        context = Context(
            clock=self.clock,
            nonce=self._nonce,
            executor=Inline(),
            part_executor=Inline(),
            report=self._report,
            nudge=lambda key: self.send(peer, job_body(key, from_peer=True)),
        )
        settings = Settings(
            echo_principals=echoes, grace_seconds=GRACE_SECONDS, lease_seconds=LEASE_SECONDS
        )
        return Stack(sides, records, settings, context)

    def _report(self, outcome: Outcome) -> None:
        self.outcomes[outcome.action] += 1
        self.reported.append(outcome)

    def _listener(self, side: str) -> Callable[[ChangeRecord], None]:
        def changed(change: ChangeRecord) -> None:
            self.send(side, event_body(SITES[side], change))

        return changed

    def send(self, side: str, body: str, delay_seconds: int = 0) -> None:
        """Put a message on a side's queue."""
        self.queues[side].append(Queued(body, self.now + timedelta(seconds=delay_seconds)))

    # --- the users ---

    def put(self, side: str, key: str) -> None:
        """A user writes new bytes (of one size, so that only the bytes tell them apart)."""
        number = self._number()
        self._user_write((side, key), number, b"%08d" % number)

    def put_twins(self, key: str) -> None:
        """Both users write the very same object."""
        number = self._number()
        self.twins.add(number)
        for side in SIDES:
            self._user_write((side, key), number, b"%08d" % number)

    def touch(self, side: str, key: str) -> None:
        """A user edits the metadata: same bytes and etag; our marker, where there is one, stays."""
        current = self.users[side].head(key)
        if current is not None:
            number = self._number()
            metadata = {**current.metadata, TOUCHED: str(number)}
            self._user_write((side, key), number, self.read(side, key), metadata, current.marker)

    def edit(self, side: str, key: str) -> None:
        """A user reads an object, changes its bytes and puts it back with all of its metadata."""
        current = self.users[side].head(key)
        if current is not None:
            number = self._number()
            metadata = dict(current.metadata)
            self._user_write((side, key), number, b"%08d" % number, metadata, current.marker)

    def delete(self, side: str, key: str) -> None:
        """A user deletes."""
        if self.users[side].head(key) is not None:
            self.deletions.append((key, self._visible(side, key)))
            self.user_operations += 1
            self.users[side].delete(key)

    def read(self, side: str, key: str) -> bytes:
        reader = self.users[side].get(key)
        assert reader is not None
        with reader:
            return reader.read()

    def _number(self) -> int:
        self.user_operations += 1
        number = len(self.histories) + 1
        self.histories[number] = frozenset()
        return number

    def _user_write(
        self,
        place: tuple[str, str],
        number: int,
        data: bytes,
        metadata: dict[str, str] | None = None,
        marker: str | None = None,
    ) -> None:
        side, key = place
        history = self._visible(side, key) | self.histories[number] | {number}
        self.histories[number] = history
        self.visible[side, key] = history
        headers = {"content-type": "text/plain"}
        write = ObjectWrite(key, len(data), headers, metadata or {}, marker)
        self.users[side].put(write, BytesIO(data))

    def _visible(self, side: str, key: str) -> frozenset[int]:
        return self.visible.get((side, key), frozenset())

    # --- the stacks ---

    def deliver(self, side: str, limit: int = 10) -> bool:
        """Deliver up to `limit` messages, in any order; False when there is none to deliver."""
        ready = [queued for queued in self.queues[side] if queued.visible_at <= self.now]
        if not ready:
            return False
        batch = self.random.sample(ready, min(limit, len(ready)))
        messages = [
            Message(str(number), queued.body, str(number), queued.receive_count + 1)
            for number, queued in enumerate(batch)
        ]
        for queued in batch:
            queued.visible_at = self.now + timedelta(seconds=VISIBILITY_SECONDS)
        try:
            settlements = self.pipelines[side].run(messages)
        except Crash:
            self.crashes += 1
            return True
        for queued, settlement in zip(batch, settlements, strict=True):
            self._settle(side, queued, settlement)
        return True

    def _settle(self, side: str, queued: Queued, settlement: Settlement) -> None:
        for deferral in settlement.deferrals:
            self.send(
                side, job_body(deferral.key, for_tags=deferral.for_tags), deferral.delay_seconds
            )
        if settlement.error is None or isinstance(settlement.error, Poison):
            self.queues[side].remove(queued)
            self.delivered[side].append(queued.body)
            if settlement.error is not None:
                self.dead_letters.append(f"{settlement.error}: {queued.body}")
        else:
            queued.receive_count += 1
            queued.visible_at = self.now + timedelta(seconds=5)

    def interrupt(self, points: int, happening: Callable[[], object]) -> None:
        """Let something happen before the stacks' n-th call from now."""
        self.points.left, self.points.happening = points, happening

    def crash(self) -> None:
        """Die: to be given to `interrupt`."""
        raise Crash

    def fail_puts(self, side: str, key: str, error: Exception) -> None:
        """Have every conditional put of a key to a side's bucket fail."""
        self.points.refusals[SITES[side].bucket, key] = error

    def lose_next_answer(self, side: str) -> None:
        """Have the next conditional put to a side's bucket take effect without an answer."""
        self.points.lost_answers.add(SITES[side].bucket)

    def quiesce(self, rounds: int = 400) -> None:
        """Deliver all that is left, as time passes, until nothing is left to deliver."""
        self.points.left = None
        for _ in range(rounds):
            if not any(self.queues.values()):
                return
            moved = [self.deliver(side) for side in SIDES]
            if not any(moved):
                self.now += timedelta(seconds=5)
        self.violations.append(f"never quiet: {self.queues}")

    def pass_time(self, seconds: int) -> None:
        """Let the clock run."""
        self.now += timedelta(seconds=seconds)

    # --- the account of who saw what ---

    def _watcher(self, side: str) -> Callable[[ChangeRecord], None]:
        """Compare the bucket before and after each write of a stack."""
        before = self.contents(side)

        def changed(change: ChangeRecord) -> None:
            nonlocal before
            after = self.contents(side)
            if "USER" not in change.principal_id:
                self.sync_writes += 1
                self._check(side, change.key, before.get(change.key), after.get(change.key))
            before = after

        return changed

    def _check(self, side: str, key: str, old: int | None, new: int | None) -> None:
        """A stack replaced write `old` by `new` (None: nothing): was that allowed?"""
        source = other(side)
        history = self.histories[new] if new is not None else self._visible(source, key)
        if old is not None and old not in history and not self.is_kept(old, key):
            self.violations.append(f"write {old} of {key!r} at {side} lost to {new}")
        self.visible[side, key] = self._visible(side, key) | history

    def is_kept(self, number: int, key: str) -> bool:
        """Tell whether a copy of this write of `key` stands under another key."""
        return any(
            number == other_number and other_key != key
            for side in SIDES
            for other_key, other_number in self.contents(side).items()
        )

    def resurrected(self) -> list[str]:
        """Return the keys that show a write which a user had seen and deleted."""
        return [
            f"{key!r} at {side} shows write {number}, which was deleted"
            for side in SIDES
            for key, number in self.contents(side).items()
            if number not in self.twins
            and any(key == deleted and number in seen for deleted, seen in self.deletions)
        ]

    def unaccounted(self) -> list[int]:
        """Return the writes that are neither current nor superseded nor kept as a copy."""
        present = {number for side in SIDES for number in self.contents(side).values()}
        superseded = {
            earlier
            for number, history in self.histories.items()
            for earlier in history
            if earlier != number
        }
        deleted = {number for _, seen in self.deletions for number in seen}
        return sorted(self.histories.keys() - present - superseded - deleted)

    def contents(self, side: str) -> dict[str, int]:
        """Return the number of the write that each key of a bucket shows."""
        return {
            listed.key: write_number(self._head(side, listed.key), self.read(side, listed.key))
            for listed in self.users[side].list()
        }

    def values(self, side: str) -> dict[str, tuple[bytes, dict[str, str], dict[str, str]]]:
        """Return what a user can see of a bucket: bytes, headers and metadata by key."""
        heads = {listed.key: self._head(side, listed.key) for listed in self.users[side].list()}
        return {
            key: (self.read(side, key), dict(head.headers), dict(head.metadata))
            for key, head in heads.items()
        }

    def _head(self, side: str, key: str) -> ObjectVersion:
        head = self.users[side].head(key)
        assert head is not None
        return head


def other(side: str) -> str:
    """Return the opposite side."""
    return "b" if side == "a" else "a"


def write_number(version: ObjectVersion, data: bytes) -> int:
    """Return the number of the user operation that an object shows: the latest that touched it."""
    return max(int(data), int(version.metadata.get(TOUCHED, 0)))


def event_body(site: Site, change: ChangeRecord) -> str:
    """Return the change as the S3 notification that AWS would send."""
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": site.region,
        "eventTime": change.at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "eventName": change.event_name,
        "userIdentity": {"principalId": change.principal_id},
        "s3": {
            "bucket": {"name": site.bucket},
            "object": {
                "key": quote_plus(change.key, safe="/"),
                "size": change.size_bytes,
                "eTag": change.etag,
                "sequencer": change.sequencer,
            },
        },
    }
    return json.dumps({"Records": [record]})
