"""The explored world at one moment, and the rules of what can happen in it."""

from enum import StrEnum
from typing import NamedTuple, TypeVar

from tests.property.one_key_stack import Moment
from tests.property.one_key_values import A, B, Instance, Message, Record, Seen

T = TypeVar("T")


class Echo(StrEnum):
    """What becomes of the events that the stacks' own writes raise."""

    ACKNOWLEDGED = "acknowledged before the next user operation"
    REPEATED = "acknowledged before the next user operation, and delivered again at any time"
    LATE = "delivered at any time, any number of times"
    LOST = "never delivered"


class Fault(StrEnum):
    """Something that the design relies on and that can be taken away, to see what it is for."""

    OWN_SIDE_FIRST = "the own side is read before all else"
    UNCONDITIONAL_PUT = "puts ignore their condition"
    UNCONDITIONAL_DELETE = "deletes ignore their condition"
    LOSER_DROPPED = "a conflict keeps no copy of the loser"
    UNCONDITIONAL_RECORD = "records are written whatever generation is there"
    NO_HELPER = "a stack may not write to its own bucket"
    NO_INTENT = "intents are not written"
    NO_MARKER = "the store drops the marker"
    NO_PREDECESSOR = "the marker does not tell what it replaced"


class Rules(NamedTuple):
    """What can happen, and how often."""

    operations: int = 2
    evaluations: int = 4
    crashes: int = 1
    lost_answers: int = 0
    echo: Echo = Echo.ACKNOWLEDGED
    has_edits: bool = False
    messages: tuple[Message, ...] = (Message.CREATED,)
    workers: tuple[int, ...] = (A, B)
    leases_expire: bool = False
    stamps: tuple[int, ...] = (1, 2)
    faults: frozenset[Fault] = frozenset()


class Worker(NamedTuple):
    """An evaluation under way.

    `own_seen` and `peer_seen` are the histories of what was read last; `early` is the own side as
    it was at the start, for the fault of reading in the wrong order. `has_claimed` says that it has
    written the record.
    """

    moment: Moment
    own_seen: Seen = frozenset()
    peer_seen: Seen = frozenset()
    has_claimed: bool = False
    early: tuple[Instance | None, Seen] | None = None


class State(NamedTuple):
    """Everything at one moment.

    `echoes` are the echoes under way to each stack, `echoed` those that may come again. `kept` are
    conflict copies: side, key and instance. `deleted` holds, for each user DELETE, what its user
    had seen. `copies` counts the objects put by stacks, for their nonces. The last four are what
    may still happen.
    """

    objects: tuple[Instance | None, Instance | None]
    seen: tuple[Seen, Seen]
    records: tuple[Record | None, Record | None]
    workers: tuple[Worker | None, ...]
    echoes: tuple[frozenset[Message], frozenset[Message]]
    echoed: tuple[frozenset[Message], frozenset[Message]]
    kept: frozenset[tuple[int, str, Instance]]
    deleted: frozenset[Seen]
    copies: int
    operations: int
    evaluations: int
    crashes: int
    lost_answers: int

    @property
    def is_equal(self) -> bool:
        """Tell whether both sides hold the same value, or none."""
        one, other = self.objects
        return (one and one.value) == (other and other.value)


class Step(NamedTuple):
    """One thing that happens: in words, the state afterwards, and what it broke."""

    says: tuple[object, ...]
    state: State
    violation: str | None = None


def first_state(rules: Rules) -> State:
    """Return the beginning: nothing anywhere."""
    nothing: Seen = frozenset()
    no_echo: frozenset[Message] = frozenset()
    return State(
        objects=(None, None),
        seen=(nothing, nothing),
        records=(None, None),
        workers=(None,) * len(rules.workers),
        echoes=(no_echo, no_echo),
        echoed=(no_echo, no_echo),
        kept=frozenset(),
        deleted=frozenset(),
        copies=0,
        operations=rules.operations,
        evaluations=rules.evaluations,
        crashes=rules.crashes,
        lost_answers=rules.lost_answers,
    )


def with_one(pair: tuple[T, T], index: int, item: T) -> tuple[T, T]:
    """Return the pair with one side replaced."""
    return (item, pair[B]) if index == A else (pair[A], item)
