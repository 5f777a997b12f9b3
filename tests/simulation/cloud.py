"""The simulated cloud: two accounts on one virtual clock, with production's stacks in them."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sync_core.errors import DualwayError
from sync_core.model import Action, ConflictPolicy, Outcome, SitePair, SyncRecord
from sync_core.records.memory import MemoryRecordStore
from sync_core.records.uploads_memory import MemoryUploadLedger
from sync_core.routing import is_excluded
from sync_core.storage.memory import ChangeRecord, MemoryBucket, MemoryObjectStore, Versioning
from tests.simulation import messages
from tests.simulation.account import Account
from tests.simulation.mailbox import Mailbox
from tests.simulation.plan import Conditions, Fate, Fault
from tests.simulation.ports import is_read
from tests.simulation.stacks import (
    GRACE_SECONDS,
    SIDES,
    SITES,
    VISIBILITY_SECONDS,
    Deployment,
    Surroundings,
    Wrap,
)
from tests.simulation.tasks import Call, Process, Scheduler, Task
from tests.simulation.values import other

_LATE_SECONDS = 90
_STACKS = ("SYNC", "ROLE")


def unchanged(_name: str, adapter: Any) -> Any:
    """Leave an adapter as it is."""
    return adapter


@dataclass
class Cloud:
    """See the module. `wrap` and `drops_echoes` build a defect in.

    `writes_of_stacks_held` counts deletes by processes that began after their guard had tripped.
    """

    conditions: Conditions
    wrap: Wrap = unchanged
    drops_echoes: bool = False
    now: datetime = datetime(2026, 1, 1, 12, tzinfo=UTC)
    fate: Fate = Fate.SENT
    trace: list[str] = field(default_factory=list)
    outcomes: Counter[Action] = field(default_factory=Counter)
    fates: Counter[Fate] = field(default_factory=Counter)
    calls: int = 0
    holds: int = 0

    def __post_init__(self) -> None:
        self.scheduler = Scheduler()
        self.buckets = {side: self._bucket(side, number) for number, side in enumerate(SIDES)}
        self.account = Account(
            SitePair(SITES["a"], SITES["b"]), self.buckets, self.clock, GRACE_SECONDS
        )
        self.account.keeps_versions = self.conditions.policy is ConflictPolicy.KEEP_VERSION
        self.mailboxes = {side: Mailbox(self.clock, VISIBILITY_SECONDS) for side in SIDES}
        self.tables = {side: MemoryRecordStore() for side in SIDES}
        self.ledgers = {side: MemoryUploadLedger() for side in SIDES}
        self._before: dict[str, ChangeRecord] = {}
        self._nonces = self._processes = 0
        around = Surroundings(
            self.conditions,
            self.scheduler,
            self.clock,
            self._nonce,
            self.buckets,
            self.tables,
            self.ledgers,
            self.mailboxes,
            self,
            self._told,
            self.wrap,
        )
        self.deployments = {side: Deployment(side, around) for side in SIDES}
        for side in SIDES:
            self._listen(side)

    def clock(self) -> datetime:
        """Return the true time, which nobody in the cloud knows."""
        return self.now

    def user(self, side: str, principal_id: str | None = None) -> MemoryObjectStore:
        """Return a side's bucket as a user reaches it."""
        return MemoryObjectStore(self.buckets[side], principal_id or f"AWS:AIDAUSER{side}")

    def tell(self, text: str) -> None:
        """Add a line to the trace."""
        self.trace.append(text)

    def _bucket(self, side: str, number: int) -> MemoryBucket:
        given = self.conditions
        skew = timedelta(seconds=given.bucket_skews[number])
        return MemoryBucket(
            SITES[side].bucket,
            lambda: self.now + skew,
            versioning=Versioning.ON if given.versioned[number] else Versioning.OFF,
            ignores=cast("Any", given.ignores),
            etag_is_md5=given.md5_etags[number],
        )

    def _nonce(self) -> str:
        self._nonces += 1
        return f"{self._nonces:016x}"

    # --- what processes do and say ---

    def worker(self, side: str, limit: int) -> Process | None:
        """Start a worker on up to `limit` messages; None when there is none."""
        process = self.deployments[side].worker(f"worker {self._processes + 1} of {side}", limit)
        if process is not None:
            self._start(process)
        return process

    def finder(self, side: str) -> Process:
        """Start a round of the finder."""
        process = self.deployments[side].finder(f"finder {self._processes + 1} of {side}")
        self._start(process)
        return process

    def _start(self, process: Process) -> None:
        self._processes += 1
        process.began_at = self.account.tick
        self.tell(f"{process.name} starts")

    def report(self, outcome: Outcome) -> None:
        """Take what a stack reports."""
        self.outcomes[outcome.action] += 1
        row = "" if outcome.row is None else f" by row {outcome.row}"
        self.tell(f"  {outcome.action} {outcome.key}{row} {outcome.reason}".rstrip())

    def report_failure(self, operation: str, error: Exception) -> None:
        """Take a failure; anything but an error of ours is a defect."""
        self.tell(f"  failed to {operation}: {error}")
        if not isinstance(error, DualwayError):
            self.account.violations.append(f"C0 {operation}: {type(error).__name__}: {error}")

    def recorded(self, side: str, record: SyncRecord) -> None:
        """Take a record that a table has taken."""
        self.account.recorded_as(record, side)

    def deletes_held(self, reason: str, detail: str) -> None:
        """Take word that a guard holds deletes."""
        self.holds += 1
        self.account.tick += 1
        self.account.held_at = self.account.tick
        self.tell(f"  deletes are held: {reason}, {detail}")

    def flush(self) -> None:
        """Nothing is held back."""

    def _told(self, task: Task, call: Call, answer: str) -> None:
        self.calls += 1
        self.tell(f"{task.process.name}: {call} -> {answer}")
        if is_read(call) and call.port in {"own", "peer"}:
            own = task.process.name[-1]
            side = own if call.port == "own" else other(own)
            stored = self.buckets[side].current(call.key)
            etag = stored.version.etag if stored else None
            self.account.read(task.process, (side, call.key), etag)

    # --- what the buckets tell ---

    def _listen(self, side: str) -> None:
        self.buckets[side].listeners.append(lambda change: self._changed(side, change))
        self.mailboxes[side].letters.clear()

    def _changed(self, side: str, change: ChangeRecord) -> None:
        process = self.scheduler.process
        who = process.name if process else change.principal_id
        self.tell(f"  {change.event_name} {change.key} at {side} by {who}")
        by_stack = any(name in change.principal_id for name in _STACKS)
        if not (is_excluded(change.key) and by_stack):
            self._tell_account(side, change, process)
        self._emit(side, change, by_stack=by_stack)

    def _tell_account(self, side: str, change: ChangeRecord, process: Process | None) -> None:
        place = (side, change.key)
        if change.event_name.startswith("ObjectTagging"):
            return
        if process is not None:
            if not change.event_name.startswith("ObjectCreated"):
                self._check_guard(process, change.key)
            self.account.stack_changed(place, process)
            return
        stored, shown = self.buckets[side].current(change.key), self.account.shown.get(place)
        is_old = change.event_name == "ObjectRemoved:Delete" and stored is not None
        if not (is_old and shown is not None):
            self.account.user_changed(place)

    def _check_guard(self, process: Process, key: str) -> None:
        """A delete that began after the guard had tripped must not reach a bucket."""
        is_held = self.deployments[process.name[-1]].is_held
        held_at = self.account.held_at
        if is_held and held_at is not None and process.began_at > held_at:
            self.account.violations.append(f"C7 {process.name} deleted {key!r} although held")

    def _emit(self, side: str, change: ChangeRecord, *, by_stack: bool) -> None:
        fate, mailbox = self.fate, self.mailboxes[side]
        before, self._before[side] = self._before.get(side), change
        self.fates[fate] += 1
        if fate is Fate.DROPPED or (fate is Fate.COALESCED and mailbox.waits_for(change.key)):
            self.tell(f"    its event is {fate}")
            return
        if self.drops_echoes and by_stack:
            return
        if fate is Fate.AFTER_A_TEST_EVENT:
            mailbox.send(messages.TEST_EVENT)
        body = messages.body_of(SITES[side], change, fate, before)
        delay_seconds = _LATE_SECONDS if fate is Fate.LATE else 0
        for _ in range(2 if fate is Fate.TWICE else 1):
            mailbox.send(body, delay_seconds, about=change.key)


def run_to_end(process: Process, limit: int = 2000) -> None:
    """Let a process finish, its tasks in turn."""
    for turn in range(limit):
        if not process.step(turn, Fault.NONE):
            return
    raise AssertionError(f"{process.name} does not end")
