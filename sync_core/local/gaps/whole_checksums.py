"""Multipart uploads have a checksum of the whole object, where they are to have one.

AWS: with CRC-64/NVME the checksum of an upload is that of the whole object, `FULL_OBJECT`; it is
worked out from those of the parts, compared with the one in CompleteMultipartUpload, and shown by
its answer, HEAD and GET. A part that is copied has one as well
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html).
Emulator: a checksum of checksums, `COMPOSITE`, for every algorithm; none of copied parts.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from sync_core.checksums import Crc64Nvme, crc64nvme, joined
from sync_core.local.gaps.seam import Seam

_SEAM = Seam("checksums of whole multipart uploads")
_MODULE = "services.s3"

_ALGORITHM = "CRC64NVME"
_HEADER = "x-amz-checksum-crc64nvme"
_TYPE_HEADER = "x-amz-checksum-type"
_PART_NUMBER = re.compile(rb"<(?:\w+:)?PartNumber>\s*(\d+)\s*<")
_OK = 200

Handler = Callable[..., Any]
Upload = Mapping[str, Any]


def install() -> None:
    """Keep to the checksum of the whole from the beginning of an upload to its end."""
    # What the emulator computes byte by byte in Python would take a fifth of a second for a MiB.
    _SEAM.wrap(_MODULE, "_crc64nvme", lambda _: _number)
    _SEAM.wrap(_MODULE, "_create_multipart_upload", _saying_so)
    _SEAM.wrap(_MODULE, "_upload_part_copy", _with_checksum)
    _SEAM.wrap(_MODULE, "_complete_multipart_upload", _of_the_whole)


def _saying_so(create: Handler) -> Handler:
    def created(bucket: str, key: str, headers: Mapping[str, str]) -> Any:
        status, answered, body = create(bucket, key, headers)
        if answered.get("x-amz-checksum-algorithm") == _ALGORITHM:
            answered[_TYPE_HEADER] = "FULL_OBJECT"
        return status, answered, body

    return created


def _with_checksum(copy: Handler) -> Handler:
    uploads = _SEAM.take(_MODULE, "_multipart_uploads")

    def copied(bucket: str, key: str, query: Any, headers: Mapping[str, str]) -> Any:
        status, answered, body = copy(bucket, key, query, headers)
        if status == _OK:
            upload = uploads[query["uploadId"][0]]
            part = upload["parts"][int(query["partNumber"][0])]
            if upload["checksum_algorithm"] == _ALGORITHM:
                part["checksums"] = {_ALGORITHM: crc64nvme(part["body"])}
                body = _before_end(body, _element(part["checksums"][_ALGORITHM]))
        return status, answered, body

    return copied


def _of_the_whole(complete: Handler) -> Handler:
    uploads = _SEAM.take(_MODULE, "_multipart_uploads")
    buckets = _SEAM.take(_MODULE, "_buckets")
    histories = _SEAM.take(_MODULE, "_object_versions")
    error = _SEAM.take(_MODULE, "_error")

    def completed(
        bucket: str, key: str, body: bytes, query: Any, headers: Mapping[str, str]
    ) -> Any:
        upload = uploads.get(query["uploadId"][0])
        whole = None if upload is None else _whole(upload, body)
        if upload is None or whole is None:
            return complete(bucket, key, body, query, headers)
        if headers.get(_HEADER, whole) != whole:
            message = f"The {_ALGORITHM} you specified did not match the calculated checksum."
            return error("BadDigest", message, 400, f"/{bucket}/{key}")
        upload["checksum_algorithm"] = None
        status, answered, xml = complete(bucket, key, body, query, headers)
        if status != _OK:
            upload["checksum_algorithm"] = _ALGORITHM
            return status, answered, xml
        for record in (buckets[bucket]["objects"][key], *histories.get((bucket, key), [])[-1:]):
            record.update(checksums={_ALGORITHM: whole}, checksum_type="FULL_OBJECT")
        said = _element(whole) + b"<ChecksumType>FULL_OBJECT</ChecksumType>"
        return status, answered, _before_end(xml, said)

    return completed


def _whole(upload: Upload, body: bytes) -> str | None:
    """Return the checksum of the object that these parts make, if each of them is there."""
    if upload["checksum_algorithm"] != _ALGORITHM:
        return None
    parts = [upload["parts"].get(int(number)) for number in _PART_NUMBER.findall(body)]
    if not all(part and _ALGORITHM in part.get("checksums", {}) for part in parts):
        return None
    return joined((part["checksums"][_ALGORITHM], part["size"]) for part in parts)


def _number(data: bytes) -> int:
    digest = Crc64Nvme()
    digest.update(data)
    return int.from_bytes(digest.digest(), "big")


def _element(checksum: str) -> bytes:
    return f"<Checksum{_ALGORITHM}>{checksum}</Checksum{_ALGORITHM}>".encode()


def _before_end(xml: bytes, more: bytes) -> bytes:
    body, end, name = xml.rpartition(b"</")
    return body + more + end + name
