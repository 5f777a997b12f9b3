"""A part of a bucket as a bucket of its own: keys, their order, and what lies outside."""

from datetime import UTC, datetime

import pytest

from sync_core.errors import Blocked
from sync_core.model import Place
from sync_core.storage.memory import MemoryBucket, MemoryObjectStore, Versioning
from sync_core.storage.parts_protocol import Piece
from sync_core.storage.prefixed import PrefixedStore, below
from sync_core.storage.sync_store import SyncStore
from tests.object_benches import (
    Stream,
    present,
    present_version,
    put,
    put_in_parts,
    read,
    upload,
    write_of,
)

PREFIX = "data/"


@pytest.fixture
def whole_bucket() -> MemoryBucket:
    return MemoryBucket("bucket", lambda: datetime.now(UTC), versioning=Versioning.ON)


@pytest.fixture
def whole(whole_bucket: MemoryBucket) -> MemoryObjectStore:
    return MemoryObjectStore(whole_bucket, "AWS:AIDAUSER")


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
    upload_id, sent = upload(part, "k", b"data")
    assert whole.list_parts("data/k", upload_id) == part.list_parts("k", upload_id) == sent
    part.abort_multipart_upload("k", upload_id)
    assert whole.list_parts("data/k", upload_id) is None
    version = put_in_parts(part, "k", b"data")
    assert part.uniform_part_bytes(version) == 4
    part.put_tags("k", {"a": "b"})
    assert whole.tags("data/k") == part.tags("k") == {"a": "b"}


def test_uploads_outside_the_prefix_are_not_seen(whole: MemoryObjectStore, part: SyncStore) -> None:
    for key in ("k", "data", PREFIX, "data0", "dat/a"):
        upload(whole, key)
    ours = [upload(part, key)[0] for key in ("a", "data/b")]
    assert [(each.key, each.upload_id) for each in part.open_uploads()] == [
        ("a", ours[0]),
        ("data/b", ours[1]),
    ]


def test_a_place_is_in_the_bucket_as_a_whole(part: SyncStore) -> None:
    assert part.place("k") == Place("bucket", "data/k")


def test_a_copy_goes_from_a_place_to_the_full_key(
    whole: MemoryObjectStore, part: SyncStore
) -> None:
    source, old = put(whole, "k", b"whole"), put(part, "k", b"old")
    part.copy_from(whole.place("k"), source, write_of("k", b"whole"), old)
    assert read(whole.get("data/k")) == b"whole"
    upload_id, _ = upload(part, "parts")
    taken = part.copy_part_from("parts", upload_id, 1, Piece(whole.place("k"), source.etag))
    part.complete_if("parts", upload_id, [taken], None)
    assert read(whole.get("data/parts")) == b"whole"


def test_a_restore_is_asked_for_with_the_full_key(
    whole_bucket: MemoryBucket, part: SyncStore
) -> None:
    version = put(part, "k", b"data")
    whole_bucket.archive("data/k")
    part.restore(version, 3)
    stored = whole_bucket.current("data/k")
    assert stored is not None
    assert stored.restore_days == 3


def test_the_prefix_takes_room_in_a_key(part: SyncStore) -> None:
    put(part, "x" * (1024 - len(PREFIX)))
    with pytest.raises(Blocked):
        part.put(write_of("x" * 1024, b""), Stream(b""))
