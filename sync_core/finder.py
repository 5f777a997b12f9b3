"""The periodic comparison of both sides, which makes good whatever no event has told.

One round merges both sorted listings and the table of records, in memory that does not depend on
how many keys there are. It acts on nothing: a key whose record does not account for both listings
becomes a message to the own queue, as an event would, and the pipeline looks at it anew. It may run
beside live traffic. A round that was interrupted goes on behind its last checkpoint.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from sync_core.compare import Known, merge_with_records
from sync_core.errors import ConfigError, DualwayError
from sync_core.events import job_body
from sync_core.hints import Reason, reason_of
from sync_core.model import ControlItem
from sync_core.queues.protocol import SupportsBulkSend
from sync_core.routing import OWN_PREFIX, is_excluded
from sync_core.stack import Stack

CONTROL = "finder"
"""Name of the control item that holds the checkpoint and the last report."""

CHECKPOINT_KEYS = 20_000
"""After so many keys a checkpoint is written, and the round is kept for its finder."""

HINTS_AT_ONCE = 500
"""How many hints are held back before they are sent."""

_TURN_SECONDS = 900


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
        turn = _Turn(self._stack, self._owner)
        report = turn.begin()
        if report is None:
            return FinderReport(self._stack.now(), Ended.BUSY)
        try:
            return self._go_on(turn, report, is_ending)
        except BaseException:
            turn.release()
            raise

    def _go_on(
        self, turn: "_Turn", report: FinderReport, is_ending: Callable[[], bool]
    ) -> FinderReport:
        in_sync = 0
        for number, (known, reason) in enumerate(self.compare(report.start_after), start=1):
            # Nearly all keys come this way, and a Counter would double what one of them costs here.
            if reason is _IN_SYNC:
                in_sync += 1
            else:
                self._note(turn, report, known[0], reason)
            if number % CHECKPOINT_KEYS == 0:
                _count_in_sync(report, in_sync)
                in_sync = 0
                self._send(turn)
                report = turn.keep(report, start_after=known[0])
                if is_ending():
                    return turn.end(report, Ended.INTERRUPTED)
        _count_in_sync(report, in_sync)
        self._send(turn)
        report = replace(report, start_after="", deletes_are_held=self._deletes_are_held)
        return turn.end(report, Ended.COMPLETE)

    def compare(self, start_after: str = "") -> Iterator[tuple[Known, Reason]]:
        """Yield each key behind `start_after` with the reason to look at it, or not to."""
        sides, excluded = self._stack.sides, self._stack.settings.excluded
        for known in merge_with_records(
            sides.own.list(start_after=start_after),
            sides.peer.list(start_after=start_after),
            self._stack.records.list(start_after),
        ):
            key, own, peer, record = known
            if (excluded or key.startswith(OWN_PREFIX)) and is_excluded(key, excluded):
                continue
            reason = reason_of(own, peer, record)
            if self._deletes_are_held and reason in _CALL_FOR_A_DELETE:
                reason = Reason.DELETE_HELD
            yield known, reason

    def _note(self, turn: "_Turn", report: FinderReport, key: str, reason: Reason) -> None:
        report.reasons[reason] += 1
        if reason.asks_for_a_look:
            turn.hints.append(key)
            if len(turn.hints) >= HINTS_AT_ONCE:
                self._send(turn)

    def _send(self, turn: "_Turn") -> None:
        if turn.hints:
            prefix = self._stack.sides.pair.own.prefix
            self._queue.send_many([job_body(prefix + key) for key in turn.hints])
            turn.hints.clear()


# Names of this module are found faster than members of an enumeration are (enum.property).
_IN_SYNC = Reason.IN_SYNC
_CALL_FOR_A_DELETE = frozenset({Reason.GONE_HERE, Reason.GONE_AT_PEER})


def _count_in_sync(report: FinderReport, keys: int) -> None:
    if keys:
        report.reasons[_IN_SYNC] += keys


class _Turn:
    """One process's work on a round: nobody else's until it ends, or has been silent for long."""

    def __init__(self, stack: Stack, owner: str) -> None:
        self.hints: list[str] = []
        self._stack = stack
        self._owner = owner
        self._item = ControlItem(CONTROL, "")
        self._since = stack.now()

    def begin(self) -> FinderReport | None:
        """Return the round to go on with, new or interrupted; None while another process has it."""
        self._item = self._stack.records.read_control(CONTROL) or ControlItem(CONTROL, "")
        found = _read(self._item)
        report, owner, until = found or (FinderReport(self._since), "", self._since)
        if owner not in {"", self._owner} and until > self._stack.now():
            return None
        if report.ended is not Ended.INTERRUPTED:
            report = FinderReport(self._since)
        return report if self._write(report, self._owner) else None

    def keep(self, report: FinderReport, *, start_after: str) -> FinderReport:
        """Note how far the round has come; raises `ConfigError` if it was taken over meanwhile."""
        report = self._timed(replace(report, start_after=start_after))
        if not self._write(report, self._owner):
            cause = "another finder has taken the round over; this one was silent for too long"
            raise ConfigError("find", CONTROL, cause)
        return report

    def end(self, report: FinderReport, how: Ended) -> FinderReport:
        """Note how the round ended, and leave it to whoever comes next."""
        report = self._timed(replace(report, ended=how))
        self._write(report, "")
        return report

    def release(self) -> None:
        """Leave the round to whoever comes next, as the last checkpoint has it.

        Where not even that can be noted, it waits until this turn is over.
        """
        last = _read(self._item)
        if last is not None:
            with suppress(DualwayError):
                self._write(last[0], "")

    def _timed(self, report: FinderReport) -> FinderReport:
        since, self._since = self._since, self._stack.now()
        seconds = (self._since - since).total_seconds()
        return replace(report, seconds=report.seconds + seconds)

    def _write(self, report: FinderReport, owner: str) -> bool:
        text = _to_text(report, owner, self._stack.in_seconds(_TURN_SECONDS))
        if not self._stack.records.write_control(replace(self._item, text=text)):
            return False
        self._item = replace(self._item, text=text, gen=self._item.gen + 1)
        return True


def last_report(item: ControlItem | None) -> FinderReport | None:
    """Return what the control item `CONTROL` says of the latest round."""
    found = _read(item) if item is not None else None
    return found[0] if found else None


def _to_text(report: FinderReport, owner: str, until: datetime) -> str:
    values = {
        "started_at": report.started_at.isoformat(),
        "ended": report.ended,
        "reasons": report.reasons,
        "seconds": report.seconds,
        "start_after": report.start_after,
        "deletes_are_held": report.deletes_are_held,
        "owner": owner,
        "until": until.isoformat(),
    }
    return json.dumps(values)


def _read(item: ControlItem) -> tuple[FinderReport, str, datetime] | None:
    if not item.text:
        return None
    values = json.loads(item.text)
    report = FinderReport(
        started_at=datetime.fromisoformat(values["started_at"]),
        ended=Ended(values["ended"]),
        reasons=Counter(values["reasons"]),
        seconds=values["seconds"],
        start_after=values["start_after"],
        deletes_are_held=values["deletes_are_held"],
    )
    return report, values["owner"], datetime.fromisoformat(values["until"])
