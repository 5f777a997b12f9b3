"""An independent account of who saw what: it shares nothing with the decision under test.

Each change that a user makes is an *operation* with a number, and with a history: the numbers of
all that was visible in that place when it was made. A stack's write shows, by its value, which
operations it brings along. From that follows what a stack may replace: only what the new state's
history has seen, or what is kept under another key.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sync_core.evidence import facts
from sync_core.model import SitePair, SyncRecord, listed_id
from sync_core.storage.memory_bucket import MemoryBucket, Stored
from tests.simulation.flights import Flights
from tests.simulation.tasks import Process
from tests.simulation.values import Operation, Place, Shown, Value, other, value_of

LEASE = timedelta(seconds=30)
"""A write that comes so long after its process has last read may be later than its lease."""


@dataclass
class Account:
    """What happened so far. `violations` are sentences; `windows` counts R1, R2 and R3.

    `held_at` is when a guard last tripped; `invisible` are the places that were changed in a way
    that no listing shows: the same etag, size and second; `late` the keys written to after a lease.
    """

    pair: SitePair
    buckets: Mapping[str, MemoryBucket]
    clock: Callable[[], datetime]
    grace_seconds: int
    tick: int = 0
    acting: int | None = None
    shown: dict[Place, Shown] = field(default_factory=dict)
    visible: defaultdict[Place, frozenset[int]] = field(
        default_factory=lambda: defaultdict(frozenset)
    )
    operations: dict[int, Operation] = field(default_factory=dict)
    excused: set[int] = field(default_factory=set)
    flights: Flights = field(default_factory=Flights)
    late: set[str] = field(default_factory=set)
    recorded: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    replicas: list[tuple[Place, Shown]] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    windows: Counter[str] = field(default_factory=Counter)
    writes_of_stacks: int = 0
    keeps_versions: bool = False
    forgotten_until: int = 0
    held_at: int | None = None
    invisible: set[Place] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._numbers = 0
        self._by_value: defaultdict[Value, list[int]] = defaultdict(list)
        self._by_instance: dict[str, Shown] = {}
        self._lids: dict[Place, str] = {}
        self._equal: dict[int, set[int]] = {}

    def next_number(self) -> int:
        """Return the number of the operation that the next change of a user is."""
        self._numbers += 1
        self.acting = self._numbers
        return self._numbers

    def history_of(self, places: Iterable[Place]) -> frozenset[int]:
        """Return all that is visible in these places."""
        return frozenset[int]().union(*(self.visible[place] for place in places))

    # --- what is told of each change ---

    def user_changed(self, place: Place, seen: frozenset[int] = frozenset()) -> Operation:
        """Note what a user did to a place; `seen` is what he knew of beside it."""
        self.tick += 1
        number = self.acting if self.acting is not None else self.next_number()
        self.acting = None
        stored = self.buckets[place[0]].current(place[1])
        self.shown.pop(place, None)
        history = self.visible[place] | seen | {number}
        value = value_of(stored) if stored else None
        self.operations[number] = Operation(number, place, value, history, self.tick, self.clock())
        self._equal[number] = {number}
        self.visible[place] = history
        if value is None:
            self.flights.deleted(place)
        if stored is not None and value is not None:
            self._by_value[value].append(number)
            self._show(place, stored, frozenset({number}), by_stack=False)
        return self.operations[number]

    def stack_changed(self, place: Place, process: Process) -> None:
        """Note what a stack did to a place, and judge it."""
        self.tick += 1
        self.writes_of_stacks += 1
        side, key = place
        source = (other(side), key)
        stored = self.buckets[side].current(key)
        old = self.shown.pop(place, None)
        if stored is None:
            history = self.visible[source]
            told = "nothing"
        else:
            candidates = self._candidates(source, value_of(stored), process)
            if not candidates:
                self.violations.append(f"C6 {key!r} at {side} is nobody's object")
            history = frozenset[int]().union(*(self.operations[n].history for n in candidates))
            new = self._show(place, stored, frozenset(candidates), by_stack=True)
            self.replicas.append((place, new))
            told = f"write {sorted(candidates)}"
            deletions = [each for each in self.operations.values() if each.value is None]
            there = self.shown.get(source)
            self.flights.written(
                source,
                process,
                candidates,
                deletions,
                creates=old is None,
                finds_replica=there is not None and there.by_stack,
            )
            if process.read_at is not None and self.clock() - process.read_at >= LEASE:
                self.late.add(key)
        if old is not None and not self._is_seen(old, history) and not self.is_kept(old, place):
            self._lost(old, place, told, process)
        self.visible[place] |= history

    def read(self, process: Process, place: Place, etag: str | None) -> None:
        """Note that a process has read a place."""
        self.tick += 1
        process.reads[place] = (self.tick, etag)
        process.read_at = self.clock()

    def recorded_as(self, record: SyncRecord, own: str) -> None:
        """Note a pair that a stack's table has taken: both sides have agreed on it."""
        if record.pair is None:
            return
        states = (record.pair.own, record.pair.peer)
        for state in states:
            if state is not None:
                self.recorded[state.id].add(own)
        found = [self._by_instance.get(state.id) for state in states if state]
        known = [shown for shown in found if shown]
        if len(known) == 2:
            if known[0].value != known[1].value:
                self.violations.append(f"C1 {own} recorded different objects of {record.key!r}")
            self._equate(known[0].operations | known[1].operations)

    def forget(self) -> None:
        """A table is lost: what was deleted of all that is there now may come back."""
        self.forgotten_until = self._numbers

    # --- the end ---

    def unaccounted(self) -> list[int]:
        """Return the writes that are neither current nor superseded nor kept as a copy."""
        present = {shown.value for shown in self.shown.values()}
        superseded: set[int] = set()
        for operation in self.operations.values():
            superseded |= operation.history - {operation.number}
        return [
            number
            for number, operation in self.operations.items()
            if operation.value is not None
            and operation.value not in present
            and not self._equal[number] & superseded
            and number not in self.excused
            and not self._is_kept_as_a_version(operation.value, operation.place)
        ]

    def resurrected(self) -> list[str]:
        """Return where a write shows that its user deleted; counts those in a known window."""
        deletions = [each for each in self.operations.values() if each.value is None]
        found = []
        for place, shown in self.shown.items():
            here = [each for each in deletions if each.place[1] == place[1]]
            behind = {*shown.operations, *self._writes_of(shown.value, place[1])}
            seen = [each for each in here if behind <= each.history]
            if seen and behind:
                window = self._window(place[1], shown, seen)
                if window is None:
                    writes = sorted(shown.operations)
                    found.append(f"C3 {place[1]!r} at {place[0]} shows write {writes}, deleted")
                else:
                    self.windows[window] += 1
        return found

    def is_kept(self, shown: Shown, place: Place) -> bool:
        """Tell whether a copy of this value stands beside it under another key."""
        side, key = place
        beside = any(
            where[0] == side and where[1] != key and each.value == shown.value
            for where, each in self.shown.items()
        )
        return beside or self._is_kept_as_a_version(shown.value, place)

    # --- inside ---

    def _show(
        self, place: Place, stored: Stored, numbers: frozenset[int], *, by_stack: bool
    ) -> Shown:
        instance = facts(stored.version, place[0], self.pair).id
        shown = Shown(
            value_of(stored),
            numbers,
            by_stack,
            stored.version.etag,
            instance,
            self.tick,
            self.clock(),
        )
        lid = listed_id(stored.version)
        if self._lids.get(place) == lid:
            self.invisible.add(place)
        self._lids[place] = lid
        before = self._by_instance.get(instance)
        if before is not None and before.value != shown.value:
            # An opaque etag hides that these are other bytes: the name is that of the ones before.
            self.shown[place] = shown
            return shown
        if before is not None and numbers:
            # The same bytes in the same second: to every reader the same instance.
            self._equate(before.operations | numbers)
        self.shown[place] = self._by_instance[instance] = shown
        return shown

    def _candidates(self, source: Place, value: Value, process: Process) -> list[int]:
        """Return the operations whose value this is: of this key, and read at the source, first."""
        numbers = self._by_value[value]
        of_key = self._writes_of(value, source[1]) or numbers
        visible = [n for n in of_key if n in self.visible[source]]
        tick, _etag = process.reads.get(source, (self.tick, None))
        return [n for n in visible if self.operations[n].tick <= tick] or visible or of_key

    def _writes_of(self, value: Value, key: str) -> list[int]:
        return [n for n in self._by_value[value] if self.operations[n].place[1] == key]

    def _equate(self, numbers: Iterable[int]) -> None:
        together: set[int] = set().union(*(self._equal[n] for n in numbers))
        for number in together:
            self._equal[number] = together

    def _is_seen(self, shown: Shown, history: frozenset[int]) -> bool:
        return any(self._equal[number] & history for number in shown.operations)

    def _lost(self, old: Shown, place: Place, told: str, process: Process) -> None:
        tick, etag = process.reads.get(place, (0, None))
        if old.tick > tick and old.etag == etag:
            # No precondition can tell an instance from another one of the same etag.
            self.windows["R3"] += 1
            self.excused |= old.operations
            return
        is_restored = not old.by_stack and len(self._writes_of(old.value, place[1])) > 1
        if is_restored and self.buckets[place[0]].history(place[1])[1:]:
            self.windows["open: a restored replica that nobody had recorded"] += 1
            self.excused |= old.operations
            return
        writes = sorted(old.operations)
        self.violations.append(f"C2 write {writes} of {place[1]!r} at {place[0]} lost to {told}")

    def _window(self, key: str, shown: Shown, deletions: list[Operation]) -> str | None:
        """Return which documented window lets a deleted write come back, if one does."""
        late = any(self._came_back_late(shown, each) for each in deletions)
        is_restored = len(self._writes_of(shown.value, key)) > 1
        over = self.flights.over_a_delete
        windows = {
            "table lost": all(number <= self.forgotten_until for number in shown.operations),
            "late": key in self.late,
            "R2": any((key, number) in over for number in shown.operations),
            # What only the stack knew that had to hold its delete, the other one puts back.
            "held": self.held_at is not None,
            "R1": any(self._is_unknown(shown, each) for each in deletions),
            "open: a restored replica that nobody had recorded": is_restored and late,
        }
        return next((window for window, holds in windows.items() if holds), None)

    def _came_back_late(self, shown: Shown, deletion: Operation) -> bool:
        """Tell whether the write came back only after the grace period."""
        after = [
            replica.at
            for place, replica in self.replicas
            if place == deletion.place
            and replica.tick > deletion.tick
            and replica.operations & shown.operations
        ]
        return bool(after) and after[0] - deletion.at >= timedelta(seconds=self.grace_seconds)

    def _is_unknown(self, shown: Shown, deletion: Operation) -> bool:
        """Tell whether the pusher never recorded what was deleted, and heard of it in no time.

        Either nobody has recorded it, or what its side knows came later than the grace period.
        """
        before = [
            replica.instance
            for place, replica in self.replicas
            if place == deletion.place
            and replica.tick < deletion.tick
            and replica.operations & shown.operations
        ]
        sides = set[str]().union(*(self.recorded[instance] for instance in before))
        is_late = self._came_back_late(shown, deletion)
        return bool(before) and (not sides or (is_late and sides == {deletion.place[0]}))

    def _is_kept_as_a_version(self, value: Value, place: Place) -> bool:
        if not self.keeps_versions:
            return False
        return any(
            value_of(stored) == value
            for side in self.buckets
            for stored in self.buckets[side].history(place[1])
            if not stored.is_delete_marker
        )
