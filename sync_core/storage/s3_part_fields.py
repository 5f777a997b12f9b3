"""Between our values and boto3's parameters and answers where parts of objects are concerned."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from sync_core.checksums import etag_of_md5s
from sync_core.model import OpenUpload, UploadedPart
from sync_core.storage.dialects import Dialect
from sync_core.storage.s3_headers import quoted, unquoted

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

_MD5 = re.compile(r"[0-9a-fA-F]{32}")


def etag_of_parts(parts: Sequence[UploadedPart]) -> str:
    """Return the etag that S3 gives the object of these parts, where theirs are MD5s; else ""."""
    etags = [part.etag for part in parts]
    return etag_of_md5s(etags) if all(map(_MD5.fullmatch, etags)) else ""


def part_parameters(part: UploadedPart, dialect: Dialect) -> "CompletedPartTypeDef":
    """Return what CompleteMultipartUpload is to know of one part."""
    named: CompletedPartTypeDef = {"PartNumber": part.number, "ETag": quoted(part.etag)}
    if part.crc64nvme is not None and dialect.has_crc64nvme:
        named["ChecksumCRC64NVME"] = part.crc64nvme
    return named


def whole_digest_parameters(crc64nvme: str | None, dialect: Dialect) -> dict[str, Any]:
    """Return the digest that CompleteMultipartUpload is to compare that of the whole with."""
    if crc64nvme is None or not dialect.has_crc64nvme:
        return {}
    return {"ChecksumCRC64NVME": crc64nvme, "ChecksumType": "FULL_OBJECT"}


def listed_part(part: Mapping[str, Any]) -> UploadedPart:
    """Return one entry of ListParts."""
    return UploadedPart(
        part["PartNumber"], unquoted(part["ETag"]), part["Size"], part.get("ChecksumCRC64NVME")
    )


def open_upload(page: Mapping[str, Any], upload: Mapping[str, Any]) -> OpenUpload:
    """Return one entry of a page of ListMultipartUploads."""
    initiated_at = upload["Initiated"].astimezone(UTC)
    return OpenUpload(decoded_key(page, upload["Key"]), upload["UploadId"], initiated_at)


def decoded_key(page: Mapping[str, Any], text: str) -> str:
    """Return a key of a page as it is, also where the page has it encoded.

    As HTML forms are, so that `+` is a space (API reference, ListMultipartUploads, EncodingType).
    """
    if page.get("EncodingType") != "url":
        return text
    return unquote_plus(text, errors="strict")
