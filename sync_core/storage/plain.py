"""A `SyncStore` made of a store that can do no more than any: bytes under keys, and nothing else.

Objects have no headers, metadata, marker, tags or versions here, whatever the store below shows of
them. What is done without:

| ability | here |
|---|---|
| conditional writes, parts, tags, copies from elsewhere, restoring | refused with `Blocked` |
| copies inside the store | read and written again, through us |
| versions | the current instance is the null version, and the only one |

A copy through us heeds its condition when it begins to read; from then on it has the one instance.
"""

# ruff: noqa: ARG002 - the arguments are the port's

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NoReturn

from sync_core.errors import Blocked, PreconditionFailed
from sync_core.model import (
    Ability,
    ListedObject,
    ObjectVersion,
    OpenUpload,
    PartLimits,
    Place,
    UploadedPart,
    VersionEntry,
)
from sync_core.parts import S3_LIMITS
from sync_core.storage.parts_protocol import Piece
from sync_core.storage.prefixed import ShownReader
from sync_core.storage.protocol import ByteRange, ObjectStore, ObjectWrite, Readable, Written

LACKS = frozenset(Ability) - {
    Ability.READS_AND_WRITES,
    Ability.READS_RANGE_IF_MATCH,
    Ability.ETAG_IS_MD5,
}
"""What every such store is without."""

_NULL_VERSION = "null"
_ONE_PART = PartLimits(0, S3_LIMITS.most_object_bytes, 1, S3_LIMITS.most_object_bytes)


class PlainStore:
    """The `SyncStore` of the objects in `inner`; safe to share between threads if that is."""

    def __init__(self, inner: ObjectStore) -> None:
        self._inner = inner

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self._inner.bucket

    @property
    def lacks(self) -> frozenset[Ability]:
        """What is done without; see `LACKS`."""
        return LACKS

    @property
    def part_limits(self) -> PartLimits:
        """One part, as large as a whole object."""
        return _ONE_PART

    def place(self, key: str) -> Place:
        """Return where the store has a key."""
        return self._inner.place(key)

    def head(self, key: str) -> ObjectVersion | None:
        """Return the current instance; None when there is none."""
        found = self._inner.head(key)
        return None if found is None else _plain(found)

    def get(
        self, key: str, *, etag: str | None = None, byte_range: ByteRange | None = None
    ) -> ShownReader | None:
        """Open the current instance, or None when there is none."""
        reader = self._inner.get(key, etag=etag, byte_range=byte_range)
        return None if reader is None else ShownReader(reader, _plain(reader.version))

    def put(self, write: ObjectWrite, body: Readable) -> Written:
        """Write the object whatever is there now."""
        bare = ObjectWrite(
            write.key,
            write.size_bytes,
            md5=write.md5,
            crc64nvme=write.crc64nvme,
            modified_at=write.modified_at,
        )
        return Written(self._inner.put(bare, body).etag)

    def put_if(
        self, write: ObjectWrite, body: Readable, replaces: ObjectVersion | None
    ) -> NoReturn:
        """Raise `Blocked`."""
        _lack("put", write.key, "conditions on writes")

    def delete(self, key: str) -> str | None:
        """Delete the current instance; an absent key is no error."""
        self._inner.delete(key)
        return None

    def delete_if(self, instance: ObjectVersion) -> NoReturn:
        """Raise `Blocked`."""
        _lack("delete", instance.key, "conditions on deletes")

    def list(self, prefix: str = "", start_after: str = "") -> Iterator[ListedObject]:
        """Yield the current objects in the order of their keys' UTF-8 bytes."""
        return self._inner.list(prefix, start_after)

    def copy_if(self, source: ObjectVersion, destination_key: str) -> Written:
        """Read `source` and write it to `destination_key`."""
        reader = self.get(source.key, etag=source.etag)
        if reader is None:
            raise PreconditionFailed("copy", source.key, f"{source.etag} is gone")
        write = ObjectWrite(
            destination_key,
            source.size_bytes,
            md5=source.md5,
            crc64nvme=source.crc64nvme,
            modified_at=source.last_modified_at,
        )
        with reader:
            return self.put(write, reader)

    def copy_from(
        self,
        source: Place,
        instance: ObjectVersion,
        write: ObjectWrite,
        replaces: ObjectVersion | None,
    ) -> NoReturn:
        """Raise `Blocked`."""
        _lack("copy", write.key, "copies from other buckets")

    def tags(self, key: str) -> Mapping[str, str] | None:
        """Return no tags; None when there is no object."""
        return None if self._inner.head(key) is None else {}

    def put_tags(self, key: str, tags: Mapping[str, str]) -> NoReturn:
        """Raise `Blocked`."""
        _lack("write tags", key, "tags")

    def restore(self, instance: ObjectVersion, days: int) -> NoReturn:
        """Raise `Blocked`."""
        _lack("restore", instance.key, "an archive")

    def uniform_part_bytes(self, instance: ObjectVersion) -> None:
        """Return None: nothing was made of parts."""

    def create_multipart_upload(self, write: ObjectWrite) -> NoReturn:
        """Raise `Blocked`."""
        _lack("begin upload", write.key, "uploads in parts")

    def upload_part(
        self, key: str, upload_id: str, part_number: int, body: Readable, size_bytes: int
    ) -> NoReturn:
        """Raise `Blocked`."""
        _lack("upload part", key, "uploads in parts")

    def copy_part_from(self, key: str, upload_id: str, part_number: int, piece: Piece) -> NoReturn:
        """Raise `Blocked`."""
        _lack("copy part", key, "uploads in parts")

    def list_parts(self, key: str, upload_id: str, limit: int | None = None) -> None:
        """Return None: there is no such upload."""

    def complete_if(
        self,
        key: str,
        upload_id: str,
        parts: Sequence[UploadedPart],
        replaces: ObjectVersion | None,
        crc64nvme: str | None = None,
    ) -> NoReturn:
        """Raise `Blocked`."""
        _lack("complete upload", key, "uploads in parts")

    def abort_multipart_upload(self, key: str, upload_id: str) -> None:
        """Do nothing: an unknown upload is no error."""

    def open_uploads(self) -> Iterator[OpenUpload]:
        """Yield nothing."""
        return iter(())

    def versions(self, key: str, limit: int) -> Sequence[VersionEntry]:
        """Return the current instance, if there is one."""
        found = self.head(key)
        if found is None or limit < 1:
            return []
        size_bytes, at = found.size_bytes, found.last_modified_at
        return [VersionEntry(_NULL_VERSION, False, found.etag, size_bytes, at)]  # noqa: FBT003 - a field

    def head_version(self, key: str, version_id: str) -> ObjectVersion | None:
        """Return the current instance for the null version; None for any other."""
        return self.head(key) if version_id == _NULL_VERSION else None

    def copy_version(self, source: ObjectVersion, destination_key: str) -> Written:
        """Read the current instance and write it to `destination_key`."""
        return self.copy_if(source, destination_key)

    def delete_version(self, key: str, version_id: str) -> None:
        """Delete the current instance for the null version; there is no other."""
        if version_id == _NULL_VERSION:
            self.delete(key)


def _plain(version: ObjectVersion) -> ObjectVersion:
    return replace(
        version,
        headers={},
        metadata={},
        marker=None,
        version_id=None,
        crc64nvme=None,
        tag_count=0,
        lock=None,
    )


def _lack(operation: str, key: str, what: str) -> NoReturn:
    raise Blocked(operation, key, f"such a store does not have {what}")
