"""The explored world at one moment."""

from typing import NamedTuple, TypeVar

from tests.property.one_key_rules import Rules
from tests.property.one_key_stack import Moment
from tests.property.one_key_translation import replica_of
from tests.property.one_key_values import (
    NO_TAGS,
    B,
    History,
    Instance,
    Message,
    Record,
    Seen,
    Tags,
)

T = TypeVar("T")
Messages = frozenset[Message]
Value = tuple[int, int]

NO_MESSAGES: Messages = frozenset()
NOTHING_SEEN: Seen = frozenset()


class Worker(NamedTuple):
    """An evaluation under way.

    `own_seen` and `peer_seen` are the histories of what was read last; `early` is the own side as
    it was at the start, for the fault of reading in the wrong order. `has_claimed` says that it has
    written the record.
    """

    moment: Moment
    own_seen: Seen = NOTHING_SEEN
    peer_seen: Seen = NOTHING_SEEN
    has_claimed: bool = False
    early: tuple[Instance | None, Seen] | None = None


class Account(NamedTuple):
    """What the judge keeps in mind of the users' doings, and nobody else knows.

    `deleted` holds, for each user DELETE, what its user had seen; `restored` each operation that
    brought a version back, with the operation that had made it. `buried` are values that were
    overwritten unseen and are left in the history of a versioned bucket only. `tagged` says at
    which sides tags were set, and which were set last; None once that alone does not tell how the
    tags have to be in the end.
    """

    deleted: frozenset[Seen] = frozenset()
    restored: frozenset[tuple[int, int]] = frozenset()
    buried: frozenset[Value] = frozenset()
    tagged: tuple[frozenset[int], Tags] | None = (frozenset(), NO_TAGS)


class State(NamedTuple):
    """Everything at one moment.

    `echoes` are the echoes under way to each stack, `echoed` those that may come again, `due` the
    messages that have to be delivered, at any time. `kept` are conflict copies: side, key and
    instance. `copies` counts what stacks have put on top, for nonces and versions. The last five
    are what may still happen.
    """

    histories: tuple[History, History]
    seen: tuple[Seen, Seen]
    records: tuple[Record | None, Record | None]
    workers: tuple[Worker | None, ...]
    echoes: tuple[Messages, Messages]
    echoed: tuple[Messages, Messages]
    due: tuple[Messages, Messages]
    kept: frozenset[tuple[int, str, Instance]]
    account: Account
    copies: int
    operations: int
    evaluations: int
    crashes: int
    lost_answers: int
    leases: int

    @property
    def objects(self) -> tuple[Instance | None, Instance | None]:
        """The current instances."""
        one, other = self.histories
        return (
            one[0] if one and one[0].content else None,
            other[0] if other and other[0].content else None,
        )

    @property
    def is_equal(self) -> bool:
        """Tell whether both sides hold the same value with the same tags, or none."""
        one, other = self.objects
        if one is None or other is None:
            return one is other
        return one.value == other.value and one.tags == other.tags

    def with_top(self, side: int, instance: Instance | None) -> "State":
        """Return the state once `instance` was put (None: the object was deleted).

        An instance or delete marker with a version id comes on top of the history.
        """
        below = self.histories[side] if instance and instance.version else ()
        history = (instance, *below) if instance else ()
        return self._replace(histories=with_one(self.histories, side, history))

    def with_due(self, stack: int, messages: Messages) -> "State":
        """Return the state once messages were sent to a stack."""
        return self._replace(due=with_one(self.due, stack, self.due[stack] | messages))


class Step(NamedTuple):
    """One thing that happens: in words, the state afterwards, and what it broke."""

    says: tuple[object, ...]
    state: State
    violation: str | None = None


def first_state(rules: Rules) -> State:
    """Return the beginning: nothing anywhere."""
    no_messages = (NO_MESSAGES, NO_MESSAGES)
    return State(
        histories=((), ()),
        seen=(NOTHING_SEEN, NOTHING_SEEN),
        records=(None, None),
        workers=(None,) * len(rules.workers),
        echoes=no_messages,
        echoed=no_messages,
        due=no_messages,
        kept=frozenset(),
        account=Account(),
        copies=0,
        operations=rules.operations,
        evaluations=rules.evaluations,
        crashes=rules.crashes,
        lost_answers=rules.lost_answers,
        leases=rules.leases,
    )


def with_one(pair: tuple[T, T], index: int, item: T) -> tuple[T, T]:
    """Return the pair with one side replaced."""
    return (item, pair[1]) if index != B else (pair[0], item)


def with_worker(state: State, index: int, worker: Worker | None, stack: int) -> State:
    """Return the state with one worker where it has got to.

    What nothing can depend on any more is forgotten: the number of a generation as soon as no
    worker of the stack holds one, and the replicas of the past that are nowhere left.
    """
    workers = (*state.workers[:index], worker, *state.workers[index + 1 :])
    record = state.records[stack]
    if record is None:
        return state._replace(workers=workers)
    kept = record
    if kept.past:
        there = {replica_of(i.marker) for h in state.histories for i in h if i.marker}
        if not there.issuperset(kept.past):
            kept = kept._replace(past=tuple(name for name in kept.past if name in there))
    if kept.generation != 1:
        held = any(other and other.moment.setup.stack == stack for other in workers)
        kept = kept if held else kept._replace(generation=1)
    if kept is record:
        return state._replace(workers=workers)
    return state._replace(workers=workers, records=with_one(state.records, stack, kept))
