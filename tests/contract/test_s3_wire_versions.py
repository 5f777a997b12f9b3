"""What the S3 adapter asks for and makes of answers where versions are concerned."""

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from sync_core.errors import Ambiguous, Blocked, ConfigError, PreconditionFailed, Unavailable
from sync_core.model import ObjectVersion
from tests.object_benches import Serve
from tests.scripted_server import Answer, Seen, s3_error

GIB = 1024**3
XML = {"Content-Type": "application/xml"}
OBJECT = {"ETag": '"e"', "Last-Modified": "Fri, 20 Nov 2026 10:00:00 GMT"}
SOURCE = ObjectVersion("k é", "e", 1, datetime(2026, 11, 20, tzinfo=UTC), version_id="v1")


def entry(version_id: str, second: int, key: str = "k", kind: str = "Version") -> str:
    """An entry as S3 sends it; a delete marker when `kind` says so."""
    latest = "true" if version_id.endswith("latest") else "false"
    value = "<ETag>&quot;e&quot;</ETag><Size>4</Size>" if kind == "Version" else ""
    return (
        f"<{kind}><Key>{key}</Key><VersionId>{version_id}</VersionId><IsLatest>{latest}</IsLatest>"
        f"<LastModified>2026-11-21T04:05:{second:02}.000Z</LastModified>{value}</{kind}>"
    )


def marker(version_id: str, second: int, key: str = "k") -> str:
    return entry(version_id, second, key, "DeleteMarker")


def listing(*entries: str, position: str = "") -> Answer:
    """A page; `position` (key and version id) says that more follows."""
    truncated = "<IsTruncated>false</IsTruncated>"
    if position:
        key, version_id = position.split()
        truncated = (
            f"<IsTruncated>true</IsTruncated><NextKeyMarker>{key}</NextKeyMarker>"
            f"<NextVersionIdMarker>{version_id}</NextVersionIdMarker>"
        )
    head = "<EncodingType>url</EncodingType>" + truncated
    body = f"<ListVersionsResult>{head}{''.join(entries)}</ListVersionsResult>"
    return Answer(body=body.encode(), headers=XML)


def query(seen: Seen) -> dict[str, str]:
    parameters = parse_qs(urlsplit(seen.path).query, keep_blank_values=True)
    return {name: values[0] for name, values in parameters.items()}


class TestListing:
    def test_the_order_is_the_listings_and_not_that_of_the_times(self, serve: Serve) -> None:
        """A version in parts is as old as its upload's beginning; others share their second."""
        store, _server = serve(
            listing(
                marker("m3-latest", 9), entry("parts", 1), marker("m2", 5), marker("m1", 5),
                entry("v2", 5), marker("m0", 5), entry("v1", 5),
            )
        )  # fmt: skip
        ids = [entry.version_id for entry in store.versions("k", 9)]
        assert ids == ["m3-latest", "parts", "m2", "m1", "v2", "m0", "v1"]

    def test_the_current_one_comes_first_even_if_the_store_groups_by_kind(
        self, serve: Serve
    ) -> None:
        store, _server = serve(listing(entry("v1", 1), marker("m1-latest", 2), marker("m0", 0)))
        ids = [entry.version_id for entry in store.versions("k", 9)]
        assert ids == ["m1-latest", "v1", "m0"]

    def test_no_more_is_asked_for_than_is_wanted(self, serve: Serve) -> None:
        more = listing(marker("m1-latest", 2), entry("v1", 1), position="k v1")
        store, server = serve(more)
        assert len(store.versions("k", 2)) == 2
        (seen,) = server.seen
        asked = query(seen)
        assert asked["max-keys"] == "2"
        assert asked["prefix"] == "k"

    def test_the_next_page_begins_behind_the_last_version(self, serve: Serve) -> None:
        store, server = serve(
            listing(entry("v2-latest", 2), position="k v2-latest"), listing(entry("v1", 1))
        )
        assert [entry.version_id for entry in store.versions("k", 9)] == ["v2-latest", "v1"]
        asked = query(server.seen[1])
        assert (asked["key-marker"], asked["version-id-marker"]) == ("k", "v2-latest")

    def test_nothing_is_asked_for_behind_the_key(self, serve: Serve) -> None:
        store, server = serve(
            listing(entry("v1-latest", 1), entry("x-latest", 1, "k/b"), position="k/b x-latest")
        )
        assert [entry.version_id for entry in store.versions("k", 9)] == ["v1-latest"]
        assert len(server.seen) == 1

    def test_keys_are_decoded(self, serve: Serve) -> None:
        store, _server = serve(listing(entry("v1-latest", 1, "a%20%C3%A9%01%2F")))
        assert len(store.versions("a é\x01/", 9)) == 1

    @pytest.mark.parametrize("body", [b"", b"<html></html>", b"not XML", b"<ListVersionsResult>"])
    def test_an_answer_that_is_no_listing_is_never_read_as_an_empty_one(
        self, serve: Serve, body: bytes
    ) -> None:
        store, _server = serve(Answer(body=body, headers=XML))
        with pytest.raises(Unavailable):
            store.versions("k", 2)


