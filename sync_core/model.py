"""The values that the parts hand to one another: frozen, made of the standard library only.

Absence is `None`: an object that is not there is never an `ObjectVersion`. Instants are aware UTC.
`own` is the deployment's own side and `peer` the other one; where something moves, it moves from a
source to a destination.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum

REPLICATED_HEADERS = (
    "content-type",
    "content-encoding",
    "content-language",
    "content-disposition",
    "cache-control",
    "expires",
)
"""The content headers that belong to an object's value, as lower-case HTTP names."""


@dataclass(frozen=True, slots=True)
class Site:
    """One side: its short name, its bucket and the bucket's region."""

    name: str
    bucket: str
    region: str


@dataclass(frozen=True, slots=True)
class SitePair:
    """The two sides as one deployment sees them; the other deployment sees them swapped."""

    own: Site
    peer: Site

    @property
    def pair_id(self) -> str:
        """Eight hex digits, the same on both sides, which tie a marker to this pair of buckets."""
        sides = sorted(f"{site.name}={site.bucket}" for site in (self.own, self.peer))
        return hashlib.sha256("|".join(sides).encode()).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One instance of an object, as its store shows it.

    `etag` is unquoted. `headers` holds only REPLICATED_HEADERS that are set; `metadata` the user's
    entries (lower-case names) without our own, whose raw text is `marker`. `version_id` is None
    where versioning was never on. `md5` (hex) is set only where the store is known to show the
    MD5 of the whole content; `crc64nvme` (base64) only for a full-object checksum. `tag_count` is
    None where the store does not say.
    """

    key: str
    etag: str
    size_bytes: int
    last_modified_at: datetime
    headers: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    marker: str | None = None
    version_id: str | None = None
    md5: str | None = None
    crc64nvme: str | None = None
    tag_count: int | None = None


@dataclass(frozen=True, slots=True)
class ListedObject:
    """An object as a listing shows it."""

    key: str
    etag: str
    size_bytes: int
    last_modified_at: datetime


class EventKind(StrEnum):
    """What a message says has happened; a hint for the log, never an argument of a verdict."""

    CREATED = "created"
    REMOVED = "removed"
    EXPIRED = "expired"
    TAGGED = "tagged"
    HINT = "hint"


@dataclass(frozen=True, slots=True)
class ObjectEvent:
    """A hint that one key may differ between the sides.

    `key` is decoded. `name` is the store's name of the event, such as `ObjectCreated:Put`.
    `principal_id` is as received; None where the event does not carry one. `sequencer` and `etag`
    serve diagnostics only.
    """

    key: str
    kind: EventKind
    name: str = ""
    principal_id: str | None = None
    sequencer: str | None = None
    etag: str | None = None
    version_id: str | None = None
    size_bytes: int | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SideState:
    """One side of a recorded pair: the instance's id and, where known, how a listing shows it."""

    id: str
    lid: str | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """The last state in which both sides are known to have agreed; both None is a tombstone."""

    own: SideState | None = None
    peer: SideState | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """Written before a create or an overwrite: what is about to be put, and in place of what."""

    source_id: str
    replaced_id: str | None
    nonce: str
    opened_at: datetime
    upload_id: str | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """Who evaluates the key at present, and until when that counts."""

    owner: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """Since when one snapshot, named by both instances' ids, has waited for the peer to act."""

    snapshot: str
    since: datetime


@dataclass(frozen=True, slots=True)
class SyncRecord:
    """What the own stack knows of one key; `gen` is the generation it was read with (0: none)."""

    key: str
    gen: int = 0
    pair: Pair | None = None
    intent: Intent | None = None
    lease: Lease | None = None
    waiting: Waiting | None = None
    expires_at: datetime | None = None


class Side(Enum):
    """Which side's bucket an action writes to."""

    OWN = "own"
    PEER = "peer"


class Link(StrEnum):
    """By what the two instances are known to be the same."""

    PAIR = "pair"
    MARKER = "marker"
    CONTENT = "content"


class SkipReason(StrEnum):
    """Every way to do nothing has a name."""

    BOTH_ABSENT = "both_absent"
    IN_SYNC = "in_sync"
    PEER_ACTS = "peer_acts"
    PEER_WINS = "peer_wins"
    EXCLUDED = "excluded"
    NOT_A_CHANGE = "not_a_change"


@dataclass(frozen=True, slots=True)
class Copy:
    """Put the source's instance in place of `replaces` (None: of nothing) on the `to` side."""

    row: int
    source: ObjectVersion
    replaces: ObjectVersion | None
    to: Side = Side.PEER


@dataclass(frozen=True, slots=True)
class Conflict:
    """Keep the loser as a copy beside it, then put the source in its place on the `to` side."""

    row: int
    source: ObjectVersion
    loser: ObjectVersion
    to: Side = Side.PEER


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete exactly this instance on the `at` side."""

    row: int
    instance: ObjectVersion
    at: Side = Side.PEER


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Both sides agree (or both are absent) and the record does not say so yet: record it."""

    row: int
    link: Link | None


@dataclass(frozen=True, slots=True)
class Skip:
    """Nothing is to be done here."""

    row: int
    reason: SkipReason


@dataclass(frozen=True, slots=True)
class Unsure:
    """Our own earlier write may or may not have happened: wait for the peer's evidence."""

    row: int


Verdict = Copy | Conflict | Delete | Acknowledge | Skip | Unsure


class Action(StrEnum):
    """What was done about a key; the stable machine name in logs and metrics."""

    OBJECT_COPIED = "object_copied"
    OBJECT_DELETED = "object_deleted"
    LOSER_KEPT = "loser_kept"
    TAGS_COPIED = "tags_copied"
    ACKNOWLEDGED = "acknowledged"
    SKIPPED = "skipped"
    REPEATED_TRANSFER = "repeated_transfer"
    REPEATED_DELETE = "repeated_delete"
    PEER_NUDGED = "peer_nudged"
    DEFERRED = "deferred"
    RETRIED = "retried"
    DEAD_LETTERED = "dead_lettered"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One thing that was done, for logs and metrics.

    `bucket` is the bucket that was written to, or, for events, the one they came from. `reason`
    is a skip's reason or an error's sentence. `lag_seconds` runs from the event's time to now.
    """

    action: Action
    key: str
    bucket: str = ""
    row: int | None = None
    reason: str = ""
    principal_id: str | None = None
    size_bytes: int = 0
    lag_seconds: float | None = None
