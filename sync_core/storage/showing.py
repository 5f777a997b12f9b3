"""A store whose instances are shown, and written, otherwise than they are."""

from abc import ABC, abstractmethod

from sync_core.model import ObjectVersion, Place
from sync_core.storage.forwarding import ForwardingStore
from sync_core.storage.prefixed import ShownReader
from sync_core.storage.protocol import ByteRange, ObjectReader, ObjectWrite, Readable, Written


class ShowingStore(ForwardingStore, ABC):
    """The `SyncStore` of the objects in `inner`; those built upon it say what is not seen of them.

    It departs from the protocol in that alone: what `ObjectWrite` says of it is not written.
    """

    @abstractmethod
    def _shown(self, version: ObjectVersion) -> ObjectVersion:
        """Return an instance as it is shown."""

    @abstractmethod
    def _written(self, write: ObjectWrite) -> ObjectWrite:
        """Return an object as it is written."""

    def head(self, key: str) -> ObjectVersion | None:
        """Return the current instance; None when there is none."""
        return self._shown_if_there(self._inner.head(key))

    def get(
        self, key: str, *, etag: str | None = None, byte_range: ByteRange | None = None
    ) -> ObjectReader | None:
        """Open the current instance, or None when there is none."""
        reader = self._inner.get(key, etag=etag, byte_range=byte_range)
        return None if reader is None else ShownReader(reader, self._shown(reader.version))

    def put(self, write: ObjectWrite, body: Readable) -> Written:
        """Write the object whatever is there now."""
        return self._inner.put(self._written(write), body)

    def put_if(self, write: ObjectWrite, body: Readable, replaces: ObjectVersion | None) -> Written:
        """Write the object in place of `replaces` (None: of nothing)."""
        return self._inner.put_if(self._written(write), body, replaces)

    def copy_from(
        self,
        source: Place,
        instance: ObjectVersion,
        write: ObjectWrite,
        replaces: ObjectVersion | None,
    ) -> Written:
        """Put the bytes of `instance`, which is at `source`, in place of `replaces`."""
        return self._inner.copy_from(source, instance, self._written(write), replaces)

    def create_multipart_upload(self, write: ObjectWrite) -> str:
        """Begin an upload; return its upload_id."""
        return self._inner.create_multipart_upload(self._written(write))

    def head_version(self, key: str, version_id: str) -> ObjectVersion | None:
        """Return one version, current or not; None when it is gone or a delete marker."""
        return self._shown_if_there(self._inner.head_version(key, version_id))

    def _shown_if_there(self, version: ObjectVersion | None) -> ObjectVersion | None:
        return None if version is None else self._shown(version)
