"""What the bucket in memory does as S3 does: versions, expiry, archives, odd etags, conditions."""

import hashlib
import io
from datetime import UTC, datetime, timedelta

import pytest

from sync_core.errors import Blocked, PreconditionFailed
from sync_core.model import ObjectVersion
from sync_core.storage.memory import ChangeRecord, MemoryBucket, MemoryObjectStore, Versioning
from sync_core.storage.memory_bucket import Condition
from sync_core.storage.protocol import ObjectWrite

OFF, ON, SUSPENDED = Versioning
MARKER = "1;n=5"


class Bench:
    """A bucket, its user, and what was announced."""

    def __init__(self, versioning: Versioning = OFF) -> None:
        self.now = datetime(2026, 11, 21, 4, 5, 6, tzinfo=UTC)
        self.bucket = MemoryBucket("bucket", lambda: self.now, versioning=versioning)
        self.changes: list[ChangeRecord] = []
        self.bucket.listeners.append(self.changes.append)
        self.user = MemoryObjectStore(self.bucket, "AWS:AIDAUSER")

    def put(self, data: bytes = b"data", marker: str | None = None) -> ObjectVersion:
        self.user.put(ObjectWrite("k", len(data), marker=marker), io.BytesIO(data))
        return self.head()

    def head(self) -> ObjectVersion:
        version = self.user.head("k")
        assert version is not None
        return version

    def read(self) -> bytes | None:
        reader = self.user.get("k")
        return None if reader is None else reader.read()

    def ids(self) -> list[str]:
        return [entry.version_id for entry in self.user.versions("k", 99)]

    def events(self) -> list[tuple[str, str | None]]:
        """What was announced since it was last asked for: names and version ids."""
        seen = [(change.event_name, change.version_id) for change in self.changes]
        self.changes.clear()
        return seen


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def versioned() -> Bench:
    return Bench(ON)


