"""What the store in memory adds to the port: the changes it announces, and S3's odder rules."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from sync_core.checksums import crc64nvme, md5_of
from sync_core.errors import (
    AccessDenied,
    Archived,
    Blocked,
    ConfigError,
    IntegrityError,
    PreconditionFailed,
)
from sync_core.model import ObjectVersion, OpenUpload
from sync_core.parts import S3_LIMITS
from sync_core.storage.memory import ChangeRecord, MemoryBucket, MemoryObjectStore, Versioning
from sync_core.storage.parts_protocol import Piece
from sync_core.storage.protocol import ByteRange, ObjectWrite
from tests.object_benches import Stream, present, put, put_in_parts, read, upload


class Bench:
    """A bucket whose clock is set by hand, two principals, and what was announced."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 4, 5, 6, 789_000, tzinfo=UTC)
        self.bucket = MemoryBucket("bucket", lambda: self.now)
        self.changes: list[ChangeRecord] = []
        self.bucket.listeners.append(self.changes.append)
        self.user = MemoryObjectStore(self.bucket, "AWS:AIDAUSER")
        self.sync = MemoryObjectStore(self.bucket, "AWS:AIDASYNC")

    def put(self, key: str = "k", data: bytes = b"data") -> ObjectVersion:
        self.user.put(ObjectWrite(key, len(data)), io.BytesIO(data))
        version = self.user.head(key)
        assert version is not None
        return version


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_each_change_is_announced_under_the_name_that_s3_gives_it(bench: Bench) -> None:
    version = bench.put()
    bench.user.put_tags("k", {"a": "b"})
    bench.user.copy_if(version, "copy")
    put_in_parts(bench.user, "parts", b"part")
    bench.user.copy_from(bench.user.place("k"), version, ObjectWrite("from", 4), None)
    bench.bucket.archive("copy")
    for _ in range(2):
        bench.user.restore(present(bench.user.head("copy")), 7)
    bench.bucket.restore("copy")
    bench.user.delete("k")
    assert [(change.event_name, change.key) for change in bench.changes] == [
        ("ObjectCreated:Put", "k"),
        ("ObjectTagging:Put", "k"),
        ("ObjectCreated:Copy", "copy"),
        ("ObjectCreated:CompleteMultipartUpload", "parts"),
        ("ObjectCreated:Copy", "from"),
        ("ObjectRestore:Post", "copy"),
        ("ObjectRestore:Completed", "copy"),
        ("ObjectRemoved:Delete", "k"),
    ]


def test_an_announcement_has_what_an_event_record_needs(bench: Bench) -> None:
    version = bench.put()
    bench.sync.delete_if(version)
    created, removed = bench.changes
    assert created == ChangeRecord(
        event_name="ObjectCreated:Put",
        bucket="bucket",
        key="k",
        principal_id="AWS:AIDAUSER",
        at=bench.now,
        size_bytes=4,
        etag=version.etag,
        sequencer=created.sequencer,
    )
    assert (removed.principal_id, removed.size_bytes, removed.etag) == ("AWS:AIDASYNC", 0, None)


def test_sequencers_grow_and_events_on_tags_have_none(bench: Bench) -> None:
    for _ in range(20):
        bench.put()
    sequencers = [change.sequencer or "" for change in bench.changes]
    assert all(len(first) == len(second) for first, second in pairwise(sequencers))
    assert sequencers == sorted(set(sequencers))
    bench.user.put_tags("k", {})
    assert bench.changes[-1].sequencer is None


def test_what_changes_nothing_is_not_announced(bench: Bench) -> None:
    bench.user.delete("absent")
    upload_id, _ = upload(bench.user, "k", b"part")
    bench.user.abort_multipart_upload("k", upload_id)
    assert bench.changes == []


def test_a_listener_sees_the_bucket_after_the_change(bench: Bench) -> None:
    seen: list[bool] = []
    bench.bucket.listeners.append(lambda change: seen.append(bench.user.head(change.key) is None))
    bench.put()
    bench.user.delete("k")
    assert seen == [False, True]


