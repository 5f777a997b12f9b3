"""What S3 accepts, and what it makes of it, as far as the bucket in memory follows it."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sync_core.errors import Blocked, IntegrityError, PreconditionFailed
from sync_core.model import ObjectVersion, VersionEntry
from sync_core.routing import MAX_KEY_BYTES, MAX_METADATA_BYTES
from sync_core.storage.crc64nvme import crc64nvme
from sync_core.storage.exact_body import ExactBody
from sync_core.storage.memory_bucket import Stored, Upload
from sync_core.storage.metadata import split_marker, with_marker
from sync_core.storage.protocol import ByteRange, ObjectWrite, Readable

MIN_PART_BYTES = 5 * 1024**2
"""Of every part but the last (S3 user guide, Amazon S3 multipart upload limits)."""

_DEFAULT_HEADERS = {"content-type": "binary/octet-stream"}


def md5_of(data: bytes) -> str:
    """Return the MD5 in hex."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def readable(stored: Stored, operation: str) -> Stored:
    """Return it, unless it is archived; raises `Blocked` then."""
    if stored.is_archived:
        raise Blocked(operation, stored.version.key, "the object is archived: restore it first")
    return stored


def cut(stored: Stored, byte_range: ByteRange | None) -> bytes:
    """Return the range; raises `PreconditionFailed` where S3 answers 416."""
    if byte_range is None:
        return stored.data
    if byte_range.first >= len(stored.data):
        raise PreconditionFailed("get", stored.version.key, f"the object ends before {byte_range}")
    return stored.data[byte_range.first : byte_range.last + 1]


def require_key(operation: str, key: str) -> None:
    """Raise `Blocked` for a key that S3 refuses."""
    if not 0 < len(key.encode()) <= MAX_KEY_BYTES:
        raise Blocked(operation, key, f"a key has 1 to {MAX_KEY_BYTES} bytes of UTF-8")


def require_storable(write: ObjectWrite) -> None:
    """Raise `Blocked` for a key or metadata that S3 refuses."""
    require_key("put", write.key)
    entries = with_marker(write.metadata, write.marker)
    size_bytes = sum(len(name.encode()) + len(value.encode()) for name, value in entries.items())
    if size_bytes > MAX_METADATA_BYTES:
        raise Blocked("put", write.key, f"{size_bytes} bytes of metadata are too many")


def accepted(write: ObjectWrite, body: Readable) -> bytes:
    """Return the body if it is what `write` declares."""
    require_storable(write)
    with ExactBody(body, write.key, write.size_bytes) as exact:
        data = exact.read()
    if write.md5 is not None and md5_of(data) != write.md5.lower():
        raise IntegrityError("put", write.key, f"the body's MD5 is not {write.md5}")
    if write.crc64nvme is not None and crc64nvme(data) != write.crc64nvme:
        raise IntegrityError("put", write.key, f"the body's CRC64NVME is not {write.crc64nvme}")
    return data


def stored_as(write: ObjectWrite, data: bytes, etag: str, at: datetime) -> Stored:
    """Return the object that a write makes."""
    metadata, marker = split_marker(with_marker(write.metadata, write.marker))
    version = ObjectVersion(
        key=write.key,
        etag=etag,
        size_bytes=len(data),
        last_modified_at=at,
        headers={**_DEFAULT_HEADERS, **write.headers},
        metadata=metadata,
        marker=marker,
        md5=etag if etag == md5_of(data) else None,
        crc64nvme=write.crc64nvme,
        tag_count=len(write.tags),
    )
    return Stored(version, data, dict(write.tags))


def entry_of(stored: Stored) -> VersionEntry:
    """Return what a listing of versions shows; a delete marker has no etag and no size there."""
    version = stored.version
    return VersionEntry(
        stored.version_id,
        stored.is_delete_marker,
        version.etag,
        version.size_bytes,
        version.last_modified_at,
    )


def copied(source: Stored, key: str, marker: str | None = None) -> ObjectWrite:
    """Return the write that copies an object to `key`, with this marker or without any."""
    version = source.version
    return ObjectWrite(
        key=key,
        size_bytes=version.size_bytes,
        headers=version.headers,
        metadata=version.metadata,
        marker=marker,
        tags=source.tags,
        crc64nvme=version.crc64nvme,
    )


def chosen_parts(key: str, upload: Upload, etags: Sequence[str]) -> Sequence[bytes]:
    """Return parts 1..n; raises `IntegrityError` unless the etags are those of the parts sent."""
    parts = [upload.parts.get(number) for number in range(1, len(etags) + 1)]
    known = [part for part in parts if part is not None]
    if not etags or [md5_of(part) for part in known] != list(etags):
        raise IntegrityError("complete upload", key, "the parts are not those that were sent")
    if any(len(part) < MIN_PART_BYTES for part in known[:-1]):
        raise Blocked("complete upload", key, f"a part has less than {MIN_PART_BYTES} bytes")
    return known


def etag_in_parts(parts: Sequence[bytes]) -> str:
    """Return the etag that is no MD5 of the whole."""
    digests = b"".join(bytes.fromhex(md5_of(part)) for part in parts)
    return f"{md5_of(digests)}-{len(parts)}"


def assembled(upload: Upload, parts: Sequence[bytes], etag: str) -> Stored:
    """Return the object that the parts make."""
    # A digest declared beforehand was checked by nobody, so the object does not show it.
    write = replace(upload.write, crc64nvme=None)
    return stored_as(write, b"".join(parts), etag, upload.initiated_at)
