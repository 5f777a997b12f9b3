"""Between our values and boto3's request parameters and responses."""

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.header import Header
from typing import Any
from urllib.parse import quote, urlencode

from sync_core.errors import Blocked
from sync_core.model import Ability, ObjectLock, ObjectVersion, VersionEntry
from sync_core.storage.dialects import Dialect
from sync_core.storage.metadata import split_marker, with_marker
from sync_core.storage.protocol import ByteRange, ObjectWrite, Written
from sync_core.storage.s3_clients import RAW_EXPIRES

_PARAMETERS = {
    "content-type": "ContentType",
    "content-encoding": "ContentEncoding",
    "content-language": "ContentLanguage",
    "content-disposition": "ContentDisposition",
    "cache-control": "CacheControl",
    "expires": RAW_EXPIRES,
}
_FIELDS = {**_PARAMETERS, "expires": "ExpiresString"}

# With these OSS and COS tell that they made browsers save what has come by a bucket's own domain
# (OSS, Access OSS through a custom domain name; COS, Limits of default domain names, 2024).
_FORCED = frozenset({"x-oss-force-download", "x-cos-force-download"})
_FORCED_DISPOSITION = "attachment"

_MD5_ETAG = re.compile(r"[0-9a-f]{32}")
_TRANSFER_CODING = "aws-chunked"


def content_parameters(write: ObjectWrite) -> dict[str, Any]:
    """Return the parameters for headers, metadata, marker and tags.

    Raises `Blocked` when a header has characters that HTTP cannot carry.
    """
    parameters: dict[str, Any] = _value_parameters(
        write.key, write.headers, with_marker(write.metadata, write.marker)
    )
    if write.tags:
        parameters["Tagging"] = urlencode(write.tags, quote_via=quote)
    return parameters


def replacement_parameters(source: ObjectVersion) -> dict[str, Any]:
    """Return what makes CopyObject keep the source's headers and metadata, but not its marker."""
    if source.marker is None:
        return {}
    value = _value_parameters(source.key, source.headers, source.metadata)
    return {"MetadataDirective": "REPLACE", **value}


def digest_parameters(write: ObjectWrite, dialect: Dialect) -> dict[str, Any]:
    """Return the digests that the store is to compare the body with."""
    parameters: dict[str, Any] = {}
    if write.md5 is not None:
        parameters["ContentMD5"] = base64.b64encode(bytes.fromhex(write.md5)).decode()
    if write.crc64nvme is not None and dialect.has_crc64nvme:
        parameters["ChecksumCRC64NVME"] = write.crc64nvme
    return parameters


def condition_parameters(replaces: ObjectVersion | None) -> dict[str, Any]:
    """Return the condition that `replaces` (None: nothing) is the current instance."""
    return {"IfNoneMatch": "*"} if replaces is None else {"IfMatch": quoted(replaces.etag)}


def condition_of(replaces: ObjectVersion | None) -> Ability:
    """Return what a store needs for the condition that `condition_parameters` states."""
    return Ability.CREATES_IF_ABSENT if replaces is None else Ability.REPLACES_IF_MATCH


def quoted(etag: str) -> str:
    """Return an etag as HTTP writes it (RFC 9110, 8.8.3)."""
    return f'"{etag}"'


def unquoted(etag: str) -> str:
    """Return an etag without the quotes that HTTP has around it."""
    return etag.strip('"')


def md5_of(response: Mapping[str, Any]) -> str | None:
    """Return the etag in an answer where it can be the MD5 of the content.

    It is none for SSE-KMS, DSSE and customer's keys (API reference, Object, ETag).
    """
    etag = unquoted(response["ETag"]).lower()
    with_kms = response.get("ServerSideEncryption", "").startswith("aws:kms")
    if with_kms or "SSECustomerAlgorithm" in response:
        return None
    return etag if _MD5_ETAG.fullmatch(etag) else None


def range_of(byte_range: ByteRange) -> str:
    """Return the Range header."""
    return f"bytes={byte_range.first}-{byte_range.last}"


def covers(response: Mapping[str, Any], byte_range: ByteRange) -> bool:
    """Tell whether an answer holds the range that was asked for, as far as the object reaches."""
    last = min(byte_range.last, _whole_size_bytes(response) - 1)
    expected = f"bytes {byte_range.first}-{last}/"
    shown: str = response.get("ContentRange", "")
    return shown.startswith(expected)


def is_forced(response: Mapping[str, Any]) -> bool:
    """Tell whether the store has added what makes browsers save the object as a file."""
    return not _FORCED.isdisjoint(response["ResponseMetadata"]["HTTPHeaders"])


