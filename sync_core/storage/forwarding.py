"""What every store does that stands in front of another one: pass on what it leaves alone."""

from collections.abc import Iterator, Mapping, Sequence

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
from sync_core.storage.parts_protocol import Piece
from sync_core.storage.protocol import ByteRange, ObjectReader, ObjectWrite, Readable, Written
from sync_core.storage.sync_store import SyncStore


class ForwardingStore:
    """A `SyncStore` that is its `inner` one; those built upon it change some of its methods."""

    def __init__(self, inner: SyncStore) -> None:
        self._inner = inner

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self._inner.bucket

    @property
    def lacks(self) -> frozenset[Ability]:
        """Abilities that no store of this kind has."""
        return self._inner.lacks

    @property
    def part_limits(self) -> PartLimits:
        """What the store demands of parts."""
        return self._inner.part_limits

    def place(self, key: str) -> Place:
        """Return where the store has a key."""
        return self._inner.place(key)

    def head(self, key: str) -> ObjectVersion | None:
        """Return the current instance; None when there is none."""
        return self._inner.head(key)

    def get(
        self, key: str, *, etag: str | None = None, byte_range: ByteRange | None = None
    ) -> ObjectReader | None:
        """Open the current instance, or None when there is none."""
        return self._inner.get(key, etag=etag, byte_range=byte_range)

    def put(self, write: ObjectWrite, body: Readable) -> Written:
        """Write the object whatever is there now."""
        return self._inner.put(write, body)

    def put_if(self, write: ObjectWrite, body: Readable, replaces: ObjectVersion | None) -> Written:
        """Write the object in place of `replaces` (None: of nothing)."""
        return self._inner.put_if(write, body, replaces)

    def delete(self, key: str) -> str | None:
        """Delete the current instance; an absent key is no error."""
        return self._inner.delete(key)

    def delete_if(self, instance: ObjectVersion) -> str | None:
        """Delete exactly this instance; raises `PreconditionFailed` when it is not current."""
        return self._inner.delete_if(instance)

    def list(self, prefix: str = "", start_after: str = "") -> Iterator[ListedObject]:
        """Yield the current objects in the order of their keys' UTF-8 bytes."""
        return self._inner.list(prefix, start_after)

    def copy_if(self, source: ObjectVersion, destination_key: str) -> Written:
        """Copy `source` inside the bucket, without the marker."""
        return self._inner.copy_if(source, destination_key)

    def copy_from(
        self,
        source: Place,
        instance: ObjectVersion,
        write: ObjectWrite,
        replaces: ObjectVersion | None,
    ) -> Written:
        """Put the bytes of `instance`, which is at `source`, in place of `replaces`."""
        return self._inner.copy_from(source, instance, write, replaces)

    def tags(self, key: str) -> Mapping[str, str] | None:
        """Return the current instance's tags; None when there is no object."""
        return self._inner.tags(key)

    def put_tags(self, key: str, tags: Mapping[str, str]) -> None:
        """Replace the current instance's tags; raises `PreconditionFailed` when it is gone."""
        self._inner.put_tags(key, tags)

    def restore(self, instance: ObjectVersion, days: int) -> None:
        """Ask for a readable copy of an archived object for so many days."""
        self._inner.restore(instance, days)

    def uniform_part_bytes(self, instance: ObjectVersion) -> int | None:
        """Return the size of the parts of which the instance was made, if they are equal."""
        return self._inner.uniform_part_bytes(instance)

    def create_multipart_upload(self, write: ObjectWrite) -> str:
        """Begin an upload; return its upload_id."""
        return self._inner.create_multipart_upload(write)

    def upload_part(
        self, key: str, upload_id: str, part_number: int, body: Readable, size_bytes: int
    ) -> UploadedPart:
        """Send one part (numbers start at 1); return what was taken."""
        return self._inner.upload_part(key, upload_id, part_number, body, size_bytes)

    def copy_part_from(
        self, key: str, upload_id: str, part_number: int, piece: Piece
    ) -> UploadedPart:
        """Take one part from `piece`."""
        return self._inner.copy_part_from(key, upload_id, part_number, piece)

    def list_parts(
        self, key: str, upload_id: str, limit: int | None = None
    ) -> Sequence[UploadedPart] | None:
        """Return the parts that the store has; None: there is no such upload."""
        return self._inner.list_parts(key, upload_id, limit)

    def complete_if(
        self,
        key: str,
        upload_id: str,
        parts: Sequence[UploadedPart],
        replaces: ObjectVersion | None,
        crc64nvme: str | None = None,
    ) -> Written:
        """Make the object of these parts current, in place of `replaces` (None: of nothing)."""
        return self._inner.complete_if(key, upload_id, parts, replaces, crc64nvme)

    def abort_multipart_upload(self, key: str, upload_id: str) -> None:
        """Throw the parts away; an unknown upload is no error."""
        self._inner.abort_multipart_upload(key, upload_id)

    def open_uploads(self) -> Iterator[OpenUpload]:
        """Yield the uploads under way that this store's own credentials have begun."""
        return self._inner.open_uploads()

    def versions(self, key: str, limit: int) -> Sequence[VersionEntry]:
        """Return up to `limit` versions and delete markers of the key, newest first."""
        return self._inner.versions(key, limit)

    def head_version(self, key: str, version_id: str) -> ObjectVersion | None:
        """Return one version, current or not; None when it is gone or a delete marker."""
        return self._inner.head_version(key, version_id)

    def copy_version(self, source: ObjectVersion, destination_key: str) -> Written:
        """Copy the version `source.version_id` aside, without the marker."""
        return self._inner.copy_version(source, destination_key)

    def delete_version(self, key: str, version_id: str) -> None:
        """Delete one version, or one delete marker, for good; a missing one is no error."""
        self._inner.delete_version(key, version_id)
