"""A part of a bucket as a bucket of its own: keys, their order, and what lies outside."""

from datetime import UTC, datetime

import pytest

from sync_core.errors import Blocked
from sync_core.storage.memory import MemoryBucket, MemoryObjectStore, Versioning
from sync_core.storage.prefixed import PrefixedStore, below
from sync_core.storage.protocol import SyncStore
from tests.object_benches import Stream, present, present_version, put, read, write_of

PREFIX = "data/"


@pytest.fixture
def whole() -> MemoryObjectStore:
    bucket = MemoryBucket("bucket", lambda: datetime.now(UTC), versioning=Versioning.ON)
    return MemoryObjectStore(bucket, "AWS:AIDAUSER")


@pytest.fixture
def part(whole: MemoryObjectStore) -> SyncStore:
    return below(whole, PREFIX)


def test_without_a_prefix_the_store_is_itself(whole: MemoryObjectStore) -> None:
    assert below(whole, "") is whole


def test_a_key_has_the_prefix_in_the_bucket_and_nowhere_else(
    whole: MemoryObjectStore, part: SyncStore
) -> None:
    version = put(part, "report.txt")
    assert version.key == "report.txt"
    assert present_version(part.get("report.txt")).key == "report.txt"
    assert present(whole.head("data/report.txt")).etag == version.etag
    assert whole.head("report.txt") is None
    assert [listed.key for listed in part.list()] == ["report.txt"]


def test_what_lies_outside_the_prefix_is_not_seen(
    whole: MemoryObjectStore, part: SyncStore
) -> None:
    for key in ("data", "data.txt", "dat/a", "data0", "z"):
        put(whole, key)
    assert list(part.list()) == []
    assert [part.head(key) for key in ("data", ".txt", "z")] == [None, None, None]


def test_a_placeholder_of_the_folder_itself_is_no_object_of_it(
    whole: MemoryObjectStore, part: SyncStore
) -> None:
    put(whole, PREFIX, b"")
    assert list(part.list()) == []
    with pytest.raises(Blocked):
        part.head("")


def test_a_listing_keeps_the_order_and_can_be_taken_up(
    whole: MemoryObjectStore, part: SyncStore
) -> None:
    keys = ["!", "a", "a/b", "b", "data/x", "é", "😀"]
    for key in reversed(keys):
        put(part, key)
    put(whole, "zzz")
    assert [listed.key for listed in part.list()] == keys
    assert [listed.key for listed in part.list(start_after="a/b")] == keys[3:]
    assert [listed.key for listed in part.list("a")] == ["a", "a/b"]
    assert next(iter(part.list())) == next(whole.list())._replace(key="!")


def test_the_prefix_may_recur_in_a_key(whole: MemoryObjectStore, part: SyncStore) -> None:
    assert put(part, "data/x").key == "data/x"
    assert whole.head("data/data/x") is not None
    assert part.head("x") is None


def test_any_text_can_be_the_prefix(whole: MemoryObjectStore) -> None:
    store = PrefixedStore(whole, "日本 ")
    put(store, "k")
    assert [listed.key for listed in store.list()] == ["k"]
    assert whole.head("日本 k") is not None


def test_two_parts_of_a_bucket_do_not_mix(whole: MemoryObjectStore) -> None:
    one, other = below(whole, "one/"), below(whole, "other/")
    put(one, "k", b"one")
    put(other, "k", b"other")
    one.delete_if(present(one.head("k")))
    assert one.head("k") is None
    assert read(other.get("k")) == b"other"


def test_a_version_has_the_key_without_the_prefix(
    whole: MemoryObjectStore, part: SyncStore
) -> None:
    old = put(part, "k", b"old")
    put(part, "k", b"new")
    newest, oldest = part.versions("k", 9)
    assert oldest.version_id == old.version_id
    assert part.head_version("k", oldest.version_id) == old
    part.copy_version(old, "copy")
    assert read(whole.get("data/copy")) == b"old"
    part.delete_version("k", newest.version_id)
    assert part.head("k") == old


def test_parts_and_tags_go_to_the_full_key(whole: MemoryObjectStore, part: SyncStore) -> None:
    upload_id = part.create_multipart_upload(write_of("k", b"data"))
    part.abort_multipart_upload("k", upload_id)
    upload_id = part.create_multipart_upload(write_of("k", b"data"))
    etag = part.upload_part("k", upload_id, 1, b"data")
    part.complete_if("k", upload_id, [etag], None)
    part.put_tags("k", {"a": "b"})
    assert whole.tags("data/k") == part.tags("k") == {"a": "b"}


def test_the_prefix_takes_room_in_a_key(part: SyncStore) -> None:
    put(part, "x" * (1024 - len(PREFIX)))
    with pytest.raises(Blocked):
        part.put(write_of("x" * 1024, b""), Stream(b""))
