"""One account's deployment in the simulated cloud: production's own start, pipeline and finder."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol, cast

from sync_core.errors import DualwayError
from sync_core.events import job_body
from sync_core.finder import Ended
from sync_core.guard import ITEM, Guard, GuardParts, GuardRules
from sync_core.holds import parse_state
from sync_core.model import Outcome, Site, SitePair, SyncRecord
from sync_core.orphans import end_orphans
from sync_core.pipeline import Pipeline
from sync_core.queues.protocol import Queue, SupportsBulkSend
from sync_core.records.memory import MemoryRecordStore
from sync_core.records.uploads_memory import MemoryUploadLedger
from sync_core.safety import DeleteLimits
from sync_core.settle import run_batch, settle
from sync_core.stack import Context, Settings, Sharing, Sides, Stack
from sync_core.startup import Startup
from sync_core.storage.memory import MemoryBucket, MemoryObjectStore
from sync_core.watch import Seen, watch_over
from tests.inline_executor import Inline
from tests.simulation.mailbox import Mailbox
from tests.simulation.plan import Conditions
from tests.simulation.ports import Port, Told
from tests.simulation.tasks import Process, Scheduler, TaskExecutor
from tests.simulation.values import other

SIDES = ("a", "b")
SITES = {"a": Site("a", "bucket-a", "cn-north-1"), "b": Site("b", "bucket-b", "us-west-2")}
GRACE_SECONDS = 60
VISIBILITY_SECONDS = LEASE_SECONDS = 30
_ONE_PUT_BYTES = 8 * 1024**2
_APPROVED_SECONDS = 3600

Wrap = Callable[[str, Any], Any]
"""From the name of a port and its adapter to the adapter that a stack gets in its place."""


class Observer(Protocol):
    """Who is told of what stacks say."""

    def report(self, outcome: Outcome) -> None:
        """Take an outcome."""
        ...

    def recorded(self, side: str, record: SyncRecord) -> None:
        """Take a record that a table has taken."""
        ...

    def deletes_held(self, reason: str, detail: str) -> None:
        """Take word of a hold."""
        ...

    def report_failure(self, operation: str, error: Exception) -> None:
        """Take a failure."""
        ...

    def flush(self) -> None:
        """Nothing is held back."""
        ...


@dataclass(frozen=True)
class Surroundings:
    """All that stacks share with the cloud they run in."""

    conditions: Conditions
    scheduler: Scheduler
    clock: Callable[[], datetime]
    nonce: Callable[[], str]
    buckets: dict[str, MemoryBucket]
    tables: dict[str, MemoryRecordStore]
    ledgers: dict[str, MemoryUploadLedger]
    mailboxes: dict[str, Mailbox]
    observer: Observer
    told: Told
    wrap: Wrap

    def port(self, name: str, adapter: Any) -> Any:
        """Return an adapter as processes see it."""
        return Port(name, self.wrap(name, adapter), self.scheduler, self.told)


class Deployment:
    """One side's stack, started; its processes are those of a worker and of a finder."""

    def __init__(self, side: str, around: Surroundings) -> None:
        self.side = side
        self._around = around
        self._queue = around.port("queue", around.mailboxes[side])
        self._stack = _stack(side, around)
        self._telemetry = _Telemetry(around.observer)
        limits = DeleteLimits(count=around.conditions.most_deletes, percent=0)
        self._rules = GuardRules(limits)
        self._started = Startup(self._stack, self._rules, self._telemetry).running()

    def now(self) -> datetime:
        """Return the time by the clock of this side's workers."""
        return self._stack.now()

    def worker(self, name: str, limit: int) -> Process | None:
        """Receive up to `limit` messages into a new worker; None when there is none to receive."""
        hand = self._around.mailboxes[self.side].receive(limit, 0)
        if not hand:
            return None

        def work() -> None:
            observer = self._around.observer
            pipeline = Pipeline(self._started.stack, self._guard())
            settlements = run_batch(pipeline, hand, observer)
            settle(settlements, cast("Queue", self._queue), observer, spread=lambda: 0.0)

        return Process(self._around.scheduler, name, work)

    def finder(self, name: str) -> Process:
        """Return a process that runs one round of the finder."""

        def find() -> None:
            running = replace(self._started, guard=self._guard())
            try:
                running.guard.begin()
                report = running.finder(cast("SupportsBulkSend", self._queue)).run()
                if report.ended is Ended.COMPLETE:
                    running.guard.note_synced(report.synced)
            except DualwayError as error:
                self._around.observer.report_failure("find", error)

        return Process(self._around.scheduler, name, find)

    def tidy(self) -> None:
        """Let the watches of uploads come to their end, and a finder look for orphans."""
        stack, ledger = self._started.stack, self._around.ledgers[self.side]
        for upload in list(ledger.list()):
            long_ago = Seen(upload.done_parts, stack.now() - timedelta(days=2))
            watch_over(stack, "").look(upload.key, upload.upload_id, long_ago)
        end_orphans(stack, days=7)

    @property
    def is_held(self) -> bool:
        """Tell whether deletes wait for an operator."""
        item = self._around.tables[self.side].controls.get(ITEM)
        return item is not None and bool(parse_state(item.text).holds)

    def approve(self) -> None:
        """Release held deletes, as an operator."""
        self._guard().approve(seconds=_APPROVED_SECONDS)

    def _guard(self) -> Guard:
        """Return a guard as each process has its own: its locks are not those of another one."""
        stack, clock = self._started.stack, self._stack.context.clock
        parts = GuardParts(stack.sides, stack.records, clock, self._stack.context.nonce)
        return Guard(parts, self._rules, self._telemetry)