def test_an_object_in_parts_has_the_time_at_which_its_upload_began(bench: Bench) -> None:
    began_at = bench.now.replace(microsecond=0)
    upload_id = bench.user.create_multipart_upload(ObjectWrite("k", 4))
    bench.now += timedelta(hours=1)
    part = bench.user.upload_part("k", upload_id, 1, Stream(b"part"), 4)
    bench.user.complete_if("k", upload_id, [part], None)
    assert present(bench.user.head("k")).last_modified_at == began_at


def test_a_touch_changes_the_time_and_the_metadata_but_not_the_etag(bench: Bench) -> None:
    before = bench.put()
    bench.now += timedelta(seconds=1)
    bench.user.put(ObjectWrite("k", 4, metadata={"a": "b"}), io.BytesIO(b"data"))
    after = bench.user.head("k")
    assert after is not None
    assert after.etag == before.etag
    assert after.last_modified_at - before.last_modified_at == timedelta(seconds=1)
    assert after.metadata == {"a": "b"}


def test_only_the_last_part_may_be_small(bench: Bench) -> None:
    upload_id, parts = upload(bench.user, "k", b"12", b"12")
    with pytest.raises(Blocked):
        bench.user.complete_if("k", upload_id, parts, None)
    assert bench.user.head("k") is None


def test_a_bucket_may_demand_something_else_of_parts(bench: Bench) -> None:
    bench.bucket.part_limits = replace(S3_LIMITS, least_bytes=2, most_bytes=3, most_parts=2)
    assert put_in_parts(bench.user, "k", b"12", b"3").size_bytes == 3
    upload_id, _ = upload(bench.user, "k")
    for number, size_bytes in ((0, 1), (3, 1), (1, 4)):
        with pytest.raises(Blocked):
            bench.user.upload_part("k", upload_id, number, Stream(bytes(size_bytes)), size_bytes)


@pytest.mark.parametrize("numbers", [[], [2], [1, 3], [2, 1], [1, 2, 3, 4]])
def test_parts_are_joined_from_the_first_and_without_a_gap(
    bench: Bench, numbers: list[int]
) -> None:
    bench.bucket.part_limits = replace(S3_LIMITS, least_bytes=0)
    upload_id, parts = upload(bench.user, "k", b"1", b"2", b"3")
    sent = {part.number: part for part in parts}
    absent = parts[0]._replace(number=4)
    with pytest.raises(IntegrityError):
        bench.user.complete_if("k", upload_id, [sent.get(n, absent) for n in numbers], None)
    assert bench.user.list_parts("k", upload_id) == parts


def test_a_digest_that_is_not_the_parts_is_refused(bench: Bench) -> None:
    upload_id, (part,) = upload(bench.user, "k", b"part")
    other = part._replace(crc64nvme=crc64nvme(b"other"))
    with pytest.raises(IntegrityError):
        bench.user.complete_if("k", upload_id, [other], None)
    bench.user.complete_if("k", upload_id, [part._replace(crc64nvme=None)], None)
    assert present(bench.user.head("k")).crc64nvme == crc64nvme(b"part")


def test_opaque_etags_are_those_of_parts_too(bench: Bench) -> None:
    bench.bucket.etag_is_md5 = False
    upload_id, parts = upload(bench.user, "k", b"part", b"part"[:0])
    assert len({part.etag for part in parts} | {md5_of(b"part"), md5_of(b"")}) == 4
    bench.user.complete_if("k", upload_id, parts[:1], None)
    assert present(bench.user.head("k")).etag.endswith("-1")


def test_an_upload_belongs_to_who_began_it(bench: Bench) -> None:
    upload_id, _ = upload(bench.sync, "k")
    assert list(bench.user.open_uploads()) == []
    began_at = bench.now.replace(microsecond=0)
    assert list(bench.sync.open_uploads()) == [OpenUpload("k", upload_id, began_at)]


def test_a_body_for_an_upload_that_is_gone_is_not_read(bench: Bench) -> None:
    body = Stream(b"part")
    with pytest.raises(PreconditionFailed):
        bench.user.upload_part("k", "unknown", 1, body, 4)
    assert body.read() == b"part"


