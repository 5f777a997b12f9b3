"""Every step that can happen next to one key: users, workers, crashes, echoes.

Between any two requests of a worker anything else may happen. Only requests that nobody else can
notice are joined to the one before: nonces, and records where the stack has a single worker (but
never the record after a write, for a crash between the two is noticed).
"""

from collections.abc import Iterator

from tests.objects import KEY
from tests.property.one_key_services import Services
from tests.property.one_key_stack import Progress, proceed
from tests.property.one_key_state import (
    NAMES,
    A,
    Answer,
    B,
    Fault,
    Instance,
    Message,
    Refusal,
    Request,
    Rules,
    State,
    Step,
    Verb,
    Worker,
    with_one,
    with_worker,
)

_RECORDS = {Verb.READ_RECORD, Verb.WRITE_RECORD}
_WRITES = {Verb.PUT, Verb.DELETE}
_READS = {Verb.HEAD, Verb.GET}


class Steps:
    """The steps under one set of rules."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._services = Services(rules)
        self._is_alone = tuple(rules.workers.count(stack) == 1 for stack in (A, B))

    def after(self, state: State) -> Iterator[Step]:
        """Yield everything that can happen next."""
        if state.operations and not _has_echo_due(state):
            yield from self._user_steps(state)
        idle: dict[int, int] = {}
        for index, worker in enumerate(state.workers):
            if worker is None:
                # Two idle workers of one stack are the same: one of them may start.
                idle.setdefault(self._rules.workers[index], index)
                continue
            yield self.work(state, index)
            if state.crashes and worker.has_claimed:
                yield self._crash(state, index, worker)
        for stack, index in idle.items():
            if self._rules.leases_expire or not _is_leased(state, stack):
                yield from self._starts(state, stack, index)

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
            for at in self._rules.stamps if self._rules.has_edits else ():
                edited = current._replace(edit=number, at=at)
                yield Step(("user edits", edited, *where), _by_user(state, side, edited, number))

    # --- workers --------------------------------------------------------------------------------

    def _starts(self, state: State, stack: int, index: int) -> Iterator[Step]:
        """Echoes that are due cost no evaluation; everything else may come at any time."""
        for message in state.echoes[stack]:
            rest = with_one(state.echoes, stack, state.echoes[stack] - {message})
            yield self.begin(state._replace(echoes=rest), index, message, is_due=True)
        if state.evaluations:
            fewer = state._replace(evaluations=state.evaluations - 1)
            for message in (*self._rules.messages, *state.echoed[stack]):
                yield self.begin(fewer, index, message)

    def begin(self, state: State, index: int, message: Message, *, is_due: bool = False) -> Step:
        """Start an evaluation by reading the record."""
        stack = self._rules.workers[index]
        worker = Worker(stack, message, is_due=is_due)
        who = (f"{self._who(index)}, woken by {message},",)
        if Fault.OWN_SIDE_FIRST in self._rules.faults:
            early = (state.objects[stack], state.seen[stack])
            started = with_worker(state, index, worker._replace(early=early))
            return Step((*who, "reads", NAMES[stack], early[0] or "absent"), started)
        return self._go_on(state, index, worker, who, waited=False)

    def work(self, state: State, index: int, *, waited: bool = False) -> Step:
        """Return a worker's next step; `waited` says that the grace period is over."""
        worker = state.workers[index]
        if worker is None:
            raise AssertionError("an idle worker has no next step")
        return self._go_on(state, index, worker, (self._who(index),), waited=waited)

    def _go_on(
        self, state: State, index: int, worker: Worker, who: tuple[str], *, waited: bool
    ) -> Step:
        """Answer a worker's request, and those that are joined to it."""
        says: list[object] = [*who]
        violation = None
        progress = _progress(worker, waited=waited)
        known = len(progress.reports)
        while progress.request is not None:
            request = progress.request
            reply = self._services.answer(state, index, worker, request)
            state, violation = reply.state, violation or reply.violation
            says += _told(request, reply.answer)
            worker = _informed(worker, state, request, reply.answer)
            progress = _progress(worker, waited=waited)
            if not self._joins(worker.stack, request.verb, progress.request):
                break
        says += (f"-> {report}" for report in progress.reports[known:])
        after = with_worker(state, index, worker if progress.request else None)
        return Step(tuple(says), _with_plain_generation(after, worker.stack), violation)

    def _joins(self, stack: int, done: Verb, request: Request | None) -> bool:
        if request is None or request.verb is Verb.NONCE:
            return request is not None
        if done is Verb.NONCE and request.verb is Verb.READ_RECORD:
            return True
        return self._is_alone[stack] and request.verb in _RECORDS and done not in _WRITES

    def _crash(self, state: State, index: int, worker: Worker) -> Step:
        """A worker dies; its lease runs out, and the message is delivered again."""
        stack, crashes = worker.stack, state.crashes - 1
        dead = with_worker(state, index, None)._replace(crashes=crashes)
        record = state.records[stack]
        if record is not None:
            free = with_one(state.records, stack, record._replace(is_leased=False))
            dead = dead._replace(records=free)
        if worker.is_due:
            again = with_one(state.echoes, stack, state.echoes[stack] | {worker.message})
            dead = dead._replace(echoes=again)
        return Step((self._who(index), "CRASHES"), _with_plain_generation(dead, stack))

    def _who(self, index: int) -> str:
        return f"worker {index} of {NAMES[self._rules.workers[index]]}"


