"""What stands in for conditions that a store lacks, and what a writer in between may lose."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from sync_core.checksums import crc64nvme
from sync_core.errors import Ambiguous, Blocked, IntegrityError, PreconditionFailed
from sync_core.model import (
    Ability,
    Capabilities,
    ObjectVersion,
    Place,
    UploadedPart,
    VersionEntry,
)
from sync_core.routing import is_excluded
from sync_core.storage.memory import MemoryBucket, MemoryObjectStore, Versioning
from sync_core.storage.memory_bucket import Condition
from sync_core.storage.prefixed import below
from sync_core.storage.protocol import ObjectWrite, Readable, Written
from sync_core.storage.weak import WeakStore, strengthened, trash_key
from tests.object_benches import Stream, present, put, read, stale, upload, write_of

ALL: frozenset[Condition] = frozenset({"create", "replace", "delete"})
NONE = Capabilities(creates_if_absent=False, replaces_if_match=False, deletes_if_match=False)
NOW = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)
NONCE = "0123456789abcdef"
KEPT = f".dualway/trash/20261121T101500Z-{NONCE}/k"


class Interrupted(MemoryObjectStore):
    """A store in which something else happens just before the next request of a kind."""

    def __init__(self, bucket: MemoryBucket) -> None:
        super().__init__(bucket, "AWS:AIDASYNC")
        self.before: dict[str, Callable[[], object]] = {}

    def put(self, write: ObjectWrite, body: Readable) -> Written:
        self._let_in("put")
        return super().put(write, body)

    def delete(self, key: str) -> str | None:
        self._let_in("delete")
        return super().delete(key)

    def copy_if(self, source: ObjectVersion, destination_key: str) -> Written:
        self._let_in("copy")
        return super().copy_if(source, destination_key)

    def head(self, key: str) -> ObjectVersion | None:
        self._let_in("head")
        return super().head(key)

    def versions(self, key: str, limit: int) -> Sequence[VersionEntry]:
        self._let_in("versions")
        return super().versions(key, limit)

    def complete_if(
        self,
        key: str,
        upload_id: str,
        parts: Sequence[UploadedPart],
        replaces: ObjectVersion | None,
        crc64nvme: str | None = None,
    ) -> Written:
        self._let_in("complete")
        return super().complete_if(key, upload_id, parts, replaces, crc64nvme)

    def copy_from(
        self,
        source: Place,
        instance: ObjectVersion,
        write: ObjectWrite,
        replaces: ObjectVersion | None,
    ) -> Written:
        self._let_in("copy from")
        return super().copy_from(source, instance, write, replaces)

    def _let_in(self, operation: str) -> None:
        other = self.before.pop(operation, None)
        if other is not None:
            other()


class Copyless(Interrupted):
    """A store that copies nothing."""

    @property
    def lacks(self) -> frozenset[Ability]:
        return frozenset({Ability.COPIES})


class Bench:
    """A weak store over one that ignores all conditions, and a user beside it."""

    def __init__(self, versioning: Versioning) -> None:
        self.bucket = MemoryBucket("bucket", lambda: NOW, versioning=versioning, ignores=ALL)
        self.user = MemoryObjectStore(self.bucket, "AWS:AIDAUSER")
        self.inner = Interrupted(self.bucket)
        can = replace(NONE, is_versioned=versioning is Versioning.ON)
        self.store = WeakStore(self.inner, can, lambda: NOW, lambda: NONCE)

    def written(self, data: bytes) -> ObjectVersion:
        return put(self.user, "k", data)

    def put_if(self, data: bytes, replaces: ObjectVersion | None) -> None:
        self.store.put_if(write_of("k", data), Stream(data), replaces)

    def now(self, key: str = "k") -> bytes | None:
        reader = self.user.get(key)
        return None if reader is None else read(reader)

    def history(self) -> list[str | None]:
        """The etags of the versions, newest first; None for a delete marker."""
        return [
            None if entry.is_delete_marker else entry.etag for entry in self.user.versions("k", 9)
        ]


@pytest.fixture
def bench() -> Bench:
    return Bench(Versioning.OFF)


@pytest.fixture
def versioned() -> Bench:
    return Bench(Versioning.ON)


class TestAbilities:
    def test_with_all_abilities_the_store_stays_itself(self, bench: Bench) -> None:
        assert strengthened(bench.inner, Capabilities(), lambda: NOW, str) is bench.inner

    @pytest.mark.parametrize("missing", ["creates_if_absent", "replaces_if_match"])
    def test_with_an_ability_missing_it_does_not(self, bench: Bench, missing: str) -> None:
        can = Capabilities(**{missing: False})
        assert isinstance(strengthened(bench.inner, can, lambda: NOW, str), WeakStore)

    @pytest.mark.parametrize(
        ("ability", "condition"),
        [
            ("creates_if_absent", "create"),
            ("replaces_if_match", "replace"),
            ("deletes_if_match", "delete"),
        ],
    )
    def test_a_condition_that_the_store_honours_is_left_to_it(
        self, bench: Bench, ability: str, condition: Condition
    ) -> None:
        bench.bucket.ignores = ALL - {condition}
        can = replace(NONE, **{ability: True})
        store = WeakStore(bench.inner, can, lambda: NOW, lambda: NONCE)
        there = bench.written(b"there")
        asked: list[str] = []
        bench.inner.before["head"] = lambda: asked.append("head")
        requests: dict[Condition, Callable[[], object]] = {
            "create": lambda: store.put_if(write_of("k", b"x"), Stream(b"x"), None),
            "replace": lambda: store.put_if(write_of("k", b"x"), Stream(b"x"), stale(there)),
            "delete": lambda: store.delete_if(stale(there)),
        }
        with pytest.raises(PreconditionFailed):
            requests[condition]()
        assert asked == []
        assert bench.now() == b"there"


class TestPut:
    def test_a_create_needs_a_free_key(self, bench: Bench) -> None:
        bench.put_if(b"one", None)
        with pytest.raises(PreconditionFailed):
            bench.put_if(b"two", None)
        assert bench.now() == b"one"

    def test_an_overwrite_needs_the_instance_that_was_read(self, bench: Bench) -> None:
        old = bench.written(b"old")
        bench.put_if(b"new", old)
        with pytest.raises(PreconditionFailed):
            bench.put_if(b"late", old)
        assert bench.now() == b"new"

    def test_an_instance_with_equal_bytes_and_another_marker_is_another(self, bench: Bench) -> None:
        old = bench.written(b"same")
        put(bench.user, "k", b"same", marker="1;x")
        with pytest.raises(PreconditionFailed):
            bench.put_if(b"new", old)

    def test_another_version_with_equal_bytes_is_another(self, versioned: Bench) -> None:
        old = versioned.written(b"same")
        versioned.written(b"same")
        with pytest.raises(PreconditionFailed):
            versioned.put_if(b"new", old)

    def test_a_write_after_the_look_is_lost_without_versions(self, bench: Bench) -> None:
        old = bench.written(b"old")
        bench.inner.before["put"] = lambda: bench.written(b"racing")
        bench.put_if(b"ours", old)
        assert bench.now() == b"ours"

    def test_a_write_after_the_look_stays_as_a_version(self, versioned: Bench) -> None:
        old = versioned.written(b"old")
        versioned.inner.before["put"] = lambda: versioned.written(b"racing")
        versioned.put_if(b"ours", old)
        racing = versioned.user.versions("k", 2)[1]
        versioned.user.copy_version(
            present(versioned.user.head_version("k", racing.version_id)), "restored"
        )
        assert versioned.now("restored") == b"racing"

    def test_completing_an_upload_looks_first_too(self, bench: Bench) -> None:
        upload_id, parts = upload(bench.store, "k", b"part")
        old = bench.written(b"old")
        for expected in (None, stale(old)):
            with pytest.raises(PreconditionFailed):
                bench.store.complete_if("k", upload_id, parts, expected)
        assert bench.now() == b"old"
        bench.inner.before["complete"] = lambda: bench.written(b"racing")
        bench.store.complete_if("k", upload_id, parts, old)
        assert bench.now() == b"part"

    def test_a_digest_goes_along_with_a_completion(self, bench: Bench) -> None:
        upload_id, parts = upload(bench.store, "k", b"part")
        with pytest.raises(IntegrityError):
            bench.store.complete_if("k", upload_id, parts, None, crc64nvme(b"other"))

    def test_a_copy_from_elsewhere_looks_first_too(self, bench: Bench) -> None:
        source, write = put(bench.user, "source", b"copied"), write_of("k", b"copied")
        place, old = bench.user.place("source"), bench.written(b"old")
        for expected in (None, stale(old)):
            with pytest.raises(PreconditionFailed):
                bench.store.copy_from(place, source, write, expected)
        assert bench.now() == b"old"
        bench.inner.before["copy from"] = lambda: bench.written(b"racing")
        bench.store.copy_from(place, source, write, old)
        assert bench.now() == b"copied"


class TestDeleteIntoTheTrash:
    def test_a_deleted_object_is_kept_as_it_was(self, bench: Bench) -> None:
        there = put(bench.user, "k", b"data", metadata={"a": "b"}, tags={"t": "1"}, marker="1;x")
        bench.store.delete_if(there)
        kept = present(bench.user.head(KEPT))
        assert bench.now() is None
        assert bench.now(KEPT) == b"data"
        assert (kept.metadata, bench.user.tags(KEPT)) == ({"a": "b"}, {"t": "1"})
        assert kept.marker is None
        assert is_excluded(KEPT)

    @pytest.mark.parametrize("moment", ["copy", "head"])
    def test_a_write_that_is_seen_is_not_deleted_and_leaves_no_trash(
        self, bench: Bench, moment: str
    ) -> None:
        there = bench.written(b"there")
        bench.inner.before[moment] = lambda: bench.written(b"racing")
        with pytest.raises(PreconditionFailed):
            bench.store.delete_if(there)
        assert [listed.key for listed in bench.user.list()] == ["k"]
        assert bench.now() == b"racing"

    def test_another_instance_is_not_deleted(self, bench: Bench) -> None:
        there = bench.written(b"there")
        with pytest.raises(PreconditionFailed):
            bench.store.delete_if(stale(there))
        assert [listed.key for listed in bench.user.list()] == ["k"]

    def test_a_write_after_the_last_look_is_lost_and_what_was_read_is_kept(
        self, bench: Bench
    ) -> None:
        there = bench.written(b"there")
        bench.inner.before["delete"] = lambda: bench.written(b"racing")
        bench.store.delete_if(there)
        assert bench.now() is None
        assert bench.now(KEPT) == b"there"

    def test_the_longest_key_below_a_prefix_finds_room_in_the_trash(self, bench: Bench) -> None:
        part = below(bench.inner, "data/")
        store = WeakStore(part, NONE, lambda: NOW, lambda: NONCE, 1024 - len("data/"))
        store.delete_if(put(part, "x" * 1019))
        (kept,) = bench.user.list()
        assert kept.key.startswith("data/.dualway/trash/")
        assert len(kept.key) == 1024

    def test_what_cannot_be_kept_is_not_deleted(self, bench: Bench) -> None:
        there = bench.written(b"there")
        bench.bucket.archive("k")
        with pytest.raises(Blocked):
            bench.store.delete_if(there)
        assert bench.user.head("k") is not None


class TestDeleteWithoutCopies:
    """Of a store that copies nothing, which keeps nothing either."""

    @pytest.fixture
    def bench(self) -> Bench:
        bench = Bench(Versioning.OFF)
        bench.inner = Copyless(bench.bucket)
        bench.store = WeakStore(bench.inner, NONE, lambda: NOW, lambda: NONCE)
        return bench

    def test_the_instance_that_was_read_is_deleted_and_no_other(self, bench: Bench) -> None:
        there = bench.written(b"there")
        with pytest.raises(PreconditionFailed):
            bench.store.delete_if(stale(there))
        assert bench.now() == b"there"
        bench.store.delete_if(there)
        assert [listed.key for listed in bench.user.list()] == []


class TestDeleteAndVerify:
    def test_the_instance_that_was_read_is_deleted(self, versioned: Bench) -> None:
        there = versioned.written(b"there")
        versioned.store.delete_if(there)
        assert versioned.history() == [None, there.etag]
        assert [listed.key for listed in versioned.user.list()] == []

    def test_an_instance_from_before_versioning_is_deleted(self, bench: Bench) -> None:
        there = bench.written(b"there")
        bench.bucket.versioning = Versioning.ON
        can = Capabilities(deletes_if_match=False, is_versioned=True)
        WeakStore(bench.inner, can, lambda: NOW, lambda: NONCE).delete_if(there)
        assert bench.now() is None

    def test_versions_from_before_it_was_suspended_are_no_obstacle(self, versioned: Bench) -> None:
        old = versioned.written(b"old")
        versioned.bucket.versioning = Versioning.SUSPENDED
        versioned.store.delete_if(versioned.written(b"there"))
        assert versioned.history() == [None, old.etag]

    def test_an_instance_that_is_seen_to_be_another_gets_no_marker(self, versioned: Bench) -> None:
        old, new = versioned.written(b"old"), versioned.written(b"new")
        with pytest.raises(PreconditionFailed):
            versioned.store.delete_if(old)
        assert versioned.history() == [new.etag, old.etag]

    def test_a_write_that_a_delete_hit_is_current_again(self, versioned: Bench) -> None:
        there = versioned.written(b"there")
        versioned.inner.before["delete"] = lambda: versioned.written(b"racing")
        with pytest.raises(PreconditionFailed, match="taken back"):
            versioned.store.delete_if(there)
        assert versioned.now() == b"racing"
        assert len(versioned.history()) == 2

    def test_equal_bytes_written_in_between_are_current_again(self, versioned: Bench) -> None:
        there = versioned.written(b"same")
        versioned.inner.before["delete"] = lambda: versioned.written(b"same")
        with pytest.raises(PreconditionFailed):
            versioned.store.delete_if(there)
        assert versioned.now() == b"same"

    def test_a_write_on_top_of_our_marker_stays(self, versioned: Bench) -> None:
        there = versioned.written(b"there")
        versioned.inner.before["versions"] = lambda: versioned.written(b"next")
        versioned.store.delete_if(there)
        assert versioned.now() == b"next"

    def test_a_users_own_delete_marker_is_left_alone(self, versioned: Bench) -> None:
        there = versioned.written(b"there")
        versioned.inner.before["delete"] = lambda: versioned.user.delete("k")
        assert versioned.store.delete_if(there) is not None
        assert versioned.history() == [None, None, there.etag]

    def test_a_delete_whose_answer_was_lost_is_done(self, versioned: Bench) -> None:
        there = versioned.written(b"there")
        versioned.inner.before["delete"] = lambda: unanswered(versioned, arrives=True)
        versioned.store.delete_if(there)
        assert versioned.history() == [None, there.etag]

    def test_a_delete_that_never_arrived_stays_without_an_answer(self, versioned: Bench) -> None:
        there = versioned.written(b"there")
        versioned.inner.before["delete"] = lambda: unanswered(versioned, arrives=False)
        with pytest.raises(Ambiguous):
            versioned.store.delete_if(there)
        assert versioned.history() == [there.etag]

    def test_a_delete_without_an_answer_is_taken_back_as_well(self, versioned: Bench) -> None:
        there = versioned.written(b"there")

        def race() -> None:
            versioned.written(b"racing")
            unanswered(versioned, arrives=True)

        versioned.inner.before["delete"] = race
        with pytest.raises(PreconditionFailed):
            versioned.store.delete_if(there)
        assert versioned.now() == b"racing"


def unanswered(bench: Bench, *, arrives: bool) -> None:
    """Delete, or do not, and say nothing of it."""
    if arrives:
        bench.user.delete("k")
    raise Ambiguous("delete", "k", "no answer")


class TestTrashKeys:
    def test_a_key_in_the_trash_ends_with_the_key(self) -> None:
        assert trash_key("a/b.txt", NOW, NONCE) == KEPT.removesuffix("k") + "a/b.txt"

    @pytest.mark.parametrize("key", ["x" * 1024, "é" * 512, "😀" * 256, "x" * 976])
    @pytest.mark.parametrize("longest", [1024, 900])
    def test_a_long_key_is_cut_and_still_tells_keys_apart(self, key: str, longest: int) -> None:
        name, other = (trash_key(text, NOW, NONCE, longest) for text in (key, key[:-1] + "y"))
        assert name != other
        assert max(len(name.encode()), len(other.encode())) <= longest
        assert name.startswith(KEPT.removesuffix("k") + key[:100])

    def test_the_longest_key_that_fits_is_not_cut(self) -> None:
        key = "x" * (1024 - len(KEPT) + 1)
        assert trash_key(key, NOW, NONCE).endswith("/" + key)
