"""A finder round that several processes run together: planned, compared in ranges, reported.

Who calls these is a state machine: `plan` once, `compare` for each range until it is done, and
`report` once with what came of them. What a range has seen so far travels in its state, so that
nothing is counted twice when a call is repeated; hints may be sent twice, which is harmless.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain, islice
from typing import Any

from sync_core.errors import RangesFailed
from sync_core.finder import CHECKPOINT_KEYS, Ended, Finder, FinderReport
from sync_core.guard import Guard
from sync_core.model import ControlItem
from sync_core.queues.protocol import SupportsBulkSend
from sync_core.ranges import (
    RangeState,
    behind,
    between,
    boundaries_of,
    folder_of,
    marked,
)
from sync_core.routing import OWN_PREFIX
from sync_core.stack import Stack
from sync_core.storage.protocol import ObjectStore
from sync_core.turn import Turn

BOUNDARIES = "finder-boundaries"
"""Name of the control item that holds the boundaries of the last complete round.

It is not the one of the turn, which is small and often written.
"""

MOST_LOOKUPS = 1000
"""So many requests at most are spent on folders, on both sides together."""

_PAGE_KEYS = 1000
_MAX_CAUSE_LETTERS = 300

State = Mapping[str, Any]
"""A range on its way between the calls: JSON, see `ranges.RangeState`."""


class SharedRound:
    """The calls that make up a round of one stack; a round has an id, which is its owner's name.

    Methods raise what the stores, the table and the queue raise, and `ConfigError` when another
    finder has taken the round over.
    """

    def __init__(self, stack: Stack, guard: Guard, queue: SupportsBulkSend) -> None:
        self._stack = stack
        self._guard = guard
        self._queue = queue

    def plan(self, round_id: str, depth: int, parallelism: int) -> list[dict[str, Any]] | None:
        """Begin a round and return the states of its ranges; None while another finder is at work.

        There are at most `parallelism` ranges. They are divided where the last complete round has
        found equally many keys, else between the folders that are `depth` levels deep (0: none).
        Verifies the guards.
        """
        turn = Turn(self._stack, round_id)
        if turn.look() is None or not turn.note(FinderReport(self._stack.now()).values()):
            return None
        try:
            is_held = self._guard.begin().is_held
            ranges = between(self._boundaries(depth), parallelism)
        except BaseException:
            turn.release()
            raise
        return [RangeState(keys, deletes_are_held=is_held).values() for keys in ranges]

    def compare(self, round_id: str, state: State, is_ending: Callable[[], bool]) -> dict[str, Any]:
        """Compare a range, or the rest of it; return its state then.

        `is_ending` is asked at every checkpoint: True leaves the rest to another call.
        """
        turn = Turn(self._stack, round_id)
        turn.renew()
        found = RangeState.of(state)
        marks = found.marks

        def at_checkpoint(key: str) -> bool:
            nonlocal marks
            marks = marked(marks, key, found.reasons.total())
            turn.renew()
            return is_ending()

        held = found.deletes_are_held
        finder = Finder(self._stack, self._queue, round_id, deletes_are_held=held)
        last = finder.sweep(found.keys, found.reasons, at_checkpoint)
        keys = found.keys if last is None else replace(found.keys, after=last)
        return replace(found, keys=keys, marks=marks, is_done=last is None).values()

    def report(
        self, round_id: str, states: Sequence[State], tell: Callable[[FinderReport], None]
    ) -> FinderReport:
        """End a round and tell what all of its ranges have seen; may be repeated.

        A range that failed has in its state a `failure`, which is the state machine's Error and
        Cause; then the round is told of as interrupted, and `RangesFailed` is raised.
        """
        turn = Turn(self._stack, round_id)
        begun = FinderReport.of(turn.noted())
        ranges = sorted(map(RangeState.of, states), key=lambda each: each.keys.number)
        failures = [_failure(state) for state in states if state.get("failure")]
        report = replace(
            begun,
            ended=Ended.INTERRUPTED if failures else Ended.COMPLETE,
            reasons=sum((each.reasons for each in ranges), Counter[str]()),
            seconds=(self._stack.now() - begun.started_at).total_seconds(),
            deletes_are_held=any(each.deletes_are_held for each in ranges),
        )
        if not failures:
            self._keep(boundaries_of(ranges, CHECKPOINT_KEYS))
            self._guard.note_synced(report.synced)
        turn.end(report.values())
        tell(report)
        if failures:
            cause = f"{len(failures)} of {len(ranges)} ranges failed: {'; '.join(failures)}"
            raise RangesFailed("find", round_id, f"{cause}; the next round compares all keys again")
        return report

    def _boundaries(self, depth: int) -> list[str]:
        noted = self._stack.records.read_control(BOUNDARIES)
        if noted is not None:
            found: list[str] = json.loads(noted.text)
            return found
        return sorted(self._folders(depth)) if depth else []

    def _folders(self, depth: int) -> set[str]:
        sides = self._stack.sides
        looks = chain(_looks(sides.own, depth), _looks(sides.peer, depth))
        found = set(filter(None, islice(looks, MOST_LOOKUPS)))
        return {folder for folder in found if not folder.startswith(OWN_PREFIX)}

    def _keep(self, boundaries: list[str]) -> None:
        table = self._stack.records
        item = table.read_control(BOUNDARIES) or ControlItem(BOUNDARIES, "")
        # Where another writer comes first, its boundaries are as good as these.
        table.write_control(replace(item, text=json.dumps(boundaries)))


def _looks(store: ObjectStore, depth: int) -> Iterator[str | None]:
    """Yield the folders that are so many levels deep; one request for each of them, or None."""
    position = ""
    while page := list(islice(store.list(start_after=position), _PAGE_KEYS)):
        folders = (folder_of(listed.key, depth) for listed in page)
        folder = next(filter(None, folders), None)
        position = behind(folder) if folder else page[-1].key
        yield folder


def _failure(state: State) -> str:
    failure, keys = state["failure"], RangeState.of(state).keys
    cause = str(failure.get("Cause", ""))
    with suppress(ValueError, KeyError, TypeError):
        # What Lambda says of an exception (Lambda developer guide, Python function errors).
        cause = str(json.loads(cause)["errorMessage"])
    where = f"{keys.after!r} to {keys.until!r}" if keys.until else f"{keys.after!r} to the end"
    return f"range {keys.number} ({where}): {failure.get('Error')}: {cause[:_MAX_CAUSE_LETTERS]}"
