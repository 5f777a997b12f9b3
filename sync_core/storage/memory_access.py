"""What all methods of the store in memory rest on: finding, comparing and adding objects."""

from collections.abc import Iterable

from sync_core.checksums import md5_of
from sync_core.errors import AccessDenied, PreconditionFailed
from sync_core.model import Ability, ObjectVersion, Place
from sync_core.storage.memory_bucket import Condition, MemoryBucket, Stored, Upload
from sync_core.storage.memory_rules import readable, stored_as
from sync_core.storage.protocol import ObjectWrite, Written


class MemoryAccess:
    """A `MemoryBucket` in the hands of `principal_id`.

    `reachable` are the other buckets that the same credentials can read.
    """

    def __init__(
        self, bucket: MemoryBucket, principal_id: str, reachable: Iterable[MemoryBucket] = ()
    ) -> None:
        self._bucket = bucket
        self._principal_id = principal_id
        self._reachable = {each.name: each for each in (*reachable, bucket)}

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self._bucket.name

    @property
    def lacks(self) -> frozenset[Ability]:
        """Nothing: a bucket may ignore conditions, but takes them."""
        return frozenset()

    def place(self, key: str) -> Place:
        """Return where the store has a key."""
        return Place(self._bucket.name, key)

    def _find(self, operation: str, key: str) -> Stored | None:
        with self._bucket.held(operation):
            return self._bucket.current(key)

    def _at(self, source: Place, etag: str, version_id: str | None = None) -> Stored:
        """Return what is to be copied from there: that version, or what is current now."""
        bucket = self._reachable.get(source.bucket)
        if bucket is None:
            cause = f"these credentials cannot read the bucket {source.bucket}"
            raise AccessDenied("copy", source.key, cause)
        with bucket.held("copy"):
            if version_id is None:
                stored = bucket.current(source.key)
            else:
                stored = bucket.find(source.key, version_id)
        if stored is None or stored.version.etag != etag:
            raise PreconditionFailed("copy", source.key, f"{etag} is gone")
        return readable(stored, "copy")

    def _require_replaceable(
        self, operation: str, key: str, replaces: ObjectVersion | None
    ) -> None:
        self._require(operation, key, replaces, "create" if replaces is None else "replace")

    def _require(
        self,
        operation: str,
        key: str,
        expected: ObjectVersion | None,
        condition: Condition | None = None,
    ) -> None:
        current = self._bucket.current(key)
        found = None if current is None else current.version.etag
        wanted = None if expected is None else expected.etag
        if found != wanted and condition not in self._bucket.ignores:
            raise PreconditionFailed(operation, key, f"etag {found} is there instead of {wanted}")

    def _upload(self, operation: str, key: str, upload_id: str) -> Upload:
        upload = self._bucket.uploads.get(upload_id)
        if upload is None or upload.write.key != key:
            raise PreconditionFailed(operation, key, f"there is no upload {upload_id}")
        return upload

    def _put(self, write: ObjectWrite, data: bytes, how: str = "Put") -> Written:
        etag = self._bucket.shown_etag(md5_of(data))
        return self._add(stored_as(write, data, etag, self._bucket.now()), how)

    def _add(self, stored: Stored, how: str) -> Written:
        added = self._bucket.add(stored, self._principal_id, how).version
        return Written(added.etag, added.version_id)
