"""A store in memory that behaves like S3, for tests and simulations."""

import io
from collections.abc import Iterator, Mapping, Sequence

from sync_core.errors import PreconditionFailed
from sync_core.model import MODIFIED_FORMAT, ListedObject, ObjectVersion, VersionEntry
from sync_core.storage.memory_bucket import (
    NULL_VERSION,
    MemoryBucket,
    Stored,
    Versioning,
)
from sync_core.storage.memory_change import ChangeRecord
from sync_core.storage.memory_parts import MemoryParts
from sync_core.storage.memory_rules import (
    accepted,
    copied,
    cut,
    entry_of,
    readable,
    require_key,
)
from sync_core.storage.protocol import ByteRange, ObjectWrite, Readable, Written
from sync_core.storage.readers import Reader

__all__ = ["ChangeRecord", "MemoryBucket", "MemoryObjectStore", "MemoryReader", "Versioning"]


class MemoryReader(Reader):
    """The `ObjectReader` of an instance as it was when it was opened."""

    def __init__(self, version: ObjectVersion, data: bytes) -> None:
        super().__init__(version)
        self._data = io.BytesIO(data)

    def read(self, amount: int = -1, /) -> bytes:
        """Return up to `amount` bytes (all that are left for -1); b"" at the end."""
        return self._data.read(amount)

    def close(self) -> None:
        """Refuse further reads."""
        self._data.close()


class MemoryObjectStore(MemoryParts):
    """The `SyncStore` of a `MemoryBucket`, used by `principal_id`; safe to share between threads.

    Its bases have what concerns large objects. `reachable` are other buckets that it can copy from.
    Etags are MD5s, or `<md5 of md5s>-<parts>`, unless the bucket says otherwise. Times are whole
    seconds; an object made of parts has the time at which its upload began, as on S3. `delete_if`
    fails on an absent key.
    """

    def head(self, key: str) -> ObjectVersion | None:
        """Return the current instance; None when there is none."""
        stored = self._find("head", key)
        return None if stored is None else stored.version

    def get(
        self, key: str, *, etag: str | None = None, byte_range: ByteRange | None = None
    ) -> MemoryReader | None:
        """Open the current instance; later changes do not show in it."""
        stored = self._find("get", key)
        if etag is not None and (stored is None or stored.version.etag != etag):
            raise PreconditionFailed("get", key, f"the current instance is not {etag}")
        if stored is None:
            return None
        return MemoryReader(stored.version, cut(readable(stored, "get"), byte_range))

    def put(self, write: ObjectWrite, body: Readable) -> Written:
        """Write the object whatever is there now."""
        data = accepted(write, body)
        with self._bucket.held("put"):
            return self._put(write, data)

    def put_if(self, write: ObjectWrite, body: Readable, replaces: ObjectVersion | None) -> Written:
        """Write the object in place of `replaces` (None: of nothing)."""
        data = accepted(write, body)
        with self._bucket.held("put"):
            self._require_replaceable("put", write.key, replaces)
            return self._put(write, data)

    def delete(self, key: str) -> str | None:
        """Delete the current instance; an absent key is no error.

        Nor is it a change, unless the bucket is versioned: then a delete marker is added.
        """
        with self._bucket.held("delete"):
            return self._bucket.delete(key, self._principal_id)

    def delete_if(self, instance: ObjectVersion) -> str | None:
        """Delete exactly this instance; raises `PreconditionFailed` when it is not current."""
        with self._bucket.held("delete"):
            self._require("delete", instance.key, instance, "delete")
            return self._bucket.delete(instance.key, self._principal_id)

    def list(self, prefix: str = "", start_after: str = "") -> Iterator[ListedObject]:
        """Yield the objects that are there when the first one is asked for."""
        with self._bucket.held("list"):
            versions = [stored.version for stored in self._bucket.currents()]
        after = start_after.encode()
        for version in sorted(versions, key=lambda version: version.key.encode()):
            if version.key.startswith(prefix) and version.key.encode() > after:
                modified = version.last_modified_at.strftime(MODIFIED_FORMAT)
                yield ListedObject(version.key, version.etag, version.size_bytes, modified)

    def copy_if(self, source: ObjectVersion, destination_key: str) -> Written:
        """Copy `source` inside the bucket, without the marker."""
        with self._bucket.held("copy"):
            self._require("copy", source.key, source)
            return self._copy(self._bucket.current(source.key), source, destination_key)

    def tags(self, key: str) -> Mapping[str, str] | None:
        """Return the current instance's tags; None when there is no object."""
        stored = self._find("read tags", key)
        return None if stored is None else dict(stored.tags)

    def put_tags(self, key: str, tags: Mapping[str, str]) -> None:
        """Replace the current instance's tags; raises `PreconditionFailed` when it is gone."""
        with self._bucket.held("write tags"):
            stored = self._bucket.current(key)
            if stored is None:
                raise PreconditionFailed("write tags", key, "there is no object")
            self._bucket.tag(stored, tags, self._principal_id)

    def versions(self, key: str, limit: int) -> Sequence[VersionEntry]:
        """Return up to `limit` versions and delete markers of the key, newest first."""
        with self._bucket.held("list versions"):
            return [entry_of(stored) for stored in self._bucket.history(key)[:limit]]

    def head_version(self, key: str, version_id: str) -> ObjectVersion | None:
        """Return one version; None when it is gone or a delete marker."""
        with self._bucket.held("head version"):
            stored = self._bucket.find(key, version_id)
            return None if stored is None else stored.version

    def copy_version(self, source: ObjectVersion, destination_key: str) -> Written:
        """Copy a version, current or not, without the marker."""
        with self._bucket.held("copy version"):
            return self._copy(self._version(source), source, destination_key)

    def copy_with_marker(self, source: ObjectVersion, destination_key: str) -> Written:
        """Copy a version as a user does, who knows nothing of our marker: it comes along.

        Onto the same key it is how an older version is brought back.
        """
        with self._bucket.held("copy version"):
            stored = self._version(source)
            marker = None if stored is None else stored.version.marker
            return self._copy(stored, source, destination_key, marker)

    def delete_version(self, key: str, version_id: str) -> None:
        """Delete one version or delete marker for good; a missing one is no error."""
        with self._bucket.held("delete version"):
            self._bucket.delete_version(key, version_id, self._principal_id)

    def _version(self, source: ObjectVersion) -> Stored | None:
        stored = self._bucket.find(source.key, source.version_id or NULL_VERSION)
        # Another object may have taken the null version's place.
        return stored if stored is not None and stored.version.etag == source.etag else None

    def _copy(
        self, stored: Stored | None, source: ObjectVersion, key: str, marker: str | None = None
    ) -> Written:
        require_key("copy", key)
        if stored is None:
            raise PreconditionFailed("copy", source.key, f"{source.etag} is gone")
        write = copied(readable(stored, "copy"), key, marker)
        return self._put(write, stored.data, "Copy")
