"""The fair run: what both stacks make of a key once the users are done, and what must hold then.

Both stacks evaluate in turn, undisturbed, until nothing changes; then once more with the grace
period over. In the end both sides must be equal, after few writes, and nothing may have come back
that a user deleted after having seen it.
"""

from itertools import pairwise
from typing import NamedTuple

from tests.property.one_key_state import Rules, State, Step
from tests.property.one_key_steps import Steps
from tests.property.one_key_values import A, B, Message

DIVERGED = "DIVERGED"
LIVELOCK = "LIVELOCK"
RESURRECTED = "RESURRECTED"
MANY_WRITES = "MANY_WRITES"

MAX_WRITES = 3
"""As many writes to objects as any fair run may need."""

_MAX_ROUNDS = 12
_ORDERS = ((A, B), (B, A))


class End(NamedTuple):
    """What a fair run broke, and its steps without those that changed nothing before the last."""

    violations: frozenset[str]
    steps: tuple[Step, ...]


class FairRuns:
    """Fair runs under one set of rules; equal beginnings are run once."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._steps = Steps(rules)
        self._known: dict[State, tuple[End, ...]] = {}

    def ends(self, state: State) -> tuple[End, ...]:
        """Return the fair runs from a state without users and workers: either stack first."""
        start = state._replace(evaluations=0, crashes=0, lost_answers=0)
        if start not in self._known:
            self._known[start] = tuple(self._run(start, order) for order in _ORDERS)
        return self._known[start]

    def _run(self, start: State, order: tuple[int, int]) -> End:
        state = start
        told: list[Step] = []
        for _ in range(_MAX_ROUNDS):
            for waited in (False, True):
                steps = self._round(state, order, waited=waited)
                if steps[-1].state != state:
                    break
            else:
                told += steps
                return End(_judge(start, told), tuple(told))
            told += steps
            state = steps[-1].state
        return End(frozenset({LIVELOCK}), tuple(told))

    def _round(self, state: State, order: tuple[int, int], *, waited: bool) -> list[Step]:
        """Let each stack evaluate once; a change ends the wait of the other."""
        steps: list[Step] = []
        for stack in order:
            found = self._evaluate(state, stack, waited=waited)
            waited = waited and found[-1].state == state
            state = found[-1].state
            steps += found
        return steps

    def _evaluate(self, state: State, stack: int, *, waited: bool) -> list[Step]:
        steps: list[Step] = []
        for echo in sorted(state.echoes[stack]):
            steps.append(self._steps.hear(state, stack, echo))
            state = steps[-1].state
        index = self._rules.workers.index(stack)
        steps.append(self._steps.begin(state, index, stack, Message.HINT, waited=waited))
        while steps[-1].state.workers[index] is not None:
            steps.append(self._steps.work(steps[-1].state, index))
        return steps


def _judge(start: State, steps: list[Step]) -> frozenset[str]:
    end = steps[-1].state
    violations = {step.violation for step in steps if step.violation}
    if not end.is_equal:
        violations.add(DIVERGED)
    elif _was_deleted_knowingly(end):
        violations.add(RESURRECTED)
    contents = [start.objects, *(step.state.objects for step in steps)]
    writes = sum(1 for one, other in pairwise(contents) if one != other)
    if writes > MAX_WRITES:
        violations.add(MANY_WRITES)
    return frozenset(violations)


def _was_deleted_knowingly(state: State) -> bool:
    operations = {instance.operation for instance in state.objects if instance}
    return any(operations and operations <= seen for seen in state.deleted)
