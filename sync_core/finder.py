"""The periodic comparison of both sides, which makes good whatever no event has told.

One round merges both sorted listings and the table of records, in memory that does not depend on
how many keys there are. It acts on nothing: a key whose record does not account for both listings
becomes a message to the own queue, as an event would, and the pipeline looks at it anew. It may run
beside live traffic. A round that was interrupted goes on behind its last checkpoint.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from itertools import chain
from typing import Any

from sync_core.compare import Known, merge_in_runs
from sync_core.events import job_body
from sync_core.hints import Reason, reasons_of
from sync_core.model import ControlItem
from sync_core.queues.protocol import SupportsBulkSend
from sync_core.ranges import KeyRange
from sync_core.routing import OWN_PREFIX
from sync_core.stack import Stack
from sync_core.turn import Noted, Turn, noted_in

CHECKPOINT_KEYS = 20_000
"""After so many keys a checkpoint is written, and the round is kept for its finder."""

HINTS_AT_ONCE = 500
"""How many hints are held back before they are sent."""

_SYNCED = (
    Reason.IN_SYNC,
    Reason.OWN_CHANGED,
    Reason.PEER_CHANGED,
    Reason.GONE_HERE,
    Reason.GONE_AT_PEER,
    Reason.DELETE_HELD,
)


class Ended(StrEnum):
    """How a round ended."""

    COMPLETE = "complete"
    INTERRUPTED = "interrupted"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class FinderReport:
    """What a round has seen: `reasons` counts keys by `Reason`, over all its interruptions.

    `seconds` is the time at work, `start_after` the key behind which it goes on (empty: it began
    at the beginning, or is complete).
    """

    started_at: datetime
    ended: Ended = Ended.INTERRUPTED
    reasons: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    start_after: str = ""
    deletes_are_held: bool = False

    @property
    def scanned(self) -> int:
        """How many keys were compared."""
        return self.reasons.total()

    @property
    def equal(self) -> int:
        """How many of them are in sync by listings and record."""
        return self.reasons[Reason.IN_SYNC]

    @property
    def synced(self) -> int:
        """How many keys both sides were known to have: in sync, or changed or gone since."""
        return sum(self.reasons[reason] for reason in _SYNCED)

    @property
    def hinted(self) -> dict[str, int]:
        """How many keys were sent to the queue, by reason."""
        return {
            reason: count
            for reason, count in self.reasons.items()
            if Reason(reason).asks_for_a_look
        }

    @property
    def keys_per_second(self) -> float:
        """The pace."""
        return self.scanned / self.seconds if self.seconds > 0 else 0.0

    def values(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "started_at": self.started_at.isoformat(),
            "ended": self.ended,
            "reasons": self.reasons,
            "seconds": self.seconds,
            "start_after": self.start_after,
            "deletes_are_held": self.deletes_are_held,
        }

    @staticmethod
    def of(values: Noted) -> "FinderReport":
        """Return what `values` was made of."""
        return FinderReport(
            started_at=datetime.fromisoformat(values["started_at"]),
            ended=Ended(values["ended"]),
            reasons=Counter(values["reasons"]),
            seconds=values["seconds"],
            start_after=values["start_after"],
            deletes_are_held=values["deletes_are_held"],
        )


class Finder:
    """Runs rounds for one stack; one at a time among all of the stack's processes.

    Where `deletes_are_held`, keys that only a delete could help are counted and left alone.
    `owner` names this process.
    """

    def __init__(
        self,
        stack: Stack,
        queue: SupportsBulkSend,
        owner: str,
        *,
        deletes_are_held: bool = False,
    ) -> None:
        self._stack = stack
        self._queue = queue
        self._owner = owner
        self._deletes_are_held = deletes_are_held

    def run(self, *, is_ending: Callable[[], bool] = lambda: False) -> FinderReport:
        """Run a round, or the rest of one that was interrupted; return what it has seen.

        `is_ending` is asked at every checkpoint: True interrupts the round there. Raises what the
        stores, the table and the queue raise; then the round goes on from its last checkpoint.
        """
        turn = Turn(self._stack, self._owner)
        report = self._begun(turn)
        if report is None:
            return FinderReport(self._stack.now(), Ended.BUSY)
        try:
            return self._go_on(turn, report, is_ending)
        except BaseException:
            turn.release()
            raise

    def _begun(self, turn: Turn) -> FinderReport | None:
        """Return the round to go on with, new or interrupted; None while it is another's turn."""
        noted = turn.look()
        if noted is None:
            return None
        report = FinderReport.of(noted) if noted else FinderReport(self._stack.now())
        if report.ended is not Ended.INTERRUPTED or not report.start_after:
            report = FinderReport(self._stack.now())
        return report if turn.note(report.values()) else None

    def _go_on(
        self, turn: Turn, report: FinderReport, is_ending: Callable[[], bool]
    ) -> FinderReport:
        began = self._stack.now()

        def until_now(start_after: str, ended: Ended) -> FinderReport:
            seconds = report.seconds + (self._stack.now() - began).total_seconds()
            return replace(report, seconds=seconds, start_after=start_after, ended=ended)

        def at_checkpoint(key: str) -> bool:
            turn.keep(until_now(key, Ended.INTERRUPTED).values())
            return is_ending()

        last = self.sweep(KeyRange(after=report.start_after), report.reasons, at_checkpoint)
        if last is not None:
            found = until_now(last, Ended.INTERRUPTED)
        else:
            found = until_now("", Ended.COMPLETE)
            found = replace(found, deletes_are_held=self._deletes_are_held)
        turn.end(found.values())
        return found

    def sweep(
        self, keys: KeyRange, reasons: Counter[str], at_checkpoint: Callable[[str], bool]
    ) -> str | None:
        """Compare a range of keys, send the hints, and count the keys by their reasons.

        `at_checkpoint` is called every CHECKPOINT_KEYS keys, when all before has been sent and
        counted, with the last key; True ends it there. Returns that key; None at the range's end.
        """
        hints: list[str] = []
        in_sync = 0
        for number, (known, reason) in enumerate(self.compare(keys.after, keys.until), start=1):
            # Nearly all keys come this way, and a Counter would double what one of them costs here.
            if reason is _IN_SYNC:
                in_sync += 1
            else:
                reasons[reason] += 1
                if reason.asks_for_a_look:
                    self._hint(hints, known[0])
            if number % CHECKPOINT_KEYS == 0:
                _count_in_sync(reasons, in_sync)
                in_sync = 0
                self._send(hints)
                if at_checkpoint(known[0]):
                    return known[0]
        _count_in_sync(reasons, in_sync)
        self._send(hints)
        return None

    def compare(
        self, start_after: str = "", until: str | None = None
    ) -> Iterator[tuple[Known, Reason]]:
        """Yield each key behind `start_after` with the reason to look at it, or not to.

        It ends with the last key up to `until` (None: with the last one of all).
        """
        sides = self._stack.sides
        runs: Iterable[Sequence[Known]] = merge_in_runs(
            sides.own.list(start_after=start_after),
            sides.peer.list(start_after=start_after),
            self._stack.records.list(start_after),
        )
        if until is not None:
            runs = _up_to(until, runs)
        return chain.from_iterable(map(self._judged, runs))

    def _judged(self, run: Sequence[Known]) -> Iterator[tuple[Known, Reason]]:
        settings = self._stack.settings
        # A run is in order: its first and last key tell whether our own may be between them.
        if settings.is_selective or run[0][0][: len(OWN_PREFIX)] <= OWN_PREFIX <= run[-1][0]:
            run = [known for known in run if not settings.excludes(known[0])]
        reasons = reasons_of(run)
        if self._deletes_are_held:
            held = Reason.DELETE_HELD
            reasons = [held if reason in _CALL_FOR_A_DELETE else reason for reason in reasons]
        return zip(run, reasons, strict=True)

    def _hint(self, hints: list[str], key: str) -> None:
        hints.append(key)
        if len(hints) >= HINTS_AT_ONCE:
            self._send(hints)

    def _send(self, hints: list[str]) -> None:
        if hints:
            prefix = self._stack.sides.pair.own.prefix
            self._queue.send_many([job_body(prefix + key) for key in hints])
            hints.clear()


# Names of this module are found faster than members of an enumeration are (enum.property).
_IN_SYNC = Reason.IN_SYNC
_CALL_FOR_A_DELETE = frozenset({Reason.GONE_HERE, Reason.GONE_AT_PEER})


def _count_in_sync(reasons: Counter[str], keys: int) -> None:
    if keys:
        reasons[_IN_SYNC] += keys


def _up_to(until: str, runs: Iterable[Sequence[Known]]) -> Iterator[Sequence[Known]]:
    """Yield the runs as far as their keys go; none is empty."""
    for run in runs:
        if run[-1][0] > until:
            if run[0][0] <= until:
                yield [known for known in run if known[0] <= until]
            return
        yield run


def last_report(item: ControlItem | None) -> FinderReport | None:
    """Return what the control item `turn.CONTROL` says of the latest round."""
    noted = noted_in(item) if item is not None else {}
    return FinderReport.of(noted) if noted else None
