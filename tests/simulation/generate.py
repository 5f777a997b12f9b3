"""Makes a plan of a seed: other operations, faults and conditions in each, so that they meet."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import TypeVar

from sync_core.model import ConflictPolicy
from tests.simulation.plan import (
    USER_OPERATIONS,
    Conditions,
    Fate,
    Fault,
    Plan,
    Step,
    What,
)

_T = TypeVar("_T")

SKEWS = (0, 0, 1, -1, 600, -600)
SECONDS = (1, 1, 2, 5, 31, 61, 95, 600)
_POLICIES = (*[ConflictPolicy.KEEP_COPY] * 5, ConflictPolicy.KEEP_VERSION, ConflictPolicy.PREFER)
_COARSE = (What.GO_TO_EFFECT, What.FINISH, What.WORK, What.WORK, What.SETTLE, What.CLOCK)

_LATEST = -1
"""Modulo how many processes there are, the one that was started last."""

_COMMON = (What.PUT, What.PUT, What.DELETE, What.DELETE)
_RARE = frozenset({What.VERSIONING, What.EMPTY, What.DELETE_BY_HAND})
_ONLY_VERSIONED = frozenset({What.RESTORE, What.UNDELETE, What.PURGE})


def plan_of(seed: int) -> Plan:
    """Return the plan that a seed stands for; equal seeds give equal plans."""
    random = Random(seed)
    conditions = _conditions(random)
    maker = _Maker(random, conditions)
    count = random.choice((10, 20, 40, 80))
    steps: list[Step] = []
    while len(steps) < count:
        steps += maker.steps()
    return Plan(conditions, tuple(steps))


def _conditions(random: Random) -> Conditions:
    skewed = random.random() < 0.3
    versioned = random.random() < 0.4

    def skews() -> tuple[int, int]:
        return (random.choice(SKEWS), random.choice(SKEWS)) if skewed else (0, 0)

    return Conditions(
        keys=random.choice((1, 1, 1, 2, 4)),
        bucket_skews=skews(),
        worker_skews=skews(),
        versioned=random.choice(((True, True), (True, False), (False, True)))
        if versioned
        else (False, False),
        md5_etags=(random.random() < 0.85, random.random() < 0.85),
        in_parts=(rolled := random.random()) < 0.15,
        shared=rolled < 0.08,
        policy=random.choice(_POLICIES),
        most_deletes=random.choice((0, 0, 0, 0, 0, 1, 3)),
    )


class _Maker:
    """Makes steps of a few kinds, chosen once for a plan."""

    def __init__(self, random: Random, conditions: Conditions) -> None:
        self._random = random
        self._conditions = conditions
        possible = [what for what in USER_OPERATIONS if self._is_possible(what)]
        self._operations = [*_COMMON, *self._some(possible, 0.3)]
        self._faults = self._some(list(Fault)[1:], 0.3) if random.random() < 0.6 else []
        self._fates = self._some(list(Fate)[1:], 0.3) if random.random() < 0.5 else []
        self._is_crashing = random.random() < 0.5
        self._loses_tables = random.random() < 0.05

    def _is_possible(self, what: What) -> bool:
        if what is What.EDIT and not all(self._conditions.md5_etags):
            # Same size, same metadata, and an etag that says nothing: before our peer has been told
            # of its replica nobody can see that these are other bytes (window "opaque").
            return False
        if what in _RARE:
            return self._random.random() < 0.2
        return what not in _ONLY_VERSIONED or any(self._conditions.versioned)

    def _some(self, of: Sequence[_T], chance: float) -> list[_T]:
        return [each for each in of if self._random.random() < chance]

    def steps(self) -> list[Step]:
        """Return a few steps that belong together, so that what is to be disturbed is under way."""
        random = self._random
        dice = random.random()
        if dice < 0.20:
            return [self._operation(), self._blank(What.WORK), self._blank(What.WORK)]
        if dice < 0.45:
            return self._race()
        if dice < 0.60:
            return self._cut_short()
        return [self._any()]

    def _race(self) -> list[Step]:
        """Somebody acts while a worker is on its way with what a user has just done."""
        first, second = self._operation(), self._operation()
        start = replace(self._blank(What.START), side=first.side, count=10)
        second = replace(second, key=first.key) if self._random.random() < 0.8 else second
        before, after = (replace(self._go(), number=_LATEST) for _ in range(2))
        return [first, start, before, second, after]

    def _cut_short(self) -> list[Step]:
        """A worker has written, and nobody knows it yet."""
        first = self._operation()
        start = replace(self._blank(What.START), side=first.side, count=10)
        steps = [first, start, replace(self._blank(What.GO_TO_EFFECT), number=_LATEST)]
        deaths = (What.CRASH, What.CRASH) if self._is_crashing else ()
        between = (*deaths, What.WORK, What.CLOCK)
        for _ in range(self._random.randrange(4)):
            steps.append(replace(self._blank(self._random.choice(between)), number=_LATEST))
            if self._random.random() < 0.4:
                steps.append(replace(self._operation(), key=first.key))
        return steps

    def _any(self) -> Step:
        dice = self._random.random()
        if dice < 0.2:
            return self._operation()
        if dice < 0.4:
            return replace(self._blank(What.START), count=self._random.choice((1, 1, 2, 10)))
        if dice < 0.7:
            return self._go()
        if dice < 0.9:
            return self._blank(self._random.choice(_COARSE))
        return self._mishap(self._blank(What.GO))

    def _blank(self, what: What) -> Step:
        random = self._random
        step = Step(what, random.choice("ab"), random.randrange(4), random.randrange(8))
        count = random.choice(SECONDS) if what is What.CLOCK else 1
        return replace(step, count=count, fate=self._fate())

    def _operation(self) -> Step:
        return self._blank(self._random.choice(self._operations))

    def _go(self) -> Step:
        count = self._random.choice((1, 2, 3, 4, 5, 6, 8, 12))
        return replace(self._blank(What.GO), count=count, fault=self._fault())

    def _mishap(self, blank: Step) -> Step:
        random = self._random
        if self._loses_tables and random.random() < 0.1:
            return replace(blank, what=What.LOSE_TABLE)
        if self._is_crashing and random.random() < 0.6:
            return self._blank(What.CRASH)
        kinds = (What.REDELIVER, What.REDELIVER, What.FIND, What.SEND_JUNK)
        return replace(blank, what=random.choice(kinds))

    def _fault(self) -> Fault:
        if self._faults and self._random.random() < 0.25:
            return self._random.choice(self._faults)
        return Fault.NONE

    def _fate(self) -> Fate:
        if self._fates and self._random.random() < 0.3:
            return self._random.choice(self._fates)
        return Fate.SENT
