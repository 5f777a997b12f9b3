"""A bucket whose tags are not seen, because those of the other side's store cannot have any.

Nothing that compares or writes objects knows of tags then: they are neither copied nor a reason to
copy. What the store copies by itself, inside of the bucket, keeps its own.
"""

from collections.abc import Mapping
from dataclasses import replace

from sync_core.errors import Blocked
from sync_core.model import ObjectVersion
from sync_core.storage.protocol import ObjectWrite
from sync_core.storage.showing import ShowingStore
from sync_core.storage.sync_store import SyncStore


def without_tags(inner: SyncStore) -> "UntaggedStore":
    """Return the store of the same objects without tags."""
    return UntaggedStore(inner)


class UntaggedStore(ShowingStore):
    """The `SyncStore` of the objects in `inner`, each of which has no tags."""

    def tags(self, key: str) -> Mapping[str, str] | None:
        """Return no tags; None when there is no object."""
        return None if self._inner.head(key) is None else {}

    def put_tags(self, key: str, tags: Mapping[str, str]) -> None:
        """Raise `Blocked`: where no tags are seen, none are to be written."""
        raise Blocked("write tags", key, f"one of both stores has no tags: {sorted(tags)}")

    def _shown(self, version: ObjectVersion) -> ObjectVersion:
        return replace(version, tag_count=0)

    def _written(self, write: ObjectWrite) -> ObjectWrite:
        return replace(write, tags={})
