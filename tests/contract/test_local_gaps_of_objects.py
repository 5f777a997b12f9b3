"""Objects: what the emulator does differently from AWS is mended, as seen over HTTP."""

import http.client
import time
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from sync_core.local.gaps.multipart import MIN_PART_BYTES
from tests.conftest import DEADLINE_SECONDS, WatchedBucket

TAGS = [{"Key": "colour", "Value": "blue"}]


def refusal(error: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    response = error.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def put_without_headers(bucket: WatchedBucket, key: str, body: bytes = b"x") -> None:
    link = bucket.s3.generate_presigned_url("put_object", {"Bucket": bucket.name, "Key": key})
    parts = urlsplit(link)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    with closing(connection):
        connection.request("PUT", f"{parts.path}?{parts.query}", body)
        assert connection.getresponse().status == 200


class TestObjects:
    def test_overwriting_an_object_takes_its_tags_away(self, watched_bucket: WatchedBucket) -> None:
        s3, where = watched_bucket.s3, {"Bucket": watched_bucket.name, "Key": "k"}
        s3.put_object(**where, Body=b"1", Tagging="colour=blue")
        s3.put_object(**where, Body=b"2")
        assert s3.get_object_tagging(**where)["TagSet"] == []

    def test_copying_an_untagged_object_over_a_tagged_one_takes_its_tags_away(
        self, watched_bucket: WatchedBucket
    ) -> None:
        s3, bucket = watched_bucket.s3, watched_bucket.name
        s3.put_object(Bucket=bucket, Key="plain", Body=b"1")
        s3.put_object(Bucket=bucket, Key="k", Body=b"2", Tagging="colour=blue")
        s3.copy_object(Bucket=bucket, Key="k", CopySource={"Bucket": bucket, "Key": "plain"})
        assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []

    def test_copying_an_object_onto_itself_keeps_its_tags(
        self, watched_bucket: WatchedBucket
    ) -> None:
        s3, where = watched_bucket.s3, {"Bucket": watched_bucket.name, "Key": "k"}
        s3.put_object(**where, Body=b"1", Tagging="colour=blue")
        s3.copy_object(**where, CopySource=where, MetadataDirective="REPLACE", Metadata={"a": "b"})
        assert s3.get_object_tagging(**where)["TagSet"] == TAGS

    def test_head_tells_how_many_tags_there_are(self, watched_bucket: WatchedBucket) -> None:
        s3, where = watched_bucket.s3, {"Bucket": watched_bucket.name, "Key": "k"}
        s3.put_object(**where, Body=b"1", Tagging="colour=blue&size=big")
        assert s3.head_object(**where)["TagCount"] == 2
        s3.put_object(**where, Body=b"1")
        assert "TagCount" not in s3.head_object(**where)

    def test_an_object_sent_without_a_content_type_has_the_default(
        self, watched_bucket: WatchedBucket
    ) -> None:
        put_without_headers(watched_bucket, "k")
        head = watched_bucket.s3.head_object(Bucket=watched_bucket.name, Key="k")
        assert head["ContentType"] == "binary/octet-stream"

    def test_an_object_sent_without_a_checksum_has_the_default(
        self, watched_bucket: WatchedBucket
    ) -> None:
        put_without_headers(watched_bucket, "k", b"123456789")
        where = {"Bucket": watched_bucket.name, "Key": "k"}
        head = watched_bucket.s3.head_object(**where, ChecksumMode="ENABLED")
        # The check value of CRC-64/NVME: the digest of just these nine digits.
        assert head["ChecksumCRC64NVME"] == "rosUhgp5mIg="
        assert head["ChecksumType"] == "FULL_OBJECT"
        assert watched_bucket.s3.get_object(**where)["ChecksumCRC64NVME"] == "rosUhgp5mIg="

    def test_the_answer_to_a_put_carries_the_stored_checksum(
        self, watched_bucket: WatchedBucket
    ) -> None:
        where = {"Bucket": watched_bucket.name, "Key": "k"}
        put = watched_bucket.s3.put_object(**where, Body=b"x", ChecksumAlgorithm="SHA256")
        head = watched_bucket.s3.head_object(**where, ChecksumMode="ENABLED")
        assert put["ChecksumSHA256"] == head["ChecksumSHA256"]
        assert put["ChecksumType"] == "FULL_OBJECT"

    @pytest.mark.parametrize(
        ("request_part", "code"),
        [
            ({"Key": "é" * 513}, "KeyTooLongError"),
            ({"Key": "k", "Metadata": {"note": "v" * 2045}}, "MetadataTooLarge"),
        ],
        ids=["a key of more than 1,024 bytes", "metadata of more than 2,048 bytes"],
    )
    def test_what_is_too_large_is_refused(
        self, watched_bucket: WatchedBucket, request_part: dict[str, Any], code: str
    ) -> None:
        with pytest.raises(ClientError) as error:
            watched_bucket.s3.put_object(Bucket=watched_bucket.name, Body=b"", **request_part)
        assert refusal(error) == (400, code)

    def test_the_largest_key_and_metadata_are_accepted(self, watched_bucket: WatchedBucket) -> None:
        where = {"Bucket": watched_bucket.name, "Key": "é" * 512}
        watched_bucket.s3.put_object(**where, Metadata={"note": "v" * 2044})
        assert len(watched_bucket.s3.head_object(**where)["Metadata"]["note"]) == 2044


class TestCopies:
    @pytest.mark.parametrize(
        ("condition", "expected"),
        [
            ({"IfNoneMatch": "*"}, (412, "PreconditionFailed")),
            ({"IfMatch": '"0123"'}, (412, "PreconditionFailed")),
        ],
        ids=["only if absent", "only if it is another one"],
    )
    def test_a_copy_obeys_a_condition_on_an_existing_destination(
        self, watched_bucket: WatchedBucket, condition: dict[str, str], expected: tuple[int, str]
    ) -> None:
        s3, bucket = watched_bucket.s3, watched_bucket.name
        s3.put_object(Bucket=bucket, Key="source", Body=b"new")
        s3.put_object(Bucket=bucket, Key="k", Body=b"old")
        source = {"Bucket": bucket, "Key": "source"}
        with pytest.raises(ClientError) as error:
            s3.copy_object(Bucket=bucket, Key="k", CopySource=source, **condition)
        assert refusal(error) == expected
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"old"

    def test_a_copy_is_made_when_its_condition_holds(self, watched_bucket: WatchedBucket) -> None:
        s3, bucket = watched_bucket.s3, watched_bucket.name
        etag = s3.put_object(Bucket=bucket, Key="source", Body=b"new")["ETag"]
        source = {"Bucket": bucket, "Key": "source"}
        s3.copy_object(Bucket=bucket, Key="k", CopySource=source, IfNoneMatch="*")
        s3.copy_object(Bucket=bucket, Key="k", CopySource=source, IfMatch=etag)
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"new"

    def test_replacing_metadata_leaves_nothing_of_the_old(
        self, watched_bucket: WatchedBucket
    ) -> None:
        s3, where = watched_bucket.s3, {"Bucket": watched_bucket.name, "Key": "k"}
        s3.put_object(
            **where, Body=b"1", ContentType="text/plain", ContentEncoding="gzip", CacheControl="x"
        )
        s3.copy_object(**where, CopySource=where, MetadataDirective="REPLACE", Metadata={"a": "b"})
        head = s3.head_object(**where)
        assert head["Metadata"] == {"a": "b"}
        assert head["ContentType"] == "binary/octet-stream"
        assert not {"ContentEncoding", "CacheControl"} & set(head)

    def test_a_copy_is_standard_whatever_the_source_is(self, watched_bucket: WatchedBucket) -> None:
        s3, bucket = watched_bucket.s3, watched_bucket.name
        s3.put_object(Bucket=bucket, Key="source", Body=b"1", StorageClass="STANDARD_IA")
        s3.copy_object(Bucket=bucket, Key="k", CopySource={"Bucket": bucket, "Key": "source"})
        assert "StorageClass" not in s3.head_object(Bucket=bucket, Key="k")


class TestVersions:
    @pytest.fixture
    def versioned(self, watched_bucket: WatchedBucket) -> WatchedBucket:
        watched_bucket.s3.put_bucket_versioning(
            Bucket=watched_bucket.name, VersioningConfiguration={"Status": "Enabled"}
        )
        return watched_bucket

    def test_a_listing_of_versions_encodes_keys(self, versioned: WatchedBucket) -> None:
        s3, bucket, key = versioned.s3, versioned.name, "a\x01 <é>+%2F"
        s3.put_object(Bucket=bucket, Key=key, Body=b"1")
        s3.delete_object(Bucket=bucket, Key=key)
        page = s3.list_object_versions(Bucket=bucket, Prefix=key, MaxKeys=1)
        assert page["DeleteMarkers"][0]["Key"] == page["NextKeyMarker"] == page["Prefix"] == key
        position = {
            "KeyMarker": page["NextKeyMarker"],
            "VersionIdMarker": page["NextVersionIdMarker"],
        }
        rest = s3.list_object_versions(Bucket=bucket, Prefix=key, **position)
        assert [version["Key"] for version in rest["Versions"]] == [key]

    def test_an_older_version_that_was_sent_without_a_checksum_has_the_default(
        self, versioned: WatchedBucket
    ) -> None:
        put_without_headers(versioned, "k", b"123456789")
        where = {"Bucket": versioned.name, "Key": "k"}
        old = versioned.s3.head_object(**where)["VersionId"]
        versioned.s3.put_object(**where, Body=b"new")
        head = versioned.s3.head_object(**where, VersionId=old, ChecksumMode="ENABLED")
        assert head["ChecksumCRC64NVME"] == "rosUhgp5mIg="

    def test_an_object_from_before_versioning_can_be_copied_by_its_version_id(
        self, watched_bucket: WatchedBucket
    ) -> None:
        s3, bucket = watched_bucket.s3, watched_bucket.name
        s3.put_object(Bucket=bucket, Key="é ?", Body=b"1")
        source = {"Bucket": bucket, "Key": "é ?", "VersionId": "null"}
        s3.copy_object(Bucket=bucket, Key="k", CopySource=source)
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"

    def test_a_null_version_that_is_missing_cannot_be_copied(
        self, versioned: WatchedBucket
    ) -> None:
        s3, bucket = versioned.s3, versioned.name
        s3.put_object(Bucket=bucket, Key="source", Body=b"1")
        with pytest.raises(ClientError) as error:
            s3.copy_object(
                Bucket=bucket,
                Key="k",
                CopySource={"Bucket": bucket, "Key": "source", "VersionId": "null"},
            )
        assert refusal(error) == (404, "NoSuchVersion")


class TestMultipartUploads:
    def upload(self, bucket: WatchedBucket, parts: list[bytes], **created: Any) -> dict[str, Any]:
        """Return where the upload is and what completes it."""
        where = {"Bucket": bucket.name, "Key": "k"}
        where["UploadId"] = bucket.s3.create_multipart_upload(**where, **created)["UploadId"]
        stored = [
            {
                "PartNumber": number,
                "ETag": bucket.s3.upload_part(**where, PartNumber=number, Body=part)["ETag"],
            }
            for number, part in enumerate(parts, start=1)
        ]
        return {**where, "MultipartUpload": {"Parts": stored}}

    def test_the_object_has_the_tags_given_at_the_start(
        self, watched_bucket: WatchedBucket
    ) -> None:
        s3, where = watched_bucket.s3, {"Bucket": watched_bucket.name, "Key": "k"}
        s3.put_object(**where, Body=b"", Tagging="size=big")
        s3.complete_multipart_upload(**self.upload(watched_bucket, [b"x"], Tagging="colour=blue"))
        assert s3.get_object_tagging(**where)["TagSet"] == TAGS

    def test_without_tags_it_takes_those_of_the_overwritten_object_away(
        self, watched_bucket: WatchedBucket
    ) -> None:
        s3, where = watched_bucket.s3, {"Bucket": watched_bucket.name, "Key": "k"}
        s3.put_object(**where, Body=b"", Tagging="colour=blue")
        s3.complete_multipart_upload(**self.upload(watched_bucket, [b"x"]))
        assert s3.get_object_tagging(**where)["TagSet"] == []

    def test_the_object_is_dated_when_the_upload_was_initiated(
        self, watched_bucket: WatchedBucket
    ) -> None:
        s3, bucket = watched_bucket.s3, watched_bucket.name
        begun = self.upload(watched_bucket, [b"x"])
        initiated = s3.list_multipart_uploads(Bucket=bucket)["Uploads"][0]["Initiated"]
        self.wait_for_another_second(watched_bucket, initiated.replace(microsecond=0))
        s3.complete_multipart_upload(**begun)
        head = s3.head_object(Bucket=bucket, Key="k")
        assert head["LastModified"] == initiated.replace(microsecond=0)

    def wait_for_another_second(self, bucket: WatchedBucket, second: Any) -> None:
        """Return when an object written now would bear another date."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        other = {"Bucket": bucket.name, "Key": "clock"}
        while time.monotonic() < deadline:
            bucket.s3.put_object(**other, Body=b"")
            if bucket.s3.head_object(**other)["LastModified"] > second:
                return
            time.sleep(0.05)
        pytest.fail("the emulator's clock stands still")

    def test_a_part_before_the_last_must_not_be_small(self, watched_bucket: WatchedBucket) -> None:
        begun = self.upload(watched_bucket, [b"small", b"last"])
        with pytest.raises(ClientError) as error:
            watched_bucket.s3.complete_multipart_upload(**begun)
        assert refusal(error) == (400, "EntityTooSmall")

    def test_the_last_part_may_be_small(self, watched_bucket: WatchedBucket) -> None:
        begun = self.upload(watched_bucket, [bytes(MIN_PART_BYTES), b"last"])
        watched_bucket.s3.complete_multipart_upload(**begun)
        head = watched_bucket.s3.head_object(Bucket=watched_bucket.name, Key="k")
        assert head["ContentLength"] == MIN_PART_BYTES + 4
