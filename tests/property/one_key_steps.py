"""Every step that can happen next to one key: users, workers, crashes, echoes.

Between any two requests of a worker anything else may happen. Only what nobody else can notice is
joined to the request before: taking a nonce, reading the record at the start, and, where the stack
has a single worker, claiming the key; never the record after a write, for a crash between these two
is noticed.
"""

from collections.abc import Iterator
from typing import NamedTuple

from tests.objects import KEY
from tests.property.one_key_services import Services
from tests.property.one_key_stack import evaluation
from tests.property.one_key_state import Fault, Rules, State, Step, Worker, with_one
from tests.property.one_key_values import (
    NAMES,
    A,
    Answer,
    B,
    Instance,
    Message,
    Refusal,
    Request,
    Verb,
)

_RECORDS = frozenset({Verb.READ_RECORD, Verb.WRITE_RECORD})
_WRITES = frozenset({Verb.PUT, Verb.DELETE})
_READS = frozenset({Verb.HEAD, Verb.GET})


class Exchange(NamedTuple):
    """A request and its answer, in words when they are asked for."""

    request: Request
    answer: Answer

    def __str__(self) -> str:
        request, answer = self
        where = NAMES[request.side]
        if request.verb is Verb.READ_RECORD:
            return f"{request.verb} {where}: {answer or 'none'}."
        if request.verb in _READS:
            copy = "" if request.key == KEY else f"{request.key} at "
            return f"{request.verb} {copy}{where}: {answer or 'absent'}."
        if request.verb is Verb.WRITE_RECORD:
            return f"{request.verb} {where}: {request.record}{'' if answer else ', refused'}."
        refused = "" if answer is True else f": {answer}"
        return f"{request.verb} {where} {request.instance or request.expected}{refused}."


class Steps:
    """The steps under one set of rules."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._services = Services(rules)
        self._is_alone = tuple(rules.workers.count(stack) == 1 for stack in (A, B))

    def after(self, state: State) -> Iterator[Step]:
        """Yield everything that can happen next."""
        if state.operations and not any(state.echoes):
            yield from self._user_steps(state)
        idle: dict[int, int] = {}
        for index, worker in enumerate(state.workers):
            if worker is None:
                # Two idle workers of one stack are the same: one of them may start.
                idle.setdefault(self._rules.workers[index], index)
                continue
            yield self.work(state, index)
            if state.crashes and worker.has_claimed:
                yield _crash(state, index, worker.moment.stack)
            request = worker.moment.request
            if state.lost_answers and request and request.verb in _WRITES:
                fewer = state._replace(lost_answers=state.lost_answers - 1)
                yield self.work(fewer, index, is_heard=False)
        for stack in (A, B):
            record = state.records[stack]
            if record is None or not record.is_leased or self._rules.leases_expire:
                yield from (self.hear(state, stack, echo) for echo in state.echoes[stack])
                if stack in idle and state.evaluations:
                    yield from self._starts(state, idle[stack], stack)

    # --- users ----------------------------------------------------------------------------------

    def _user_steps(self, state: State) -> Iterator[Step]:
        number = self._rules.operations - state.operations + 1
        for side, current in enumerate(state.objects):
            where = ("at", NAMES[side])
            for at in self._rules.stamps:
                put = Instance(number, 0, at, None)
                yield Step(("user puts", put, *where), _by_user(state, side, put, number))
            if current is None:
                continue
            told = state._replace(deleted=state.deleted | {state.seen[side]})
            yield Step(("user deletes", *where), _by_user(told, side, None, number))
            if self._rules.has_edits:
                yield from self._edits(state, side, current, number)

    def _edits(self, state: State, side: int, current: Instance, number: int) -> Iterator[Step]:
        """A user changes the metadata only, or the bytes only; either way our marker stays."""
        for at in self._rules.stamps:
            edited = [current._replace(edit=number, at=at)]
            if current.marker:
                edited.append(Instance(number, 0, at, current.marker))
            for instance in edited:
                after = _by_user(state, side, instance, number)
                yield Step(("user edits", instance, "at", NAMES[side]), after)

    # --- workers --------------------------------------------------------------------------------

    def _starts(self, state: State, index: int, stack: int) -> Iterator[Step]:
        fewer = state._replace(evaluations=state.evaluations - 1)
        for message in (*self._rules.messages, *state.echoed[stack]):
            yield self.begin(fewer, index, stack, message)

    def begin(
        self, state: State, index: int, stack: int, message: Message, *, waited: bool = False
    ) -> Step:
        """Have worker number `index` start an evaluation, by reading the stack's record.

        `waited` says that the grace period is over.
        """
        worker = Worker(evaluation(stack, message, waited=waited))
        who = (f"worker {index} of {NAMES[stack]}, woken by {message},",)
        if Fault.OWN_SIDE_FIRST in self._rules.faults:
            early = (state.objects[stack], state.seen[stack])
            started = _with(state, index, worker._replace(early=early), stack)
            return Step((*who, "reads", NAMES[stack], early[0] or "absent"), started)
        return self._go_on(state, index, worker, who)

    def work(self, state: State, index: int, *, is_heard: bool = True) -> Step:
        """Return a worker's next step; the answer may get lost, whatever it was."""
        worker = state.workers[index]
        if worker is None:
            raise AssertionError("an idle worker has no next step")
        return self._go_on(state, index, worker, (f"worker {index}",), is_heard=is_heard)

    def _go_on(
        self,
        state: State,
        index: int,
        worker: Worker,
        says: tuple[object, ...],
        *,
        is_heard: bool = True,
    ) -> Step:
        """Answer a worker's request, and those that are joined to it."""
        stack, violation = worker.moment.stack, None
        already_said = len(worker.moment.reports)
        while (request := worker.moment.request) is not None:
            reply = self._services.answer(state, index, worker, request)
            answer = reply.answer if is_heard else Refusal.NO_ANSWER
            state, violation = reply.state, violation or reply.violation
            worker = _informed(worker, state, request, answer)
            if request.verb is not Verb.NONCE:
                says = (*says, Exchange(request, answer))
            if not self._joins(stack, request.verb, worker.moment.request):
                break
        says = (*says, *worker.moment.reports[already_said:])
        following = worker if worker.moment.request else None
        return Step(says, _with(state, index, following, stack), violation)

    def _joins(self, stack: int, done: Verb, request: Request | None) -> bool:
        if request is None:
            return False
        is_start = done is Verb.NONCE and request.verb is Verb.READ_RECORD
        is_private = request.verb in _RECORDS and self._is_alone[stack] and done not in _WRITES
        return request.verb is Verb.NONCE or is_start or is_private

    def hear(self, state: State, stack: int, echo: Message) -> Step:
        """Evaluate an echo that is due, in one go: by a worker beside those that are counted."""
        heard = with_one(state.echoes, stack, state.echoes[stack] - {echo})
        index = len(state.workers)
        state = state._replace(echoes=heard, workers=(*state.workers, None))
        steps = [self.begin(state, index, stack, echo)]
        while steps[-1].state.workers[index] is not None:
            steps.append(self.work(steps[-1].state, index))
        last = steps[-1].state
        violation = next((step.violation for step in steps if step.violation), None)
        says = (*steps[0].says, *(word for step in steps[1:] for word in step.says[1:]))
        return Step(says, last._replace(workers=last.workers[:index]), violation)