class TestVersioning:
    def test_an_object_in_a_bucket_that_was_never_versioned_is_a_null_version(
        self, bench: Bench
    ) -> None:
        assert bench.put().version_id is None
        assert bench.ids() == ["null"]
        assert bench.events() == [("ObjectCreated:Put", None)]

    def test_what_was_there_before_versioning_stays_the_null_version(self, bench: Bench) -> None:
        bench.put(b"old")
        bench.bucket.versioning = ON
        new = bench.put(b"new")
        assert bench.ids() == [new.version_id, "null"]
        bench.user.delete_version("k", str(new.version_id))
        assert bench.read() == b"old"

    def test_while_suspended_a_write_replaces_the_null_version_only(self, versioned: Bench) -> None:
        first = versioned.put(b"first").version_id
        versioned.bucket.versioning = SUSPENDED
        versioned.put(b"null")
        versioned.put(b"null again")
        assert versioned.ids() == ["null", first]
        assert versioned.read() == b"null again"

    def test_while_suspended_a_delete_leaves_a_null_delete_marker(self, versioned: Bench) -> None:
        first = versioned.put(b"first").version_id
        versioned.bucket.versioning = SUSPENDED
        versioned.put(b"null")
        versioned.events()
        versioned.user.delete("k")
        assert versioned.events() == [("ObjectRemoved:DeleteMarkerCreated", None)]
        assert versioned.ids() == ["null", first]
        assert versioned.user.head("k") is None

    def test_a_null_version_that_is_not_on_top_is_replaced_too(self, bench: Bench) -> None:
        bench.put(b"null")
        bench.bucket.versioning = ON
        middle = bench.put(b"middle").version_id
        bench.bucket.versioning = SUSPENDED
        bench.put(b"null again")
        assert bench.ids() == ["null", middle]

    def test_each_instance_has_an_id_that_no_other_has(self, versioned: Bench) -> None:
        ids = {versioned.put().version_id for _ in range(9)}
        assert len(ids - {None}) == 9

    def test_deleting_an_absent_key_adds_a_delete_marker_each_time(self, versioned: Bench) -> None:
        versioned.user.delete("k")
        versioned.user.delete("k")
        second, first = versioned.ids()
        name = "ObjectRemoved:DeleteMarkerCreated"
        assert versioned.events() == [(name, first), (name, second)]

    def test_only_a_delete_marker_has_an_etag_in_its_event(self, versioned: Bench) -> None:
        versioned.put()
        versioned.user.delete("k")
        for version_id in versioned.ids():
            versioned.user.delete_version("k", version_id)
        nothing = hashlib.md5(b"").hexdigest()
        assert [change.etag for change in versioned.changes[1:]] == [nothing, None, None]

    def test_deleting_a_version_that_is_not_current_changes_nothing_else(
        self, versioned: Bench
    ) -> None:
        old = versioned.put(b"old").version_id
        new = versioned.put(b"new")
        versioned.events()
        versioned.user.delete_version("k", str(old))
        assert versioned.events() == [("ObjectRemoved:Delete", old)]
        assert versioned.head() == new

    def test_without_its_delete_marker_an_object_is_back_and_only_the_deletion_is_told(
        self, versioned: Bench
    ) -> None:
        version = versioned.put()
        versioned.user.delete("k")
        marker, _ = versioned.ids()
        versioned.events()
        versioned.user.delete_version("k", marker)
        assert versioned.events() == [("ObjectRemoved:Delete", marker)]
        assert versioned.head() == version

    def test_deleting_a_version_that_is_missing_is_not_announced(self, versioned: Bench) -> None:
        versioned.put()
        versioned.events()
        versioned.user.delete_version("k", "missing")
        assert versioned.events() == []

    def test_the_null_version_of_an_unversioned_bucket_can_be_deleted_by_its_id(
        self, bench: Bench
    ) -> None:
        bench.put()
        bench.events()
        bench.user.delete_version("k", "null")
        assert bench.events() == [("ObjectRemoved:Delete", None)]
        assert bench.ids() == []

    def test_a_version_in_parts_is_newest_though_its_time_is_older(self, versioned: Bench) -> None:
        upload_id = versioned.user.create_multipart_upload(ObjectWrite("k", 4))
        part = versioned.user.upload_part("k", upload_id, 1, io.BytesIO(b"part"), 4)
        versioned.now += timedelta(hours=1)
        plain = versioned.put()
        written = versioned.user.complete_if("k", upload_id, [part], plain)
        assert versioned.ids() == [written.version_id, plain.version_id]
        assert versioned.head().last_modified_at < plain.last_modified_at


class TestRestore:
    """A user brings an older version back, with CopyObject onto the same key."""

    def test_our_marker_comes_back_with_it(self, versioned: Bench) -> None:
        old = versioned.put(b"old", marker=MARKER)
        versioned.put(b"new")
        versioned.events()
        written = versioned.user.copy_with_marker(old, "k")
        assert versioned.events() == [("ObjectCreated:Copy", written.version_id)]
        assert (versioned.read(), versioned.head().marker) == (b"old", MARKER)
        assert written.version_id != old.version_id

    def test_or_does_not_where_the_user_replaces_the_metadata(self, versioned: Bench) -> None:
        old = versioned.put(b"old", marker=MARKER)
        versioned.user.delete("k")
        versioned.user.copy_version(old, "k")
        assert (versioned.read(), versioned.head().marker) == (b"old", None)

    def test_a_null_version_that_was_replaced_cannot_be_brought_back(self, bench: Bench) -> None:
        old = bench.put(b"old")
        bench.put(b"new")
        with pytest.raises(PreconditionFailed):
            bench.user.copy_with_marker(old, "k")


