"""Both buckets and both tables, as they answer one request: the explored world's only effects.

What is assumed of the services is here, and nothing else: a conditional request compares etags (and
so cannot tell two instances that differ in metadata only), a record is written if its generation is
the one that was read, and what a stack writes is echoed to the bucket's own stack.
"""

from typing import NamedTuple

from tests.objects import KEY
from tests.property.one_key_losses import buries, loss
from tests.property.one_key_rules import Delivery, Echo, Fault, Rules
from tests.property.one_key_state import State, Worker, with_one
from tests.property.one_key_translation import NULL_VERSION
from tests.property.one_key_values import (
    REPLICA_AT,
    Answer,
    Instance,
    Known,
    Message,
    Record,
    Refusal,
    Request,
    Verb,
)


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
            case Verb.WRITE_RECORD:
                return self._write_record(state, request)
            case Verb.PUT | Verb.DELETE:
                return self._write(state, worker, request)
            case Verb.KEEP | Verb.KEEP_VERSION:
                return self._keep(state, request)
            case Verb.PURGE | Verb.PUT_TAGS:
                return self._change(state, request)
            case Verb.NUDGE:
                nudged = state.with_due(request.side, frozenset({Message.PEER_HINT}))
                return Reply(answer=True, state=nudged)
            case _:
                return Reply(self._read(state, index, worker, request), state)

    def _read(self, state: State, index: int, worker: Worker, request: Request) -> Answer:
        match request.verb:
            case Verb.NONCE:
                return f"{state.copies}.{index}"
            case Verb.CLOCK:
                return self._rules.leases - state.leases
            case Verb.READ_RECORD:
                return state.records[request.side]
            case Verb.VERSIONS:
                return state.histories[request.side]
            case Verb.HEAD_VERSION:
                return _version(state, request)
            case _:
                return _read_object(state, worker, request)

    def _write_record(self, state: State, request: Request) -> Reply:
        record, known = request.record, state.records[request.side]
        if record is None:
            raise AssertionError("there is a record to write")
        generation = known.generation if known else 0
        if record.generation != generation and not self._has(Fault.UNCONDITIONAL_RECORD):
            return Reply(answer=False, state=state)
        stored = self._shortened(record)._replace(generation=generation + 1)
        records = with_one(state.records, request.side, stored)
        return Reply(answer=True, state=state._replace(records=records))

    def _shortened(self, record: Record) -> Record:
        """Return the record without what nothing is decided by under these rules."""
        rules, pair, intent = self._rules, record.pair, record.intent
        if pair is not None:
            own, peer, tags = pair
            if rules.delivery is not Delivery.FINDER:
                own, peer = _without_time(own), _without_time(peer)
            pair = (own, peer, tags if rules.has_tags else None)
        if intent is not None and not rules.versioned:
            intent = (intent[0], "")
        return record._replace(
            pair=pair,
            intent=None if self._has(Fault.NO_INTENT) else intent,
            past=() if self._has(Fault.NO_PAST) else record.past,
        )

    def _keep(self, state: State, request: Request) -> Reply:
        """Copy an instance aside, the current one or a version, without its marker."""
        if request.verb is Verb.KEEP_VERSION:
            kept = _version(state, request)
        else:
            current = state.objects[request.side]
            kept = current if has_etag_of(request.expected, current) else None
        if kept is None:
            return Reply(Refusal.PRECONDITION, state)
        if self._has(Fault.LOSER_DROPPED):
            return Reply(answer=True, state=state)
        copy = (request.side, request.key, kept._replace(marker=None, version=None, restored=0))
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
        top = written or self._delete_marker(state, side)
        account = state.account
        if buries(self._rules, state, seen, side, written) and current:
            account = account._replace(buried=account.buried | {current.value})
        after = state.with_top(side, top)._replace(
            seen=with_one(state.seen, side, state.seen[side] | seen),
            copies=state.copies + (top is not None),
            account=account,
        )
        echo = Message.ECHO_PUT if written else Message.ECHO_REMOVAL
        return Reply(
            answer=(top and top.version) or True,
            state=self._with_echo(after, side, echo),
            violation=loss(self._rules, state, seen, request, written),
        )

    def _delete_marker(self, state: State, side: int) -> Instance | None:
        if side not in self._rules.versioned:
            return None
        return Instance(0, 0, REPLICA_AT, None, f"s{state.copies}")

    def _stored(self, state: State, request: Request) -> Instance | None:
        """Return what is there after a put; a store without markers shows times instead."""
        put = request.instance
        if put is None:
            return None
        if request.side in self._rules.versioned:
            put = put._replace(version=f"s{state.copies}")
        if self._rules.delivery is Delivery.FINDER:
            # A listing tells instances apart by their times, which differ: each has its second.
            put = put._replace(at=put.at + state.copies)
        if put.marker is None:
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
        return self._has(ignores) or has_etag_of(request.expected, current)

    def _change(self, state: State, request: Request) -> Reply:
        """Replace the current instance's tags, or take a version out of the history."""
        current, history = state.objects[request.side], state.histories[request.side]
        if request.verb is Verb.PURGE:
            left = tuple(each for each in history if each.version != request.version)
            purged = state._replace(histories=with_one(state.histories, request.side, left))
            return Reply(answer=True, state=purged)
        if current is None:
            return Reply(Refusal.PRECONDITION, state)
        tagged = (current._replace(tags=request.tags), *history[1:])
        after = state._replace(histories=with_one(state.histories, request.side, tagged))
        after = self._with_echo(after, request.side, Message.ECHO_TAGGED)
        return Reply(answer=True, state=after)

    def _with_echo(self, state: State, stack: int, echo: Message) -> State:
        rules = self._rules
        if rules.echo is Echo.LOST:
            return state
        if rules.delivery is Delivery.EVENTS:
            return state.with_due(stack, frozenset({echo}))
        if rules.echo in {Echo.ACKNOWLEDGED, Echo.REPEATED}:
            echoes = with_one(state.echoes, stack, state.echoes[stack] | {echo})
            state = state._replace(echoes=echoes)
        if rules.echo in {Echo.LATE, Echo.REPEATED}:
            echoed = with_one(state.echoed, stack, state.echoed[stack] | {echo})
            state = state._replace(echoed=echoed)
        return state


def _without_time(known: Known | None) -> Known | None:
    """Return what is known of an instance, its listing cut to the etag."""
    if known is None:
        return None
    name, shown, replica = known
    return name, shown and shown.partition("|")[0] + "|", replica


def _read_object(state: State, worker: Worker, request: Request) -> Answer:
    current = state.objects[request.side]
    if request.verb is Verb.READ_TAGS:
        return current.tags if current else None
    if request.key != KEY:
        copies = (copy for *place, copy in state.kept if place == [request.side, request.key])
        return next(copies, None)
    if request.expected is not None:
        matches = has_etag_of(request.expected, current)
        return current if matches else Refusal.PRECONDITION
    if worker.early is not None and request.side == worker.moment.stack:
        return worker.early[0]
    return current


def _version(state: State, request: Request) -> Instance | None:
    """Return one version that is no delete marker."""
    wanted = None if request.version == NULL_VERSION else request.version
    found = (each for each in state.histories[request.side] if each.version == wanted)
    return next((each for each in found if each.content), None)


def has_etag_of(expected: Instance | None, current: Instance | None) -> bool:
    """Tell whether both are absent or show the same etag; a metadata edit does not change it."""
    if expected is None or current is None:
        return expected is current
    return expected.content == current.content