class TestOtherBuckets:
    @pytest.fixture
    def other(self, bench: Bench) -> MemoryBucket:
        other = MemoryBucket("other", lambda: bench.now)
        put(MemoryObjectStore(other, "AWS:AIDAUSER"), "k", b"data", crc64nvme=crc64nvme(b"data"))
        return other

    def test_one_that_the_credentials_cannot_read_is_denied(
        self, bench: Bench, other: MemoryBucket
    ) -> None:
        source = MemoryObjectStore(other, "AWS:AIDAUSER")
        instance = present(source.head("k"))
        upload_id, _ = upload(bench.sync, "parts")
        with pytest.raises(AccessDenied):
            bench.sync.copy_from(source.place("k"), instance, ObjectWrite("k", 4), None)
        with pytest.raises(AccessDenied):
            bench.sync.copy_part_from(
                "parts", upload_id, 1, Piece(source.place("k"), instance.etag)
            )

    def test_a_copy_shows_the_digest_of_its_source(self, bench: Bench, other: MemoryBucket) -> None:
        source = MemoryObjectStore(other, "AWS:AIDAUSER")
        sync = MemoryObjectStore(bench.bucket, "AWS:AIDASYNC", [other])
        instance = present(source.head("k"))
        write = ObjectWrite("copy", 4, crc64nvme=crc64nvme(b"unlike"))
        sync.copy_from(source.place("k"), instance, write, None)
        assert present(sync.head("copy")).crc64nvme == instance.crc64nvme == crc64nvme(b"data")

    def test_one_that_was_removed_is_a_wrong_setting(
        self, bench: Bench, other: MemoryBucket
    ) -> None:
        source = MemoryObjectStore(other, "AWS:AIDAUSER")
        instance = present(source.head("k"))
        sync = MemoryObjectStore(bench.bucket, "AWS:AIDASYNC", [other])
        other.remove()
        with pytest.raises(ConfigError):
            sync.copy_from(source.place("k"), instance, ObjectWrite("k", 4), None)

    def test_more_than_one_request_can_copy_is_blocked(self, bench: Bench) -> None:
        giant = replace(bench.put(), size_bytes=S3_LIMITS.most_copy_bytes + 1)
        place = bench.user.place("k")
        upload_id, _ = upload(bench.user, "parts")
        with pytest.raises(Blocked):
            bench.user.copy_from(place, giant, ObjectWrite("copy", 4), None)
        too_much = ByteRange(0, S3_LIMITS.most_copy_bytes)
        with pytest.raises(Blocked):
            bench.user.copy_part_from("parts", upload_id, 1, Piece(place, giant.etag, too_much))


class TestArchive:
    def test_a_restore_that_was_asked_for_takes_its_time(self, bench: Bench) -> None:
        version = bench.put()
        bench.bucket.archive("k")
        bench.user.restore(version, 7)
        stored = bench.bucket.current("k")
        assert stored is not None
        assert stored.restore_days == 7
        with pytest.raises(Archived):
            bench.user.get("k")
        bench.bucket.restore("k")
        assert read(bench.user.get("k")) == b"data"

    def test_what_is_not_archived_cannot_be_restored(self, bench: Bench) -> None:
        version = bench.put()
        with pytest.raises(PreconditionFailed):
            bench.user.restore(version, 7)
        bench.user.delete("k")
        with pytest.raises(PreconditionFailed):
            bench.user.restore(version, 7)

    def test_an_older_version_is_restored_by_its_id(self, bench: Bench) -> None:
        bench.bucket.versioning = Versioning.ON
        version = bench.put()
        bench.bucket.archive("k")
        bench.put(data=b"newer")
        bench.user.restore(version, 7)
        older = bench.bucket.find("k", version.version_id or "")
        assert older is not None
        assert older.restore_days == 7


def test_a_copy_of_an_object_in_parts_is_one_whole(bench: Bench) -> None:
    version = put_in_parts(bench.user, "k", b"part")
    bench.user.copy_if(version, "copy")
    copied = present(bench.user.head("copy"))
    assert copied.md5 == copied.etag == md5_of(b"part")
    assert bench.user.uniform_part_bytes(copied) is None


def test_an_object_written_without_a_type_has_the_default_of_s3(bench: Bench) -> None:
    assert bench.put().headers == {"content-type": "binary/octet-stream"}
