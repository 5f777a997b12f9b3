"""A bucket whose tags are not seen, because those of the other side's store cannot have any.

Nothing that compares or writes objects knows of tags then: they are neither copied nor a reason to
copy. What the store copies by itself, inside of the bucket, keeps its own.
"""

from collections.abc import Mapping
from dataclasses import replace

from sync_core.errors import Blocked
from sync_core.model import ObjectVersion, Place
from sync_core.storage.forwarding import ForwardingStore
from sync_core.storage.prefixed import ShownReader
from sync_core.storage.protocol import ByteRange, ObjectReader, ObjectWrite, Readable, Written
from sync_core.storage.sync_store import SyncStore


def without_tags(inner: SyncStore) -> "UntaggedStore":
    """Return the store of the same objects without tags."""
    return UntaggedStore(inner)


class UntaggedStore(ForwardingStore):
    """The `SyncStore` of the objects in `inner`, each of which has no tags.

    It departs from the protocol in that alone: what `ObjectWrite` says of them is not written.
    """

    def head(self, key: str) -> ObjectVersion | None:
        """Return the current instance; None when there is none."""
        return _untagged(self._inner.head(key))

    def get(
        self, key: str, *, etag: str | None = None, byte_range: ByteRange | None = None
    ) -> ObjectReader | None:
        """Open the current instance, or None when there is none."""
        reader = self._inner.get(key, etag=etag, byte_range=byte_range)
        return None if reader is None else ShownReader(reader, replace(reader.version, tag_count=0))

    def put(self, write: ObjectWrite, body: Readable) -> Written:
        """Write the object whatever is there now."""
        return self._inner.put(replace(write, tags={}), body)

    def put_if(self, write: ObjectWrite, body: Readable, replaces: ObjectVersion | None) -> Written:
        """Write the object in place of `replaces` (None: of nothing)."""
        return self._inner.put_if(replace(write, tags={}), body, replaces)

    def copy_from(
        self,
        source: Place,
        instance: ObjectVersion,
        write: ObjectWrite,
        replaces: ObjectVersion | None,
    ) -> Written:
        """Put the bytes of `instance`, which is at `source`, in place of `replaces`."""
        return self._inner.copy_from(source, instance, replace(write, tags={}), replaces)

    def create_multipart_upload(self, write: ObjectWrite) -> str:
        """Begin an upload, with headers, metadata and marker; return its upload_id."""
        return self._inner.create_multipart_upload(replace(write, tags={}))

    def head_version(self, key: str, version_id: str) -> ObjectVersion | None:
        """Return one version, current or not; None when it is gone or a delete marker."""
        return _untagged(self._inner.head_version(key, version_id))

    def tags(self, key: str) -> Mapping[str, str] | None:
        """Return no tags; None when there is no object."""
        return None if self._inner.head(key) is None else {}

    def put_tags(self, key: str, tags: Mapping[str, str]) -> None:
        """Raise `Blocked`: where no tags are seen, none are to be written."""
        raise Blocked("write tags", key, f"one of both stores has no tags: {sorted(tags)}")


def _untagged(version: ObjectVersion | None) -> ObjectVersion | None:
    return None if version is None else replace(version, tag_count=0)
