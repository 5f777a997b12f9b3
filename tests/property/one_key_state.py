"""The state of one key in two buckets with two stacks: small, hashable, equal where it matters.

Buckets, tables and stacks are numbered: 0 is side "a", 1 is side "b". User operations are numbered
from 1; every PUT has bytes of its own, so the operation's number stands for them.
"""

from enum import StrEnum
from typing import NamedTuple, TypeVar

T = TypeVar("T")

A, B = 0, 1
"""The two sides."""

NAMES = ("a", "b")

REPLICA_AT = 9
"""LastModified of everything that a stack writes; users' stamps are earlier."""

Seen = frozenset[int]
"""The user operations that a bucket's state includes, overwritten ones too."""

Ids = tuple[str | None, str | None]
"""Two instance ids as a stack records them: own, peer."""


class Instance(NamedTuple):
    """One object in one bucket: its bytes, its metadata, its LastModified and our marker's text.

    `content` is the operation that put the bytes, `edit` the one that last edited the metadata
    (0: none). The etag shows the content only.
    """

    content: int
    edit: int
    at: int
    marker: str | None

    @property
    def operation(self) -> int:
        """The user operation that made this value."""
        return self.edit or self.content

    @property
    def value(self) -> tuple[int, int]:
        """What both sides have to agree on in the end."""
        return self.content, self.edit

    def __str__(self) -> str:
        edit = f" edited by {self.edit}" if self.edit else ""
        return f"<{self.content}{edit} at {self.at}{', marked' if self.marker else ''}>"


class Record(NamedTuple):
    """What a table holds of the key; instants and nonces are left out.

    `intent` is the id of an open intent's source, `waiting` a snapshot that waits.
    """

    generation: int
    pair: Ids | None
    intent: str | None
    waiting: str | None
    is_leased: bool


class Message(StrEnum):
    """What makes a worker evaluate the key."""

    CREATED = "a user's creation"
    REMOVED = "a user's removal"
    HINT = "a hint"
    ECHO_PUT = "the echo of a put"
    ECHO_REMOVAL = "the echo of a removal"


class Verb(StrEnum):
    """The requests that a worker makes."""

    READ_RECORD = "reads the record of"
    WRITE_RECORD = "writes the record of"
    NONCE = "takes a nonce at"
    HEAD = "reads"
    GET = "opens"
    PUT = "puts at"
    DELETE = "deletes at"
    KEEP = "keeps the loser at"


class Request(NamedTuple):
    """A request: `key` is the object's, `record` what is to be written.

    `instance` is what is put; `expected` what the request is conditional on, where `is_conditional`
    (None: that nothing is there).
    """

    verb: Verb
    side: int
    key: str = ""
    instance: Instance | None = None
    expected: Instance | None = None
    is_conditional: bool = False
    record: Record | None = None


class Refusal(StrEnum):
    """An answer that is none."""

    PRECONDITION = "the condition does not hold"
    FORBIDDEN = "forbidden"


Answer = Instance | Record | Refusal | bool | str | None


class Worker(NamedTuple):
    """An evaluation under way: the answers that it has got so far determine what it does next.

    `own_seen` and `peer_seen` are the histories of what was read last; `early` is the own side as
    it was at the start, for the fault of reading in the wrong order. `has_claimed` says that it has
    written the record, `is_due` that the users wait for it.
    """

    stack: int
    message: Message
    answers: tuple[Answer, ...] = ()
    own_seen: Seen = frozenset()
    peer_seen: Seen = frozenset()
    has_claimed: bool = False
    is_due: bool = False
    early: tuple[Instance | None, Seen] | None = None


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
    echo: Echo = Echo.ACKNOWLEDGED
    has_edits: bool = False
    messages: tuple[Message, ...] = (Message.CREATED, Message.REMOVED)
    workers: tuple[int, ...] = (A, B)
    leases_expire: bool = False
    stamps: tuple[int, ...] = (1, 2)
    faults: frozenset[Fault] = frozenset()


class State(NamedTuple):
    """Everything at one moment.

    `echoes` are the echoes under way to each stack, `echoed` those that may come again. `kept` are
    conflict copies: side, key and instance. `deleted` holds, for each user DELETE, what its user
    had seen. `copies` counts the objects put by stacks, for their nonces. The last three are what
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
    )


def with_one(pair: tuple[T, T], index: int, item: T) -> tuple[T, T]:
    """Return the pair with one side replaced."""
    return (item, pair[B]) if index == A else (pair[A], item)


def with_worker(state: State, index: int, worker: Worker | None) -> State:
    """Return the state with one worker where it has got to."""
    workers = (*state.workers[:index], worker, *state.workers[index + 1 :])
    return state._replace(workers=workers)
