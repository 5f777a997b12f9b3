"""The fair run: what both stacks make of a key once the users are done, and what must hold then.

Both stacks work in turn, undisturbed, until nothing changes; then once more with the grace period
over. What makes them look at the key is what the rules say: a look each, or the finder's rule, or
the messages that are left. In the end both sides must be equal, after few writes, and nothing may
have come back that a user deleted after having seen it.
"""

from itertools import pairwise
from typing import NamedTuple

from tests.property.one_key_rules import Delivery, Rules
from tests.property.one_key_state import State, Step
from tests.property.one_key_steps import Steps
from tests.property.one_key_values import A, B, Message

DIVERGED = "DIVERGED"
LIVELOCK = "LIVELOCK"
RESURRECTED = "RESURRECTED"
MANY_WRITES = "MANY_WRITES"

RESTLESS = "RESTLESS"
"""The finder asks for a look that changes nothing, or a message comes back for ever."""

BURIED = "BURIED"
"""A value that was overwritten unseen is in the history of a versioned bucket only."""

TAGS_LOST = "TAGS_LOST"
"""Tags were set on one side only, and these are not the tags in the end."""

MAX_WRITES = 3
"""As many writes to objects as any fair run may need."""

_MAX_ROUNDS = 12
_ORDERS = ((A, B), (B, A))


class End(NamedTuple):
    """What a fair run broke, and its steps."""

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
            before = state
            for waited in (False, True):
                steps = self._round(state, order, waited=waited)
                told += steps
                state = steps[-1].state if steps else state
                if state != before:
                    break
            else:
                return End(self._judge(start, state, told), tuple(told))
        return End(frozenset({LIVELOCK}), tuple(told))

    def _round(self, state: State, order: tuple[int, int], *, waited: bool) -> list[Step]:
        """Let each stack do what it is asked to; `waited`: once all that was noted has waited."""
        steps: list[Step] = []
        for stack in order:
            for message in self._messages(state, stack):
                steps += self._evaluate(state, stack, message, waited=waited)
                state = steps[-1].state
        return steps

    def _messages(self, state: State, stack: int) -> list[Message]:
        """Return what comes next to a stack; a finder only once nothing else is under way."""
        left = sorted(state.echoes[stack] | state.due[stack])
        if self._rules.delivery is Delivery.ANYTHING:
            return [*left, Message.HINT]
        if any(state.due) or not self._rules.has_finder:
            return left
        asks = self._steps.asks_for_a_look(state, stack)
        return [*left, Message.FINDER] if asks else left

    def _evaluate(self, state: State, stack: int, message: Message, *, waited: bool) -> list[Step]:
        if message in state.echoes[stack]:
            return [self._steps.hear(state, stack, message)]
        index = self._rules.workers.index(stack)
        if message in state.due[stack]:
            steps = [self._steps.deliver(state, index, message, waited=waited)]
        else:
            steps = [self._steps.begin(state, index, stack, message, waited=waited)]
        while steps[-1].state.workers[index] is not None:
            steps.append(self._steps.work(steps[-1].state, index))
        return steps

    def _judge(self, start: State, end: State, steps: list[Step]) -> frozenset[str]:
        violations = {step.violation for step in steps if step.violation}
        if not end.is_equal:
            violations.add(DIVERGED)
        elif _was_deleted_knowingly(end):
            violations.add(RESURRECTED)
        if any(self._messages(end, stack) for stack in (A, B)) and not self._may_go_on:
            violations.add(RESTLESS)
        violations |= _of_the_account(end)
        contents = [start.objects, *(step.state.objects for step in steps)]
        writes = sum(1 for one, other in pairwise(contents) if one != other)
        if writes > MAX_WRITES:
            violations.add(MANY_WRITES)
        return frozenset(violations)

    @property
    def _may_go_on(self) -> bool:
        return self._rules.delivery is Delivery.ANYTHING


def _was_deleted_knowingly(state: State) -> bool:
    operations = {instance.operation for instance in state.objects if instance}
    operations |= {number for number, made in state.account.restored if made in operations}
    return any(operations and operations <= seen for seen in state.account.deleted)


def _of_the_account(end: State) -> set[str]:
    violations = set()
    there = {copy.value for *_, copy in end.kept} | {each.value for each in end.objects if each}
    if not end.account.buried <= there:
        violations.add(BURIED)
    if end.account.tagged is not None:
        sides, tags = end.account.tagged
        if len(sides) == 1 and any(each and each.tags != tags for each in end.objects):
            violations.add(TAGS_LOST)
    return violations
