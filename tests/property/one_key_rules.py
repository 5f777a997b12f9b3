"""The rules of what can happen in the explored world, and what can be taken away from it."""

from enum import StrEnum
from typing import NamedTuple

from tests.property.one_key_values import A, B, Message


class Echo(StrEnum):
    """What becomes of the events that the stacks' own writes raise."""

    ACKNOWLEDGED = "acknowledged before the next user operation"
    REPEATED = "acknowledged before the next user operation, and delivered again at any time"
    LATE = "delivered at any time, any number of times"
    LOST = "never delivered"


class Delivery(StrEnum):
    """What makes a stack look at the key.

    `ANYTHING`: events come at any time, and in the end each stack looks. `FINDER`: the same, but in
    the end each stack looks only where the finder's rule asks for it, and nobody nudges. `EVENTS`:
    each event is delivered once, late perhaps and in any order; beside these only the hints come
    that the stacks send, to themselves and to one another, and in the end the finder's.
    """

    ANYTHING = "anything"
    FINDER = "finder"
    EVENTS = "events"


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
    NO_PAST = "records do not name the replicas of the past"
    OVERWRITTEN_UNSEEN = "nobody looks below what was put on a versioned bucket"
    ECHOES_DROPPED = "events by the dedicated user are dropped unseen"
    NEWEST_WINS = "the later LastModified wins, and nothing is kept"
    EVERY_MARKER_VALID = "a marker counts whatever has become of the object"


class Rules(NamedTuple):
    """What can happen, and how often.

    `versioned` are the sides whose buckets are; `has_history` lets users bring back and purge what
    is in a history. `leases`: how often the time passes in which a lease runs out, also between a
    write's last check and its effect if `are_writes_late`. `by_hand`: a user may use the
    dedicated user's key. `keeps_versions` is the policy of that name. `has_finder` False: with
    events only, there is none.
    """

    operations: int = 2
    evaluations: int = 4
    crashes: int = 1
    lost_answers: int = 0
    leases: int = 0
    are_writes_late: bool = False
    echo: Echo = Echo.ACKNOWLEDGED
    delivery: Delivery = Delivery.ANYTHING
    messages: tuple[Message, ...] = (Message.CREATED,)
    workers: tuple[int, ...] = (A, B)
    stamps: tuple[int, ...] = (1, 2)
    has_edits: bool = False
    has_tags: bool = False
    by_hand: bool = False
    versioned: frozenset[int] = frozenset()
    has_history: bool = False
    keeps_versions: bool = False
    has_finder: bool = True
    faults: frozenset[Fault] = frozenset()
