"""Two started deployments on memory adapters: probed stores, guards, finders and all.

Unlike `world`, which keeps account of who saw what while anything may happen, this is a bench for
one story at a time: buckets of any kind, any settings, and one thing that happens just before a
certain call of a stack.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

from sync_core.assembly import as_taken_part
from sync_core.errors import Poison
from sync_core.events import job_body
from sync_core.finder import Finder, FinderReport
from sync_core.guard import GuardRules
from sync_core.model import (
    Action,
    ConflictPolicy,
    Direction,
    ObjectVersion,
    Outcome,
    Site,
    SitePair,
    SyncRecord,
)
from sync_core.pipeline import Settlement
from sync_core.prefix_list import PrefixList
from sync_core.queues.protocol import Message
from sync_core.records.memory import MemoryRecordStore
from sync_core.records.uploads_memory import MemoryUploadLedger
from sync_core.routing import OWN_PREFIX
from sync_core.safety import DeleteLimits
from sync_core.stack import SHARED_UPLOAD_BYTES, Context, Settings, Sharing, Sides, Stack
from sync_core.startup import Running, Startup, read_prefix_list
from sync_core.storage.memory import ChangeRecord, MemoryBucket, MemoryObjectStore, Versioning
from sync_core.storage.memory_bucket import Condition
from sync_core.storage.plain import PlainStore
from sync_core.storage.prefixed import below
from sync_core.storage.protocol import ObjectWrite
from tests.inline_executor import Inline
from tests.two_stacks_parts import Mailbox, Told, Watched
from tests.world import event_body

GRACE_SECONDS = 60
NO_LIMIT = DeleteLimits(count=0)


@dataclass(frozen=True)
class Kind:
    """What kind of pair it is; the fields named `versioned` and `weak` list sides, as in "ab".

    One way, side b has no stack; `has_plain_peer`: its store knows bytes only, see `PlainStore`.
    Without `shared_upload_bytes` no upload is shared. `prefix_list`
    is the key of a list in each bucket.
    """

    versioned: str = ""
    weak: str = ""
    has_opaque_etags: bool = False
    prefixes: Mapping[str, str] = field(default_factory=lambda: {"a": "", "b": ""})
    excluded: tuple[str, ...] = ()
    policy: ConflictPolicy = ConflictPolicy.KEEP_COPY
    preferred_site: str | None = None
    limits: DeleteLimits = NO_LIMIT
    one_put_bytes: int = 8 * 1024 * 1024
    shared_upload_bytes: int | None = None
    restore_days: int = 0
    peer_fetches: bool = False
    direction: Direction = Direction.TWO_WAY
    prefix_list: str | None = None
    has_metadata: bool = True
    has_plain_peer: bool = False

    @property
    def stacks(self) -> str:
        """The sides that have a stack."""
        return "ab" if self.direction is Direction.TWO_WAY else "a"


class TwoStacks:
    """See the module. `before` maps a call, such as "a.peer.put_if", to what happens first."""

    def __init__(self, kind: Kind = Kind()) -> None:
        self.kind = kind
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.sites = {
            "a": Site("a", "bucket-a", "cn-north-1", kind.prefixes["a"]),
            "b": Site("b", "bucket-b", "us-west-2", kind.prefixes["b"]),
        }
        self.queues = {side: Mailbox(self.clock) for side in "ab"}
        self.buckets = {side: self._bucket(side) for side in "ab"}
        self.users = {
            side: MemoryObjectStore(bucket, f"AWS:AIDAUSER{side}")
            for side, bucket in self.buckets.items()
        }
        self.tables = {side: MemoryRecordStore() for side in "ab"}
        self.ledgers = {side: MemoryUploadLedger() for side in "ab"}
        self.watched: set[tuple[str, str]] = set()
        self.told = {side: Told() for side in "ab"}
        self.calls: list[str] = []
        self.before: dict[str, Callable[[], object]] = {}
        self.outcomes: list[Outcome] = []
        self.dead_letters: list[str] = []
        self.sync_writes: Counter[str] = Counter()
        self.nonces = 0
        self.receive_count = 1
        self.start_again()

    # --- wiring ---

    def clock(self) -> datetime:
        return self.now

    def nonce(self) -> str:
        self.nonces += 1
        return f"{self.nonces:016x}"

    def _bucket(self, side: str) -> MemoryBucket:
        ignores: frozenset[Condition] = frozenset({"create", "replace", "delete"})
        bucket = MemoryBucket(
            self.sites[side].bucket,
            self.clock,
            versioning=Versioning.ON if side in self.kind.versioned else Versioning.OFF,
            ignores=ignores if side in self.kind.weak else frozenset(),
            etag_is_md5=not self.kind.has_opaque_etags,
        )

        def changed(change: ChangeRecord) -> None:
            self.queues[side].send(event_body(self.sites[side], change))
            is_stack = "SYNC" in change.principal_id or "ROLE" in change.principal_id
            if is_stack and OWN_PREFIX not in change.key:
                self.sync_writes[change.key] += 1

        bucket.listeners.append(changed)
        return bucket

    def stack(self, side: str) -> Stack:
        """Return a side's stack as it is before it was started."""
        peer = other(side)
        own_store, peer_store = self.stores(side)
        own: Any = Watched(f"{side}.own", own_store, self.calls, self.before)
        there: Any = Watched(f"{side}.peer", peer_store, self.calls, self.before)
        there = PlainStore(there) if self.kind.has_plain_peer else there
        records: Any = Watched(f"{side}.records", self.tables[side], self.calls, self.before)
        pair = SitePair(self.sites[side], self.sites[peer])
        here, beyond = below(own, pair.own.prefix), below(there, pair.peer.prefix)
        lacks, has_metadata = here.lacks | beyond.lacks, self.kind.has_metadata
        here, beyond = (
            as_taken_part(lacks, each, include_metadata=has_metadata) for each in (here, beyond)
        )
        return Stack(
            Sides(pair, here, beyond),
            records,
            Settings(
                echo_principals=frozenset({f"AIDASYNC{side}", f"AROAROLE{side}"}),
                grace_seconds=GRACE_SECONDS,
                one_put_bytes=self.kind.one_put_bytes,
                shared_upload_bytes=self.kind.shared_upload_bytes or SHARED_UPLOAD_BYTES,
                restore_days=self.kind.restore_days,
                tries_server_side_copy=self.kind.peer_fetches,
                conflict_policy=self.kind.policy,
                preferred_site=self.kind.preferred_site,
                excluded=self.kind.excluded,
                direction=self.kind.direction,
            ),
            Context(
                clock=self.clock,
                nonce=self.nonce,
                executor=Inline(),
                part_executor=Inline(),
                report=self.outcomes.append,
                nudge=None
                if peer not in self.kind.stacks
                else lambda key: self.queues[peer].send(
                    job_body(pair.peer.prefix + key, from_peer=True)
                ),
            ),
            self._sharing(side),
        )

    def stores(self, side: str) -> tuple[Any, Any]:
        """Return the own and the peer's store, each with the credentials of a side's stack."""
        peer = other(side)
        return (
            MemoryObjectStore(self.buckets[side], f"AWS:AROAROLE{side}:worker"),
            MemoryObjectStore(self.buckets[peer], f"AWS:AIDASYNC{peer}", [self.buckets[side]]),
        )

    def _sharing(self, side: str) -> Sharing | None:
        if self.kind.shared_upload_bytes is None:
            return None
        ledger: Any = Watched(f"{side}.ledger", self.ledgers[side], self.calls, self.before)
        queue: Any = Watched(f"{side}.queue", self.queues[side], self.calls, self.before)
        return Sharing(
            ledger,
            queue,
            lambda key, upload_id: self.watched.add((key, upload_id)),
        )

    def _startup(self, side: str) -> Startup:
        def prefixes() -> PrefixList | None:
            key = self.kind.prefix_list
            return None if key is None else read_prefix_list(self.users[side], key)

        rules = GuardRules(self.kind.limits, "epoch")
        return Startup(self.stack(side), rules, self.told[side], prefixes)

    def start_again(self) -> None:
        """End both stacks' processes and begin new ones; queues and tables stay."""
        self.startups = {side: self._startup(side) for side in self.kind.stacks}

    def turn_versioning_on(self) -> None:
        """Turn it on in both buckets; what is there keeps the null version's place."""
        for bucket in self.buckets.values():
            bucket.versioning = Versioning.ON

    def running(self, side: str) -> Running:
        """Return a side's deployment, started."""
        return self.startups[side].running()

    # --- the users ---

    def put(self, side: str, key: str, data: bytes = b"1", **metadata: str) -> None:
        """A user writes an object, a second after whatever was before."""
        self.pass_time(1)
        write = ObjectWrite(key, len(data), {"content-type": "text/plain"}, metadata)
        self.users[side].put(write, BytesIO(data))

    def edit_metadata(self, side: str, key: str, **metadata: str) -> None:
        """A user edits the metadata: same bytes and etag; our marker, if there, stays."""
        current, data = self.head(side, key), self.read(side, key)
        self.pass_time(1)
        write = ObjectWrite(key, len(data), current.headers, metadata, current.marker)
        self.users[side].put(write, BytesIO(data))

    def delete(self, side: str, key: str) -> None:
        """A user deletes, a second after whatever was before."""
        self.pass_time(1)
        self.users[side].delete(key)

    def tag(self, side: str, key: str, **tags: str) -> None:
        """A user replaces an object's tags."""
        self.users[side].put_tags(key, tags)

    def move(self, side: str, key: str, to: str) -> None:
        """A user moves an object with all of its metadata, our marker too."""
        self.pass_time(1)
        self.users[side].copy_with_marker(self.head(side, key), to)
        self.users[side].delete(key)

    # --- what is there ---

    def head(self, side: str, key: str) -> ObjectVersion:
        found = self.users[side].head(key)
        assert found is not None, f"{key!r} is not at {side}"
        return found

    def read(self, side: str, key: str) -> bytes:
        reader = self.users[side].get(key)
        assert reader is not None, f"{key!r} is not at {side}"
        with reader:
            return reader.read()

    def values(self, side: str) -> dict[str, tuple[bytes, dict[str, str], dict[str, str]]]:
        """Return what a user sees of a side, by key behind the prefix: bytes, metadata, tags."""
        prefix = self.sites[side].prefix
        keys = [listed.key for listed in self.users[side].list(prefix)]
        return {
            key.removeprefix(prefix): (
                self.read(side, key),
                dict(self.head(side, key).metadata),
                dict(self.users[side].tags(key) or {}),
            )
            for key in keys
            if not key.removeprefix(prefix).startswith(OWN_PREFIX)
        }

    def contents(self, side: str) -> dict[str, bytes]:
        return {key: data for key, (data, _, _) in self.values(side).items()}

    def record(self, side: str, key: str) -> SyncRecord:
        return self.tables[side].records[key]

    def actions(self) -> Counter[Action]:
        return Counter(outcome.action for outcome in self.outcomes)

    # --- the stacks ---

    def deliver(self, side: str) -> list[Settlement]:
        """Deliver up to ten messages as one batch, and settle them."""
        if side not in self.startups:
            self.lose_events(side)
            return []
        bodies = self.queues[side].take()
        messages = [
            Message(str(number), body, str(number), self.receive_count)
            for number, body in enumerate(bodies)
        ]
        settled = self.startups[side].run(messages) if messages else []
        for settlement in settled:
            for deferral in settlement.deferrals:
                self.queues[side].send(
                    job_body(deferral.key, for_tags=deferral.for_tags), deferral.delay_seconds
                )
            if isinstance(settlement.error, Poison):
                self.dead_letters.append(str(settlement.error))
            elif settlement.error is not None:
                self.queues[side].send(settlement.message.body, 5)
        return settled

    def quiesce(self, rounds: int = 60) -> None:
        """Deliver all that is left, as time passes, until nothing is left to deliver."""
        for _ in range(rounds):
            if not any(self.queues[side].waiting for side in "ab"):
                return
            settled = [self.deliver(side) for side in "ab"]
            if not any(settled):
                self.pass_time(5)
        waiting = {side: len(self.queues[side].waiting) for side in "ab"}
        raise AssertionError(f"never quiet, messages left: {waiting}")

    def lose_events(self, sides: str = "ab") -> None:
        """Lose all messages that are on the way to these sides."""
        for side in sides:
            self.queues[side].waiting.clear()

    def finder(self, side: str) -> Finder:
        """Return a finder of the side, of a process of its own."""
        return self.running(side).finder(self.queues[side])

    def find(self, *, rounds: int = 1) -> list[FinderReport]:
        """Run a finder on each side and deliver what they send; return the last reports."""
        reports: list[FinderReport] = []
        for _ in range(rounds):
            reports = [
                startup.find(self.queues[side], lambda: False)
                for side, startup in self.startups.items()
            ]
            self.quiesce()
        return reports

    def pass_time(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)


def other(side: str) -> str:
    """Return the opposite side."""
    return "b" if side == "a" else "a"