def version_of(key: str, response: Mapping[str, Any], dialect: Dialect) -> ObjectVersion:
    """Return the instance that HeadObject or a whole or ranged GetObject shows.

    A null version is replaced in place, so its id is no name of an instance and is left out.
    """
    metadata, marker = split_marker(response["Metadata"])
    version_id = response.get("VersionId")
    return ObjectVersion(
        key=key,
        etag=unquoted(response["ETag"]),
        size_bytes=_whole_size_bytes(response),
        last_modified_at=_whole_seconds(response["LastModified"]),
        headers=_headers(response),
        metadata={name: _shown_text(value) for name, value in metadata.items()},
        marker=marker,
        version_id=None if version_id == "null" else version_id,
        md5=md5_of(response) if dialect.etag_is_md5 else None,
        crc64nvme=_crc64nvme(response),
        tag_count=response.get("TagCount"),
        lock=_lock(response),
    )


def version_entry(entry: Mapping[str, Any]) -> VersionEntry:
    """Return one entry of a listing of versions; a delete marker has no etag and no size there."""
    return VersionEntry(
        version_id=entry["VersionId"],
        is_delete_marker="ETag" not in entry,
        etag=unquoted(entry.get("ETag", "")),
        size_bytes=entry.get("Size", 0),
        last_modified_at=_whole_seconds(entry["LastModified"]),
    )


def written(etag: str, response: Mapping[str, Any]) -> Written:
    """Return what the store says of an object that it has taken."""
    version_id = response.get("VersionId")
    return Written(unquoted(etag), None if version_id == "null" else version_id)


def _value_parameters(
    key: str, headers: Mapping[str, str], entries: Mapping[str, str]
) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    for name, value in headers.items():
        parameters[_PARAMETERS[name]] = _header_text(key, name, value)
    if entries:
        parameters["Metadata"] = {name: _metadata_text(value) for name, value in entries.items()}
    return parameters


def _header_text(key: str, name: str, value: str) -> str:
    """Return the value if it can stand in a header field: ISO 8859-1, as Python's HTTP client."""
    if any(ord(character) > 0xFF or character in "\r\n\0" for character in value):  # noqa: PLR2004 - Latin-1 ends there
        raise Blocked("put", key, f"{name} has characters that no HTTP header can carry: {value!r}")
    return value


def _metadata_text(value: str) -> str:
    """Return an ASCII value as it is, another one as RFC 2047 words.

    S3 decodes and shows such words itself (user guide, Working with object metadata), and a value
    read from it is always ASCII; so only values that come from elsewhere are encoded here.
    """
    return value if value.isascii() else Header(value, "utf-8", maxlinelen=0).encode()


def _shown_text(value: str) -> str:
    """Return a value that a store shows as it was sent, most often UTF-8, as we would write it.

    Python's HTTP client takes a header's bytes for ISO 8859-1.
    """
    try:
        return _metadata_text(value.encode("latin-1").decode())
    except UnicodeError:
        return _metadata_text(value)


def _headers(response: Mapping[str, Any]) -> dict[str, str]:
    headers = {name: response[field] for name, field in _FIELDS.items() if response.get(field)}
    coding = headers.get("content-encoding", "")
    if _TRANSFER_CODING in coding:
        _set_or_drop(headers, "content-encoding", _without_transfer_coding(coding))
    if headers.get("content-disposition") == _FORCED_DISPOSITION and is_forced(response):
        del headers["content-disposition"]
    return headers


def _without_transfer_coding(value: str) -> str:
    """Drop `aws-chunked`: it says how an upload was sent; some stores keep it by mistake."""
    codings = [coding.strip() for coding in value.split(",")]
    return ",".join(coding for coding in codings if coding and coding != _TRANSFER_CODING)


def _set_or_drop(headers: dict[str, str], name: str, value: str) -> None:
    if value:
        headers[name] = value
    else:
        del headers[name]


def _whole_seconds(instant: datetime) -> datetime:
    # Some stores list fractions that their HEAD rounds off; one instance must have one time.
    return instant.astimezone(UTC).replace(microsecond=0)


def _whole_size_bytes(response: Mapping[str, Any]) -> int:
    content_range: str | None = response.get("ContentRange")
    if content_range is None:
        size_bytes: int = response["ContentLength"]
        return size_bytes
    return int(content_range.rpartition("/")[2])


def _crc64nvme(response: Mapping[str, Any]) -> str | None:
    if response.get("ChecksumType") == "COMPOSITE":
        return None
    digest: str | None = response.get("ChecksumCRC64NVME")
    return digest


def _lock(response: Mapping[str, Any]) -> ObjectLock | None:
    """Return the lock; S3 shows it to those who may read retentions and legal holds only."""
    lock = ObjectLock(
        mode=response.get("ObjectLockMode"),
        retain_until=response.get("ObjectLockRetainUntilDate"),
        legal_hold=response.get("ObjectLockLegalHoldStatus") == "ON",
    )
    return None if lock == ObjectLock() else lock
