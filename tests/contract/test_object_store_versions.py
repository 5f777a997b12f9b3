"""What every store promises of a bucket that keeps versions."""

from dataclasses import replace

import pytest

from sync_core.errors import ConfigError, PreconditionFailed
from sync_core.model import ObjectVersion, VersionEntry
from sync_core.parts import MIB
from sync_core.storage.memory import Versioning
from sync_core.storage.sync_store import SyncStore
from tests.object_benches import (
    HEADERS,
    Bench,
    Raw,
    Stream,
    moto_deviates,
    present,
    put,
    read,
    stale,
    write_of,
)


@pytest.fixture
def versioned(objects: Bench) -> Bench:
    objects.version(Versioning.ON)
    return objects


def history(store: SyncStore, key: str = "k", limit: int = 99) -> list[tuple[str, bool]]:
    """Return ids and whether they are delete markers'."""
    entries = store.versions(key, limit)
    return [(entry.version_id, entry.is_delete_marker) for entry in entries]


def id_of(version: ObjectVersion) -> str:
    assert version.version_id is not None
    return version.version_id


def top(store: SyncStore, key: str = "k") -> VersionEntry:
    return store.versions(key, 1)[0]


class TestInstances:
    def test_a_write_says_under_which_id_the_instance_is_kept(self, versioned: Bench) -> None:
        store = versioned.store
        first = store.put(write_of("k", b"one"), Stream(b"one"))
        assert present(store.head("k")).version_id == first.version_id
        second = store.put(write_of("k", b"one"), Stream(b"one"))
        assert second.version_id not in {first.version_id, None}
        reader = store.get("k")
        assert reader is not None
        with reader:
            assert reader.version.version_id == second.version_id

    def test_so_does_a_completed_upload(self, versioned: Bench) -> None:
        store = versioned.store
        upload_id = store.create_multipart_upload(write_of("k", b"part"))
        part = store.upload_part("k", upload_id, 1, Stream(b"part"), 4)
        written = store.complete_if("k", upload_id, [part], None)
        assert written.version_id is not None
        assert present(store.head("k")).version_id == written.version_id

    def test_and_a_copy(self, versioned: Bench) -> None:
        written = versioned.store.copy_if(put(versioned.store, "k"), "copy")
        assert written.version_id is not None
        assert present(versioned.store.head("copy")).version_id == written.version_id

    def test_what_was_written_before_versioning_has_no_id(self, objects: Bench) -> None:
        put(objects.store, "k")
        objects.version(Versioning.ON)
        assert present(objects.store.head("k")).version_id is None
        assert history(objects.store) == [("null", False)]

    def test_nor_has_what_was_written_while_versioning_was_suspended(
        self, versioned: Bench
    ) -> None:
        put(versioned.store, "k", b"first")
        versioned.version(Versioning.SUSPENDED)
        written = versioned.store.put(write_of("k", b"null"), Stream(b"null"))
        assert written.version_id is present(versioned.store.head("k")).version_id is None


