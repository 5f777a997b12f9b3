"""A store without metadata over each kind of store: what it hides, and what it leaves in place."""

from dataclasses import replace
from typing import Any

import pytest

from sync_core.errors import PreconditionFailed
from sync_core.storage.bare import without_metadata
from sync_core.storage.memory import Versioning
from sync_core.storage.sync_store import SyncStore
from tests.object_benches import (
    HEADERS,
    Bench,
    Raw,
    Stream,
    present,
    present_version,
    put,
    put_in_parts,
    stale,
    without_moto,
    write_of,
)

KINDS = pytest.mark.parametrize("objects", ["memory", "prefixed", "moto", "cloud"], indirect=True)
RICH: dict[str, Any] = {"headers": HEADERS, "metadata": {"owner": "me"}, "tags": {"a": "b c"}}
PLAIN_TYPE = {"content-type": "binary/octet-stream"}


@pytest.fixture
def bare(objects: Bench) -> SyncStore:
    return without_metadata(objects.store)


@KINDS
def test_an_object_shows_its_marker_and_no_headers_or_metadata(
    store: SyncStore, bare: SyncStore
) -> None:
    whole = put(store, "k", marker="1;x", **RICH)
    expected = replace(whole, headers={}, metadata={})
    assert bare.head("k") == expected
    assert replace(present_version(bare.get("k")), tag_count=whole.tag_count) == expected
    assert bare.tags("k") == {"a": "b c"}


@KINDS
def test_an_object_gets_its_marker_and_tags_and_no_headers_or_metadata(
    objects: Bench, bare: SyncStore
) -> None:
    bare.put(write_of("k", b"data", marker="1;x", **RICH), Stream(b"data"))
    bare.put_if(write_of("new", b"data", marker="1;x", **RICH), Stream(b"data"), None)
    put_in_parts(bare, "parts", b"data", marker="1;x", **RICH)
    source = put(objects.neighbour, "source", **RICH)
    write = write_of("copied", b"data", marker="1;x", **RICH)
    bare.copy_from(objects.neighbour.place("source"), source, write, None)
    for key in ("k", "new", "parts", "copied"):
        raw = objects.raw(key)
        assert raw is not None
        assert raw.headers in (PLAIN_TYPE, {})
        assert replace(raw, headers={}) == Raw(b"data", {}, {"dualway": "1;x"}, {"a": "b c"})


@KINDS
@pytest.mark.parametrize("marker", [None, "1;x"])
def test_a_copy_inside_the_bucket_keeps_headers_and_metadata(
    objects: Bench, bare: SyncStore, marker: str | None
) -> None:
    put(objects.store, "k", marker=marker, **RICH)
    bare.copy_if(present(bare.head("k")), "copy")
    assert objects.raw("copy") == Raw(b"data", HEADERS, {"owner": "me"}, {"a": "b c"})


@KINDS
@pytest.mark.parametrize("marker", [None, "1;x"])
def test_a_copy_of_an_older_version_keeps_them_as_well(
    objects: Bench, bare: SyncStore, marker: str | None
) -> None:
    objects.version(Versioning.ON)
    put(objects.store, "k", b"old", marker=marker, **RICH)
    old = present(bare.head("k"))
    put(objects.store, "k", b"new")
    assert bare.head_version("k", old.version_id or "") == old
    bare.copy_version(old, "copy")
    raw = objects.raw("copy")
    assert raw is not None
    assert (raw.data, raw.headers, raw.metadata) == (b"old", HEADERS, {"owner": "me"})


@without_moto("does not compare the etag of a copy's source")
@pytest.mark.parametrize("marker", [None, "1;x"])
def test_another_instance_than_was_read_is_not_copied(
    store: SyncStore, bare: SyncStore, marker: str | None
) -> None:
    put(store, "k", marker=marker)
    instance = present(bare.head("k"))
    with pytest.raises(PreconditionFailed):
        bare.copy_if(stale(instance), "copy")
    bare.delete("k")
    with pytest.raises(PreconditionFailed):
        bare.copy_if(instance, "copy")
    assert bare.head("copy") is None
