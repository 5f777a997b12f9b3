"""Stores to try, each over an empty bucket and with a back door to it, and objects to put there."""

import hashlib
import io
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from sync_core.errors import Unavailable
from sync_core.model import ObjectVersion, UploadedPart
from sync_core.parts import MIB
from sync_core.storage.dialects import AWS, Dialect
from sync_core.storage.memory import MemoryBucket, MemoryObjectStore, Versioning
from sync_core.storage.memory_bucket import Condition
from sync_core.storage.protocol import ObjectReader, ObjectWrite
from sync_core.storage.s3 import S3ObjectStore
from sync_core.storage.s3_clients import S3Clients, s3_clients
from sync_core.storage.sync_store import SyncStore
from tests.scripted_server import ScriptedServer

REGION = "us-west-2"
PATIENCE_SECONDS = 60
MOTO_INITIATOR = (
    "arn:aws:iam::123456789012:user/user1-11111a31-17b5-4fb7-9df5-b111111f13de"  # of all uploads
)
IN_MEMORY = ("memory", "prefixed", "weak", "bare")
BACKENDS = (*IN_MEMORY, "netstorage", "moto", "cloud")

HEADERS = {
    "content-type": "text/plain; charset=utf-8",
    "content-encoding": "gzip",
    "content-language": "zh-CN, en",
    "content-disposition": 'attachment; filename="a b.txt"',
    "cache-control": "max-age=0, no-cache",
    "expires": "Thu, 01 Jan 2026 00:00:00 GMT",
}


