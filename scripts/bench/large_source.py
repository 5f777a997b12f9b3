"""A bucket of large objects that are nowhere: their bytes are one random MiB, again and again."""

import hashlib
import random
from xml.sax.saxutils import escape

from scripts.bench.large_http import Answer, Body, Request, Span
from scripts.bench.large_objects import MIB, keys
from scripts.bench.large_wire import Endless
from sync_core.checksums import crc64nvme, joined

PART_BYTES = 8 * MIB
MODIFIED = "Fri, 20 Nov 2026 10:15:00 GMT"

_LISTED_MODIFIED = "2026-11-20T10:15:00.000Z"
_NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def failed(status: int, code: str) -> Answer:
    """Return S3's answer to a request that failed."""
    return xml(f"<Error><Code>{code}</Code><Message>{code}</Message></Error>", status)


def xml(text: str, status: int = 200) -> Answer:
    """Return an answer in XML."""
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
    return Answer(status, {"Content-Type": "application/xml"}, body)


def listing(request: Request, objects: dict[str, tuple[int, str]]) -> Answer:
    """Answer ListObjectsV2 with one page, or with no more than there may be: sizes and etags."""
    prefix, delimiter = request.query.get("prefix", ""), request.query.get("delimiter")
    found, folders = [], set()
    for key, (size_bytes, etag) in sorted(objects.items()):
        below, parted, _ = key.removeprefix(prefix).partition(delimiter or "\0")
        if not key.startswith(prefix):
            continue
        if parted:
            folders.add(f"{prefix}{below}{delimiter}")
            continue
        found.append(
            f"<Contents><Key>{escape(key)}</Key><LastModified>{_LISTED_MODIFIED}</LastModified>"
            f"<ETag>&quot;{etag}&quot;</ETag><Size>{size_bytes}</Size>"
            "<StorageClass>STANDARD</StorageClass></Contents>"
        )
    common = [f"<CommonPrefixes><Prefix>{escape(f)}</Prefix></CommonPrefixes>" for f in folders]
    count = len(found) + len(common)
    return xml(
        f"<ListBucketResult {_NAMESPACE}><Name>{request.bucket}</Name>"
        f"<Prefix>{escape(prefix)}</Prefix><KeyCount>{count}</KeyCount><MaxKeys>1000</MaxKeys>"
        f"<IsTruncated>false</IsTruncated>{''.join(found + common)}</ListBucketResult>"
    )


class Source:
    """Serves `count` objects of `mib` MiB each, which were put in parts of 8 MiB."""

    def __init__(self, count: int, mib: int) -> None:
        block = random.Random(mib).randbytes(MIB)  # noqa: S311 - content, no secret
        self._content = Endless(block)
        self._size_bytes = mib * MIB
        self._part_count = -(-self._size_bytes // PART_BYTES)
        self.etag = _etag(block, mib)
        self._crc64nvme = joined([(crc64nvme(block), MIB)] * mib)
        self._objects = dict.fromkeys(keys(count), (self._size_bytes, self.etag))

    def __call__(self, request: Request, _: Body) -> Answer:
        """Answer a request that reads; every other one is refused."""
        if request.method not in {"GET", "HEAD"}:
            return failed(405, "MethodNotAllowed")
        if not request.key:
            return listing(request, self._objects)
        if request.key not in self._objects:
            return failed(404, "NoSuchKey") if request.method == "GET" else Answer(404)
        if "tagging" in request.query:
            return xml(f"<Tagging {_NAMESPACE}><TagSet></TagSet></Tagging>")
        if request.headers.get("if-match", self.etag).strip('"') != self.etag:
            return failed(412, "PreconditionFailed") if request.method == "GET" else Answer(412)
        return self._read(request)

    def _read(self, request: Request) -> Answer:
        first, last = self._asked(request)
        is_part = (first, last) != (0, self._size_bytes - 1) or "range" in request.headers
        span = Span(self._content, first, last - first + 1)
        headers = {
            "ETag": f'"{self.etag}"',
            "Last-Modified": MODIFIED,
            "Content-Type": "application/octet-stream",
            "Accept-Ranges": "bytes",
        }
        if is_part:
            headers["Content-Range"] = f"bytes {first}-{last}/{self._size_bytes}"
        if "partNumber" in request.query:
            headers["x-amz-mp-parts-count"] = str(self._part_count)
        elif "x-amz-checksum-mode" in request.headers and not is_part:
            headers["x-amz-checksum-crc64nvme"] = self._crc64nvme
            headers["x-amz-checksum-type"] = "FULL_OBJECT"
        status = 206 if is_part else 200
        body = span if request.method == "GET" else b""
        return Answer(status, headers, body, span.size_bytes)

    def _asked(self, request: Request) -> tuple[int, int]:
        """Return the first and the last byte that are asked for."""
        end = self._size_bytes - 1
        if "partNumber" in request.query:
            first = (int(request.query["partNumber"]) - 1) * PART_BYTES
            return first, min(first + PART_BYTES - 1, end)
        first_text, _, last_text = (
            request.headers.get("range", "bytes=0-").removeprefix("bytes=").partition("-")
        )
        return int(first_text), min(int(last_text or end), end)


def _etag(block: bytes, mib: int) -> str:
    part_mib = PART_BYTES // MIB
    whole, rest = divmod(mib, part_mib)
    digests = [_md5(block * part_mib)] * whole + [_md5(block * rest)] * bool(rest)
    return f"{_md5(b''.join(digests)).hex()}-{len(digests)}"


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()
