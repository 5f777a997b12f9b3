"""What the S3 adapter makes of answers to reads that no emulator gives."""

import pytest

from sync_core.errors import (
    ConfigError,
    DualwayError,
    IntegrityError,
    PreconditionFailed,
    Unavailable,
)
from sync_core.storage.protocol import ByteRange
from tests.object_benches import Serve, present
from tests.scripted_server import Answer, s3_error

OBJECT = {"ETag": '"e"', "Last-Modified": "Fri, 20 Nov 2026 10:00:00 GMT"}
NO_BUCKET, NO_KEY = s3_error(404, "NoSuchBucket"), s3_error(404, "NoSuchKey")


class TestReads:
    def test_a_read_is_repeated(self, serve: Serve) -> None:
        store, server = serve(Answer(500), Answer(headers=OBJECT))
        assert present(store.head("k")).etag == "e"
        assert [seen.method for seen in server.seen] == ["HEAD", "HEAD"]

    def test_a_body_that_breaks_off_is_unavailable(self, serve: Serve) -> None:
        store, _ = serve(Answer(200, b"0123456789", OBJECT, cut_bytes=4))
        reader = store.get("k")
        assert reader is not None
        with reader, pytest.raises(Unavailable):
            reader.read()

    def test_a_body_with_another_digest_is_refused_with_its_last_bytes(self, serve: Serve) -> None:
        headers = {
            **OBJECT,
            "x-amz-checksum-crc32": "AAAAAA==",
            "x-amz-checksum-type": "FULL_OBJECT",
        }
        store, _ = serve(Answer(200, b"0123456789", headers))
        reader = store.get("k")
        assert reader is not None
        with reader:
            assert reader.read(4) == b"0123"
            with pytest.raises(IntegrityError):
                reader.read(6)

    def test_a_store_that_ignores_ranges_is_noticed(self, serve: Serve) -> None:
        store, _ = serve(Answer(200, b"0123456789", OBJECT))
        with pytest.raises(IntegrityError):
            store.get("k", byte_range=ByteRange(2, 5))

    def test_an_empty_listing_is_no_error(self, serve: Serve) -> None:
        body = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
        store, _ = serve(Answer(200, body))
        assert list(store.list()) == []

    def test_a_listing_that_cannot_be_read_is_unavailable(self, serve: Serve) -> None:
        store, _ = serve(Answer(200, b"<ListBucketResult><Contents>"))
        with pytest.raises(Unavailable):
            list(store.list())


class TestAbsence:
    """Only what S3 itself says of a key is read as absence: anything else would delete data."""

    def test_the_reason_of_a_bare_404_is_asked_for(self, serve: Serve) -> None:
        store, server = serve(Answer(404), NO_KEY)
        assert store.head("k") is None
        assert [seen.method for seen in server.seen] == ["HEAD", "GET"]

    def test_a_missing_bucket_is_not_absence(self, serve: Serve) -> None:
        store, _ = serve(Answer(404), NO_BUCKET)
        with pytest.raises(ConfigError, match="bucket"):
            store.head("k")

    def test_an_object_that_appears_meanwhile_is_returned(self, serve: Serve) -> None:
        store, _ = serve(Answer(404), Answer(200, b"data", OBJECT))
        assert present(store.head("k")).etag == "e"

    def test_the_reason_of_a_bare_400_is_asked_for(self, serve: Serve) -> None:
        store, _ = serve(Answer(400), Answer(400), s3_error(400, "ExpiredToken"))
        with pytest.raises(DualwayError, match="ExpiredToken"):
            store.head("k")

    @pytest.mark.parametrize("operation", ["head", "get"])
    def test_another_servers_404_is_not_absence(self, serve: Serve, operation: str) -> None:
        store, _ = serve(Answer(404, b"<html>Not Found</html>", {"Content-Type": "text/html"}))
        with pytest.raises(Unavailable):
            getattr(store, operation)("k")

    def test_a_404_that_xml_cannot_express_is_checked_by_a_listing(self, serve: Serve) -> None:
        unreadable = Answer(404, b"<Error><Code>NoSuchKey</Code><Key>\x01</Key></Error>")
        page = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
        store, _ = serve(unreadable, Answer(200, page))
        assert store.get("\x01") is None
        store, _ = serve(unreadable, Answer(200, page))
        with pytest.raises(PreconditionFailed):
            store.get("\x01", etag="e")
