"""Request bodies that are sent piece by piece, with a digest that is known only at their end.

botocore would read such a body in 16 KiB pieces, and copy each of them twice to frame it. Here the
whole length is worked out beforehand, so that the HTTP client sends large pieces as they come:

| body | its digest |
|---|---|
| `Trailed` | sent behind the bytes, so that the store compares it |
| `Plain` | compared by us with the etag, where that is an MD5 |

A trailer needs the aws-chunked coding (S3 user guide, Signature calculations for trailing headers:
`STREAMING-UNSIGNED-PAYLOAD-TRAILER`). botocore has it only for TLS; whoever has an endpoint without
TLS has chosen not to protect the bytes, and the digest still finds the ones that were damaged.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from sync_core.checksums import Crc64Nvme
from sync_core.storage.exact_body import ExactBody

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

STREAM = "DualwayStream"
"""Our own request parameter, in place of Body: a `Stream`."""

TRAILER = "x-amz-checksum-crc64nvme"

CHUNK_BYTES = 1024 * 1024
"""How much is read and handed on at once: smaller pieces cost more CPU, larger ones no less.

It is a chunk of the aws-chunked coding too: botocore's have that size, so stores know it.
"""

_OPERATIONS = ("PutObject", "UploadPart")
_CONTEXT_KEY = "dualway_stream"


class Stream(Protocol):
    """A body for one request: how long it is, how it is coded, and its bytes, once."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that say so."""
        ...

    def __iter__(self) -> Iterator[bytes]: ...


class Plain:
    """The bytes as they are; `md5` (hex) is that of the bytes sent so far, if it is wanted."""

    def __init__(self, body: ExactBody, size_bytes: int, *, with_md5: bool) -> None:
        self._body = body
        self._size_bytes = size_bytes
        self._digest = hashlib.md5(usedforsecurity=False) if with_md5 else None

    @property
    def headers(self) -> Mapping[str, str]:
        """The length."""
        return {"Content-Length": str(self._size_bytes)}

    @property
    def md5(self) -> str | None:
        """The digest of the bytes sent so far."""
        return None if self._digest is None else self._digest.hexdigest()

    def __iter__(self) -> Iterator[bytes]:
        while piece := self._body.read(CHUNK_BYTES):
            if self._digest is not None:
                self._digest.update(piece)
            yield piece


class Trailed:
    """The bytes in aws-chunked coding; `crc64nvme` (base64) is that of the bytes sent so far."""

    def __init__(self, body: ExactBody, size_bytes: int) -> None:
        self._body = body
        self._size_bytes = size_bytes
        self._digest = Crc64Nvme()

    @property
    def headers(self) -> Mapping[str, str]:
        """The length with and without the coding, and which digest follows."""
        return {
            "Content-Length": str(self._coded_bytes()),
            "X-Amz-Decoded-Content-Length": str(self._size_bytes),
            "Content-Encoding": "aws-chunked",
            "X-Amz-Sdk-Checksum-Algorithm": "CRC64NVME",
            "X-Amz-Trailer": TRAILER,
        }

    @property
    def crc64nvme(self) -> str:
        """The digest of the bytes sent so far."""
        return self._digest.text()

    def __iter__(self) -> Iterator[bytes]:
        before = b""
        for chunk_bytes in _chunks(self._size_bytes):
            yield b"%s%x\r\n" % (before, chunk_bytes)
            yield from self._pieces(chunk_bytes)
            before = b"\r\n"
        yield before + self._end()

    def _pieces(self, left_bytes: int) -> Iterator[bytes]:
        while left_bytes:
            piece = self._body.read(left_bytes)
            left_bytes -= len(piece)
            self._digest.update(piece)
            yield piece

    def _end(self) -> bytes:
        return f"0\r\n{TRAILER}:{self.crc64nvme}\r\n\r\n".encode()

    def _coded_bytes(self) -> int:
        framing = sum(len(f"{size:x}") + 4 for size in _chunks(self._size_bytes))
        return framing + self._size_bytes + len(self._end())


def _chunks(size_bytes: int) -> Iterator[int]:
    whole, rest = divmod(size_bytes, CHUNK_BYTES)
    yield from (CHUNK_BYTES for _ in range(whole))
    if rest:
        yield rest


def send_streams(client: "S3Client") -> None:
    """Let STREAM through: off the parameters before they are validated, then on the wire."""
    events = client.meta.events
    for operation in _OPERATIONS:
        events.register(f"before-parameter-build.s3.{operation}", _take_stream)
        events.register(f"before-call.s3.{operation}", _set_headers)
        events.register(f"before-sign.s3.{operation}", _announce_trailer)
        events.register(f"before-send.s3.{operation}", _set_body)


def _take_stream(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    if STREAM in params:
        context[_CONTEXT_KEY] = params.pop(STREAM)


def _set_headers(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    stream: Stream | None = context.get(_CONTEXT_KEY)
    if stream is None:
        return
    headers, own = params["headers"], dict(stream.headers)
    if "Content-Encoding" in headers and "Content-Encoding" in own:
        own["Content-Encoding"] = f"{headers['Content-Encoding']},{own['Content-Encoding']}"
    # What is refused beforehand gets its answer: a body that nobody reads would cut it off. A part
    # is small beside the round trip that asking first would cost.
    is_part = "partNumber" in params.get("query_string", {})
    headers.update(own | ({} if is_part else {"Expect": "100-continue"}))


def _announce_trailer(request: Any, **_: Any) -> None:
    """Make the signature say that a trailer follows.

    Before this, botocore would take it that it has to make the trailer itself.
    """
    if isinstance(request.context.get(_CONTEXT_KEY), Trailed):
        request.context["checksum"] = {"request_algorithm": {"in": "trailer"}}


def _set_body(request: Any, **_: Any) -> None:
    """Add the body once all is signed: no signer takes one that is nothing but an iterable."""
    stream: Stream | None = request.context.get(_CONTEXT_KEY)
    if stream is not None:
        request.body = stream
