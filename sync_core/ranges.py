"""The parts of a finder round: ranges of keys, where they end, and how far each has come: pure.

A boundary is a key: the last one of its range. Good boundaries are those between which an earlier
round has found equally many keys; folders are better than none.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

MAX_BOUNDARIES = 1000
"""So many boundaries of a round are kept for the next one."""

MAX_BOUNDARIES_BYTES = 200_000
"""So much room they take in the table, whose items have at most 400 KB (DynamoDB, Quotas)."""

MAX_MARKS_BYTES = 3_000
"""So much room the marks of one range take.

What the states of a state machine hand over has at most 256 KiB (Step Functions, Service quotas),
and there may be 40 ranges, each with two keys of its own.
"""

_MAX_MARK_BYTES = 1_500

Mark = tuple[str, int]
"""A key, and how many keys of its range have been compared when it was."""

_Entry = TypeVar("_Entry")


@dataclass(frozen=True, slots=True)
class KeyRange:
    """The keys behind `after`, up to `until` and with it (None: to the end)."""

    number: int = 0
    after: str = ""
    until: str | None = None


@dataclass(frozen=True, slots=True)
class RangeState:
    """How far the comparison of a range has come: what is left of it, and what was seen.

    `reasons` counts keys by `hints.Reason`.
    """

    keys: KeyRange
    reasons: Counter[str] = field(default_factory=Counter)
    marks: Sequence[Mark] = ()
    deletes_are_held: bool = False
    is_done: bool = False

    def values(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "number": self.keys.number,
            "after": self.keys.after,
            "until": self.keys.until,
            "reasons": dict(self.reasons),
            "boundaries": [list(mark) for mark in self.marks],
            "deletes_are_held": self.deletes_are_held,
            "is_done": self.is_done,
        }

    @staticmethod
    def of(values: Mapping[str, Any]) -> "RangeState":
        """Return what `values` was made of."""
        return RangeState(
            KeyRange(values["number"], values["after"], values["until"]),
            Counter(values["reasons"]),
            [(key, count) for key, count in values["boundaries"]],
            values["deletes_are_held"],
            values["is_done"],
        )


def between(boundaries: Sequence[str], parallelism: int) -> list[KeyRange]:
    """Divide all keys into at most so many ranges, at boundaries evenly chosen of these.

    The ranges are in order; every key is in exactly one of them.
    """
    known = sorted({boundary for boundary in boundaries if boundary})
    pieces = len(known) + 1
    count = min(parallelism, pieces)
    chosen = [known[number * pieces // count - 1] for number in range(1, count)]
    ends = zip(["", *chosen], [*chosen, None], strict=True)
    return [KeyRange(number, after, until) for number, (after, until) in enumerate(ends)]


def marked(marks: Sequence[Mark], key: str, count: int) -> list[Mark]:
    """Add a mark to those of a range; where they take too much room, every other one goes.

    They stay evenly spread: from the first thinning on, only marks at the new distance are added.
    """
    distance, last = (marks[0][1], marks[-1][1]) if marks else (0, 0)
    if count - last < distance or _bytes_of(key) > _MAX_MARK_BYTES:
        return list(marks)
    return _thinned([*marks, (key, count)], len(marks) + 1, MAX_MARKS_BYTES)


def boundaries_of(states: Sequence[RangeState], distance: int) -> list[str]:
    """Return the boundaries that a complete round leaves to the next one, `distance` keys apart.

    `states` are those of all its ranges, in order. They are further apart where the marks are.
    """
    distance = max([distance, *(state.marks[0][1] for state in states if state.marks)])
    found, start, before, last = [], "", 0, 0
    for state in states:
        for key, count in [(start, 0), *state.marks]:
            if key and before + count - last >= distance:
                found.append(key)
                last = before + count
        before += state.reasons.total()
        start = state.keys.until or ""
    return _thinned(found, MAX_BOUNDARIES, MAX_BOUNDARIES_BYTES)


def folder_of(key: str, depth: int) -> str | None:
    """Return the key up to its `depth`-th slash and with it; None where it has fewer."""
    parts = key.split("/", depth)
    return key.removesuffix(parts[depth]) if len(parts) > depth else None


def behind(folder: str) -> str:
    """Return the first key that comes behind every key in the folder."""
    return folder.removesuffix("/") + chr(ord("/") + 1)


def _thinned(entries: Sequence[_Entry], most: int, most_bytes: int) -> list[_Entry]:
    found = list(entries)
    while len(found) > most or _bytes_of(found) > most_bytes:
        found = found[1::2]
    return found


def _bytes_of(value: object) -> int:
    return len(json.dumps(value))
