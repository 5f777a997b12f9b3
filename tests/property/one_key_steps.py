"""Every step that can happen next to one key: users, workers, crashes, echoes, time.

Between any two requests of a worker anything else may happen. Only what nobody else can notice is
joined to the request before: taking a nonce, reading the record at the start, reading a version,
and, where the stack has a single worker, claiming the key; never the record after a write, for a
crash between these two is noticed. The clock is read in one with the request before, but for the
check right before a write: between these two no such time can pass, unless the rules say so.
"""

from collections.abc import Iterator
from typing import NamedTuple

from sync_core.hints import reason_of
from tests.objects import KEY
from tests.property.one_key_rules import Delivery, Fault, Rules
from tests.property.one_key_services import Services
from tests.property.one_key_stack import Moment, evaluation, setup_of
from tests.property.one_key_state import State, Step, Worker, with_one, with_worker
from tests.property.one_key_translation import listed_of, listed_record_of
from tests.property.one_key_users import Users
from tests.property.one_key_values import (
    NAMES,
    A,
    Answer,
    B,
    Message,
    Refusal,
    Request,
    Verb,
)

_RECORDS = frozenset({Verb.READ_RECORD, Verb.WRITE_RECORD})
_WRITES = frozenset({Verb.PUT, Verb.DELETE})
_EFFECTS = _WRITES | {Verb.KEEP, Verb.KEEP_VERSION, Verb.PURGE, Verb.PUT_TAGS}
_READS = frozenset({Verb.HEAD, Verb.GET})
_UNNOTICED = frozenset({Verb.NONCE, Verb.NUDGE, Verb.HEAD_VERSION})
_ECHOES = frozenset({Message.ECHO_PUT, Message.ECHO_REMOVAL, Message.ECHO_TAGGED})


class Exchange(NamedTuple):
    """A request and its answer, in words when they are asked for."""

    request: Request
    answer: Answer

    def __str__(self) -> str:
        request, answer = self
        where = NAMES[request.side]
        if request.verb is Verb.READ_RECORD:
            return f"{request.verb} {where}: {answer or 'none'}."
        if request.verb is Verb.WRITE_RECORD:
            return f"{request.verb} {where}: {request.record}{'' if answer else ', refused'}."
        if request.verb in _READS:
            copy = "" if request.key == KEY else f"{request.key} at "
            return f"{request.verb} {copy}{where}: {answer or 'absent'}."
        if request.verb is Verb.VERSIONS and isinstance(answer, tuple):
            return f"{request.verb} {where}: {', '.join(map(str, answer)) or 'none'}."
        what = request.instance or request.expected or request.version or sorted(request.tags)
        told = "" if answer is True else f": {answer}"
        return f"{request.verb} {where} {what}{told}."


