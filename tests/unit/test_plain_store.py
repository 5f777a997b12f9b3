"""What `PlainStore` does without, and what it does in another way."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from sync_core.checksums import crc64nvme
from sync_core.errors import Blocked, PreconditionFailed
from sync_core.model import Ability, ObjectVersion, Place
from sync_core.parts import plan_parts
from sync_core.storage.memory import MemoryBucket, MemoryObjectStore
from sync_core.storage.parts_protocol import Piece
from sync_core.storage.plain import PlainStore
from sync_core.storage.protocol import ByteRange
from sync_core.storage.sync_store import SyncStore
from tests.object_benches import HEADERS, Stream, present, present_version, put, read, write_of

PLACE = Place("bucket", "k")


@pytest.fixture
def below() -> MemoryObjectStore:
    return MemoryObjectStore(MemoryBucket("bucket", lambda: datetime.now(UTC)), "AWS:AIDA")


@pytest.fixture
def store(below: MemoryObjectStore) -> SyncStore:
    return PlainStore(below)


def test_objects_are_bytes_and_nothing_else(below: MemoryObjectStore, store: SyncStore) -> None:
    more: dict[str, Any] = {
        "headers": HEADERS,
        "metadata": {"a": "b"},
        "marker": "1;x",
        "tags": {"c": "d"},
    }
    put(below, "k", **more, crc64nvme=crc64nvme(b"data"))
    for version in (present(store.head("k")), present_version(store.get("k"))):
        assert (version.headers, version.metadata, version.marker) == ({}, {}, None)
        assert (version.tag_count, version.version_id, version.crc64nvme) == (0, None, None)
    assert store.tags("k") == {}
    assert store.tags("absent") is None
    put(store, "k", **more)
    stored = present(below.head("k"))
    assert (stored.metadata, stored.marker, below.tags("k")) == ({}, None, {})


def test_bytes_are_read_and_listed_as_they_are_below(store: SyncStore) -> None:
    assert store.head("k") is None
    assert store.get("k") is None
    version = put(store, "k", b"0123456789")
    assert read(store.get("k", etag=version.etag, byte_range=ByteRange(2, 3))) == b"23"
    assert [listed.key for listed in store.list()] == ["k"]
    assert store.delete("k") is None
    assert store.head("k") is None


@pytest.mark.parametrize(
    "request_",
    [
        lambda store, version: store.put_if(write_of("k", b""), Stream(b""), None),
        lambda store, version: store.delete_if(version),
        lambda store, version: store.copy_from(PLACE, version, write_of("k", b""), None),
        lambda store, version: store.put_tags("k", {"a": "b"}),
        lambda store, version: store.restore(version, 1),
        lambda store, version: store.create_multipart_upload(write_of("k", b"")),
        lambda store, version: store.upload_part("k", "id", 1, Stream(b""), 0),
        lambda store, version: store.copy_part_from("k", "id", 1, Piece(PLACE, version.etag)),
        lambda store, version: store.complete_if("k", "id", [], None),
    ],
)
def test_what_it_lacks_is_refused_and_changes_nothing(
    store: SyncStore, request_: Callable[[SyncStore, ObjectVersion], object]
) -> None:
    version = put(store, "k")
    with pytest.raises(Blocked, match="such a store does not have"):
        request_(store, version)
    assert store.head("k") == version


def test_there_is_never_an_upload(store: SyncStore) -> None:
    version = put(store, "k")
    assert store.list_parts("k", "id") is None
    assert list(store.open_uploads()) == []
    store.abort_multipart_upload("k", "id")
    assert store.uniform_part_bytes(version) is None
    assert plan_parts(1024**4, store.part_limits).count == 1
    assert Ability.HAS_PARTS in store.lacks


def test_a_copy_is_of_the_instance_that_was_meant(store: SyncStore) -> None:
    old = put(store, "k", b"old")
    store.copy_if(old, "copy")
    assert read(store.get("copy")) == b"old"
    put(store, "k", b"new")
    with pytest.raises(PreconditionFailed):
        store.copy_if(old, "copy")
    store.delete("k")
    with pytest.raises(PreconditionFailed):
        store.copy_if(old, "copy")
    assert read(store.get("copy")) == b"old"


def test_the_current_instance_is_the_only_version(store: SyncStore) -> None:
    assert list(store.versions("k", 10)) == []
    version = put(store, "k")
    [entry] = store.versions("k", 10)
    assert (entry.version_id, entry.is_delete_marker, entry.etag) == ("null", False, version.etag)
    assert store.head_version("k", "null") == version
    assert store.head_version("k", "other") is None
    store.copy_version(version, "copy")
    store.delete_version("k", "other")
    assert store.head("k") == version
    store.delete_version("k", "null")
    assert store.head("k") is None
    assert read(store.get("copy")) == b"data"
