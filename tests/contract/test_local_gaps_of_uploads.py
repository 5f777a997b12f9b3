"""Large objects: what the emulator does differently from AWS is mended, as seen over HTTP."""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sync_core.checksums import crc64nvme
from sync_core.local.clients import Clients, KeyPair
from sync_core.local.cloud import LocalCloud
from sync_core.local.gaps.multipart import MIN_PART_BYTES
from tests.conftest import WatchedBucket

PARTS = (bytes(MIN_PART_BYTES), b"last")
WHOLE = b"".join(PARTS)
CRC = {"ChecksumAlgorithm": "CRC64NVME", "ChecksumType": "FULL_OBJECT"}


def refusal(error: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    response = error.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def begin(bucket: WatchedBucket, key: str = "k", **created: Any) -> dict[str, Any]:
    """Begin an upload; return where it is."""
    where = {"Bucket": bucket.name, "Key": key}
    return {**where, "UploadId": bucket.s3.create_multipart_upload(**where, **created)["UploadId"]}


def send(bucket: WatchedBucket, where: dict[str, Any]) -> dict[str, Any]:
    """Send both parts; return what completes the upload."""
    stored = []
    for number, part in enumerate(PARTS, start=1):
        given = {"PartNumber": number, "Body": part, "ChecksumCRC64NVME": crc64nvme(part)}
        stored.append(
            {"PartNumber": number, "ETag": bucket.s3.upload_part(**where, **given)["ETag"]}
        )
    return {**where, "MultipartUpload": {"Parts": stored}}


@pytest.fixture
def once(local_cloud: LocalCloud) -> Iterator[Any]:
    """A client that sends each request once; others repeat for seconds what is a BadDigest."""
    site = local_cloud.sites["b"]
    client = boto3.client(
        "s3",
        region_name=site.region,
        endpoint_url=local_cloud.endpoint_url,
        aws_access_key_id=site.user.access_key_id,
        aws_secret_access_key=site.user.secret_access_key,
        config=Config(proxies={}, retries={"total_max_attempts": 1}),
    )
    yield client
    client.close()


class TestWholeChecksums:
    def test_the_answers_say_what_checksum_there_will_be(
        self, watched_bucket: WatchedBucket
    ) -> None:
        s3, where = watched_bucket.s3, {"Bucket": watched_bucket.name, "Key": "k"}
        begun = s3.create_multipart_upload(**where, **CRC)
        assert begun["ChecksumType"] == "FULL_OBJECT"
        completed = s3.complete_multipart_upload(
            **send(watched_bucket, {**where, "UploadId": begun["UploadId"]})
        )
        assert completed["ChecksumCRC64NVME"] == crc64nvme(WHOLE)
        assert completed["ChecksumType"] == "FULL_OBJECT"

    def test_the_object_has_the_checksum_of_the_whole(self, watched_bucket: WatchedBucket) -> None:
        s3, where = watched_bucket.s3, {"Bucket": watched_bucket.name, "Key": "k"}
        s3.put_bucket_versioning(
            Bucket=watched_bucket.name, VersioningConfiguration={"Status": "Enabled"}
        )
        s3.complete_multipart_upload(**send(watched_bucket, begin(watched_bucket, **CRC)))
        head = s3.head_object(**where, ChecksumMode="ENABLED")
        assert head["ChecksumCRC64NVME"] == crc64nvme(WHOLE)
        assert head["ChecksumType"] == "FULL_OBJECT"
        s3.put_object(**where, Body=b"newer")
        old = s3.head_object(**where, ChecksumMode="ENABLED", VersionId=head["VersionId"])
        assert old["ChecksumCRC64NVME"] == crc64nvme(WHOLE)

    def test_another_checksum_of_the_whole_is_refused_and_the_parts_stay(
        self, watched_bucket: WatchedBucket, once: Any
    ) -> None:
        given = send(watched_bucket, begin(watched_bucket, **CRC))
        for _ in range(2):
            with pytest.raises(ClientError) as error:
                once.complete_multipart_upload(
                    **given, ChecksumCRC64NVME=crc64nvme(b"x"), ChecksumType="FULL_OBJECT"
                )
            assert refusal(error) == (400, "BadDigest")
        once.complete_multipart_upload(
            **given, ChecksumCRC64NVME=crc64nvme(WHOLE), ChecksumType="FULL_OBJECT"
        )

    def test_another_checksum_of_a_part_is_refused(
        self, watched_bucket: WatchedBucket, once: Any
    ) -> None:
        where = begin(watched_bucket, **CRC)
        with pytest.raises(ClientError) as error:
            once.upload_part(**where, PartNumber=1, Body=b"x", ChecksumCRC64NVME=crc64nvme(b"y"))
        assert refusal(error) == (400, "BadDigest")
        assert "Parts" not in watched_bucket.s3.list_parts(**where)

    def test_a_copied_part_has_a_checksum(self, watched_bucket: WatchedBucket) -> None:
        s3, bucket = watched_bucket.s3, watched_bucket.name
        s3.put_object(Bucket=bucket, Key="source", Body=b"data")
        where = begin(watched_bucket, **CRC)
        copied = s3.upload_part_copy(
            **where, PartNumber=1, CopySource={"Bucket": bucket, "Key": "source"}
        )["CopyPartResult"]
        assert copied["ChecksumCRC64NVME"] == crc64nvme(b"data")
        (listed,) = s3.list_parts(**where)["Parts"]
        assert listed["ChecksumCRC64NVME"] == crc64nvme(b"data")

    def test_an_upload_with_another_algorithm_has_the_checksum_of_checksums(
        self, watched_bucket: WatchedBucket
    ) -> None:
        where = begin(watched_bucket, ChecksumAlgorithm="SHA256")
        digest = hashlib.sha256(b"x").digest()
        part = watched_bucket.s3.upload_part(
            **where, PartNumber=1, Body=b"x", ChecksumSHA256=base64.b64encode(digest).decode()
        )
        parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
        completed = watched_bucket.s3.complete_multipart_upload(
            **where, MultipartUpload={"Parts": parts}
        )
        of_checksums = base64.b64encode(hashlib.sha256(digest).digest()).decode()
        assert completed["ChecksumSHA256"] == f"{of_checksums}-1"


class TestHeadsOfParts:
    def test_each_part_is_told_of(self, watched_bucket: WatchedBucket) -> None:
        s3, where = watched_bucket.s3, {"Bucket": watched_bucket.name, "Key": "k"}
        s3.complete_multipart_upload(**send(watched_bucket, begin(watched_bucket)))
        heads = [s3.head_object(**where, PartNumber=number) for number in (1, 2)]
        assert [head["ContentLength"] for head in heads] == [len(part) for part in PARTS]
        assert [head["PartsCount"] for head in heads] == [2, 2]
        assert {head["ResponseMetadata"]["HTTPStatusCode"] for head in heads} == {206}
        whole = s3.head_object(**where)
        assert whole["ContentLength"] == len(WHOLE)
        assert "PartsCount" not in whole

    def test_an_object_that_was_put_in_one_is_its_own_part(
        self, watched_bucket: WatchedBucket
    ) -> None:
        s3, where = watched_bucket.s3, {"Bucket": watched_bucket.name, "Key": "k"}
        s3.put_object(**where, Body=b"data")
        head = s3.head_object(**where, PartNumber=1)
        assert head["ContentLength"] == 4
        assert "PartsCount" not in head

    def test_there_is_no_part_behind_the_last(self, watched_bucket: WatchedBucket) -> None:
        s3, where = watched_bucket.s3, {"Bucket": watched_bucket.name, "Key": "k"}
        s3.put_object(**where, Body=b"data")
        with pytest.raises(ClientError) as error:
            s3.head_object(**where, PartNumber=2)
        assert refusal(error)[0] == 416


class TestListingsOfUploads:
    def test_whoever_has_begun_an_upload_is_named(
        self, watched_bucket: WatchedBucket, local_cloud: LocalCloud
    ) -> None:
        site, region = local_cloud.sites["b"], watched_bucket.s3.meta.region_name
        root = Clients(local_cloud.endpoint_url, region, KeyPair(site.account_id, "root"))
        with closing(root):
            root.client("s3").create_multipart_upload(Bucket=watched_bucket.name, Key="of root")
        begin(watched_bucket, "of user")
        listed = watched_bucket.s3.list_multipart_uploads(Bucket=watched_bucket.name)["Uploads"]
        user = local_cloud.client("sts", "b").get_caller_identity()["Arn"]
        assert {upload["Key"]: upload["Initiator"]["ID"] for upload in listed} == {
            "of root": f"arn:aws:iam::{site.account_id}:root",
            "of user": user,
        }

    def test_keys_are_encoded_when_that_is_asked_for(self, watched_bucket: WatchedBucket) -> None:
        begin(watched_bucket, "a <é>+%2F")
        page = watched_bucket.s3.list_multipart_uploads(
            Bucket=watched_bucket.name, EncodingType="url"
        )
        assert page["EncodingType"] == "url"
        assert page["Uploads"][0]["Key"] == "a%20%3C%C3%A9%3E%2B%252F"


class TestCopies:
    def test_a_copy_of_an_object_in_parts_is_in_one(self, watched_bucket: WatchedBucket) -> None:
        s3, bucket = watched_bucket.s3, watched_bucket.name
        s3.complete_multipart_upload(**send(watched_bucket, begin(watched_bucket)))
        source = {"Bucket": bucket, "Key": "k"}
        copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource=source)["CopyObjectResult"]
        etag = f'"{hashlib.md5(WHOLE).hexdigest()}"'
        assert copied["ETag"] == etag
        assert s3.head_object(Bucket=bucket, Key="copy")["ETag"] == etag
        assert s3.head_object(**source)["ETag"].endswith('-2"')

    def test_what_is_archived_is_not_copied(self, watched_bucket: WatchedBucket) -> None:
        s3, bucket = watched_bucket.s3, watched_bucket.name
        source = {"Bucket": bucket, "Key": "source"}
        s3.put_object(**source, Body=b"x", StorageClass="GLACIER")
        with pytest.raises(ClientError) as error:
            s3.copy_object(Bucket=bucket, Key="k", CopySource=source)
        assert refusal(error) == (403, "ObjectNotInActiveTierError")
        with pytest.raises(ClientError) as error:
            s3.upload_part_copy(**begin(watched_bucket), PartNumber=1, CopySource=source)
        assert refusal(error) == (403, "InvalidObjectState")


