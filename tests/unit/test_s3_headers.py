"""How answers of S3 and of its imitators are read, where the emulators have no such answer."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from sync_core.errors import Blocked
from sync_core.model import VersionEntry
from sync_core.storage.dialects import AWS, MINIO, OSS
from sync_core.storage.protocol import ObjectWrite
from sync_core.storage.s3_headers import content_parameters, version_entry, version_of, written

MD5 = "d41d8cd98f00b204e9800998ecf8427e"
AT = datetime(2026, 11, 21, 4, 5, 6, tzinfo=UTC)


def response(**more: Any) -> dict[str, Any]:
    plain = {"ETag": f'"{MD5}"', "LastModified": AT, "ContentLength": 0, "Metadata": {}}
    return {**plain, **more}


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        ("gzip", "gzip"),
        ("aws-chunked", None),
        ("gzip,aws-chunked", "gzip"),
        ("aws-chunked, gzip, br", "gzip,br"),
        ("gzip, br", "gzip, br"),
    ],
)
def test_aws_chunked_never_becomes_part_of_an_object(shown: str, expected: str | None) -> None:
    version = version_of("k", response(ContentEncoding=shown), AWS)
    assert version.headers.get("content-encoding") == expected


@pytest.mark.parametrize("name", ["x-oss-force-download", "x-cos-force-download"])
@pytest.mark.parametrize(
    ("shown", "expected"),
    [("attachment", None), ('attachment; filename="a.pdf"', 'attachment; filename="a.pdf"')],
)
def test_what_a_store_adds_for_browsers_never_becomes_part_of_an_object(
    name: str, shown: str, expected: str | None
) -> None:
    metadata = {"HTTPHeaders": {name: "true"}}
    answer = response(ContentDisposition=shown, ResponseMetadata=metadata)
    assert version_of("k", answer, OSS).headers.get("content-disposition") == expected


def test_an_object_that_is_to_be_saved_as_a_file_stays_one() -> None:
    answer = response(ContentDisposition="attachment", ResponseMetadata={"HTTPHeaders": {}})
    assert version_of("k", answer, OSS).headers == {"content-disposition": "attachment"}


@pytest.mark.parametrize(
    "more",
    [
        {"ServerSideEncryption": "aws:kms"},
        {"ServerSideEncryption": "aws:kms:dsse"},
        {"SSECustomerAlgorithm": "AES256"},
        {"ETag": f'"{MD5}-1"'},
        {"ETag": '"opaque"'},
    ],
)
def test_an_etag_that_is_no_md5_is_not_taken_for_one(more: dict[str, Any]) -> None:
    assert version_of("k", response(**more), AWS).md5 is None


@pytest.mark.parametrize("more", [{}, {"ServerSideEncryption": "AES256"}, {"ETag": MD5.upper()}])
def test_an_etag_that_is_an_md5_is_shown_as_one(more: dict[str, Any]) -> None:
    assert version_of("k", response(**more), AWS).md5 == MD5


def test_a_digest_of_digests_is_no_digest_of_the_content() -> None:
    composite = response(ChecksumCRC64NVME="AAAAAAAAAAA=-2", ChecksumType="COMPOSITE")
    assert version_of("k", composite, AWS).crc64nvme is None


def test_a_null_version_has_no_id_because_it_is_replaced_in_place() -> None:
    assert version_of("k", response(VersionId="null"), AWS).version_id is None
    assert written(f'"{MD5}"', {"VersionId": "null"}).version_id is None
    assert version_of("k", response(VersionId="v1"), AWS).version_id == "v1"


def test_metadata_names_in_other_case_are_ours_too() -> None:
    version = version_of("k", response(Metadata={"Dualway": "1;x", "Owner": "Me"}), AWS)
    assert (version.marker, version.metadata) == ("1;x", {"owner": "Me"})


def test_fractions_of_a_second_and_zones_are_dropped() -> None:
    zone = timezone(timedelta(hours=8))
    shown = AT.astimezone(zone).replace(microsecond=999_000)
    version = version_of("k", response(LastModified=shown), AWS)
    assert version.last_modified_at == AT
    assert version.last_modified_at.tzinfo is UTC


def test_a_listed_version_has_whole_seconds_in_utc_and_a_bare_etag() -> None:
    shown = AT.astimezone(timezone(timedelta(hours=8))).replace(microsecond=999_000)
    version = {"VersionId": "v1", "LastModified": shown, "ETag": f'"{MD5}"', "Size": 4}
    assert version_entry(version) == VersionEntry(
        version_id="v1", is_delete_marker=False, etag=MD5, size_bytes=4, last_modified_at=AT
    )


def test_a_listed_delete_marker_has_neither_etag_nor_size() -> None:
    marker = {"VersionId": "null", "LastModified": AT}
    assert version_entry(marker) == VersionEntry(
        version_id="null", is_delete_marker=True, etag="", size_bytes=0, last_modified_at=AT
    )


@pytest.mark.parametrize("value", ["日本", "a\r\nx-amz-acl: public-read", "a\0"])
def test_a_header_that_http_cannot_carry_is_blocked(value: str) -> None:
    with pytest.raises(Blocked):
        content_parameters(ObjectWrite("k", 0, {"content-disposition": value}))


def test_metadata_beyond_ascii_is_sent_as_encoded_words() -> None:
    parameters = content_parameters(ObjectWrite("k", 0, metadata={"a": "é€", "b": "=?x?="}))
    assert parameters["Metadata"] == {"a": "=?utf-8?b?w6nigqw=?=", "b": "=?x?="}


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("é中".encode(), "=?utf-8?b?w6nkuK0=?="),
        ("é".encode("latin-1"), "=?utf-8?b?w6k=?="),
        (b"=?utf-8?b?w6nkuK0=?=", "=?utf-8?b?w6nkuK0=?="),
        (b"plain", "plain"),
    ],
)
def test_metadata_that_a_store_shows_as_it_was_sent_is_shown_as_it_is_written(
    sent: bytes, expected: str
) -> None:
    # Python's HTTP client reads a header's bytes as ISO 8859-1.
    answer = response(Metadata={"name": sent.decode("latin-1")})
    shown = version_of("k", answer, MINIO).metadata
    assert shown == {"name": expected}
    assert content_parameters(ObjectWrite("k", 1, metadata=shown))["Metadata"] == shown