class _Telemetry:
    """What a start and its guard tell."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def deletes_held(self, reason: str, detail: str) -> None:
        self._observer.deletes_held(reason, detail)

    def deletes_released(self, until: datetime) -> None:
        pass

    def say_guarantee(self, sentence: str) -> None:
        pass


class _Announcing:
    """A table that tells of each record that it takes."""

    def __init__(self, inner: MemoryRecordStore, recorded: Callable[[SyncRecord], None]) -> None:
        self._inner = inner
        self._recorded = recorded

    def write(self, records: Any) -> frozenset[str]:
        refused = self._inner.write(records)
        for record in records:
            if record.key not in refused:
                self._recorded(record)
        return refused

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def _stack(side: str, around: Surroundings) -> Stack:
    peer, given = other(side), around.conditions
    skew = timedelta(seconds=given.worker_skews[SIDES.index(side)])
    own_store = MemoryObjectStore(around.buckets[side], f"AWS:AROAROLE{side}:worker")
    peer_store = MemoryObjectStore(around.buckets[peer], f"AWS:AIDASYNC{peer}")
    table = _Announcing(around.tables[side], lambda record: around.observer.recorded(side, record))
    nudges = around.port("nudge", around.mailboxes[peer])
    context = Context(
        clock=lambda: around.clock() + skew,
        nonce=around.nonce,
        executor=TaskExecutor(around.scheduler),
        part_executor=Inline(),
        report=around.observer.report,
        nudge=lambda key: nudges.send(job_body(key, from_peer=True)),
    )
    settings = Settings(
        echo_principals=frozenset({f"AIDASYNC{side}", f"AROAROLE{side}"}),
        grace_seconds=GRACE_SECONDS,
        lease_seconds=LEASE_SECONDS,
        one_put_bytes=-1 if given.in_parts else _ONE_PUT_BYTES,
        shared_upload_bytes=0,
        conflict_policy=given.policy,
        preferred_site="a",
    )
    sides = Sides(
        SitePair(SITES[side], SITES[peer]),
        around.port("own", own_store),
        around.port("peer", peer_store),
    )
    sharing = None
    if given.shared:
        ledger, queue = around.ledgers[side], around.port("queue", around.mailboxes[side])
        sharing = Sharing(around.port("ledger", ledger), queue)
    return Stack(sides, around.port("records", table), settings, context, sharing)
