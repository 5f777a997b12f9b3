"""The port to one bucket of an object store.

What every adapter promises, and `tests/contract/test_object_store.py` checks on each of them:
reads are strongly consistent; a write is atomic (a reader sees the old object or the new one,
whole); keys are arbitrary Unicode of at most 1,024 bytes of UTF-8 and are stored as they are
(`a//b`, `../x`, `dir/`), or `Blocked` where a kind of store takes fewer; header and metadata values
come back as they were written. Vendor errors are translated: every method may raise `Throttled`,
`Unavailable` or `AccessDenied`. An absent object is None; an absent bucket is `ConfigError`,
because reading it as absence would delete data.

What not every store can do is a protocol of its own, which an adapter implements or does not.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from sync_core.model import ListedObject, ObjectLock, ObjectVersion, Place, VersionEntry


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, amount: int = -1, /) -> bytes:
        """Return up to `amount` bytes (all that are left for -1); b"" at the end."""
        ...


class ObjectReader(Readable, Protocol):
    """An open object: what it is, and its bytes. Close it, or use it as a context manager."""

    @property
    def version(self) -> ObjectVersion:
        """The instance whose bytes are read; the whole object's size even for a range."""
        ...

    def close(self) -> None:
        """Give the connection back; the rest of the body is not read."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class ObjectWrite:
    """An object about to be written, without its bytes.

    `marker` is our own metadata entry (None: the object is written without one). `md5` (hex) and
    `crc64nvme` (base64) are the digests of the whole content where they are known beforehand; the
    adapter sends them along so that the store refuses a body that differs. `lock` is what the
    object is to be locked by; stores that are not to lock objects leave it out. `modified_at` is
    for stores that take a time from outside; all others show when they were written to.
    """

    key: str
    size_bytes: int
    headers: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    marker: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    md5: str | None = None
    crc64nvme: str | None = None
    lock: ObjectLock | None = None
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What the store says of an object that it has just taken."""

    etag: str
    version_id: str | None = None


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes `first` to `last` of an object, both included, counted from 0."""

    first: int
    last: int


class ObjectStore(Protocol):
    """One bucket: what every store can do."""

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        ...

    def place(self, key: str) -> Place:
        """Return where the store has a key, as a copy made by the store itself has to name it."""
        ...

    def head(self, key: str) -> ObjectVersion | None:
        """Return the current instance; None when there is none (or a delete marker is on top)."""
        ...

    def get(
        self, key: str, *, etag: str | None = None, byte_range: ByteRange | None = None
    ) -> ObjectReader | None:
        """Open the current instance, or None when there is none.

        With `etag`, raises `PreconditionFailed` when the current instance has another one or is
        gone. Raises `Archived` when the object has to be restored first.
        """
        ...

    def put(self, write: ObjectWrite, body: Readable) -> Written:
        """Write the object whatever is there now.

        `body` must yield exactly `size_bytes`; it is read once and never rewound. Raises
        `IntegrityError` when the store or the adapter finds other bytes than `write` declares, and
        `Ambiguous` when no answer came after the request was sent. Never retried inside.
        """
        ...

    def delete(self, key: str) -> str | None:
        """Delete the current instance; an absent key is no error. May raise `Ambiguous`.

        Returns the version id of the delete marker that was put on top, where one was.
        """
        ...

    def list(self, prefix: str = "", start_after: str = "") -> Iterator[ListedObject]:
        """Yield the current objects in the order of their keys' UTF-8 bytes."""
        ...


@runtime_checkable
class SupportsConditionalWrite(Protocol):
    """Writes that happen only if the instance that was read is still the current one."""

    def put_if(self, write: ObjectWrite, body: Readable, replaces: ObjectVersion | None) -> Written:
        """As `put`, if the current instance is still `replaces` (None: nothing is there).

        Raises `PreconditionFailed` or `WriteConflict` otherwise, and nothing is written.
        """
        ...

    def delete_if(self, instance: ObjectVersion) -> str | None:
        """Delete, if `instance` is still the current one; raises `PreconditionFailed` otherwise.

        Returns the version id of the delete marker that was put on top, where one was. An absent
        key may raise `PreconditionFailed` or return None: stores differ.
        """
        ...


@runtime_checkable
class SupportsServerSideCopy(Protocol):
    """Copies inside the bucket, without moving the bytes through us."""

    def copy_if(self, source: ObjectVersion, destination_key: str) -> Written:
        """Copy `source` (bytes, headers, metadata, tags) to `destination_key`, without the marker.

        Raises `PreconditionFailed` when `source` is no longer the current instance of its key.
        """
        ...


@runtime_checkable
class SupportsTags(Protocol):
    """Tags on objects."""

    def tags(self, key: str) -> Mapping[str, str] | None:
        """Return the current instance's tags; None when there is no object."""
        ...

    def put_tags(self, key: str, tags: Mapping[str, str]) -> None:
        """Replace the current instance's tags; raises `PreconditionFailed` when it is gone."""
        ...


@runtime_checkable
class SupportsVersions(Protocol):
    """The history of a key, where the bucket keeps one.

    On a bucket that was never versioned `versions` shows at most the one current instance.
    """

    def versions(self, key: str, limit: int) -> Sequence[VersionEntry]:
        """Return up to `limit` versions of exactly this key and delete markers on it, newest first.

        The first one is current. A null version has the id "null".
        """
        ...

    def head_version(self, key: str, version_id: str) -> ObjectVersion | None:
        """Return one version, current or not; None when it is gone or a delete marker."""
        ...

    def copy_version(self, source: ObjectVersion, destination_key: str) -> Written:
        """Copy the version `source.version_id` aside, as `copy_if` does, current or not.

        Raises `PreconditionFailed` when that version is gone.
        """
        ...

    def delete_version(self, key: str, version_id: str) -> None:
        """Delete one version, or one delete marker, for good; a missing one is no error."""
        ...
