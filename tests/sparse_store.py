"""A store whose giant objects are never there: their bytes follow from where they stand.

Each MiB of a giant object begins with its own number and has zeros behind it. A reader makes them
up; a destination keeps of each part only of what it is, where it begins and how long it is, and
joins parts only if they tile the object exactly. So 5 TiB take seconds, and a part that is missing
or in another's place still shows.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from itertools import pairwise

from sync_core.checksums import etag_of_md5s
from sync_core.errors import Blocked, IntegrityError, PreconditionFailed
from sync_core.model import (
    ListedObject,
    ObjectVersion,
    PartLimits,
    UploadedPart,
    VersionEntry,
)
from sync_core.parts import MIB, S3_LIMITS, plan_parts, uniform_part_bytes
from sync_core.storage.forwarding import ForwardingStore
from sync_core.storage.memory import MemoryBucket, MemoryObjectStore
from sync_core.storage.parts_protocol import Piece
from sync_core.storage.protocol import ByteRange, ObjectReader, ObjectWrite, Readable, Written
from sync_core.storage.readers import Reader

GIANT_BYTES = 256 * MIB
"""From this size on an object that is put in parts is a giant, whose bytes are not kept."""

_NUMBER_BYTES = 8
_ZEROS = bytes(MIB - _NUMBER_BYTES)


@dataclass(frozen=True)
class Span:
    """Bytes of giant number `content`."""

    content: int
    first: int
    size_bytes: int

    @property
    def end(self) -> int:
        return self.first + self.size_bytes


@dataclass(frozen=True)
class Giant:
    """An object of which nothing is kept but the sizes."""

    content: int
    size_bytes: int
    part_bytes: int | None


@dataclass
class Giants:
    """The giant objects and the parts of such, by etag; shared by all stores of a world."""

    objects: dict[str, Giant] = field(default_factory=dict)
    parts: dict[str, Span] = field(default_factory=dict)

    def shown(self, version: ObjectVersion) -> ObjectVersion:
        giant = self.objects.get(version.etag)
        if giant is None:
            return version
        return replace(version, size_bytes=giant.size_bytes, md5=None, crc64nvme=None)

    def shown_part(self, part: UploadedPart) -> UploadedPart:
        span = self.parts.get(part.etag)
        return part if span is None else part._replace(size_bytes=span.size_bytes, crc64nvme=None)


class SparseReader(Reader):
    """The `ObjectReader` of a span; who knows it takes the span as it is, without reading."""

    def __init__(self, version: ObjectVersion, span: Span) -> None:
        super().__init__(version)
        self._left = span

    def read(self, amount: int = -1, /) -> bytes:
        """Return up to `amount` bytes, but not beyond the next number's beginning or end."""
        if amount < 0:
            return b"".join(iter(lambda: self.read(MIB), b""))
        number, within = divmod(self._left.first, MIB)
        stamp = number.to_bytes(_NUMBER_BYTES, "big")
        ahead = stamp[within:] if within < _NUMBER_BYTES else _ZEROS[within - _NUMBER_BYTES :]
        chunk = ahead[: min(amount, self._left.size_bytes)]
        self._move(len(chunk))
        return chunk

    def skip_to_end(self) -> Span:
        """Return what is left, as if it had been read."""
        span = self._left
        self._move(span.size_bytes)
        return span

    def close(self) -> None:
        self.skip_to_end()

    def _move(self, by_bytes: int) -> None:
        left = self._left
        self._left = Span(left.content, left.first + by_bytes, left.size_bytes - by_bytes)


