"""A part of a bucket as if it were a bucket of its own: all keys below one prefix, without it.

The prefix is put in front of each key on the way in and taken off on the way out, so the two sides
of a pair may have different prefixes, or none. Errors keep the key under which the bucket has the
object: that is where a person looks for it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sync_core.errors import Blocked
from sync_core.model import (
    ListedObject,
    ObjectVersion,
    OpenUpload,
    Place,
    UploadedPart,
    VersionEntry,
)
from sync_core.storage.forwarding import ForwardingStore
from sync_core.storage.parts_protocol import Piece
from sync_core.storage.protocol import ByteRange, ObjectReader, ObjectWrite, Readable, Written
from sync_core.storage.readers import Reader
from sync_core.storage.sync_store import SyncStore


def below(inner: SyncStore, prefix: str) -> SyncStore:
    """Return the part of the store below `prefix`; the store itself when it is empty."""
    return PrefixedStore(inner, prefix) if prefix else inner


class ShownReader(Reader):
    """An `ObjectReader` whose instance is shown in another way, as `version`."""

    def __init__(self, inner: ObjectReader, version: ObjectVersion) -> None:
        super().__init__(version)
        self._inner = inner

    def read(self, amount: int = -1, /) -> bytes:
        """Return up to `amount` bytes (all that are left for -1); b"" at the end."""
        return self._inner.read(amount)

    def close(self) -> None:
        """Give the connection back."""
        self._inner.close()


class PrefixedStore(ForwardingStore):
    """The `SyncStore` of the keys that begin with `prefix`; its keys are what follows it.

    The order of keys stays as it is, for all of them begin alike. The object whose key is the
    prefix itself (a console's placeholder of a folder) has no key here and is never shown; an
    empty key is `Blocked`. A key may have as many bytes as the prefix leaves of what `inner` takes.
    """

    def __init__(self, inner: SyncStore, prefix: str) -> None:
        super().__init__(inner)
        self._prefix = prefix

    def place(self, key: str) -> Place:
        """Return where the bucket has a key."""
        return self._inner.place(self._full("place", key))

    def head(self, key: str) -> ObjectVersion | None:
        """Return the current instance; None when there is none."""
        return self._shown(self._inner.head(self._full("head", key)))

    def get(
        self, key: str, *, etag: str | None = None, byte_range: ByteRange | None = None
    ) -> ShownReader | None:
        """Open the current instance, or None when there is none."""
        reader = self._inner.get(self._full("get", key), etag=etag, byte_range=byte_range)
        if reader is None:
            return None
        return ShownReader(reader, replace(reader.version, key=key))

    def put(self, write: ObjectWrite, body: Readable) -> Written:
        """Write the object whatever is there now."""
        return self._inner.put(self._full_write("put", write), body)

    def put_if(self, write: ObjectWrite, body: Readable, replaces: ObjectVersion | None) -> Written:
        """Write the object in place of `replaces` (None: of nothing)."""
        return self._inner.put_if(
            self._full_write("put", write), body, self._full_version("put", replaces)
        )

    def delete(self, key: str) -> str | None:
        """Delete the current instance; an absent key is no error."""
        return self._inner.delete(self._full("delete", key))

    def delete_if(self, instance: ObjectVersion) -> str | None:
        """Delete exactly this instance; raises `PreconditionFailed` when it is not current."""
        return self._inner.delete_if(self._full_instance("delete", instance))

    def list(self, prefix: str = "", start_after: str = "") -> Iterator[ListedObject]:
        """Yield the current objects in the order of their keys' UTF-8 bytes."""
        # Behind the prefix itself comes everything below it: the placeholder is left out.
        position = self._prefix + start_after
        cut = len(self._prefix)
        for key, etag, size_bytes, modified in self._inner.list(self._prefix + prefix, position):
            yield ListedObject(key[cut:], etag, size_bytes, modified)

    def copy_if(self, source: ObjectVersion, destination_key: str) -> Written:
        """Copy `source` below the same prefix, without the marker."""
        return self._inner.copy_if(
            self._full_instance("copy", source), self._full("copy", destination_key)
        )

    def copy_from(
        self,
        source: Place,
        instance: ObjectVersion,
        write: ObjectWrite,
        replaces: ObjectVersion | None,
    ) -> Written:
        """Put what is at `source`, which is a place and needs no prefix, below the prefix."""
        full, replaced = self._full_write("copy", write), self._full_version("copy", replaces)
        return self._inner.copy_from(source, instance, full, replaced)

    def tags(self, key: str) -> Mapping[str, str] | None:
        """Return the current instance's tags; None when there is no object."""
        return self._inner.tags(self._full("read tags", key))

    def put_tags(self, key: str, tags: Mapping[str, str]) -> None:
        """Replace the current instance's tags; raises `PreconditionFailed` when it is gone."""
        self._inner.put_tags(self._full("write tags", key), tags)

    def restore(self, instance: ObjectVersion, days: int) -> None:
        """Ask for a readable copy of an archived object for so many days."""
        self._inner.restore(self._full_instance("restore", instance), days)

    def uniform_part_bytes(self, instance: ObjectVersion) -> int | None:
        """Return the size of the parts of which the instance was made, if they are equal."""
        return self._inner.uniform_part_bytes(self._full_instance("head", instance))

    def create_multipart_upload(self, write: ObjectWrite) -> str:
        """Begin an upload; return its upload_id."""
        return self._inner.create_multipart_upload(self._full_write("begin upload", write))

    def upload_part(
        self, key: str, upload_id: str, part_number: int, body: Readable, size_bytes: int
    ) -> UploadedPart:
        """Send one part (numbers start at 1); return what was taken."""
        full = self._full("upload part", key)
        return self._inner.upload_part(full, upload_id, part_number, body, size_bytes)

    def copy_part_from(
        self, key: str, upload_id: str, part_number: int, piece: Piece
    ) -> UploadedPart:
        """Take one part from `piece`, whose place needs no prefix."""
        full = self._full("copy part", key)
        return self._inner.copy_part_from(full, upload_id, part_number, piece)

    def list_parts(
        self, key: str, upload_id: str, limit: int | None = None
    ) -> Sequence[UploadedPart] | None:
        """Return the parts that the store has; None: there is no such upload."""
        return self._inner.list_parts(self._full("list parts", key), upload_id, limit)

    def complete_if(
        self,
        key: str,
        upload_id: str,
        parts: Sequence[UploadedPart],
        replaces: ObjectVersion | None,
        crc64nvme: str | None = None,
    ) -> Written:
        """Make the object of these parts current, in place of `replaces` (None: of nothing)."""
        full = self._full("complete upload", key)
        replaced = self._full_version("complete upload", replaces)
        return self._inner.complete_if(full, upload_id, parts, replaced, crc64nvme)

    def abort_multipart_upload(self, key: str, upload_id: str) -> None:
        """Throw the parts away; an unknown upload is no error."""
        self._inner.abort_multipart_upload(self._full("abort upload", key), upload_id)

    def open_uploads(self) -> Iterator[OpenUpload]:
        """Yield the uploads of keys below the prefix."""
        for upload in self._inner.open_uploads():
            key = upload.key.removeprefix(self._prefix)
            if key and key != upload.key:
                yield replace(upload, key=key)

    def versions(self, key: str, limit: int) -> Sequence[VersionEntry]:
        """Return up to `limit` versions and delete markers of the key, newest first."""
        return self._inner.versions(self._full("list versions", key), limit)

    def head_version(self, key: str, version_id: str) -> ObjectVersion | None:
        """Return one version, current or not; None when it is gone or a delete marker."""
        return self._shown(self._inner.head_version(self._full("head", key), version_id))

    def copy_version(self, source: ObjectVersion, destination_key: str) -> Written:
        """Copy the version `source.version_id` below the same prefix, without the marker."""
        return self._inner.copy_version(
            self._full_instance("copy", source), self._full("copy", destination_key)
        )

    def delete_version(self, key: str, version_id: str) -> None:
        """Delete one version, or one delete marker, for good; a missing one is no error."""
        self._inner.delete_version(self._full("delete", key), version_id)

    def _full(self, operation: str, key: str) -> str:
        if not key:
            raise Blocked(operation, self._prefix, "no key is left behind the prefix")
        return self._prefix + key

    def _full_write(self, operation: str, write: ObjectWrite) -> ObjectWrite:
        return replace(write, key=self._full(operation, write.key))

    def _full_version(self, operation: str, version: ObjectVersion | None) -> ObjectVersion | None:
        return None if version is None else self._full_instance(operation, version)

    def _full_instance(self, operation: str, instance: ObjectVersion) -> ObjectVersion:
        return replace(instance, key=self._full(operation, instance.key))

    def _shown(self, version: ObjectVersion | None) -> ObjectVersion | None:
        if version is None:
            return None
        return replace(version, key=version.key.removeprefix(self._prefix))
