"""What S3 accepts, and what it makes of it, as far as the bucket in memory follows it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sync_core.checksums import crc64nvme, joined, md5_of
from sync_core.errors import Archived, Blocked, IntegrityError, PreconditionFailed
from sync_core.model import ObjectVersion, PartLimits, UploadedPart, VersionEntry
from sync_core.routing import MAX_KEY_BYTES, MAX_METADATA_BYTES
from sync_core.storage.exact_body import ExactBody
from sync_core.storage.memory_bucket import KeptPart, Stored, Upload
from sync_core.storage.metadata import split_marker, with_marker
from sync_core.storage.protocol import ByteRange, ObjectWrite, Readable

_DEFAULT_HEADERS = {"content-type": "binary/octet-stream"}


def readable(stored: Stored, operation: str) -> Stored:
    """Return it, unless it is archived; raises `Archived` then."""
    if stored.is_archived:
        raise Archived(operation, stored.version.key, "the object is archived: restore it first")
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


def require_part(key: str, number: int, size_bytes: int, limits: PartLimits) -> None:
    """Raise `Blocked` for a part that the bucket refuses whatever is in it."""
    if not 1 <= number <= limits.most_parts:
        raise Blocked("upload part", key, f"no part can have the number {number}")
    if size_bytes > limits.most_bytes:
        raise Blocked("upload part", key, f"a part has at most {limits.most_bytes} bytes")


def require_copyable(key: str, size_bytes: int, limits: PartLimits) -> None:
    """Raise `Blocked` for what S3 does not copy in one request."""
    if size_bytes > limits.most_copy_bytes:
        raise Blocked("copy", key, f"{size_bytes} bytes are too many for one copy")


def kept(number: int, data: bytes, etag: str) -> KeptPart:
    """Return the part that these bytes make."""
    return KeptPart(UploadedPart(number, etag, len(data), crc64nvme(data)), data)


def chosen_parts(
    upload: Upload, parts: Sequence[UploadedPart], digest: str | None, limits: PartLimits
) -> Sequence[KeptPart]:
    """Return the parts to join, 1 to n; a digest is compared wherever one is given.

    Raises `IntegrityError` unless they are those that were sent and `digest` is that of the whole,
    `Blocked` for a small part before the last.
    """
    key = upload.write.key
    found = [upload.parts.get(number) for number in range(1, len(parts) + 1)]
    known = [each for each in found if each is not None]
    if not parts or len(known) != len(parts):
        raise IntegrityError("complete upload", key, "parts are missing")
    for part, each in zip(parts, known, strict=True):
        if not _is_same(part, each.part):
            raise IntegrityError("complete upload", key, f"another part {part.number} was sent")
    if digest is not None and digest != _digest_of(known):
        raise IntegrityError("complete upload", key, f"the whole's CRC64NVME is not {digest}")
    if any(each.part.size_bytes < limits.least_bytes for each in known[:-1]):
        cause = f"a part has less than {limits.least_bytes} bytes"
        raise Blocked("complete upload", key, cause)
    return known


def assembled(upload: Upload, parts: Sequence[KeptPart], etag: str) -> Stored:
    """Return the object that the parts make; it shows the digest of the whole."""
    write = replace(upload.write, crc64nvme=_digest_of(parts))
    data = b"".join(each.data for each in parts)
    sizes = tuple(each.part.size_bytes for each in parts)
    return replace(stored_as(write, data, etag, upload.initiated_at), part_sizes=sizes)


def _is_same(given: UploadedPart, sent: UploadedPart) -> bool:
    if given.crc64nvme not in {None, sent.crc64nvme}:
        return False
    return (given.number, given.etag) == (sent.number, sent.etag)


def _digest_of(parts: Sequence[KeptPart]) -> str:
    return joined((crc64nvme(each.data), each.part.size_bytes) for each in parts)
