"""Request bodies off the wire: of a given length, or in chunks with a trailer (RFC 9112, 7.1)."""

from collections.abc import Iterator
from email.message import Message
from http.client import parse_headers
from io import BufferedIOBase
from typing import Protocol

from sync_core.local.netstorage.answers import Refusal

_PIECE_BYTES = 256 * 1024
_MAX_LINE_BYTES = 8 * 1024
_HEX_DIGITS = frozenset(b"0123456789abcdefABCDEF")


class RequestBody(Protocol):
    """A body that is read once; `trailer` is complete after that."""

    trailer: Message
    received_bytes: int

    def pieces(self) -> Iterator[bytes]:
        """Yield the body; raises ConnectionError where it ends before its end."""
        ...


class SizedBody:
    """A body of `length_bytes`."""

    def __init__(self, stream: BufferedIOBase, length_bytes: int) -> None:
        self.trailer = Message()
        self.received_bytes = 0
        self._stream = stream
        self._left_bytes = length_bytes

    def pieces(self) -> Iterator[bytes]:
        """Yield the body; raises ConnectionError where it ends before its end."""
        while self._left_bytes:
            piece = _read(self._stream, min(self._left_bytes, _PIECE_BYTES))
            self._left_bytes -= len(piece)
            self.received_bytes += len(piece)
            yield piece


class ChunkedBody:
    """A body in chunks."""

    def __init__(self, stream: BufferedIOBase) -> None:
        self.trailer = Message()
        self.received_bytes = 0
        self._stream = stream
        self._ended = False

    def pieces(self) -> Iterator[bytes]:
        """Yield the body; raises ConnectionError where it ends before its end, `Refusal` (400)."""
        while not self._ended:
            length_bytes = self._next_length()
            if length_bytes == 0:
                self.trailer = parse_headers(self._stream)
                self._ended = True
                return
            for piece in SizedBody(self._stream, length_bytes).pieces():
                self.received_bytes += len(piece)
                yield piece
            if self._stream.readline(_MAX_LINE_BYTES).strip():
                raise Refusal(400, "a chunk is longer than it says")

    def _next_length(self) -> int:
        line = self._stream.readline(_MAX_LINE_BYTES)
        if not line.endswith(b"\n"):
            raise ConnectionError("the body ended between two chunks")
        length = line.split(b";")[0].strip()
        if not length or set(length) - _HEX_DIGITS:
            raise Refusal(400, "a chunk has no length")
        return int(length, 16)


def _read(stream: BufferedIOBase, length_bytes: int) -> bytes:
    piece = stream.read(length_bytes)
    if not piece:
        raise ConnectionError("the body ended before its end")
    return piece