class TestVersions:
    def test_a_bucket_without_versioning_shows_the_current_instance(self, objects: Bench) -> None:
        version = put(objects.store, "k", b"four")
        (entry,) = objects.store.versions("k", 2)
        assert entry == VersionEntry(
            version_id="null",
            is_delete_marker=False,
            etag=version.etag,
            size_bytes=4,
            last_modified_at=version.last_modified_at,
        )

    def test_a_key_that_was_never_written_has_none(self, versioned: Bench) -> None:
        assert list(versioned.store.versions("k", 2)) == []

    def test_an_absent_bucket_is_never_read_as_absence(self, objects: Bench) -> None:
        with pytest.raises(ConfigError, match="does not exist"):
            objects.missing.versions("k", 2)

    def test_versions_come_newest_first(self, versioned: Bench) -> None:
        ids = [id_of(put(versioned.store, "k", data)) for data in (b"1", b"22", b"333")]
        entries = versioned.store.versions("k", 9)
        assert [entry.version_id for entry in entries] == ids[::-1]
        assert [entry.size_bytes for entry in entries] == [3, 2, 1]
        assert entries[0].etag == present(versioned.store.head("k")).etag

    @moto_deviates("lists all versions before all delete markers")
    def test_versions_and_delete_markers_come_in_the_order_in_which_they_were_made(
        self, versioned: Bench
    ) -> None:
        store = versioned.store
        made: list[tuple[str, bool]] = []
        for step in "pddppdp":
            if step == "p":
                put(store, "k")
            else:
                store.delete("k")
            entry = top(store)
            made.insert(0, (entry.version_id, step == "d"))
        assert history(store) == history(versioned.cramped) == made
        assert history(store, limit=3) == history(versioned.cramped, limit=3) == made[:3]

    def test_the_delete_marker_on_top_comes_first(self, versioned: Bench) -> None:
        put(versioned.store, "k")
        versioned.store.delete("k")
        assert [is_marker for _, is_marker in history(versioned.store)] == [True, False]
        entry = top(versioned.store)
        assert (entry.etag, entry.size_bytes) == ("", 0)

    @pytest.mark.parametrize("other", ["a/b", "a ", "aa", "A"])
    def test_only_the_very_key_is_looked_at(self, versioned: Bench, other: str) -> None:
        put(versioned.store, other)
        assert history(versioned.store, "a") == []
        put(versioned.store, "a")
        put(versioned.store, other)
        versioned.store.delete(other)
        assert len(history(versioned.store, "a")) == len(history(versioned.cramped, "a")) == 1

    @pytest.mark.parametrize(
        "key", ["dir/a b+c%20é日😀", "%2F", "<&>", "\t", "é", "a//b/../c", "'\"?#"], ids=ascii
    )
    def test_any_key_has_versions(self, versioned: Bench, key: str) -> None:
        self.check(versioned, key)

    @moto_deviates("does not encode keys in listings of versions")
    def test_so_has_one_that_xml_cannot_carry(self, versioned: Bench) -> None:
        self.check(versioned, "a\x01b")

    @staticmethod
    def check(versioned: Bench, key: str) -> None:
        store = versioned.store
        old, new = put(store, key, b"old"), put(store, key, b"new")
        assert history(versioned.cramped, key) == [(id_of(new), False), (id_of(old), False)]
        assert present(store.head_version(key, id_of(old))).etag == old.etag
        store.copy_version(old, key)
        assert read(store.get(key)) == b"old"
        store.delete_version(key, id_of(old))
        assert store.head_version(key, id_of(old)) is None
        assert len(history(store, key)) == 2


class TestHeadVersion:
    def test_a_version_is_shown_as_it_was_when_it_was_current(self, versioned: Bench) -> None:
        store = versioned.store
        old = put(store, "k", b"old", headers=HEADERS, metadata={"a": "b"}, marker="1;x")
        put(store, "k", b"new")
        shown = present(store.head_version("k", id_of(old)))
        assert replace(shown, tag_count=None) == replace(old, tag_count=None)

    def test_a_missing_version_is_none(self, versioned: Bench) -> None:
        store = versioned.store
        old = put(store, "k", b"old")
        put(store, "k", b"new")
        store.delete_version("k", id_of(old))
        assert store.head_version("k", id_of(old)) is None

    def test_a_version_of_a_key_that_is_gone_is_none(self, versioned: Bench) -> None:
        store = versioned.store
        version = put(store, "k")
        store.delete_version("k", id_of(version))
        assert store.head_version("k", id_of(version)) is None

    def test_a_delete_marker_is_none(self, versioned: Bench) -> None:
        put(versioned.store, "k")
        versioned.store.delete("k")
        assert versioned.store.head_version("k", top(versioned.store).version_id) is None

    def test_a_null_version_is_shown_without_an_id(self, objects: Bench) -> None:
        old = put(objects.store, "k", b"old")
        objects.version(Versioning.ON)
        put(objects.store, "k", b"new")
        shown = present(objects.store.head_version("k", "null"))
        assert replace(shown, tag_count=None) == replace(old, tag_count=None)

    def test_an_absent_bucket_is_never_read_as_absence(self, objects: Bench) -> None:
        with pytest.raises(ConfigError, match="does not exist"):
            objects.missing.head_version("k", "null")