def _crash(state: State, index: int, stack: int) -> Step:
    """A worker dies, and its lease runs out."""
    dead = _with(state, index, None, stack)
    record = dead.records[stack]
    records = dead.records
    if record is not None:
        records = with_one(dead.records, stack, record._replace(is_leased=False))
    says = (f"worker {index} CRASHES",)
    return Step(says, dead._replace(records=records, crashes=state.crashes - 1))


def _informed(worker: Worker, state: State, request: Request, answer: Answer) -> Worker:
    """Return the worker with one answer more, and with the history of what it has read."""
    _, own_seen, peer_seen, has_claimed, early = worker
    if request.verb in _READS and request.key == KEY:
        if request.side != worker.moment.stack:
            peer_seen = state.seen[request.side]
        elif early is not None and request.expected is None:
            own_seen = early[1]
        else:
            own_seen = state.seen[request.side]
    elif request.verb is Verb.WRITE_RECORD:
        has_claimed = has_claimed or answer is True
    return Worker(worker.moment.after(answer), own_seen, peer_seen, has_claimed, early)


def _by_user(state: State, side: int, instance: Instance | None, number: int) -> State:
    return state._replace(
        objects=with_one(state.objects, side, instance),
        seen=with_one(state.seen, side, state.seen[side] | {number}),
        operations=state.operations - 1,
    )


def _with(state: State, index: int, worker: Worker | None, stack: int) -> State:
    """Return the state with one worker where it has got to.

    The number of a generation is forgotten as soon as no worker of the stack holds one.
    """
    workers = (*state.workers[:index], worker, *state.workers[index + 1 :])
    record = state.records[stack]
    if record is None or record.generation == 1:
        return state._replace(workers=workers)
    if any(other and other.moment.stack == stack for other in workers):
        return state._replace(workers=workers)
    records = with_one(state.records, stack, record._replace(generation=1))
    return state._replace(workers=workers, records=records)