class TestLifecycle:
    @pytest.mark.parametrize(
        ("versioning", "name"), [(OFF, "Delete"), (ON, "DeleteMarkerCreated")], ids=str
    )
    def test_an_object_that_expires_is_announced_as_such(
        self, versioning: Versioning, name: str
    ) -> None:
        bench = Bench(versioning)
        bench.put()
        bench.changes.clear()
        bench.bucket.expire("k")
        (change,) = bench.changes
        assert change.event_name == f"LifecycleExpiration:{name}"
        assert change.principal_id == "s3.amazonaws.com"
        assert change.size_bytes == 0
        assert bench.user.head("k") is None

    def test_an_absent_object_does_not_expire(self, versioned: Bench) -> None:
        versioned.bucket.expire("k")
        assert (versioned.events(), versioned.ids()) == ([], [])

    def test_an_archived_object_is_seen_but_not_read_until_it_is_restored(
        self, bench: Bench
    ) -> None:
        version = bench.put()
        bench.bucket.archive("k")
        assert bench.user.head("k") == version
        for reading in (bench.read, lambda: bench.user.copy_if(version, "copy")):
            with pytest.raises(Blocked, match="archived"):
                reading()
        bench.events()
        bench.bucket.restore("k")
        assert bench.events() == [("ObjectRestore:Completed", None)]
        assert bench.read() == b"data"

    def test_an_object_written_over_an_archived_one_is_readable(self, bench: Bench) -> None:
        bench.put()
        bench.bucket.archive("k")
        bench.put(b"new")
        assert bench.read() == b"new"


class TestConditions:
    """A store may take a condition and not look at it."""

    @staticmethod
    def happens(bench: Bench, condition: Condition) -> bool:
        """Put "now" after "then" was read, and tell whether the condition let a write through."""
        then = bench.put(b"then")
        bench.put(b"now")
        write = ObjectWrite("k", 1)
        try:
            match condition:
                case "create":
                    bench.user.put_if(write, io.BytesIO(b"x"), None)
                case "replace":
                    bench.user.put_if(write, io.BytesIO(b"x"), then)
                case "delete":
                    bench.user.delete_if(then)
        except PreconditionFailed:
            return False
        return True

    @pytest.mark.parametrize("ignored", ["create", "replace", "delete"])
    @pytest.mark.parametrize("condition", ["create", "replace", "delete"])
    def test_only_the_condition_that_is_ignored_lets_a_write_through(
        self, bench: Bench, condition: Condition, ignored: Condition
    ) -> None:
        assert not self.happens(bench, condition)
        bench.bucket.ignores = frozenset({ignored})
        assert self.happens(bench, condition) == (condition == ignored)

    def test_a_completion_ignores_what_a_put_ignores(self, bench: Bench) -> None:
        upload_id = bench.user.create_multipart_upload(ObjectWrite("k", 4))
        part = bench.user.upload_part("k", upload_id, 1, io.BytesIO(b"part"), 4)
        bench.put()
        bench.bucket.ignores = frozenset({"create"})
        bench.user.complete_if("k", upload_id, [part], None)
        assert bench.read() == b"part"

    def test_the_condition_of_a_copy_is_never_ignored(self, bench: Bench) -> None:
        bench.bucket.ignores = frozenset({"create", "replace", "delete"})
        then = bench.put(b"then")
        bench.put(b"now")
        with pytest.raises(PreconditionFailed):
            bench.user.copy_if(then, "copy")


class TestOpaqueEtags:
    def test_they_look_like_an_md5_and_are_none(self, bench: Bench) -> None:
        bench.bucket.etag_is_md5 = False
        first, second = bench.put(), bench.put()
        assert len(first.etag) == len(hashlib.md5(b"data").hexdigest())
        assert len({first.etag, second.etag, hashlib.md5(b"data").hexdigest()}) == 3
        assert first.md5 is second.md5 is None

    def test_an_object_in_parts_still_counts_them(self, bench: Bench) -> None:
        bench.bucket.etag_is_md5 = False
        upload_id = bench.user.create_multipart_upload(ObjectWrite("k", 4))
        part = bench.user.upload_part("k", upload_id, 1, io.BytesIO(b"part"), 4)
        written = bench.user.complete_if("k", upload_id, [part], None)
        assert written.etag == bench.head().etag
        assert written.etag.endswith("-1")
        assert not written.etag.startswith(hashlib.md5(hashlib.md5(b"part").digest()).hexdigest())