class TestHead:
    """HEAD's refusals have no body: the listing tells what they mean."""

    def test_a_version_is_asked_for_by_its_id(self, serve: Serve) -> None:
        store, server = serve(Answer(headers={**OBJECT, "x-amz-version-id": "v 1"}))
        version = store.head_version("k", "v 1")
        assert version is not None
        assert version.version_id == "v 1"
        assert query(server.seen[0])["versionId"] == "v 1"

    @pytest.mark.parametrize("status", [400, 404, 405])
    def test_what_is_not_listed_is_none(self, serve: Serve, status: int) -> None:
        store, _server = serve(Answer(status), listing(entry("v2-latest", 2)))
        assert store.head_version("k", "v1") is None

    def test_so_is_what_is_listed_as_a_delete_marker(self, serve: Serve) -> None:
        store, _server = serve(Answer(405), listing(marker("m1-latest", 2)))
        assert store.head_version("k", "m1-latest") is None

    @pytest.mark.parametrize(
        ("status", "kind"), [(400, Blocked), (404, Unavailable), (405, Blocked)]
    )
    def test_what_is_listed_is_never_reported_as_gone(
        self, serve: Serve, status: int, kind: type[Exception]
    ) -> None:
        store, _server = serve(Answer(status), listing(entry("v1-latest", 2)))
        with pytest.raises(kind):
            store.head_version("k", "v1-latest")

    def test_a_missing_bucket_is_named(self, serve: Serve) -> None:
        store, _server = serve(Answer(404), s3_error(404, "NoSuchBucket"))
        with pytest.raises(ConfigError, match="NoSuchBucket"):
            store.head_version("k", "v1")


class TestWrites:
    @pytest.mark.parametrize(("version_id", "shown"), [("v1", "v1"), (None, "null")])
    def test_a_copy_names_the_version_and_its_etag(
        self, serve: Serve, version_id: str | None, shown: str
    ) -> None:
        copied = b"<CopyObjectResult><ETag>&quot;e&quot;</ETag></CopyObjectResult>"
        store, server = serve(Answer(body=copied, headers={**XML, "x-amz-version-id": "v2"}))
        source = ObjectVersion("k é", "e", 1, SOURCE.last_modified_at, version_id=version_id)
        assert store.copy_version(source, "copy").version_id == "v2"
        (seen,) = server.seen
        assert seen.headers["x-amz-copy-source"] == f"bucket/k%20%C3%A9?versionId={shown}"
        assert seen.headers["x-amz-copy-source-if-match"] == '"e"'

    def test_a_version_that_is_gone_is_a_failed_precondition(self, serve: Serve) -> None:
        store, _server = serve(s3_error(404, "NoSuchVersion"))
        with pytest.raises(PreconditionFailed):
            store.copy_version(SOURCE, "copy")

    def test_a_version_too_large_for_one_copy_is_copied_in_parts(self, serve: Serve) -> None:
        begun = b"<R><Key>copy</Key><UploadId>u</UploadId></R>"
        part = Answer(body=b"<R><ETag>&quot;p&quot;</ETag></R>", headers=XML)
        made = b"<R><ETag>&quot;p-6&quot;</ETag></R>"
        store, server = serve(
            Answer(body=begun, headers=XML), *[part] * 6, Answer(body=made, headers=XML)
        )
        huge = replace(SOURCE, size_bytes=5 * GIB + 1, tag_count=0)
        assert store.copy_version(huge, "copy").etag == "p-6"
        _, *parts, _ = server.seen
        ranges = {seen.headers["x-amz-copy-source-range"] for seen in parts}
        whole = [f"bytes={number * GIB}-{number * GIB + GIB - 1}" for number in range(5)]
        assert ranges == {*whole, f"bytes={5 * GIB}-{5 * GIB}"}
        for seen in parts:
            assert seen.headers["x-amz-copy-source"] == "bucket/k%20%C3%A9?versionId=v1"
            assert seen.headers["x-amz-copy-source-if-match"] == '"e"'

    def test_a_version_is_deleted_by_its_id(self, serve: Serve) -> None:
        store, server = serve(Answer(204))
        store.delete_version("k", "v 1")
        (seen,) = server.seen
        assert (seen.method, query(seen)) == ("DELETE", {"versionId": "v 1"})

    def test_a_missing_version_is_no_error(self, serve: Serve) -> None:
        store, _server = serve(s3_error(404, "NoSuchVersion"))
        store.delete_version("k", "v1")

    def test_a_deletion_without_an_answer_is_sent_once(self, serve: Serve) -> None:
        store, server = serve(Answer(sends=False))
        with pytest.raises(Ambiguous):
            store.delete_version("k", "v1")
        assert len(server.seen) == 1
