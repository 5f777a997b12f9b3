"""What the server keeps: buckets with objects and uploads, all in memory."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.oss.wire import Refused, Request

KEPT_HEADERS = (
    "content-type",
    "content-encoding",
    "content-language",
    "content-disposition",
    "cache-control",
    "expires",
)

_MOST_KEY_BYTES = 1023
_MOST_METADATA_BYTES = 8 * 1024
_METADATA_PREFIXES = ("x-amz-meta-", "x-oss-meta-")

Event = dict[str, Any]
Sink = Callable[[Event], None]


@dataclass(frozen=True)
class Value:
    """What an object has besides its bytes: content headers, and user metadata by bare names."""

    headers: Mapping[str, str]
    metadata: Mapping[str, str]

    @staticmethod
    def of(request: Request) -> "Value":
        """Return the value that a write's headers state; 8 KB of metadata at most, in ASCII."""
        headers = {name: request.headers[name] for name in KEPT_HEADERS if name in request.headers}
        metadata = {
            name.removeprefix(prefix): value
            for name, value in request.headers.items()
            for prefix in _METADATA_PREFIXES
            if name.startswith(prefix)
        }
        size_bytes = sum(len(name) + len(value) for name, value in metadata.items())
        if size_bytes > _MOST_METADATA_BYTES:
            raise Refused(400, "MetadataTooLarge", "metadata of more than 8 KB")
        if not all(value.isascii() for value in metadata.values()):
            raise Refused(400, "InvalidArgument", "metadata that is not ASCII")
        return Value({"content-type": "application/octet-stream", **headers}, metadata)


@dataclass(frozen=True)
class Stored:
    """An object; the etag is in capitals and without quotes."""

    data: bytes
    etag: str
    value: Value
    last_modified_at: datetime

    @staticmethod
    def put(data: bytes, value: Value) -> "Stored":
        """Return an object that is put in one: its etag is the MD5."""
        return Stored(data, md5_etag(data), value, this_second())


@dataclass(frozen=True)
class Part:
    data: bytes
    etag: str
    last_modified_at: datetime


@dataclass
class Upload:
    key: str
    value: Value
    parts: dict[int, Part] = field(default_factory=dict)


@dataclass
class Bucket:
    """A bucket; `sinks` are called with each event, in the order of what has happened."""

    name: str
    objects: dict[str, Stored] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    sinks: list[Sink] = field(default_factory=list)

    def current(self, key: str) -> Stored:
        found = self.objects.get(key)
        if found is None:
            raise Refused(404, "NoSuchKey", "the key does not exist")
        return found

    def upload(self, key: str, upload_id: str) -> Upload:
        found = self.uploads.get(upload_id)
        if found is None or found.key != key:
            raise Refused(404, "NoSuchUpload", "the upload does not exist")
        return found


def require_key(key: str) -> None:
    """Refuse a name that no object can have: 1 to 1023 bytes, no slash of any kind in front."""
    if not 1 <= len(key.encode()) <= _MOST_KEY_BYTES or key[0] in {"/", "\\"}:
        raise Refused(400, "InvalidObjectName", "the name of the object is not valid")


def md5_etag(data: bytes) -> str:
    """Return the etag of an object, or a part, that was sent in one."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest().upper()


def this_second() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