class SparseStore(ForwardingStore):
    """A `SyncStore` of giants beside small objects, which the store in memory has whole.

    Of a giant's part the bucket has a few bytes that say which span it is, so etags, conditions,
    tags, events and uploads are those of the store in memory; only sizes are shown as they would
    be. Digests of giants are unknown. The body of a part of a giant must be a `SparseReader`.
    """

    def __init__(
        self,
        bucket: MemoryBucket,
        principal_id: str,
        giants: Giants,
        reachable: Iterable[MemoryBucket] = (),
    ) -> None:
        bucket.part_limits = replace(S3_LIMITS, least_bytes=0)
        super().__init__(MemoryObjectStore(bucket, principal_id, reachable))
        self._bucket_state = bucket
        self._giants = giants

    @property
    def part_limits(self) -> PartLimits:
        return S3_LIMITS

    def plant(self, key: str, size_bytes: int, part_bytes: int | None = None) -> ObjectVersion:
        """Put a new giant there in parts, as a user does, in place of whatever is there."""
        content = len(self._giants.objects)
        upload_id = self.create_multipart_upload(ObjectWrite(key, size_bytes))
        plan = plan_parts(size_bytes, S3_LIMITS, part_bytes)
        parts = [
            self._keep(key, upload_id, number, Span(content, *plan.span(number)))
            for number in plan.numbers
        ]
        self.complete_if(key, upload_id, parts, self._inner.head(key))
        planted = self.head(key)
        assert planted is not None
        return planted

    def head(self, key: str) -> ObjectVersion | None:
        version = self._inner.head(key)
        return None if version is None else self._giants.shown(version)

    def get(
        self, key: str, *, etag: str | None = None, byte_range: ByteRange | None = None
    ) -> ObjectReader | None:
        reader = self._inner.get(key, etag=etag)
        giant = None if reader is None else self._giants.objects.get(reader.version.etag)
        if reader is None or giant is None:
            return self._inner.get(key, etag=etag, byte_range=byte_range)
        span = _span(giant, key, byte_range)
        return SparseReader(self._giants.shown(reader.version), span)

    def list(self, prefix: str = "", start_after: str = "") -> Iterator[ListedObject]:
        for listed in self._inner.list(prefix, start_after):
            giant = self._giants.objects.get(listed.etag)
            yield listed if giant is None else listed._replace(size_bytes=giant.size_bytes)

    def copy_if(self, source: ObjectVersion, destination_key: str) -> Written:
        self._require_small(source)
        return self._inner.copy_if(source, destination_key)

    def copy_version(self, source: ObjectVersion, destination_key: str) -> Written:
        self._require_small(source)
        return self._inner.copy_version(source, destination_key)

    def head_version(self, key: str, version_id: str) -> ObjectVersion | None:
        version = self._inner.head_version(key, version_id)
        return None if version is None else self._giants.shown(version)

    def versions(self, key: str, limit: int) -> Sequence[VersionEntry]:
        giants = self._giants.objects
        return [
            replace(entry, size_bytes=giants[entry.etag].size_bytes)
            if entry.etag in giants
            else entry
            for entry in self._inner.versions(key, limit)
        ]

    def uniform_part_bytes(self, instance: ObjectVersion) -> int | None:
        giant = self._giants.objects.get(instance.etag)
        if giant is None:
            return self._inner.uniform_part_bytes(instance)
        current = self._inner.head(instance.key)
        is_current = current is not None and current.etag == instance.etag
        return giant.part_bytes if is_current else None

    def upload_part(
        self, key: str, upload_id: str, part_number: int, body: Readable, size_bytes: int
    ) -> UploadedPart:
        if not self._is_of_giant(upload_id):
            return self._inner.upload_part(key, upload_id, part_number, body, size_bytes)
        assert isinstance(body, SparseReader), "the body of a giant's part is handed on as it is"
        span = body.skip_to_end()
        if span.size_bytes != size_bytes:
            raise IntegrityError("upload part", key, f"{span} has not {size_bytes} bytes")
        return self._keep(key, upload_id, part_number, span)

    def copy_part_from(
        self, key: str, upload_id: str, part_number: int, piece: Piece
    ) -> UploadedPart:
        giant = self._giants.objects.get(piece.etag)
        if giant is None:
            return self._inner.copy_part_from(key, upload_id, part_number, piece)
        span = _span(giant, key, piece.byte_range)
        # For what it checks: the bytes that stand for the whole giant are replaced at once.
        self._inner.copy_part_from(key, upload_id, part_number, replace(piece, byte_range=None))
        return self._keep(key, upload_id, part_number, span)

    def list_parts(
        self, key: str, upload_id: str, limit: int | None = None
    ) -> Sequence[UploadedPart] | None:
        listed = self._inner.list_parts(key, upload_id, limit)
        return None if listed is None else [self._giants.shown_part(part) for part in listed]

    def complete_if(
        self,
        key: str,
        upload_id: str,
        parts: Sequence[UploadedPart],
        replaces: ObjectVersion | None,
        crc64nvme: str | None = None,
    ) -> Written:
        """Make the giant, if the parts are one giant's and tile it exactly."""
        is_sent = all(part.etag in self._giants.parts for part in parts)
        if not parts or not is_sent or not self._is_of_giant(upload_id):
            return self._inner.complete_if(key, upload_id, parts, replaces, crc64nvme)
        tiles = [self._giants.parts[part.etag] for part in parts]
        size_bytes = self._bucket_state.uploads[upload_id].write.size_bytes
        _require_tiles(key, tiles, size_bytes)
        part_bytes = uniform_part_bytes(size_bytes, tiles[0].size_bytes, len(tiles))
        # It must be known before anybody can see it.
        etag = etag_of_md5s([part.etag for part in parts])
        self._giants.objects[etag] = Giant(tiles[0].content, size_bytes, part_bytes)
        return self._inner.complete_if(key, upload_id, parts, replaces)

    def _keep(self, key: str, upload_id: str, part_number: int, span: Span) -> UploadedPart:
        name = repr(span).encode()
        part = self._inner.upload_part(key, upload_id, part_number, BytesIO(name), len(name))
        self._giants.parts[part.etag] = span
        return self._giants.shown_part(part)

    def _is_of_giant(self, upload_id: str) -> bool:
        upload = self._bucket_state.uploads.get(upload_id)
        return upload is not None and upload.write.size_bytes >= GIANT_BYTES

    def _require_small(self, source: ObjectVersion) -> None:
        if source.etag in self._giants.objects:
            raise Blocked("copy", source.key, "a giant cannot be copied in one request")


def _span(giant: Giant, key: str, byte_range: ByteRange | None) -> Span:
    if byte_range is None:
        return Span(giant.content, 0, giant.size_bytes)
    if byte_range.first >= giant.size_bytes:
        raise PreconditionFailed("get", key, f"the object ends before {byte_range}")
    end = min(byte_range.last + 1, giant.size_bytes)
    return Span(giant.content, byte_range.first, end - byte_range.first)


def _require_tiles(key: str, tiles: Sequence[Span], size_bytes: int) -> None:
    """Raise `IntegrityError` unless these are all bytes of one giant, each once and in order."""
    is_whole = tiles[0].first == 0 and tiles[-1].end == size_bytes
    for one, following in pairwise(tiles):
        is_whole &= (one.content, one.end) == (following.content, following.first)
        is_whole &= one.size_bytes >= S3_LIMITS.least_bytes
    if not is_whole:
        raise IntegrityError("complete upload", key, "the parts do not tile the object")
