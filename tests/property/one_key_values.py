"""One key: its instances and records, and what workers and services say about it.

Buckets, tables and stacks are numbered: 0 is side "a", 1 is side "b". User operations are numbered
from 1; every PUT has bytes of its own, so the operation's number stands for them.
"""

from enum import StrEnum
from typing import NamedTuple

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

    def __str__(self) -> str:
        own, peer = self.pair or ("?", "?")
        intent = f", intent {self.intent}" if self.intent else ""
        lease = ", leased" if self.is_leased else ""
        return f"(own {own or 'absent'}, peer {peer or 'absent'}{intent}{lease})"


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
    """A request: `key` is the object's, `instance` what is put, `record` what is written.

    `expected` is what must be there for a write (None: nothing), and for a GET, where it is set.
    """

    verb: Verb
    side: int
    key: str = ""
    instance: Instance | None = None
    expected: Instance | None = None
    record: Record | None = None


class Refusal(StrEnum):
    """An answer that is none."""

    PRECONDITION = "the condition does not hold"
    FORBIDDEN = "forbidden"
    NO_ANSWER = "the answer is lost"


Answer = Instance | Record | Refusal | bool | str | None