class TestCopiesAcrossAccounts:
    @pytest.fixture
    def foreign(self, local_cloud: LocalCloud, watched_bucket: WatchedBucket) -> Iterator[Any]:
        """A bucket of account a, of which account b's user may read what the policy names."""
        s3, name = local_cloud.client("s3", "a"), f"{watched_bucket.name}-a"
        region = local_cloud.sites["a"].region
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
        s3.put_object(Bucket=name, Key="é k", Body=b"data", Tagging="a=b")
        yield s3, name
        s3.delete_object(Bucket=name, Key="é k")
        s3.delete_bucket(Bucket=name)

    def allow(self, foreign: Any, principal: str) -> dict[str, str]:
        """Let the principal read; return the source of a copy."""
        s3, name = foreign
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": principal},
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{name}/*",
        }
        document = {"Version": "2012-10-17", "Statement": statement}
        s3.put_bucket_policy(Bucket=name, Policy=json.dumps(document))
        return {"Bucket": name, "Key": "é k"}

    def test_a_user_whom_the_policy_names_copies_from_another_account(
        self, foreign: Any, watched_bucket: WatchedBucket, local_cloud: LocalCloud
    ) -> None:
        s3, bucket = watched_bucket.s3, watched_bucket.name
        source = self.allow(foreign, local_cloud.client("sts", "b").get_caller_identity()["Arn"])
        assert s3.get_object(**source)["Body"].read() == b"data"
        s3.copy_object(Bucket=bucket, Key="k", CopySource=source)
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"data"
        assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [
            {"Key": "a", "Value": "b"}
        ]
        copied = s3.upload_part_copy(
            **begin(watched_bucket), PartNumber=1, CopySource=source, CopySourceRange="bytes=1-2"
        )
        assert copied["CopyPartResult"]["ETag"] == f'"{hashlib.md5(b"at").hexdigest()}"'
        assert foreign[1] not in [each["Name"] for each in s3.list_buckets()["Buckets"]]

    def test_another_user_of_the_account_does_not(
        self, foreign: Any, watched_bucket: WatchedBucket, local_cloud: LocalCloud
    ) -> None:
        account_id = local_cloud.sites["b"].account_id
        source = self.allow(foreign, f"arn:aws:iam::{account_id}:user/another")
        with pytest.raises(ClientError) as error:
            watched_bucket.s3.copy_object(Bucket=watched_bucket.name, Key="k", CopySource=source)
        assert refusal(error) == (403, "AccessDenied")

    def test_a_policy_that_names_an_account_lets_its_users_copy(
        self, foreign: Any, watched_bucket: WatchedBucket, local_cloud: LocalCloud
    ) -> None:
        s3, bucket = watched_bucket.s3, watched_bucket.name
        account_id = local_cloud.sites["b"].account_id
        source = self.allow(foreign, f"arn:aws:iam::{account_id}:root")
        s3.copy_object(Bucket=bucket, Key="k", CopySource=source)
        assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == 4