def _progress(worker: Worker, *, waited: bool) -> Progress:
    return proceed(worker.stack, worker.message, worker.answers, waited=waited)


def _informed(worker: Worker, state: State, request: Request, answer: Answer) -> Worker:
    """Return the worker with one answer more, and with the history of what it has read."""
    worker = worker._replace(answers=(*worker.answers, answer))
    if request.verb is Verb.WRITE_RECORD:
        return worker._replace(has_claimed=worker.has_claimed or answer is True)
    if request.verb not in _READS or request.key != KEY:
        return worker
    seen = state.seen[request.side]
    if request.side != worker.stack:
        return worker._replace(peer_seen=seen)
    if worker.early is not None and not request.is_conditional:
        seen = worker.early[1]
    return worker._replace(own_seen=seen)


def _told(request: Request, answer: Answer) -> tuple[object, ...]:
    """Put a request and its answer into words."""
    where = NAMES[request.side]
    if request.verb in _READS:
        kept = "" if request.key == KEY else f"the copy {request.key} at "
        return (request.verb.value, kept + where, answer or "absent")
    if request.verb is Verb.WRITE_RECORD:
        record = request.record
        return (request.verb.value, where, record, "" if answer else "refused")
    if request.verb in {Verb.NONCE, Verb.READ_RECORD}:
        return ()
    refused = answer if isinstance(answer, Refusal) else ""
    return (request.verb.value, where, request.instance or request.expected, refused)


def _by_user(state: State, side: int, instance: Instance | None, number: int) -> State:
    return state._replace(
        objects=with_one(state.objects, side, instance),
        seen=with_one(state.seen, side, state.seen[side] | {number}),
        operations=state.operations - 1,
    )


def _has_echo_due(state: State) -> bool:
    return any(state.echoes) or any(worker and worker.is_due for worker in state.workers)


def _is_leased(state: State, stack: int) -> bool:
    record = state.records[stack]
    return record is not None and record.is_leased


def _with_plain_generation(state: State, stack: int) -> State:
    """Forget the number of a generation that no worker holds."""
    record = state.records[stack]
    if record is None or record.generation == 1:
        return state
    if any(worker and worker.stack == stack for worker in state.workers):
        return state
    plain = with_one(state.records, stack, record._replace(generation=1))
    return state._replace(records=plain)
