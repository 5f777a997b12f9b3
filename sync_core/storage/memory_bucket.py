"""The state of a bucket in memory, and what is told of its changes."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from threading import RLock
from typing import Literal

from sync_core.checksums import md5_of
from sync_core.errors import ConfigError
from sync_core.model import ObjectVersion, UploadedPart
from sync_core.parts import S3_LIMITS
from sync_core.storage.memory_change import ChangeRecord
from sync_core.storage.protocol import ObjectWrite

SERVICE_PRINCIPAL = "s3.amazonaws.com"
"""Who makes the changes that a rule of the bucket asks for (S3 user guide, Event message
structure)."""

NULL_VERSION = "null"
"""The id of what was written while versioning was not on (S3 user guide, Using versioning)."""

Condition = Literal["create", "replace", "delete"]

_DELETIONS = ("ObjectRemoved:", "LifecycleExpiration:")
_ETAG_OF_NOTHING = md5_of(b"")


class Versioning(Enum):
    """The state of a bucket's versioning; from ON and SUSPENDED no way leads back to OFF."""

    OFF = "off"
    ON = "on"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class Stored:
    """A version of an object, or a delete marker (without data), as the bucket keeps it.

    `restore_days`: for how long somebody has asked to have it back from the archive. `part_sizes`
    (in bytes) are those of the upload that made it; empty where it was put in one.
    """

    version: ObjectVersion
    data: bytes
    tags: Mapping[str, str]
    is_delete_marker: bool = False
    is_archived: bool = False
    restore_days: int | None = None
    part_sizes: tuple[int, ...] = ()

    @property
    def version_id(self) -> str:
        """What a listing of versions shows: "null" for a null version."""
        return self.version.version_id or NULL_VERSION


@dataclass(frozen=True, slots=True)
class KeptPart:
    """A part of an upload, with its bytes."""

    part: UploadedPart
    data: bytes


@dataclass(slots=True)
class Upload:
    """A multipart upload under way, begun by `principal_id`; `parts` by part number."""

    write: ObjectWrite
    initiated_at: datetime
    principal_id: str
    parts: dict[int, KeptPart] = field(default_factory=dict)


