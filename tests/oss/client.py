"""How Aliyun's users set boto3 up, by its guide to the S3 SDKs and with signatures of version 4."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config

from tests.oss.happening import REGION
from tests.oss.server import OssServer
from tests.oss.signatures import RamUser


@contextmanager
def oss_client(server: OssServer, user: RamUser) -> Iterator[Any]:
    """Give a user's client, which asks once for everything."""
    client = boto3.client(
        "s3",
        region_name=REGION,
        endpoint_url=server.url,
        aws_access_key_id=user.access_key_id,
        aws_secret_access_key=user.secret_access_key,
        config=Config(
            signature_version="s3v4",
            request_checksum_calculation="when_required",
            retries={"total_max_attempts": 1},
            # An empty mapping, unlike None, keeps botocore from asking the environment.
            proxies={},
        ),
    )
    try:
        yield client
    finally:
        client.close()


def begin(oss: Any, bucket: str, key: str, *parts: bytes) -> tuple[str, list[dict[str, Any]]]:
    """Send an object in parts, but for the end; return the upload's id and what was sent."""
    place = {"Bucket": bucket, "Key": key}
    upload_id: str = oss.create_multipart_upload(**place)["UploadId"]
    sent = []
    for number, body in enumerate(parts, start=1):
        answer = oss.upload_part(**place, UploadId=upload_id, PartNumber=number, Body=body)
        sent.append({"PartNumber": number, "ETag": answer["ETag"]})
    return upload_id, sent


def upload(oss: Any, bucket: str, key: str, *parts: bytes) -> Any:
    """Send an object in parts; return the answer to the end."""
    upload_id, sent = begin(oss, bucket, key, *parts)
    return oss.complete_multipart_upload(
        Bucket=bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": sent}
    )


def abort(oss: Any, bucket: str, key: str) -> None:
    """Begin to send an object in parts, and give up."""
    upload_id, _ = begin(oss, bucket, key, b"part")
    oss.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)