class Stream:
    """A body that can only be read, once."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, amount: int = -1, /) -> bytes:
        return self._data.read(amount)


class BrokenStream(Stream):
    """A body whose source fails after its first bytes."""

    def read(self, amount: int = -1, /) -> bytes:
        data = super().read(3)
        if not data:
            raise Unavailable("get", "source", "the connection broke off")
        return data


Sent = list[UploadedPart]


@dataclass(frozen=True)
class Raw:
    """An object as seen through the back door: metadata with our marker among it."""

    data: bytes
    headers: Mapping[str, str]
    metadata: Mapping[str, str]
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Bench:
    """A store over an empty bucket, back doors to it, and a store whose bucket is missing.

    `cramped` is the same store with pages of two entries, which copies larger objects than 5 MiB in
    parts only; `neighbour` is over another bucket, which
    the same credentials can read. `version` sets the bucket's versioning; `stranger` begins an
    upload of a key with other credentials; `archive` moves a key's object to an archive, and
    `restored` returns when it can be read, once the store was asked for that.
    """

    store: SyncStore
    raw: Callable[[str], Raw | None]
    missing: SyncStore
    cramped: SyncStore = field(repr=False)
    neighbour: SyncStore = field(repr=False)
    version: Callable[[Versioning], None] = field(repr=False)
    stranger: Callable[[str], object] = field(repr=False)
    archive: Callable[[str], object] = field(repr=False)
    restored: Callable[[str], None] = field(repr=False)


def memory_bench(ignores: frozenset[Condition] = frozenset()) -> Bench:
    bucket = MemoryBucket("memory", lambda: datetime.now(UTC), ignores=ignores)
    removed, neighbour = (
        MemoryBucket(name, lambda: datetime.now(UTC)) for name in ("removed", "neighbour")
    )
    removed.remove()

    def raw(key: str) -> Raw | None:
        stored = bucket.current(key)
        if stored is None:
            return None
        version = stored.version
        marker = {} if version.marker is None else {"dualway": version.marker}
        return Raw(stored.data, version.headers, {**version.metadata, **marker}, stored.tags)

    def version(versioning: Versioning) -> None:
        bucket.versioning = versioning

    store = MemoryObjectStore(bucket, "AWS:AIDAEXAMPLE", [neighbour])
    stranger = MemoryObjectStore(bucket, "AWS:AIDASTRANGER")
    return Bench(
        store=store,
        raw=raw,
        missing=MemoryObjectStore(removed, "AWS:AIDAEXAMPLE"),
        cramped=store,
        neighbour=MemoryObjectStore(neighbour, "AWS:AIDAEXAMPLE"),
        version=version,
        stranger=lambda key: stranger.create_multipart_upload(write_of(key, b"")),
        archive=bucket.archive,
        restored=bucket.restore,
    )


def s3_bench(clients: S3Clients, client: Any, identity: Callable[[], str]) -> Bench:
    """Give a store that `clients` reach as `identity`, an ARN; `client` is another's back door."""
    name, neighbour = (f"contract-{uuid4().hex[:12]}" for _ in range(2))
    for each in (name, neighbour):
        client.create_bucket(Bucket=each, CreateBucketConfiguration={"LocationConstraint": REGION})

    def raw(key: str) -> Raw | None:
        try:
            response = client.get_object(Bucket=name, Key=key)
        except client.exceptions.NoSuchKey:
            return None
        headers = response["ResponseMetadata"]["HTTPHeaders"]
        tag_set = client.get_object_tagging(Bucket=name, Key=key)["TagSet"]
        return Raw(
            response["Body"].read(),
            {header: headers[header] for header in HEADERS if header in headers},
            response["Metadata"],
            {tag["Key"]: tag["Value"] for tag in tag_set},
        )

    def version(versioning: Versioning) -> None:
        status = "Enabled" if versioning is Versioning.ON else "Suspended"
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": status})

    def archive(key: str) -> None:
        place = {"Bucket": name, "Key": key}
        client.copy_object(**place, CopySource=place, StorageClass="GLACIER")

    def restored(key: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while 'ongoing-request="false"' not in client.head_object(Bucket=name, Key=key)["Restore"]:
            assert time.monotonic() < deadline, "the object was not restored in time"
            time.sleep(0.05)

    def store(bucket: str, dialect: Dialect = AWS) -> S3ObjectStore:
        own = frozenset({identity()})
        return S3ObjectStore(bucket, lambda: clients, dialect, identities=lambda: own)

    return Bench(
        store=store(name),
        raw=raw,
        missing=store(f"missing-{uuid4().hex[:12]}"),
        cramped=store(name, cramped(AWS)),
        neighbour=store(neighbour),
        version=version,
        stranger=lambda key: client.create_multipart_upload(Bucket=name, Key=key),
        archive=archive,
        restored=restored,
    )


def cramped(dialect: Dialect) -> Dialect:
    """Return a dialect with pages of two entries, and copies of at most 5 MiB in one request."""
    limits = replace(dialect.part_limits, most_copy_bytes=5 * MIB)
    return replace(dialect, page_keys=2, part_limits=limits)


def joined_body(request: Any, **_: Any) -> None:
    """Make of a streamed body what moto takes for one; hooks of one operation have run before."""
    if request.body is not None and not isinstance(request.body, bytes | bytearray | str):
        request.body = b"".join(request.body)


def with_joined_bodies(*args: Any, **options: Any) -> S3Clients:
    """Make clients as `s3_clients` does, whose bodies moto takes."""
    made = s3_clients(*args, **options)
    for client in (made.reads, made.writes):
        client.meta.events.register("before-send.s3", joined_body)
    return made


def moto_deviates(reason: str) -> pytest.MarkDecorator:
    """Mark a behaviour of S3 that moto 5.2.5 does not have; the others must."""
    deviating = pytest.param("moto", marks=pytest.mark.xfail(strict=True, reason=reason))
    kinds = [deviating if kind == "moto" else kind for kind in BACKENDS]
    return pytest.mark.parametrize("objects", kinds, indirect=True)


def without_moto(reason: str) -> pytest.MarkDecorator:
    """Leave out moto, and what lacks conditions: there the outcome depends on chance."""
    kinds = ["memory", "prefixed", "bare", "cloud"]
    return pytest.mark.parametrize("objects", kinds, indirect=True)


def write_of(key: str, data: bytes, **more: Any) -> ObjectWrite:
    return ObjectWrite(key, len(data), **{"headers": {"content-type": "text/plain"}, **more})


def put(store: SyncStore, key: str, data: bytes = b"data", **more: Any) -> ObjectVersion:
    """Put an object, and return it as HEAD shows it."""
    store.put(write_of(key, data, **more), Stream(data))
    return present(store.head(key))


def upload(store: SyncStore, key: str, *parts: bytes, **more: Any) -> tuple[str, Sent]:
    """Begin an upload and send all parts, without completing it; return the upload_id and them."""
    upload_id = store.create_multipart_upload(write_of(key, b"".join(parts), **more))
    return upload_id, [
        store.upload_part(key, upload_id, number, Stream(part), len(part))
        for number, part in enumerate(parts, start=1)
    ]


def put_in_parts(store: SyncStore, key: str, *parts: bytes, **more: Any) -> ObjectVersion:
    """Put an object in parts, and return it as HEAD shows it."""
    upload_id, sent = upload(store, key, *parts, **more)
    store.complete_if(key, upload_id, sent, store.head(key))
    return present(store.head(key))


def named(key: str) -> str:
    """Return the name by which a report can show a key of any length."""
    return ascii(key) if len(key) < 100 else f"{key[0]!a} many times"


def present(version: ObjectVersion | None) -> ObjectVersion:
    assert version is not None
    return version


def read(reader: ObjectReader | None) -> bytes:
    assert reader is not None
    with reader:
        return reader.read()


def stale(version: ObjectVersion) -> ObjectVersion:
    """Return an instance of the key that is not the current one."""
    return replace(version, etag=hashlib.md5(b"another").hexdigest())


def present_version(reader: ObjectReader | None) -> ObjectVersion:
    assert reader is not None
    with reader:
        return reader.version


Serve = Callable[..., tuple[S3ObjectStore, ScriptedServer]]
"""Starts a server with the given answers, and returns a store that reaches it."""


@contextmanager
def closing(clients: S3Clients) -> Iterator[S3Clients]:
    """Close both clients' connections at the end."""
    try:
        yield clients
    finally:
        clients.reads.close()
        clients.writes.close()
