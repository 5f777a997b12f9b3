"""What every store promises; the docstrings of storage/protocol.py are the specification."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from sync_core.checksums import crc64nvme
from sync_core.errors import (
    Blocked,
    ConfigError,
    IntegrityError,
    PreconditionFailed,
    Unavailable,
)
from sync_core.storage.protocol import ByteRange
from sync_core.storage.sync_store import SyncStore
from tests.object_benches import (
    HEADERS,
    Bench,
    BrokenStream,
    Raw,
    Stream,
    moto_deviates,
    present,
    present_version,
    put,
    read,
    write_of,
)

MIB = 1024**2


class TestReading:
    def test_an_absent_object_is_none(self, store: SyncStore) -> None:
        assert store.head("absent") is None
        assert store.get("absent") is None
        assert store.tags("absent") is None

    @pytest.mark.parametrize(
        "operation",
        [
            pytest.param(lambda store: store.head("k"), id="head"),
            pytest.param(lambda store: store.get("k"), id="get"),
            pytest.param(lambda store: store.tags("k"), id="tags"),
            pytest.param(lambda store: next(store.list(), None), id="list"),
            pytest.param(lambda store: store.put(write_of("k", b""), Stream(b"")), id="put"),
            pytest.param(lambda store: store.delete("k"), id="delete"),
            pytest.param(
                lambda store: store.put_if(write_of("k", b""), Stream(b""), None), id="put_if"
            ),
            pytest.param(
                lambda store: store.create_multipart_upload(write_of("k", b"")), id="upload"
            ),
        ],
    )
    def test_an_absent_bucket_is_never_read_as_absence(
        self, objects: Bench, operation: Callable[[SyncStore], object]
    ) -> None:
        with pytest.raises(ConfigError, match="does not exist"):
            operation(objects.missing)

    def test_head_and_get_show_the_same_instance(self, store: SyncStore) -> None:
        head = put(store, "k", headers=HEADERS, metadata={"a": "b"}, marker="1;x")
        reader = store.get("k")
        assert reader is not None
        with reader:
            assert replace(reader.version, tag_count=head.tag_count) == head

    def test_an_instance_shows_what_a_listing_shows(self, store: SyncStore) -> None:
        head = put(store, "k", b"four")
        (listed,) = store.list()
        assert (listed.key, listed.etag, listed.size_bytes) == ("k", head.etag, 4)
        assert listed.last_modified_at == head.last_modified_at

    def test_times_are_whole_seconds_in_utc(self, store: SyncStore) -> None:
        before = datetime.now(UTC).replace(microsecond=0)
        at = put(store, "k").last_modified_at
        assert at.tzinfo is UTC
        assert at.microsecond == 0
        assert before <= at <= datetime.now(UTC)

    def test_the_md5_of_a_plain_object_is_shown(self, store: SyncStore) -> None:
        version = put(store, "k", b"data")
        assert version.md5 == version.etag == hashlib.md5(b"data").hexdigest()

    @moto_deviates("shows no CRC64NVME")
    def test_the_crc64nvme_of_the_whole_content_is_shown(self, store: SyncStore) -> None:
        digest = crc64nvme(b"data")
        assert put(store, "k", b"data", crc64nvme=digest).crc64nvme == digest
        assert present_version(store.get("k")).crc64nvme == digest

    def test_a_body_can_be_read_in_pieces(self, store: SyncStore) -> None:
        put(store, "k", b"0123456789")
        reader = store.get("k")
        assert reader is not None
        with reader:
            assert [reader.read(4), reader.read(0), reader.read(4)] == [b"0123", b"", b"4567"]
            assert [reader.read(4), reader.read(4), reader.read()] == [b"89", b"", b""]

    def test_an_empty_object_is_an_object(self, store: SyncStore) -> None:
        assert put(store, "k", b"").size_bytes == 0
        assert read(store.get("k")) == b""

    def test_a_reader_may_be_closed_early(self, store: SyncStore) -> None:
        put(store, "k", b"x" * MIB)
        reader = store.get("k")
        assert reader is not None
        with reader:
            assert reader.read(1) == b"x"
        assert read(store.get("k", byte_range=ByteRange(0, 0))) == b"x"

    @pytest.mark.parametrize(
        ("first", "last", "expected"),
        [(0, 0, b"0"), (2, 5, b"2345"), (9, 9, b"9"), (7, 99, b"789"), (0, 9, b"0123456789")],
    )
    def test_a_range_is_read_with_both_ends(
        self, store: SyncStore, first: int, last: int, expected: bytes
    ) -> None:
        put(store, "k", b"0123456789")
        reader = store.get("k", byte_range=ByteRange(first, last))
        assert reader is not None
        assert reader.version.size_bytes == 10
        assert read(reader) == expected

    def test_a_range_beyond_the_end_means_another_object_than_expected(
        self, store: SyncStore
    ) -> None:
        put(store, "k", b"0123")
        with pytest.raises(PreconditionFailed):
            store.get("k", byte_range=ByteRange(4, 5))

    def test_get_with_an_etag_opens_that_instance_only(self, store: SyncStore) -> None:
        old = put(store, "k", b"old")
        assert read(store.get("k", etag=old.etag)) == b"old"
        put(store, "k", b"new")
        with pytest.raises(PreconditionFailed):
            store.get("k", etag=old.etag)
        store.delete("k")
        with pytest.raises(PreconditionFailed):
            store.get("k", etag=old.etag)


class TestPut:
    def test_everything_that_belongs_to_an_object_is_stored(self, objects: Bench) -> None:
        tags = {"team": "a b", "Näme": "+/=:", "empty": ""}
        metadata = {"owner": "me", "empty": "", "with": "a; b=c, d"}
        put(objects.store, "k", headers=HEADERS, metadata=metadata, marker="1;n=5", tags=tags)
        raw = objects.raw("k")
        assert raw == Raw(b"data", HEADERS, {**metadata, "dualway": "1;n=5"}, tags)

    def test_everything_comes_back_as_it_was_written(self, store: SyncStore) -> None:
        tags = {"team": "a b"}
        version = put(store, "k", headers=HEADERS, metadata={"a": "b"}, marker="1;x", tags=tags)
        assert version.headers == HEADERS
        assert version.metadata == {"a": "b"}
        assert version.marker == "1;x"
        assert store.tags("k") == tags

    @pytest.mark.parametrize(
        "expires", ["0", "-1", "never", "Thu, 01 Jan 2026 00:00:00 GMT", "9" * 30, "2026-01-01"]
    )
    def test_an_expires_header_survives_as_text(self, store: SyncStore, expires: str) -> None:
        version = put(store, "k", headers={"content-type": "a/b", "expires": expires})
        assert version.headers["expires"] == expires
        assert present_version(store.get("k")).headers["expires"] == expires

    @pytest.mark.parametrize("count", [0, 2])
    def test_an_open_object_shows_how_many_tags_it_has(self, store: SyncStore, count: int) -> None:
        put(store, "k", tags={f"tag{number}": "" for number in range(count)})
        assert present_version(store.get("k")).tag_count == count

    def test_an_object_written_without_a_marker_has_none(self, store: SyncStore) -> None:
        put(store, "k", marker="1;x")
        assert put(store, "k").marker is None

    def test_metadata_names_are_lower_case(self, store: SyncStore) -> None:
        assert put(store, "k", metadata={"MixedCase": "Kept"}).metadata == {"mixedcase": "Kept"}

    def test_the_etag_of_a_write_is_that_of_the_instance(self, store: SyncStore) -> None:
        written = store.put(write_of("k", b"data"), Stream(b"data"))
        assert written.etag == present(store.head("k")).etag
        assert written.version_id is None

    def test_a_large_body_is_streamed(self, objects: Bench) -> None:
        data = bytes(range(256)) * 12_288
        put(objects.store, "k", data)
        assert read(objects.store.get("k")) == data

    def test_a_body_with_the_declared_digests_is_taken(self, objects: Bench) -> None:
        md5 = hashlib.md5(b"data").hexdigest()
        put(objects.store, "k", md5=md5, crc64nvme=crc64nvme(b"data"))
        assert present(objects.store.head("k")).md5 == md5

    @pytest.mark.parametrize("body", [b"", b"dat", b"data+"])
    def test_a_body_of_another_length_is_refused(self, objects: Bench, body: bytes) -> None:
        with pytest.raises(IntegrityError):
            objects.store.put(write_of("k", b"data"), Stream(body))
        assert objects.raw("k") is None

    def test_a_body_for_an_empty_object_is_refused(self, objects: Bench) -> None:
        with pytest.raises(IntegrityError):
            objects.store.put(write_of("k", b""), Stream(b"x"))
        assert objects.raw("k") is None

    @moto_deviates("does not compare Content-MD5")
    def test_a_body_with_another_md5_is_refused(self, objects: Bench) -> None:
        write = write_of("k", b"data", md5=hashlib.md5(b"other").hexdigest())
        with pytest.raises(IntegrityError):
            objects.store.put(write, Stream(b"data"))
        assert objects.raw("k") is None

    @moto_deviates("does not compare CRC64NVME")
    def test_a_body_with_another_crc64nvme_is_refused(self, objects: Bench) -> None:
        write = write_of("k", b"data", crc64nvme=crc64nvme(b"other"))
        with pytest.raises(IntegrityError):
            objects.store.put(write, Stream(b"data"))
        assert objects.raw("k") is None

    def test_a_failing_source_is_reported_as_itself(self, objects: Bench) -> None:
        with pytest.raises(Unavailable, match="the connection broke off") as raised:
            objects.store.put(write_of("k", b"data"), BrokenStream(b"data"))
        assert raised.value.key == "source"
        assert objects.raw("k") is None

    @moto_deviates("takes metadata of any size")
    def test_too_much_metadata_is_blocked(self, store: SyncStore) -> None:
        with pytest.raises(Blocked):
            put(store, "k", metadata={"a": "x" * 2048})

    def test_too_long_a_key_is_blocked(self, store: SyncStore) -> None:
        with pytest.raises(Blocked):
            put(store, "x" * 1025)

    def test_an_empty_key_is_blocked(self, store: SyncStore) -> None:
        with pytest.raises(Blocked):
            put(store, "")


class TestDelete:
    def test_a_deleted_object_is_gone(self, objects: Bench) -> None:
        put(objects.store, "k")
        objects.store.delete("k")
        assert objects.store.head("k") is None
        assert objects.raw("k") is None

    def test_deleting_an_absent_key_is_no_error(self, store: SyncStore) -> None:
        store.delete("absent")
