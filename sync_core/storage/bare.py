"""A bucket whose objects have bytes and tags only: their headers and user metadata are not seen.

Nothing that compares or writes objects knows of headers and metadata then: they are neither copied
nor a reason to copy. Our marker is no user's entry and stays. What is copied inside of the bucket
keeps all it has: the loser of a conflict is to be found as it was.
"""

from collections.abc import Callable
from dataclasses import replace

from sync_core.errors import PreconditionFailed
from sync_core.model import ObjectVersion
from sync_core.storage.protocol import ObjectWrite, Written
from sync_core.storage.showing import ShowingStore
from sync_core.storage.sync_store import SyncStore

_NULL_VERSION = "null"


def without_metadata(inner: SyncStore) -> "BareStore":
    """Return the store of the same objects without headers and user metadata."""
    return BareStore(inner)


class BareStore(ShowingStore):
    """The `SyncStore` of the objects in `inner`, without their headers and user metadata."""

    def copy_if(self, source: ObjectVersion, destination_key: str) -> Written:
        """Copy `source` with all it has, but without the marker."""
        whole = self._whole(source, self._inner.head)
        return self._inner.copy_if(whole, destination_key)

    def copy_version(self, source: ObjectVersion, destination_key: str) -> Written:
        """Copy the version `source.version_id` with all it has, but without the marker."""
        version_id = source.version_id or _NULL_VERSION
        whole = self._whole(source, lambda key: self._inner.head_version(key, version_id))
        return self._inner.copy_version(whole, destination_key)

    def _shown(self, version: ObjectVersion) -> ObjectVersion:
        return replace(version, headers={}, metadata={})

    def _written(self, write: ObjectWrite) -> ObjectWrite:
        return replace(write, headers={}, metadata={})

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