class Steps:
    """The steps under one set of rules."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._services = Services(rules)
        self._users = Users(rules)
        self._setups = (setup_of(rules, A), setup_of(rules, B))
        self._is_alone = tuple(rules.workers.count(stack) == 1 for stack in (A, B))
        self._is_eventful = rules.delivery is Delivery.EVENTS

    def after(self, state: State) -> Iterator[Step]:
        """Yield everything that can happen next."""
        if state.operations and not any(state.echoes):
            yield from self._users.after(state)
        if state.leases and any(state.workers):
            yield Step(("the leases run out",), state._replace(leases=state.leases - 1))
        idle: dict[int, int] = {}
        for index, worker in enumerate(state.workers):
            if worker is None:
                # Two idle workers of one stack are the same: one of them may start.
                idle.setdefault(self._rules.workers[index], index)
            else:
                yield from self._worker_steps(state, index, worker)
        for stack in (A, B):
            if self._is_eventful:
                if stack in idle:
                    yield from (self.deliver(state, idle[stack], m) for m in state.due[stack])
            elif not self._is_held(state, stack):
                yield from (self.hear(state, stack, echo) for echo in state.echoes[stack])
                if stack in idle and state.evaluations:
                    yield from self._starts(state, idle[stack], stack)

    def asks_for_a_look(self, state: State, stack: int) -> bool:
        """Tell whether the finder's rule asks for one, with listings and record as they are."""
        own, peer = (listed_of(each) if each else None for each in state.objects)
        record = state.records[stack]
        known = listed_record_of(record) if record else None
        sides = (own, peer) if stack == A else (peer, own)
        return reason_of(*sides, known).asks_for_a_look

    def _is_held(self, state: State, stack: int) -> bool:
        """Tell whether another worker holds the key, so that an evaluation would do nothing."""
        record = state.records[stack]
        return record is not None and record.leased_until > self._rules.leases - state.leases

    # --- workers --------------------------------------------------------------------------------

    def _worker_steps(self, state: State, index: int, worker: Worker) -> Iterator[Step]:
        yield self.work(state, index)
        if state.crashes and worker.has_claimed:
            yield self._crash(state, index, worker)
        request = worker.moment.request
        if state.lost_answers and request and request.verb in _WRITES:
            fewer = state._replace(lost_answers=state.lost_answers - 1)
            yield self.work(fewer, index, is_heard=False)

    def _starts(self, state: State, index: int, stack: int) -> Iterator[Step]:
        fewer = state._replace(evaluations=state.evaluations - 1)
        for message in (*self._rules.messages, *state.echoed[stack]):
            if message is not Message.FINDER or self.asks_for_a_look(state, stack):
                yield self.begin(fewer, index, stack, message)

    def deliver(self, state: State, index: int, message: Message, *, waited: bool = False) -> Step:
        """Have worker number `index` take a message that is due."""
        stack = self._rules.workers[index]
        taken = state._replace(due=with_one(state.due, stack, state.due[stack] - {message}))
        if message in _ECHOES and Fault.ECHOES_DROPPED in self._rules.faults:
            return Step((f"worker {index} of {NAMES[stack]} drops {message}.",), taken)
        return self.begin(taken, index, stack, message, waited=waited)

    def begin(
        self, state: State, index: int, stack: int, message: Message, *, waited: bool = False
    ) -> Step:
        """Have worker number `index` start an evaluation, by reading the stack's record.

        `waited` says that the grace period is over.
        """
        kind = Message.HINT if message is Message.FINDER else message
        worker = Worker(evaluation(self._setups[stack], kind, waited=waited))
        who = (f"worker {index} of {NAMES[stack]}, woken by {message},",)
        if Fault.OWN_SIDE_FIRST in self._rules.faults:
            early = (state.objects[stack], state.seen[stack])
            started = with_worker(state, index, worker._replace(early=early), stack)
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
            is_lost = not is_heard and request.verb in _WRITES
            answer = Refusal.NO_ANSWER if is_lost else reply.answer
            state, violation = reply.state, violation or reply.violation
            worker = _informed(worker, state, request, answer)
            if request.verb not in {Verb.NONCE, Verb.CLOCK}:
                says = (*says, Exchange(request, answer))
            if not self._joins(state, request.verb, worker.moment):
                break
        says = (*says, *worker.moment.reports[already_said:])
        if worker.moment.request is None and self._is_eventful and worker.moment.leaves:
            state = state.with_due(stack, worker.moment.leaves)
        following = worker if worker.moment.request else None
        return Step(says, with_worker(state, index, following, stack), violation)

    def _joins(self, state: State, done: Verb, moment: Moment) -> bool:
        """Tell whether the moment's request is answered in one with the one that is done."""
        request = moment.request
        if request is None:
            return False
        if request.verb is Verb.CLOCK:
            return self._rules.are_writes_late or not self._is_last_check(state, moment)
        is_start = done is Verb.NONCE and request.verb is Verb.READ_RECORD
        is_alone = self._is_alone[moment.stack]
        is_private = request.verb in _RECORDS and is_alone and done not in _EFFECTS
        return request.verb in _UNNOTICED or is_start or is_private or done is Verb.CLOCK

    def _is_last_check(self, state: State, moment: Moment) -> bool:
        """Tell whether the clock is read for the check right before a write."""
        while moment.request is not None and moment.request.verb is Verb.CLOCK:
            moment = moment.after(self._rules.leases - state.leases)
        return moment.request is not None and moment.request.verb in _WRITES

    def _crash(self, state: State, index: int, worker: Worker) -> Step:
        """A worker dies, its lease runs out, and its message comes back."""
        stack = worker.moment.stack
        dead = with_worker(state, index, None, stack)
        record = dead.records[stack]
        if record is not None:
            free = with_one(dead.records, stack, record._replace(leased_until=0))
            dead = dead._replace(records=free)
        if self._is_eventful:
            dead = dead.with_due(stack, frozenset({worker.moment.message}))
        says = (f"worker {index} CRASHES",)
        return Step(says, dead._replace(crashes=state.crashes - 1))

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