class TestCopyVersion:
    @pytest.mark.parametrize("marker", [None, "1;x"])
    def test_an_older_version_is_copied_without_the_marker(
        self, versioned: Bench, marker: str | None
    ) -> None:
        store, tags, metadata = versioned.store, {"a": "b c"}, {"owner": "me"}
        old = put(store, "k", b"old", headers=HEADERS, metadata=metadata, marker=marker, tags=tags)
        put(store, "k", b"new")
        written = store.copy_version(old, "copy")
        assert versioned.raw("copy") == Raw(b"old", HEADERS, metadata, tags)
        assert written.version_id == present(store.head("copy")).version_id

    def test_so_it_is_in_parts_where_it_is_too_large_for_one_request(
        self, versioned: Bench
    ) -> None:
        store, data = versioned.store, b"a" * 5 * MIB + b"b"
        old = put(store, "k", data, headers=HEADERS, marker="1;x", tags={"a": "b c"})
        put(store, "k", b"new")
        written = versioned.cramped.copy_version(old, "copy")
        assert versioned.raw("copy") == Raw(data, HEADERS, {}, {"a": "b c"})
        assert written.version_id == present(store.head("copy")).version_id

    def test_a_version_under_a_delete_marker_can_be_brought_back(self, versioned: Bench) -> None:
        old = put(versioned.store, "k", b"old")
        versioned.store.delete("k")
        versioned.store.copy_version(old, "k")
        assert read(versioned.store.get("k")) == b"old"
        assert len(history(versioned.store)) == 3

    def test_a_version_that_is_gone_is_not_copied(self, versioned: Bench) -> None:
        old = put(versioned.store, "k", b"old")
        put(versioned.store, "k", b"new")
        versioned.store.delete_version("k", id_of(old))
        with pytest.raises(PreconditionFailed):
            versioned.store.copy_version(old, "copy")
        assert versioned.raw("copy") is None

    def test_a_null_version_is_copied(self, objects: Bench) -> None:
        old = put(objects.store, "k", b"old")
        objects.version(Versioning.ON)
        objects.store.copy_version(old, "copy of the current")
        put(objects.store, "k", b"new")
        objects.store.copy_version(old, "copy of an older")
        copies = ("copy of the current", "copy of an older")
        assert [read(objects.store.get(key)) for key in copies] == [b"old", b"old"]

    def test_so_is_the_object_of_a_bucket_without_versioning(self, objects: Bench) -> None:
        objects.store.copy_version(put(objects.store, "k"), "copy")
        assert read(objects.store.get("copy")) == b"data"

    @moto_deviates("ignores x-amz-copy-source-if-match")
    def test_a_null_version_that_was_replaced_is_not_copied(self, versioned: Bench) -> None:
        versioned.version(Versioning.SUSPENDED)
        old = put(versioned.store, "k", b"old")
        put(versioned.store, "k", b"new")
        with pytest.raises(PreconditionFailed):
            versioned.store.copy_version(old, "copy")


class TestDeleteVersion:
    def test_deleting_an_older_version_leaves_the_current_one(self, versioned: Bench) -> None:
        old, new = put(versioned.store, "k", b"old"), put(versioned.store, "k", b"new")
        versioned.store.delete_version("k", id_of(old))
        assert present(versioned.store.head("k")) == new
        assert history(versioned.store) == [(id_of(new), False)]

    def test_deleting_the_current_version_brings_back_the_one_below(self, versioned: Bench) -> None:
        store = versioned.store
        old = put(store, "k", b"old", metadata={"a": "b"}, marker="1;x")
        new = put(store, "k", b"new")
        store.delete_version("k", id_of(new))
        assert present(store.head("k")) == old
        assert read(store.get("k")) == b"old"

    def test_without_its_delete_marker_an_object_is_back(self, versioned: Bench) -> None:
        version = put(versioned.store, "k")
        versioned.store.delete("k")
        versioned.store.delete_version("k", top(versioned.store).version_id)
        assert present(versioned.store.head("k")) == version

    def test_a_missing_version_is_no_error(self, versioned: Bench) -> None:
        version = put(versioned.store, "k")
        put(versioned.store, "k")
        versioned.store.delete_version("k", id_of(version))
        versioned.store.delete_version("k", id_of(version))

    def test_a_key_is_gone_with_its_last_version(self, versioned: Bench) -> None:
        version = put(versioned.store, "k")
        versioned.store.delete_version("k", id_of(version))
        assert versioned.store.head("k") is None
        assert history(versioned.store) == []


