"""What users do in the simulated cloud, each operation numbered in the bytes that it writes.

A metadata edit carries its number in the metadata, so that every operation's value is its own,
except where the point of the operation is that it is not.
"""

from collections.abc import Callable, Mapping
from io import BytesIO

from sync_core.model import ObjectVersion
from sync_core.storage.memory import MemoryObjectStore, Versioning
from sync_core.storage.protocol import ObjectWrite
from tests.simulation.account import Account
from tests.simulation.cloud import Cloud
from tests.simulation.plan import Step, What
from tests.simulation.stacks import SIDES

TOUCHED = "touched"
KEYS = ("k", "dir/ü +%.txt", ".dualway/own", "k3")
_ROOT = "A3NL1KOZZKEXAM"
_HEADERS = {"content-type": "text/plain"}


def key_of(number: int) -> str:
    """Return the name of the `number`-th key."""
    return KEYS[number % len(KEYS)]


class Users:
    """All users of both buckets."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._account: Account = cloud.account
        self._uploads: dict[tuple[str, str], tuple[str, bytes, int]] = {}
        self.operations = 0
        self._doing: dict[What, Callable[[Step, str], None]] = {
            What.PUT: self._put,
            What.REWRITE: self._rewrite,
            What.TOUCH: self._touch,
            What.EDIT: self._edit,
            What.COPY: self._copy,
            What.RENAME: self._rename,
            What.DELETE: self._delete,
            What.DELETE_ABSENT: self._delete_absent,
            What.BEGIN: self._begin,
            What.COMPLETE: self._complete,
            What.TWINS: self._put_twins,
            What.TAG: self._tag,
            What.EXPIRE: self._expire,
            What.BY_HAND: self._by_hand,
            What.DELETE_BY_HAND: self._delete_by_hand,
            What.AS_ROOT: self._as_root,
            What.RESTORE: self._restore,
            What.UNDELETE: self._undelete,
            What.PURGE: self._purge,
            What.VERSIONING: self._switch_versioning,
            What.EMPTY: self._empty,
        }

    def do(self, step: Step) -> None:
        """Take a user's step."""
        key = key_of(step.key % self._cloud.conditions.keys)
        self._cloud.tell(f"user at {step.side} {step.what} {key}")
        self.operations += 1
        self._doing[step.what](step, key)
        self._account.acting = None

    def put(self, side: str, key: str) -> None:
        """Write new bytes of one size, so that only the bytes tell them apart."""
        self._write(self._cloud.user(side), key, b"%08d" % self._account.next_number())

    def _put(self, step: Step, key: str) -> None:
        self.put(step.side, key)

    def _rewrite(self, step: Step, key: str) -> None:
        current = self._head(step.side, key)
        if current is not None:
            self._write(self._store(step), key, self._data(step.side, key), current.metadata)

    def _touch(self, step: Step, key: str) -> None:
        """Edit the metadata by copying onto itself: same bytes, and our marker stays."""
        current = self._head(step.side, key)
        if current is not None:
            metadata = {**current.metadata, TOUCHED: str(self._account.next_number())}
            data = self._data(step.side, key)
            self._write(self._store(step), key, data, metadata, current.marker)

    def _edit(self, step: Step, key: str) -> None:
        current = self._head(step.side, key)
        if current is not None:
            data = b"%08d" % self._account.next_number()
            self._write(self._store(step), key, data, current.metadata, current.marker)

    def _copy(self, step: Step, key: str) -> None:
        current = self._head(step.side, key)
        if current is not None:
            self._store(step).copy_with_marker(current, self._next(step))

    def _rename(self, step: Step, key: str) -> None:
        if self._head(step.side, key) is not None and self._next(step) != key:
            self._copy(step, key)
            self._store(step).delete(key)

    def _delete(self, step: Step, key: str) -> None:
        if self._head(step.side, key) is not None:
            self._store(step).delete(key)

    def _delete_absent(self, step: Step, key: str) -> None:
        self._store(step).delete(key)

    def _begin(self, step: Step, key: str) -> None:
        number = self._account.next_number()
        write = ObjectWrite(key, 8, _HEADERS)
        upload_id = self._store(step).create_multipart_upload(write)
        self._uploads[step.side, key] = (upload_id, b"%08d" % number, number)

    def _complete(self, step: Step, key: str) -> None:
        upload = self._uploads.pop((step.side, key), None)
        if upload is not None:
            upload_id, data, self._account.acting = upload
            store = self._store(step)
            part = store.upload_part(key, upload_id, 1, BytesIO(data), len(data))
            store.complete_if(key, upload_id, [part], store.head(key))

    def _put_twins(self, _step: Step, key: str) -> None:
        data = b"%08d" % self._account.next_number()
        for side in SIDES:
            self._write(self._cloud.user(side), key, data)

    def _tag(self, step: Step, key: str) -> None:
        if self._head(step.side, key) is not None:
            self._store(step).put_tags(key, {"tagged": str(self._account.next_number())})

    def _expire(self, step: Step, key: str) -> None:
        self._cloud.buckets[step.side].expire(key)

    def _by_hand(self, step: Step, key: str) -> None:
        store = self._cloud.user(step.side, f"AWS:AIDASYNC{step.side}")
        self._write(store, key, b"%08d" % self._account.next_number())

    def _delete_by_hand(self, step: Step, key: str) -> None:
        if self._head(step.side, key) is not None:
            self._cloud.user(step.side, f"AWS:AIDASYNC{step.side}").delete(key)

    def _as_root(self, step: Step, key: str) -> None:
        store = self._cloud.user(step.side, _ROOT)
        self._write(store, key, b"%08d" % self._account.next_number())

    def _restore(self, step: Step, key: str) -> None:
        store = self._store(step)
        old = [each for each in store.versions(key, 9)[1:] if not each.is_delete_marker]
        if old:
            version = store.head_version(key, old[step.number % len(old)].version_id)
            if version is not None:
                store.copy_with_marker(version, key)

    def _undelete(self, step: Step, key: str) -> None:
        store = self._store(step)
        latest = store.versions(key, 1)
        if latest and latest[0].is_delete_marker:
            store.delete_version(key, latest[0].version_id)

    def _purge(self, step: Step, key: str) -> None:
        store = self._store(step)
        old = store.versions(key, 9)[1:]
        if old:
            store.delete_version(key, old[step.number % len(old)].version_id)

    def _switch_versioning(self, step: Step, _key: str) -> None:
        bucket = self._cloud.buckets[step.side]
        on = bucket.versioning is Versioning.ON
        bucket.versioning = Versioning.SUSPENDED if on else Versioning.ON

    def _empty(self, step: Step, _key: str) -> None:
        store = self._store(step)
        for listed in list(store.list()):
            store.delete(listed.key)

    def _next(self, step: Step) -> str:
        return key_of((step.key + 1) % self._cloud.conditions.keys)

    def _store(self, step: Step) -> MemoryObjectStore:
        return self._cloud.user(step.side)

    def _head(self, side: str, key: str) -> ObjectVersion | None:
        return self._cloud.user(side).head(key)

    def _data(self, side: str, key: str) -> bytes:
        reader = self._cloud.user(side).get(key)
        assert reader is not None
        with reader:
            return reader.read()

    @staticmethod
    def _write(
        store: MemoryObjectStore,
        key: str,
        data: bytes,
        metadata: Mapping[str, str] | None = None,
        marker: str | None = None,
    ) -> None:
        store.put(ObjectWrite(key, len(data), _HEADERS, metadata or {}, marker), BytesIO(data))
