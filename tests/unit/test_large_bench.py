"""The servers of the benchmark of large objects, as boto3 meets them, and its report."""

import hashlib
import io
from collections.abc import Iterator
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import ClientError

from scripts.bench.large_http import Listener, Serve
from scripts.bench.large_objects import MIB, keys
from scripts.bench.large_report import CPU, PACE, Taken, Work, document, ratios, table
from scripts.bench.large_sink import Sink
from scripts.bench.large_source import Source
from scripts.bench.programs import Run
from sync_core.checksums import crc64nvme
from sync_core.storage.protocol import ObjectWrite
from sync_core.storage.s3 import S3ObjectStore
from sync_core.storage.s3_clients import S3Clients
from sync_core.storage.s3_stream import send_streams

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KEY = keys(1)[0]
WORK = Work(objects=2, mib=512)


def client_of(serve: Serve) -> Iterator["S3Client"]:
    listener = Listener.open()
    Thread(target=listener.serve_forever, args=(serve,), daemon=True).start()
    client: S3Client = Session().client(
        "s3",
        region_name="us-east-1",
        endpoint_url=listener.url,
        aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )
    yield client
    client.close()
    listener.close()


@pytest.fixture
def source() -> Iterator["S3Client"]:
    yield from client_of(Source(count=2, mib=20))


@pytest.fixture
def sink() -> Iterator["S3Client"]:
    yield from client_of(Sink())


def content(source: "S3Client", **parameters: Any) -> bytes:
    return source.get_object(Bucket="b", Key=KEY, **parameters)["Body"].read()


def test_the_source_lists_its_objects(source: "S3Client") -> None:
    listed = source.list_objects_v2(Bucket="b", Prefix="large/")["Contents"]
    assert {entry["Key"]: entry["Size"] for entry in listed} == dict.fromkeys(keys(2), 20 * MIB)


def test_a_range_of_the_source_is_that_of_the_whole(source: "S3Client") -> None:
    whole = content(source)
    first, last = 15 * MIB + 7, 18 * MIB - 2
    assert content(source, Range=f"bytes={first}-{last}") == whole[first : last + 1]


def test_the_source_tells_the_digests_that_s3_would(source: "S3Client") -> None:
    whole = content(source)
    shown = source.head_object(Bucket="b", Key=KEY, ChecksumMode="ENABLED")
    parts = [hashlib.md5(whole[at : at + 8 * MIB]).digest() for at in range(0, 20 * MIB, 8 * MIB)]
    assert shown["ETag"] == f'"{hashlib.md5(b"".join(parts)).hexdigest()}-3"'
    assert shown["ChecksumCRC64NVME"] == crc64nvme(whole)


def test_the_source_shows_the_size_of_its_parts(source: "S3Client") -> None:
    shown = source.head_object(Bucket="b", Key=KEY, PartNumber=3)
    assert (shown["ContentLength"], shown["PartsCount"]) == (4 * MIB, 3)


def test_the_source_refuses_another_etag(source: "S3Client") -> None:
    with pytest.raises(ClientError, match="PreconditionFailed"):
        content(source, IfMatch='"another"')


def test_the_sink_makes_an_object_of_streamed_parts(sink: "S3Client") -> None:
    store = S3ObjectStore("b", lambda: S3Clients(sink, sink))
    send_streams(sink)
    upload_id = store.create_multipart_upload(ObjectWrite(KEY, 9 * MIB, metadata={"note": "x"}))
    parts = [
        store.upload_part(KEY, upload_id, number, io.BytesIO(bytes(size)), size)
        for number, size in ((1, 8 * MIB), (2, MIB))
    ]
    store.complete_if(KEY, upload_id, parts, replaces=None)
    shown = sink.head_object(Bucket="b", Key=KEY)
    assert (shown["ContentLength"], shown["Metadata"]) == (9 * MIB, {"note": "x"})


def test_the_sink_answers_the_digest_that_follows_a_body(sink: "S3Client") -> None:
    digest = crc64nvme(bytes(2 * MIB))
    coded = b"200000\r\n%s\r\n0\r\nx-amz-checksum-crc64nvme:%s\r\n\r\n"
    body = coded % (bytes(2 * MIB), digest.encode())
    upload_id = sink.create_multipart_upload(Bucket="b", Key=KEY)["UploadId"]
    part = sink.upload_part(Bucket="b", Key=KEY, UploadId=upload_id, PartNumber=1, Body=body)
    assert part["ChecksumCRC64NVME"] == digest


def test_the_sink_makes_no_object_where_a_part_is_missing(sink: "S3Client") -> None:
    upload = sink.create_multipart_upload(Bucket="b", Key=KEY)["UploadId"]
    with pytest.raises(ClientError, match="InvalidPart"):
        sink.complete_multipart_upload(
            Bucket="b",
            Key=KEY,
            UploadId=upload,
            MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": '"0"'}]},
        )
    with pytest.raises(ClientError, match="404"):
        sink.head_object(Bucket="b", Key=KEY)


def test_the_sink_knows_no_upload_that_was_aborted(sink: "S3Client") -> None:
    upload = sink.create_multipart_upload(Bucket="b", Key=KEY)["UploadId"]
    sink.abort_multipart_upload(Bucket="b", Key=KEY, UploadId=upload)
    with pytest.raises(ClientError, match="NoSuchUpload"):
        sink.upload_part(Bucket="b", Key=KEY, UploadId=upload, PartNumber=1, Body=b"x")


def taken(cpu_seconds: float, wall_seconds: float) -> Taken:
    return Taken(Run(cpu_seconds, wall_seconds, peak_mib=100), server_cpu_seconds=1)


def test_programs_are_compared_turn_by_turn() -> None:
    results = {"ours": [taken(1, 2), taken(4, 2)], "theirs": [taken(2, 4), taken(4, 8)]}
    assert ratios(WORK, results, PACE) == {"theirs": [2, 4]}
    assert ratios(WORK, results, CPU) == {"theirs": [0.5, 1]}


def test_the_report_has_medians_with_their_spread() -> None:
    results = {
        "ours": [taken(1, 2), taken(3, 1), taken(2, 4)],
        "theirs": [taken(4, 4), taken(4, 4), taken(4, 4)],
    }
    text = table(WORK, results)
    assert "512 (256 to 1,024)" in text
    assert "0.50 (0.25 to 0.75)" in text
    assert document(WORK, results)["ratios"]["theirs"][PACE.name] == 2