class TestConditions:
    def test_a_delete_marker_on_top_leaves_the_key_free(self, versioned: Bench) -> None:
        store = versioned.store
        put(store, "k", b"old")
        store.delete("k")
        store.put_if(write_of("k", b"new"), Stream(b"new"), None)
        assert read(store.get("k")) == b"new"
        with pytest.raises(PreconditionFailed):
            store.put_if(write_of("k", b"late"), Stream(b"late"), None)

    def test_and_nothing_there_to_be_replaced(self, versioned: Bench) -> None:
        old = put(versioned.store, "k", b"old")
        versioned.store.delete("k")
        with pytest.raises(PreconditionFailed):
            versioned.store.put_if(write_of("k", b"new"), Stream(b"new"), old)
        assert versioned.store.head("k") is None

    def test_only_the_current_version_can_be_replaced(self, versioned: Bench) -> None:
        old, new = put(versioned.store, "k", b"old"), put(versioned.store, "k", b"new")
        with pytest.raises(PreconditionFailed):
            versioned.store.put_if(write_of("k", b"late"), Stream(b"late"), old)
        versioned.store.put_if(write_of("k", b"next"), Stream(b"next"), new)
        assert len(history(versioned.store)) == 3

    def test_a_conditional_delete_leaves_a_delete_marker(self, versioned: Bench) -> None:
        version = put(versioned.store, "k")
        with pytest.raises(PreconditionFailed):
            versioned.store.delete_if(stale(version))
        assert history(versioned.store) == [(id_of(version), False)]
        versioned.store.delete_if(version)
        assert [is_marker for _, is_marker in history(versioned.store)] == [True, False]

    def test_a_conditional_delete_under_a_delete_marker_is_refused(self, versioned: Bench) -> None:
        version = put(versioned.store, "k")
        versioned.store.delete("k")
        with pytest.raises(PreconditionFailed):
            versioned.store.delete_if(version)
        assert len(history(versioned.store)) == 2

    @moto_deviates("forgets all versions when versioning is suspended")
    def test_a_conditional_delete_while_suspended_replaces_the_null_version(
        self, versioned: Bench
    ) -> None:
        kept = put(versioned.store, "k", b"kept")
        versioned.version(Versioning.SUSPENDED)
        null = put(versioned.store, "k", b"null")
        versioned.store.delete_if(null)
        assert history(versioned.store) == [("null", True), (id_of(kept), False)]


class TestSuspended:
    @moto_deviates("forgets all versions when versioning is suspended")
    def test_a_write_replaces_the_null_version_only(self, versioned: Bench) -> None:
        first = put(versioned.store, "k", b"first")
        versioned.version(Versioning.SUSPENDED)
        put(versioned.store, "k", b"null")
        put(versioned.store, "k", b"null again")
        assert history(versioned.store) == [("null", False), (id_of(first), False)]
        assert read(versioned.store.get("k")) == b"null again"

    @moto_deviates("forgets all versions when versioning is suspended")
    def test_a_write_on_a_null_delete_marker_replaces_it(self, versioned: Bench) -> None:
        versioned.version(Versioning.SUSPENDED)
        versioned.store.delete("k")
        assert history(versioned.store) == [("null", True)]
        put(versioned.store, "k")
        assert history(versioned.store) == [("null", False)]

    def test_versioning_that_is_resumed_keeps_the_null_version(self, versioned: Bench) -> None:
        versioned.version(Versioning.SUSPENDED)
        put(versioned.store, "k", b"null")
        versioned.version(Versioning.ON)
        new = put(versioned.store, "k", b"new")
        assert history(versioned.store) == [(id_of(new), False), ("null", False)]

    def test_tags_stay_with_their_version(self, versioned: Bench) -> None:
        store = versioned.store
        put(store, "k", tags={"a": "1"})
        newer = put(store, "k", b"new", tags={"b": "2"})
        store.delete_version("k", id_of(newer))
        assert store.tags("k") == {"a": "1"}
