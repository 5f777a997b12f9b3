"""What the stores hold and what their messages say."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

MODIFIED_FORMAT = "%Y-%m-%dT%H:%M:%S"
"""Of a LastModified, in UTC, in listed ids."""

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
    """One side: its short name, its bucket and the bucket's region.

    With a `prefix`, only keys that begin with it take part, and everywhere but in messages and at
    the store itself a key is what follows it; the two sides may have different ones.
    """

    name: str
    bucket: str
    region: str
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class SitePair:
    """The two sides as one deployment sees them; the other deployment sees them swapped."""

    own: Site
    peer: Site

    @property
    def pair_id(self) -> str:
        """Eight hex digits, the same on both sides, which tie a marker to this pair of buckets."""
        sites = (self.own, self.peer)
        sides = sorted(f"{site.name}={site.bucket}/{site.prefix}" for site in sites)
        return hashlib.sha256("|".join(sides).encode()).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class ObjectLock:
    """What keeps a version from being deleted: a retention, a legal hold, or both.

    `mode` is GOVERNANCE or COMPLIANCE, and `retain_until` its end; without a retention both are
    None (S3 user guide, Locking objects with Object Lock).
    """

    mode: str | None = None
    retain_until: datetime | None = None
    legal_hold: bool = False

    def in_force_at(self, now: datetime) -> "ObjectLock | None":
        """Return what is left of it: stores take no retention that has ended."""
        if self.retain_until is None or self.retain_until > now:
            return self
        return ObjectLock(legal_hold=True) if self.legal_hold else None


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """One instance of an object, as its store shows it.

    `etag` is unquoted. `headers` holds only REPLICATED_HEADERS that are set; `metadata` the user's
    entries (lower-case names) without our own, whose raw text is `marker`. `version_id` is None
    where versioning was never on. `md5` (hex) is set only where the store is known to show the
    MD5 of the whole content; `crc64nvme` (base64) only for a full-object checksum. `tag_count` is
    None where the store does not say, and so is `lock`, which makes no instance another one.
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
    lock: ObjectLock | None = field(default=None, compare=False)


class ListedObject(NamedTuple):
    """An object as a listing shows it; a tuple, because a finder makes millions of them.

    `modified` is the LastModified in UTC, to the second and without a zone: `2026-11-21T10:15:00`.
    """

    key: str
    etag: str
    size_bytes: int
    modified: str

    @property
    def last_modified_at(self) -> datetime:
        """The LastModified, aware."""
        return datetime.fromisoformat(self.modified).replace(tzinfo=UTC)

    @property
    def lid(self) -> str:
        """What tells this instance from others in a listing; see `listed_id`."""
        return f"{self.etag}|{self.size_bytes}|{self.modified}"


def listed_id(version: ObjectVersion) -> str:
    """Return how a listing shows an instance: `etag|size|LastModified`."""
    modified = version.last_modified_at.strftime(MODIFIED_FORMAT)
    return f"{version.etag}|{version.size_bytes}|{modified}"


def written_id(etag: str, size_bytes: int) -> str:
    """Return the beginning of a `listed_id`: all that is known of an object just written."""
    return f"{etag}|{size_bytes}|"


@dataclass(frozen=True, slots=True)
class VersionEntry:
    """One version of a key, or a delete marker on it, as a listing of versions shows it."""

    version_id: str
    is_delete_marker: bool
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


class GuaranteeLevel(StrEnum):
    """What a store's abilities allow to promise (see README, Guarantees)."""

    VERSIONED = "V"
    UNVERSIONED = "U"
    DEGRADED = "D"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a store was seen to do, not what it says: each condition was tried and must refuse.

    `creates_if_absent`: PUT with If-None-Match; `replaces_if_match`: PUT with If-Match;
    `deletes_if_match`: DELETE with If-Match; `is_versioned`: an overwritten instance stays.
    """

    creates_if_absent: bool = True
    replaces_if_match: bool = True
    deletes_if_match: bool = True
    is_versioned: bool = False

    @property
    def level(self) -> GuaranteeLevel:
        """V: nothing can be lost; U: all writes are conditional; D: some writes are not."""
        if self.is_versioned:
            return GuaranteeLevel.VERSIONED
        if self.creates_if_absent and self.replaces_if_match and self.deletes_if_match:
            return GuaranteeLevel.UNVERSIONED
        return GuaranteeLevel.DEGRADED
