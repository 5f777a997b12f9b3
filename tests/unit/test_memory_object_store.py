"""What the store in memory adds to the port: the changes it announces, and S3's odder rules."""

import io
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from sync_core.errors import Blocked
from sync_core.model import ObjectVersion
from sync_core.storage.memory import ChangeRecord, MemoryBucket, MemoryObjectStore
from sync_core.storage.protocol import ObjectWrite


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
    upload_id = bench.user.create_multipart_upload(ObjectWrite("parts", 4))
    etag = bench.user.upload_part("parts", upload_id, 1, b"part")
    bench.user.complete_if("parts", upload_id, [etag], None)
    bench.user.delete("k")
    assert [(change.event_name, change.key) for change in bench.changes] == [
        ("ObjectCreated:Put", "k"),
        ("ObjectTagging:Put", "k"),
        ("ObjectCreated:Copy", "copy"),
        ("ObjectCreated:CompleteMultipartUpload", "parts"),
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
    upload_id = bench.user.create_multipart_upload(ObjectWrite("k", 4))
    bench.user.upload_part("k", upload_id, 1, b"part")
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
    etag = bench.user.upload_part("k", upload_id, 1, b"part")
    bench.user.complete_if("k", upload_id, [etag], None)
    version = bench.user.head("k")
    assert version is not None
    assert version.last_modified_at == began_at


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
    upload_id = bench.user.create_multipart_upload(ObjectWrite("k", 4))
    etags = [bench.user.upload_part("k", upload_id, number, b"12") for number in (1, 2)]
    with pytest.raises(Blocked):
        bench.user.complete_if("k", upload_id, etags, None)
    assert bench.user.head("k") is None


def test_a_copy_of_an_object_in_parts_is_one_whole(bench: Bench) -> None:
    upload_id = bench.user.create_multipart_upload(ObjectWrite("k", 4))
    etag = bench.user.upload_part("k", upload_id, 1, b"part")
    bench.user.complete_if("k", upload_id, [etag], None)
    version = bench.user.head("k")
    assert version is not None
    bench.user.copy_if(version, "copy")
    copied = bench.user.head("copy")
    assert copied is not None
    assert copied.md5 == copied.etag == etag


def test_an_object_written_without_a_type_has_the_default_of_s3(bench: Bench) -> None:
    assert bench.put().headers == {"content-type": "binary/octet-stream"}
