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
"""LastModified of what a stack writes; users' stamps are earlier."""

Seen = frozenset[int]
"""The user operations that a bucket's state includes, overwritten ones too."""

Tags = frozenset[int]
"""Names of tags: the user operations that set them."""

NO_TAGS: Tags = frozenset()

Known = tuple[str, str | None, str | None]
"""One side of a recorded pair: the instance's id, how a listing shows it, and the replica's id."""

KnownPair = tuple[Known | None, Known | None, str | None]
"""A pair as a stack records it: own, peer, and the hash of the tags."""


class Instance(NamedTuple):
    """One version of the object: its bytes, its metadata, its LastModified, our marker's text.

    `content` is the operation that put the bytes (0: a delete marker), `edit` the one that last
    edited the metadata (0: none). The etag shows the content only. `version` is None where the
    bucket is not versioned. `restored` is the operation that brought an old version back (0: none),
    which nobody can see.
    """

    content: int
    edit: int
    at: int
    marker: str | None
    version: str | None = None
    tags: Tags = NO_TAGS
    restored: int = 0

    @property
    def operation(self) -> int:
        """The user operation that made this the object's value."""
        return self.restored or self.edit or self.content

    @property
    def value(self) -> tuple[int, int]:
        """What both sides have to agree on in the end."""
        return self.content, self.edit

    def is_shown_as(self, other: "Instance") -> bool:
        """Tell whether a read shows them as the same instance."""
        return self[:5] == other[:5]

    def __str__(self) -> str:
        if not self.content:
            return f"<delete marker {self.version}>"
        edit = f" edited by {self.edit}" if self.edit else ""
        version = f" as {self.version}" if self.version else ""
        tags = f" tagged {sorted(self.tags)}" if self.tags else ""
        return f"<{self.content}{edit} at {self.at}{', marked' * bool(self.marker)}{version}{tags}>"


History = tuple[Instance, ...]
"""The versions of the key in one bucket and the delete markers on it, newest first.

Where the bucket is not versioned, there is one at most.
"""


class Record(NamedTuple):
    """What a table holds of the key.

    `intent` is the open intent's source and nonce, `waiting` a snapshot that waits and since when.
    `leased_until` and that instant are counted in leases from the beginning of the world; 0 is no
    lease. `past` are ids of replicas.
    """

    generation: int
    pair: KnownPair | None
    intent: tuple[str, str] | None
    waiting: tuple[str, int] | None
    leased_until: int
    past: tuple[str, ...]

    def __str__(self) -> str:
        own, peer, tags = self.pair or (("?", None, None), ("?", None, None), None)
        told = [f"own {own[0] if own else 'absent'}", f"peer {peer[0] if peer else 'absent'}"]
        told += [f"tags {tags}"] if tags else []
        told += [f"intent {self.intent[0]}"] if self.intent else []
        told += ["waiting"] if self.waiting else []
        told += [f"leased until {self.leased_until}"] if self.leased_until else []
        told += [f"past {' '.join(self.past)}"] if self.past else []
        return f"({', '.join(told)})"


class Message(StrEnum):
    """What makes a worker evaluate the key."""

    CREATED = "a user's creation"
    REMOVED = "a user's removal"
    TAGGED = "a user's tagging"
    HINT = "a hint"
    TAGS_HINT = "a hint about tags"
    FINDER = "the finder"
    PEER_HINT = "the peer's hint"
    ECHO_PUT = "the echo of a put"
    ECHO_REMOVAL = "the echo of a removal"
    ECHO_TAGGED = "the echo of a tagging"


class Verb(StrEnum):
    """The requests that a worker makes."""

    READ_RECORD = "reads the record of"
    WRITE_RECORD = "writes the record of"
    NONCE = "takes a nonce at"
    CLOCK = "reads the clock at"
    NUDGE = "nudges"
    HEAD = "reads"
    GET = "opens"
    PUT = "puts at"
    DELETE = "deletes at"
    KEEP = "keeps the loser at"
    VERSIONS = "lists the versions at"
    HEAD_VERSION = "reads a version at"
    KEEP_VERSION = "keeps a version at"
    PURGE = "removes a version at"
    READ_TAGS = "reads the tags at"
    PUT_TAGS = "puts the tags at"


class Request(NamedTuple):
    """A request: `key` is the object's, `instance` what is put, `record` what is written.

    `expected` is what must be there for a write (None: nothing), and for a GET, where it is set.
    `version` names one version ("null": of a bucket that is not versioned).
    """

    verb: Verb
    side: int
    key: str = ""
    instance: Instance | None = None
    expected: Instance | None = None
    record: Record | None = None
    version: str = ""
    tags: Tags = NO_TAGS


class Refusal(StrEnum):
    """An answer that is none."""

    PRECONDITION = "the condition does not hold"
    FORBIDDEN = "forbidden"
    NO_ANSWER = "the answer is lost"


Answer = Instance | Record | Refusal | History | Tags | bool | int | str | None
