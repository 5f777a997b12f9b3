"""A bucket whose objects have bytes and tags only: their headers and user metadata are not seen.

Nothing that compares or writes objects knows of headers and metadata then: they are neither copied
nor a reason to copy. Our marker is no user's entry and stays. What is copied inside of the bucket
keeps all it has: the loser of a conflict is to be found as it was.
"""

from collections.abc import Callable
from dataclasses import replace

from sync_core.errors import PreconditionFailed
from sync_core.model import ObjectVersion, Place
from sync_core.storage.forwarding import ForwardingStore
from sync_core.storage.prefixed import ShownReader
from sync_core.storage.protocol import ByteRange, ObjectReader, ObjectWrite, Readable, Written
from sync_core.storage.sync_store import SyncStore

_NULL_VERSION = "null"


def without_metadata(inner: SyncStore) -> "BareStore":
    """Return the store of the same objects without headers and user metadata."""
    return BareStore(inner)


class BareStore(ForwardingStore):
    """The `SyncStore` of the objects in `inner`, without their headers and user metadata.

    It departs from the protocol in that alone: what `ObjectWrite` says of them is not written, and
    `ObjectVersion` does not show them.
    """

    def head(self, key: str) -> ObjectVersion | None:
        """Return the current instance; None when there is none."""
        return _bare(self._inner.head(key))

    def get(
        self, key: str, *, etag: str | None = None, byte_range: ByteRange | None = None
    ) -> ObjectReader | None:
        """Open the current instance, or None when there is none."""
        reader = self._inner.get(key, etag=etag, byte_range=byte_range)
        if reader is None:
            return None
        return ShownReader(reader, replace(reader.version, headers={}, metadata={}))

    def put(self, write: ObjectWrite, body: Readable) -> Written:
        """Write the object whatever is there now."""
        return self._inner.put(_bare_write(write), body)

    def put_if(self, write: ObjectWrite, body: Readable, replaces: ObjectVersion | None) -> Written:
        """Write the object in place of `replaces` (None: of nothing)."""
        return self._inner.put_if(_bare_write(write), body, replaces)

    def copy_if(self, source: ObjectVersion, destination_key: str) -> Written:
        """Copy `source` with all it has, but without the marker."""
        whole = self._whole(source, self._inner.head)
        return self._inner.copy_if(whole, destination_key)

    def copy_from(
        self,
        source: Place,
        instance: ObjectVersion,
        write: ObjectWrite,
        replaces: ObjectVersion | None,
    ) -> Written:
        """Put the bytes of `instance`, which is at `source`, in place of `replaces`."""
        return self._inner.copy_from(source, instance, _bare_write(write), replaces)

    def create_multipart_upload(self, write: ObjectWrite) -> str:
        """Begin an upload, with marker and tags; return its upload_id."""
        return self._inner.create_multipart_upload(_bare_write(write))

    def head_version(self, key: str, version_id: str) -> ObjectVersion | None:
        """Return one version, current or not; None when it is gone or a delete marker."""
        return _bare(self._inner.head_version(key, version_id))

    def copy_version(self, source: ObjectVersion, destination_key: str) -> Written:
        """Copy the version `source.version_id` with all it has, but without the marker."""
        version_id = source.version_id or _NULL_VERSION
        whole = self._whole(source, lambda key: self._inner.head_version(key, version_id))
        return self._inner.copy_version(whole, destination_key)

    def _whole(
        self, source: ObjectVersion, look: Callable[[str], ObjectVersion | None]
    ) -> ObjectVersion:
        """Return the source with headers and metadata: only a copy without its marker names them.

        Between the look and the copy an edit of the metadata alone goes unseen, as ever.
        """
        if source.marker is None:
            return source
        found = look(source.key)
        if found is None or found.etag != source.etag:
            raise PreconditionFailed("copy", source.key, f"{source.etag} is gone")
        return found


def _bare(version: ObjectVersion | None) -> ObjectVersion | None:
    return None if version is None else replace(version, headers={}, metadata={})


def _bare_write(write: ObjectWrite) -> ObjectWrite:
    return replace(write, headers={}, metadata={})
