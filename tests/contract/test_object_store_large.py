"""What every store promises of large objects: streamed parts, digests, copies, restores."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sync_core.checksums import crc64nvme
from sync_core.errors import (
    Archived,
    DualwayError,
    IntegrityError,
    PreconditionFailed,
    Unavailable,
)
from sync_core.model import ObjectVersion, UploadedPart
from sync_core.parts import MIB, plan_parts
from sync_core.storage.parts_protocol import Piece
from sync_core.storage.protocol import ByteRange, ObjectWrite, Readable
from sync_core.storage.sync_store import SyncStore
from tests.object_benches import (
    HEADERS,
    Bench,
    BrokenStream,
    Raw,
    Stream,
    moto_deviates,
    present,
    put,
    put_in_parts,
    read,
    stale,
    upload,
    write_of,
)

PARTS = (b"a" * 5 * MIB, b"b" * 10)
WHOLE = b"".join(PARTS)


class TestStreamedParts:
    def test_what_was_taken_is_told(self, store: SyncStore) -> None:
        upload_id, _ = upload(store, "k")
        part = store.upload_part("k", upload_id, 7, Stream(b"data"), 4)
        assert (part.number, part.size_bytes) == (7, 4)
        assert part.etag == hashlib.md5(b"data").hexdigest()
        assert part.crc64nvme == crc64nvme(b"data")

    @pytest.mark.parametrize(
        ("body", "error"),
        [
            (lambda: Stream(b"12345"), IntegrityError),
            (lambda: Stream(b"123"), IntegrityError),
            (lambda: Stream(b""), IntegrityError),
            (lambda: BrokenStream(b"1234"), Unavailable),
        ],
        ids=["too long", "too short", "empty", "broken off"],
    )
    def test_a_body_that_is_not_as_declared_leaves_no_part(
        self, store: SyncStore, body: Callable[[], Readable], error: type[DualwayError]
    ) -> None:
        upload_id, _ = upload(store, "k")
        with pytest.raises(error):
            store.upload_part("k", upload_id, 1, body(), 4)
        assert store.list_parts("k", upload_id) == []

    def test_a_failed_part_can_be_sent_again(self, store: SyncStore) -> None:
        upload_id, _ = upload(store, "k")
        with pytest.raises(Unavailable):
            store.upload_part("k", upload_id, 1, BrokenStream(b"1234"), 4)
        part = store.upload_part("k", upload_id, 1, Stream(b"1234"), 4)
        store.complete_if("k", upload_id, [part], None)
        assert read(store.get("k")) == b"1234"

    def test_parts_may_come_in_any_order(self, store: SyncStore) -> None:
        upload_id, _ = upload(store, "k")
        last, first = (
            store.upload_part("k", upload_id, number, Stream(data), len(data))
            for number, data in reversed(list(enumerate(PARTS, start=1)))
        )
        store.complete_if("k", upload_id, [first, last], None)
        assert read(store.get("k")) == WHOLE

    def test_an_empty_part_makes_an_empty_object(self, store: SyncStore) -> None:
        assert put_in_parts(store, "k", b"").size_bytes == 0
        assert read(store.get("k")) == b""

    def test_the_limits_allow_for_any_object_of_today(self, store: SyncStore) -> None:
        assert plan_parts(5 * 1024**4, store.part_limits).count <= 10_000


class TestDigests:
    def test_the_digest_of_the_whole_is_shown(self, store: SyncStore) -> None:
        assert put_in_parts(store, "k", *PARTS).crc64nvme == crc64nvme(WHOLE)

    def test_parts_whose_whole_has_the_given_digest_are_joined(self, store: SyncStore) -> None:
        upload_id, parts = upload(store, "k", *PARTS)
        store.complete_if("k", upload_id, parts, None, crc64nvme(WHOLE))
        assert read(store.get("k")) == WHOLE

    @moto_deviates("compares no CRC64NVME of the whole")
    def test_parts_whose_whole_has_another_digest_are_not(self, objects: Bench) -> None:
        upload_id, parts = upload(objects.store, "k", *PARTS)
        with pytest.raises(IntegrityError):
            objects.store.complete_if("k", upload_id, parts, None, crc64nvme(b"other"))
        assert objects.raw("k") is None

    @moto_deviates("compares no CRC64NVME of the whole")
    def test_what_they_were_to_replace_stays(self, store: SyncStore) -> None:
        old = put(store, "k", b"old")
        upload_id, parts = upload(store, "k", *PARTS)
        with pytest.raises(IntegrityError):
            store.complete_if("k", upload_id, parts, old, crc64nvme(b"other"))
        assert present(store.head("k")).etag == old.etag


class TestListedParts:
    def test_a_new_upload_has_no_parts(self, store: SyncStore) -> None:
        upload_id, _ = upload(store, "k")
        assert store.list_parts("k", upload_id) == []

    def test_parts_are_listed_by_number_as_they_were_taken(self, objects: Bench) -> None:
        upload_id, _ = upload(objects.store, "k")
        sent = [
            objects.store.upload_part("k", upload_id, number, Stream(bytes(number)), number)
            for number in (12, 2, 3, 1, 5)
        ]
        for store in (objects.store, objects.cramped):
            listed = store.list_parts("k", upload_id)
            assert listed is not None
            assert bare(listed) == sorted(bare(sent))

    @pytest.mark.parametrize("limit", [1, 2, 3, 4])
    def test_a_listing_has_no_more_parts_than_asked_for(self, objects: Bench, limit: int) -> None:
        upload_id, parts = upload(objects.store, "k", b"1", b"22", b"333")
        for store in (objects.store, objects.cramped):
            listed = store.list_parts("k", upload_id, limit)
            assert listed is not None
            assert bare(listed) == bare(parts[:limit])

    def test_listed_parts_can_be_joined(self, store: SyncStore) -> None:
        upload_id, _ = upload(store, "k", *PARTS)
        listed = store.list_parts("k", upload_id)
        assert listed is not None
        store.complete_if("k", upload_id, listed, None)
        assert read(store.get("k")) == WHOLE

    def test_an_unknown_upload_has_none(self, store: SyncStore) -> None:
        assert store.list_parts("k", "unknown") is None

    @moto_deviates("asks for the upload only")
    def test_an_upload_of_another_key_has_none(self, store: SyncStore) -> None:
        upload_id, _ = upload(store, "k", b"part")
        assert store.list_parts("other", upload_id) is None

    def test_an_aborted_upload_has_none(self, store: SyncStore) -> None:
        upload_id, _ = upload(store, "k", b"part")
        store.abort_multipart_upload("k", upload_id)
        assert store.list_parts("k", upload_id) is None

    def test_a_completed_upload_has_none(self, store: SyncStore) -> None:
        upload_id, parts = upload(store, "k", b"part")
        store.complete_if("k", upload_id, parts, None)
        assert store.list_parts("k", upload_id) is None


class TestSizeOfParts:
    @pytest.mark.parametrize(
        ("sizes", "expected"),
        [
            ((5 * MIB, 5 * MIB, 10), 5 * MIB),
            ((6 * MIB, 6 * MIB), 6 * MIB),
            ((10,), 10),
        ],
        ids=["with a rest", "equal", "one"],
    )
    @moto_deviates("says nothing of parts")
    def test_it_is_known_of_an_object_in_equal_parts(
        self, store: SyncStore, sizes: tuple[int, ...], expected: int
    ) -> None:
        instance = put_in_parts(store, "k", *map(bytes, sizes))
        assert store.uniform_part_bytes(instance) == expected

    def test_an_object_in_unequal_parts_has_none(self, store: SyncStore) -> None:
        instance = put_in_parts(store, "k", bytes(5 * MIB), bytes(6 * MIB))
        assert store.uniform_part_bytes(instance) is None

    def test_an_object_put_in_one_has_none(self, store: SyncStore) -> None:
        assert store.uniform_part_bytes(put(store, "k", b"data")) is None

    def test_an_instance_that_is_not_current_has_none(self, store: SyncStore) -> None:
        instance = put_in_parts(store, "k", b"part")
        assert store.uniform_part_bytes(stale(instance)) is None
        store.delete("k")
        assert store.uniform_part_bytes(instance) is None


class TestOpenUploads:
    def test_an_upload_is_open_until_it_is_completed_or_aborted(self, store: SyncStore) -> None:
        completed, parts = upload(store, "completed", b"part")
        aborted, _ = upload(store, "aborted", b"part")
        opened = {begun(store, key): key for key in ("b", "a/b", "a b+é")}
        store.complete_if("completed", completed, parts, None)
        store.abort_multipart_upload("aborted", aborted)
        found = list(store.open_uploads())
        assert {each.upload_id: each.key for each in found} == opened

    @moto_deviates("shows a constant")
    def test_they_show_when_they_were_begun(self, store: SyncStore) -> None:
        begun(store, "k")
        (found,) = store.open_uploads()
        assert abs(datetime.now(UTC) - found.initiated_at) < timedelta(minutes=5)

    @moto_deviates("lists uploads as they were begun")
    def test_they_are_listed_by_key(self, store: SyncStore) -> None:
        for key in ("b", "a/b", "a b+é"):
            begun(store, key)
        assert [each.key for each in store.open_uploads()] == ["a b+é", "a/b", "b"]

    def test_they_are_listed_page_by_page(self, objects: Bench) -> None:
        opened = [begun(objects.store, "k") for _ in range(3)]
        opened += [begun(objects.store, f"k{number}") for number in range(4)]
        found = [each.upload_id for each in objects.cramped.open_uploads()]
        assert sorted(found) == sorted(opened)

    @moto_deviates("knows no principals")
    def test_an_upload_of_another_principal_is_left_out(self, objects: Bench) -> None:
        objects.stranger("k")
        own = begun(objects.store, "k")
        assert [each.upload_id for each in objects.store.open_uploads()] == [own]


class TestCopyFromAnotherBucket:
    SOURCE = b"source"
    WRITE = write_of("k", SOURCE)

    def copy(self, bench: Bench, replaces: ObjectVersion | None, **more: Any) -> ObjectVersion:
        """Copy what is put into the other bucket now; return what is there as HEAD shows it."""
        unlike = {"not": "this"}
        source = put(bench.neighbour, "from/é +k", self.SOURCE, metadata=unlike, tags=unlike)
        write = replace(self.WRITE, **more)
        place = bench.neighbour.place("from/é +k")
        written = bench.store.copy_from(place, source, write, replaces)
        shown = present(bench.store.head("k"))
        assert shown.etag == written.etag
        return shown

    def test_a_copy_from_another_bucket_is_what_the_write_says(self, objects: Bench) -> None:
        metadata, tags = {"owner": "me"}, {"a": "b c"}
        self.copy(objects, None, headers=HEADERS, metadata=metadata, marker="1;x", tags=tags)
        entries = {**metadata, "dualway": "1;x"}
        assert objects.raw("k") == Raw(self.SOURCE, HEADERS, entries, tags)

    def test_metadata_and_tags_of_the_source_do_not_come_along(self, objects: Bench) -> None:
        assert self.copy(objects, None).metadata == {}
        assert objects.store.tags("k") == {}

    @moto_deviates("copies whatever is there")
    def test_a_copy_needs_a_free_key(self, objects: Bench) -> None:
        put(objects.store, "k", b"there")
        with pytest.raises(PreconditionFailed):
            self.copy(objects, None)
        assert read(objects.store.get("k")) == b"there"

    def test_a_copy_replaces_the_instance_that_was_read(self, objects: Bench) -> None:
        self.copy(objects, put(objects.store, "k", b"old", metadata={"old": "entry"}))
        assert read(objects.store.get("k")) == self.SOURCE
        assert present(objects.store.head("k")).metadata == {}

    @moto_deviates("copies whatever is there")
    def test_a_copy_does_not_replace_another_instance(self, objects: Bench) -> None:
        old = put(objects.store, "k", b"old")
        put(objects.store, "k", b"new")
        with pytest.raises(PreconditionFailed):
            self.copy(objects, old)
        assert read(objects.store.get("k")) == b"new"

    @moto_deviates("copies whatever is there")
    def test_a_copy_does_not_replace_an_object_that_is_gone(self, objects: Bench) -> None:
        old = put(objects.store, "k", b"old")
        objects.store.delete("k")
        with pytest.raises(PreconditionFailed):
            self.copy(objects, old)
        assert objects.store.head("k") is None

    @moto_deviates("ignores x-amz-copy-source-if-match")
    def test_another_source_than_was_read_is_not_copied(self, objects: Bench) -> None:
        source = put(objects.neighbour, "s", self.SOURCE)
        put(objects.neighbour, "s", b"newer!")
        with pytest.raises(PreconditionFailed):
            objects.store.copy_from(objects.neighbour.place("s"), source, self.WRITE, None)
        assert objects.store.head("k") is None

    def test_a_source_that_is_gone_is_not_copied(self, objects: Bench) -> None:
        source = put(objects.neighbour, "s", self.SOURCE)
        objects.neighbour.delete("s")
        with pytest.raises(PreconditionFailed):
            objects.store.copy_from(objects.neighbour.place("s"), source, self.WRITE, None)
        assert objects.store.head("k") is None

    def test_an_object_in_parts_is_copied_as_one(self, objects: Bench) -> None:
        source = put_in_parts(objects.neighbour, "s", *PARTS)
        write = ObjectWrite("k", len(WHOLE))
        objects.store.copy_from(objects.neighbour.place("s"), source, write, None)
        copied = present(objects.store.head("k"))
        assert copied.etag == hashlib.md5(WHOLE).hexdigest()
        assert objects.store.uniform_part_bytes(copied) is None


class TestPartsFromAnotherBucket:
    def test_ranges_of_a_source_make_the_object(self, objects: Bench) -> None:
        source = put(objects.neighbour, "s é", WHOLE)
        place = objects.neighbour.place("s é")
        upload_id, _ = upload(objects.store, "k", marker="1;x")
        ranges = (ByteRange(0, 5 * MIB - 1), ByteRange(5 * MIB, len(WHOLE) - 1))
        parts = [
            objects.store.copy_part_from(
                "k", upload_id, number, Piece(place, source.etag, byte_range)
            )
            for number, byte_range in enumerate(ranges, start=1)
        ]
        assert [part.size_bytes for part in parts] == [5 * MIB, 10]
        assert [part.etag for part in parts] == [hashlib.md5(data).hexdigest() for data in PARTS]
        assert bare(objects.store.list_parts("k", upload_id) or ()) == bare(parts)
        objects.store.complete_if("k", upload_id, parts, None)
        assert read(objects.store.get("k")) == WHOLE
        assert present(objects.store.head("k")).marker == "1;x"

    def test_a_whole_source_can_be_one_part_beside_others_that_were_sent(
        self, objects: Bench
    ) -> None:
        source = put(objects.neighbour, "s", b"rest")
        upload_id, sent = upload(objects.store, "k", PARTS[0])
        place = objects.neighbour.place("s")
        part = objects.store.copy_part_from("k", upload_id, 2, Piece(place, source.etag))
        assert (part.number, part.size_bytes) == (2, 4)
        objects.store.complete_if("k", upload_id, [*sent, part], None)
        assert read(objects.store.get("k")) == PARTS[0] + b"rest"

    @moto_deviates("ignores x-amz-copy-source-if-match")
    def test_another_source_than_was_read_gives_no_part(self, objects: Bench) -> None:
        source = put(objects.neighbour, "s", b"old")
        upload_id, _ = upload(objects.store, "k")
        place = objects.neighbour.place("s")
        for change in (lambda: put(objects.neighbour, "s"), lambda: objects.neighbour.delete("s")):
            change()
            with pytest.raises(PreconditionFailed):
                objects.store.copy_part_from("k", upload_id, 1, Piece(place, source.etag))
        assert objects.store.list_parts("k", upload_id) == []

    @moto_deviates("answers with a server error")
    def test_a_part_for_an_unknown_upload_is_refused(self, objects: Bench) -> None:
        source = put(objects.neighbour, "s")
        place = objects.neighbour.place("s")
        with pytest.raises(PreconditionFailed):
            objects.store.copy_part_from("k", "unknown", 1, Piece(place, source.etag))


class TestCopiesInParts:
    """Of objects that are too large for a copy in one request."""

    @pytest.mark.parametrize("marker", [None, "1;x"])
    def test_a_copy_in_parts_is_the_source_without_the_marker(
        self, objects: Bench, marker: str | None
    ) -> None:
        more = {"headers": HEADERS, "metadata": {"owner": "me"}, "tags": {"a": "b c"}}
        source = put(objects.store, "k", WHOLE, marker=marker, **more)
        written = objects.cramped.copy_if(source, "dir/k+é.copy")
        assert objects.raw("dir/k+é.copy") == Raw(WHOLE, HEADERS, more["metadata"], more["tags"])
        assert written.etag == present(objects.store.head("dir/k+é.copy")).etag

    def test_a_copy_in_parts_may_be_made_again(self, objects: Bench) -> None:
        source = put(objects.store, "k", WHOLE)
        for _ in range(2):
            objects.cramped.copy_if(source, "copy")
        assert read(objects.store.get("copy")) == WHOLE

    @moto_deviates("ignores x-amz-copy-source-if-match")
    def test_a_source_that_has_changed_is_not_copied_and_nothing_is_left_behind(
        self, objects: Bench
    ) -> None:
        old = put(objects.store, "k", WHOLE)
        put(objects.store, "k", WHOLE[::-1])
        with pytest.raises(PreconditionFailed):
            objects.cramped.copy_if(old, "copy")
        assert objects.store.head("copy") is None
        assert list(objects.store.open_uploads()) == []

    def test_so_it_is_with_one_that_is_gone(self, objects: Bench) -> None:
        old = put(objects.store, "k", WHOLE)
        objects.store.delete("k")
        with pytest.raises(PreconditionFailed):
            objects.cramped.copy_if(old, "copy")
        assert objects.store.head("copy") is None
        assert list(objects.store.open_uploads()) == []


class TestArchivedObjects:
    def archived(self, bench: Bench) -> ObjectVersion:
        put(bench.store, "k", b"data")
        bench.archive("k")
        return present(bench.store.head("k"))

    def test_an_archived_object_is_seen_and_cannot_be_read(self, objects: Bench) -> None:
        instance = self.archived(objects)
        assert instance.size_bytes == 4
        with pytest.raises(Archived):
            objects.store.get("k")
        with pytest.raises(Archived):
            objects.store.get("k", etag=instance.etag, byte_range=ByteRange(0, 1))

    def test_it_can_be_read_once_it_was_restored(self, objects: Bench) -> None:
        instance = self.archived(objects)
        objects.store.restore(instance, 1)
        objects.restored("k")
        assert read(objects.store.get("k", etag=instance.etag)) == b"data"

    def test_to_ask_again_for_a_restore_is_no_error(self, objects: Bench) -> None:
        instance = self.archived(objects)
        for _ in range(2):
            objects.store.restore(instance, 1)
        objects.restored("k")
        assert read(objects.store.get("k", etag=instance.etag)) == b"data"

    def test_an_archived_object_cannot_be_copied(self, objects: Bench) -> None:
        instance = self.archived(objects)
        write = write_of("copy", b"data")
        with pytest.raises(Archived):
            objects.store.copy_from(objects.store.place("k"), instance, write, None)
        assert objects.store.head("copy") is None

    @moto_deviates("takes parts from an archive")
    def test_an_archived_object_gives_no_part(self, objects: Bench) -> None:
        etag = self.archived(objects).etag
        upload_id, _ = upload(objects.store, "parts")
        with pytest.raises(Archived):
            objects.store.copy_part_from(
                "parts", upload_id, 1, Piece(objects.store.place("k"), etag)
            )
        assert objects.store.list_parts("parts", upload_id) == []


def begun(store: SyncStore, key: str) -> str:
    return store.create_multipart_upload(write_of(key, b""))


def bare(parts: Sequence[UploadedPart]) -> list[tuple[int, str, int]]:
    """Return all but the digests, which not every store keeps."""
    return [(part.number, part.etag, part.size_bytes) for part in parts]