class MemoryBucket:
    """The shared state of one bucket; each principal reaches it through its own store.

    `clock` returns the time (aware UTC). Each of `listeners` is called after each change, in the
    order of the changes and before another can happen; it may read the bucket. `archive`,
    `restore`, `expire` and `remove` are what becomes of a bucket by itself; the other methods are
    for stores, which call them only while the bucket is `held`.

    What kind of bucket it is may be changed at any time: `versioning`; `ignores`, the conditions
    that it accepts and does not look at (If-None-Match and If-Match on PUT, copy and completion,
    If-Match on DELETE), as some stores do; `etag_is_md5`, False for etags that say nothing of the
    content and differ each time, as with SSE-KMS; `part_limits`, what it demands of uploads.
    """

    def __init__(
        self,
        name: str,
        clock: Callable[[], datetime],
        *,
        versioning: Versioning = Versioning.OFF,
        ignores: frozenset[Condition] = frozenset(),
        etag_is_md5: bool = True,
    ) -> None:
        self.name = name
        self.versioning = versioning
        self.ignores = ignores
        self.etag_is_md5 = etag_is_md5
        self.part_limits = S3_LIMITS
        self.listeners: list[Callable[[ChangeRecord], None]] = []
        self.uploads: dict[str, Upload] = {}
        self._histories: dict[str, tuple[Stored, ...]] = {}
        self._clock = clock
        self._lock = RLock()
        self._removed = False
        self._numbers = itertools.count(1)

    @contextmanager
    def held(self, operation: str) -> Iterator[None]:
        """Keep others out; raises `ConfigError` once the bucket is removed."""
        with self._lock:
            if self._removed:
                cause = "the specified bucket does not exist; check the bucket's name"
                raise ConfigError(operation, f"bucket {self.name}", cause)
            yield

    def archive(self, key: str) -> None:
        """Move the current object, if any, to a class from which it cannot be read at once."""
        with self.held("archive"):
            stored = self.current(key)
            if stored is not None:
                self._exchange(stored, replace(stored, is_archived=True))

    def restore(self, key: str) -> None:
        """Make the current object, if it is archived, readable again, whether asked to or not."""
        with self.held("restore"):
            stored = self.current(key)
            if stored is not None and stored.is_archived:
                back = replace(stored, is_archived=False, restore_days=None)
                self._exchange(stored, back)
                self._announce("ObjectRestore:Completed", stored, SERVICE_PRINCIPAL)

    def expire(self, key: str) -> None:
        """Delete the current object, if any, as a lifecycle rule does."""
        with self.held("expire"):
            if self.current(key) is not None:
                self.delete(key, SERVICE_PRINCIPAL, "LifecycleExpiration")

    def remove(self) -> None:
        """Delete the bucket with all that is in it."""
        with self._lock:
            self._removed = True
            self._histories.clear()
            self.uploads.clear()

    def now(self) -> datetime:
        """Return the time as S3 shows it: in whole seconds."""
        return self._clock().replace(microsecond=0)

    def number(self) -> int:
        """Return a number that is greater than any before."""
        return next(self._numbers)

    def shown_etag(self, plain: str) -> str:
        """Return the etag of a new object that would have `plain` where etags are MD5s."""
        if self.etag_is_md5:
            return plain
        _md5, dash, parts = plain.partition("-")
        return f"{self._unique('etag')}{dash}{parts}"

    def current(self, key: str) -> Stored | None:
        """Return what a read sees: None under a delete marker."""
        latest = self.history(key)[:1]
        return latest[0] if latest and not latest[0].is_delete_marker else None

    def currents(self) -> list[Stored]:
        """Return what a listing sees, in no order."""
        found = map(self.current, self._histories)
        return [stored for stored in found if stored is not None]

    def history(self, key: str) -> Sequence[Stored]:
        """Return the versions of a key and the delete markers on it, newest first."""
        return self._histories.get(key, ())

    def find(self, key: str, version_id: str) -> Stored | None:
        """Return a version that is not a delete marker."""
        for stored in self.history(key):
            if stored.version_id == version_id and not stored.is_delete_marker:
                return stored
        return None

    def add(self, stored: Stored, principal_id: str, how: str) -> Stored:
        """Make it the current version, announced as `ObjectCreated:<how>`; return it with its id.

        A version written while versioning is not on takes the null version's place.
        """
        added = self._on_top(stored)
        self._announce(f"ObjectCreated:{how}", added, principal_id)
        return added

    def tag(self, stored: Stored, tags: Mapping[str, str], principal_id: str) -> None:
        """Replace the tags of a version."""
        version = replace(stored.version, tag_count=len(tags))
        tagged = replace(stored, version=version, tags=dict(tags))
        self._exchange(stored, tagged)
        self._announce("ObjectTagging:Put", tagged, principal_id)

    def begin_restore(self, stored: Stored, days: int, principal_id: str) -> None:
        """Note that somebody wants an archived version back; `restore` does it."""
        self._exchange(stored, replace(stored, restore_days=days))
        self._announce("ObjectRestore:Post", stored, principal_id)

    def delete(self, key: str, principal_id: str, event: str = "ObjectRemoved") -> str | None:
        """Delete without a version id: for good, or by a delete marker, even on an absent key.

        Returns the delete marker's id.
        """
        if self.versioning is Versioning.OFF:
            for stored in self._histories.pop(key, ()):
                self._announce(f"{event}:Delete", stored, principal_id)
            return None
        nothing = ObjectVersion(key, etag="", size_bytes=0, last_modified_at=self.now())
        marker = self._on_top(Stored(nothing, b"", {}, is_delete_marker=True))
        self._announce(f"{event}:DeleteMarkerCreated", marker, principal_id)
        return marker.version_id

    def delete_version(self, key: str, version_id: str, principal_id: str) -> None:
        """Delete one version or delete marker for good; the one below a current one takes over."""
        for stored in self.history(key):
            if stored.version_id == version_id:
                self._take_out(key, version_id)
                self._announce("ObjectRemoved:Delete", stored, principal_id)

    def _on_top(self, stored: Stored) -> Stored:
        key = stored.version.key
        if self.versioning is Versioning.ON:
            version = replace(stored.version, version_id=self._unique("version"))
            stored = replace(stored, version=version)
        else:
            self._take_out(key, NULL_VERSION)
        self._histories[key] = (stored, *self.history(key))
        return stored

    def _take_out(self, key: str, version_id: str) -> None:
        left = tuple(stored for stored in self.history(key) if stored.version_id != version_id)
        if left:
            self._histories[key] = left
        else:
            self._histories.pop(key, None)

    def _exchange(self, old: Stored, new: Stored) -> None:
        key = old.version.key
        self._histories[key] = tuple(new if each is old else each for each in self.history(key))

    def _unique(self, purpose: str) -> str:
        text = f"{purpose} {self.number()} of {self.name}"
        return md5_of(text.encode())

    def _announce(self, event_name: str, stored: Stored, principal_id: str) -> None:
        """Tell the listeners of a change to this version.

        Only what creates or deletes carries a sequencer; deletions have neither size nor etag,
        except that a delete marker has the etag of nothing (S3 user guide, Event message
        structure).
        """
        lives = not event_name.startswith(_DELETIONS)
        ordered = not lives or event_name.startswith("ObjectCreated:")
        version = stored.version
        change = ChangeRecord(
            event_name=event_name,
            bucket=self.name,
            key=version.key,
            principal_id=principal_id,
            at=self._clock(),
            size_bytes=version.size_bytes if lives else 0,
            etag=version.etag if lives else _etag_of_deletion(event_name),
            sequencer=f"{self.number():018X}" if ordered else None,
            version_id=version.version_id,
        )
        for listener in tuple(self.listeners):
            listener(change)


def _etag_of_deletion(event_name: str) -> str | None:
    return _ETAG_OF_NOTHING if event_name.endswith(":DeleteMarkerCreated") else None
