"""Writes of stacks that were in flight while their source was deleted: the window R2."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.simulation.tasks import Process
from tests.simulation.values import Operation, Place

_BOTH = 2


@dataclass(frozen=True, slots=True)
class _Write:
    source: Place
    process: Process
    numbers: tuple[int, ...]
    creates: bool
    finds_replica: bool


@dataclass
class Flights:
    """`over_a_delete` are the keys and operations that such a write may bring back.

    Three cases: a conflict's write; a create that finds a replica in its source's place; and two
    creates crosswise. After either of these neither side is absent. A write is in flight from the
    reading of its source until its process is over; for ever, if dead.
    """

    over_a_delete: set[tuple[str, int]] = field(default_factory=set)
    _writes: list["_Write"] = field(default_factory=list)
    _creates: dict[str, dict[str, set[tuple[str, int]]]] = field(default_factory=dict)

    def written(
        self,
        source: Place,
        process: Process,
        numbers: Sequence[int],
        deletions: Iterable[Operation],
        *,
        creates: bool,
        finds_replica: bool,
    ) -> None:
        """Note a write by a process that has read its source some time ago.

        It `creates` what it writes, and `finds_replica` there where its source was.
        """
        write = _Write(source, process, tuple(numbers), creates, finds_replica)
        self._writes.append(write)
        tick, _etag = process.reads.get(source, (0, None))
        if any(each.place == source and each.tick > tick for each in deletions):
            self._note(write)

    def deleted(self, place: Place) -> None:
        """Note that a user has deleted there: a write may have had its effect, but no answer."""
        for write in self._writes:
            if write.source == place and (write.process.is_dead or not write.process.is_over):
                self._note(write)

    def _note(self, write: "_Write") -> None:
        side, key = write.source
        over = {(key, number) for number in write.numbers}
        if not write.creates or write.finds_replica:
            self.over_a_delete |= over
        if not write.creates:
            return
        crossing = self._creates.setdefault(key, {})
        crossing[side] = crossing.get(side, set()) | over
        if len(crossing) == _BOTH:
            self.over_a_delete.update(*crossing.values())
