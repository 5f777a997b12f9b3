"""Both buckets and both tables, as they answer one request: the explored world's only effects.

What is assumed of the services is here, and nothing else: a conditional request compares etags (and
so cannot tell two instances that differ in metadata only), a record is written if its generation is
the one that was read, and what a stack writes is echoed to the bucket's own stack.
"""

from typing import NamedTuple

from tests.objects import KEY
from tests.property.one_key_state import Echo, Fault, Rules, State, Worker, with_one
from tests.property.one_key_values import (
    Answer,
    Instance,
    Message,
    Refusal,
    Request,
    Seen,
    Verb,
)

LOST = "LOST"
"""A user's bytes or metadata were destroyed that the winner's side had not seen, without a copy."""

ABA = "ABA"
"""The same, where the etag could not tell the instance from the one that was decided on (R3)."""


class Reply(NamedTuple):
    """The answer, the world after the request, and what the request broke."""

    answer: Answer
    state: State
    violation: str | None = None


class Services:
    """The services under one set of rules."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._has = rules.faults.__contains__

    def answer(self, state: State, index: int, worker: Worker, request: Request) -> Reply:
        """Carry out one request of worker number `index`."""
        match request.verb:
            case Verb.NONCE:
                return Reply(f"{state.copies}.{index}", state)
            case Verb.READ_RECORD:
                return Reply(self._record(state, request.side), state)
            case Verb.WRITE_RECORD:
                return self._write_record(state, request)
            case Verb.HEAD | Verb.GET:
                return Reply(_read(state, worker, request), state)
            case Verb.KEEP:
                return self._keep(state, request)
            case Verb.PUT | Verb.DELETE:
                return self._write(state, worker, request)

    def _record(self, state: State, stack: int) -> Answer:
        """A lease that is still held is read as it is, unless leases are said to run out."""
        record = state.records[stack]
        return record._replace(is_leased=False) if record and self._rules.leases_expire else record

    def _write_record(self, state: State, request: Request) -> Reply:
        record, known = request.record, state.records[request.side]
        if record is None:
            raise AssertionError("there is a record to write")
        generation = known.generation if known else 0
        if record.generation != generation and not self._has(Fault.UNCONDITIONAL_RECORD):
            return Reply(answer=False, state=state)
        stored = record._replace(generation=generation + 1)
        if self._has(Fault.NO_INTENT):
            stored = stored._replace(intent=None)
        records = with_one(state.records, request.side, stored)
        return Reply(answer=True, state=state._replace(records=records))

    def _keep(self, state: State, request: Request) -> Reply:
        """Copy the current instance aside, without its marker."""
        current = state.objects[request.side]
        if current is None or not _has_etag_of(request.expected, current):
            return Reply(Refusal.PRECONDITION, state)
        if self._has(Fault.LOSER_DROPPED):
            return Reply(answer=True, state=state)
        copy = (request.side, request.key, current._replace(marker=None))
        return Reply(answer=True, state=state._replace(kept=state.kept | {copy}))

    def _write(self, state: State, worker: Worker, request: Request) -> Reply:
        side, written = request.side, self._stored(state, request)
        if side == worker.moment.stack and self._has(Fault.NO_HELPER):
            return Reply(Refusal.FORBIDDEN, state)
        current = state.objects[side]
        if not self._holds(request, current):
            return Reply(Refusal.PRECONDITION, state)
        if written is None and current is None:
            return Reply(answer=True, state=state)
        seen = worker.peer_seen if side == worker.moment.stack else worker.own_seen
        after = state._replace(
            objects=with_one(state.objects, side, written),
            seen=with_one(state.seen, side, state.seen[side] | seen),
            copies=state.copies + (written is not None),
        )
        echo = Message.ECHO_PUT if written else Message.ECHO_REMOVAL
        return Reply(
            answer=True,
            state=self._with_echo(after, side, echo),
            violation=_loss(state, seen, request, current, written),
        )

    def _stored(self, state: State, request: Request) -> Instance | None:
        """Return what is there after a put; a store without markers shows times instead."""
        put = request.instance
        if put is None or put.marker is None:
            return put
        if self._has(Fault.NO_MARKER):
            return put._replace(marker=None, at=put.at + state.copies)
        if self._has(Fault.NO_PREDECESSOR):
            fields = put.marker.split(";")
            without = ("pred=0" if field.startswith("pred=") else field for field in fields)
            return put._replace(marker=";".join(without))
        return put

    def _holds(self, request: Request, current: Instance | None) -> bool:
        """Evaluate If-None-Match:* or If-Match; to delete what is absent is a success."""
        is_delete = request.verb is Verb.DELETE
        if is_delete and current is None:
            return True
        ignores = Fault.UNCONDITIONAL_DELETE if is_delete else Fault.UNCONDITIONAL_PUT
        return self._has(ignores) or _has_etag_of(request.expected, current)

    def _with_echo(self, state: State, stack: int, echo: Message) -> State:
        if self._rules.echo in {Echo.ACKNOWLEDGED, Echo.REPEATED}:
            echoes = with_one(state.echoes, stack, state.echoes[stack] | {echo})
            state = state._replace(echoes=echoes)
        if self._rules.echo in {Echo.LATE, Echo.REPEATED}:
            echoed = with_one(state.echoed, stack, state.echoed[stack] | {echo})
            state = state._replace(echoed=echoed)
        return state


def _read(state: State, worker: Worker, request: Request) -> Answer:
    if request.key != KEY:
        copies = (copy for *place, copy in state.kept if place == [request.side, request.key])
        return next(copies, None)
    current = state.objects[request.side]
    if request.expected is not None:
        matches = _has_etag_of(request.expected, current)
        return current if matches else Refusal.PRECONDITION
    if worker.early is not None and request.side == worker.moment.stack:
        return worker.early[0]
    return current


def _has_etag_of(expected: Instance | None, current: Instance | None) -> bool:
    """Tell whether both are absent or show the same etag; a metadata edit does not change it."""
    if expected is None or current is None:
        return expected is current
    return expected.content == current.content


def _loss(
    state: State,
    seen: Seen,
    request: Request,
    current: Instance | None,
    written: Instance | None,
) -> str | None:
    """Tell whether `written` in place of `current` destroys what exists nowhere else.

    It does not if the winner's side had seen it, or if it is in a copy or in the winner itself.
    """
    if current is None or current.operation in seen:
        return None
    if current.value in {copy.value for *_, copy in state.kept}:
        return None
    if written is not None and written.value == current.value:
        return None
    expected = request.expected
    was_mistaken = expected is not None and expected.operation != current.operation
    return ABA if was_mistaken and _has_etag_of(expected, current) else LOST
