"""HTTP/1.1 for the servers of large objects, which are to cost as little as can be.

What is known of HTTP is what boto3 and rclone send: declared lengths and `Expect: 100-continue`.
"""

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from threading import Thread
from urllib.parse import parse_qs, unquote, urlsplit

from scripts.bench.large_wire import Endless, TcpWire, TlsWire, Wire

_END_OF_HEAD = b"\r\n\r\n"
_READ_BYTES = 64 * 1024
_TAIL_BYTES = 512


@dataclass(frozen=True, slots=True)
class Request:
    """A request as S3 reads it, path style; names of headers are in lower case."""

    method: str
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]


class Body:
    """The body of a request, of which `begun` has come along with the head."""

    def __init__(self, wire: Wire, begun: bytes, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self._wire = wire
        self._begun = begun[:size_bytes]
        self._left_bytes = size_bytes - len(self._begun)

    def read(self) -> bytes:
        """Return all of it."""
        while self._left_bytes:
            chunk = self._wire.receive(self._left_bytes)
            if not chunk:
                raise ConnectionError("the body broke off")
            self._left_bytes -= len(chunk)
            self._begun += chunk
        return self._begun

    def tail(self) -> bytes:
        """Throw all away but the last half KiB or so, and return that."""
        while (surplus_bytes := self._left_bytes - _TAIL_BYTES) > 0:
            dropped_bytes = self._wire.drop(surplus_bytes)
            if not dropped_bytes:
                raise ConnectionError("the body broke off")
            self._left_bytes -= dropped_bytes
            self._begun = b""
        return self.read()[-_TAIL_BYTES:]


@dataclass(frozen=True, slots=True)
class Span:
    """So many bytes of an endless content, from `first` on."""

    content: Endless
    first: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back; `length` is that of the body, or what HEAD says in its place."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Span = b""
    length: int | None = None

    @property
    def head(self) -> bytes:
        """The status line and the headers."""
        body = self.body
        declared = len(body) if isinstance(body, bytes) else body.size_bytes
        length = declared if self.length is None else self.length
        headers = {"Content-Length": str(length), "x-amz-request-id": "bench", **self.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}\r\n{lines}\r\n".encode()


Serve = Callable[[Request, Body], Answer]
"""Answers a request. A body that it does not read is dropped."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A free port that takes connections, over TLS with the key and certificate of one file."""

    port: socket.socket
    tls: ssl.SSLContext | None = None

    @classmethod
    def open(cls, certificate: str | None = None) -> "Listener":
        """Begin to listen."""
        port = socket.create_server(("127.0.0.1", 0), backlog=256)
        port.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if certificate is None:
            return cls(port)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        return cls(port, tls)

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port.getsockname()[1]}"

    def close(self) -> None:
        """Take no more connections, which ends `serve_forever`."""
        self.port.shutdown(socket.SHUT_RDWR)
        self.port.close()

    def serve_forever(self, serve: Serve) -> None:
        """Answer on each connection, in a thread of its own."""
        while True:
            try:
                connection, _ = self.port.accept()
            except OSError:
                return  # The port was closed.
            Thread(target=self._serve_connection, args=(connection, serve), daemon=True).start()

    def _serve_connection(self, connection: socket.socket, serve: Serve) -> None:
        try:
            with self._wire(connection) as wire:
                for request, body in _requests(wire):
                    answer = serve(request, body)
                    body.tail()
                    _send(wire, answer)
        except (ConnectionError, ssl.SSLError):
            return  # A client may close a connection whenever it likes.

    def _wire(self, connection: socket.socket) -> Wire:
        if self.tls is None:
            return TcpWire(connection)
        return TlsWire(self.tls.wrap_socket(connection, server_side=True))


def _send(wire: Wire, answer: Answer) -> None:
    if isinstance(answer.body, bytes):
        wire.send(answer.head + answer.body)
    else:
        wire.send(answer.head)
        wire.send_content(answer.body.content, answer.body.first, answer.body.size_bytes)


def _requests(wire: Wire) -> Iterator[tuple[Request, Body]]:
    """Yield the requests; the next one is read when the body of the last one has been."""
    while (received := _received_head(wire)) is not None:
        head, _, begun = received.partition(_END_OF_HEAD)
        request = _parsed(head.decode("latin-1"))
        if request.headers.get("expect", "").lower() == "100-continue":
            wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        yield request, Body(wire, begun, int(request.headers.get("content-length", 0)))


def _received_head(wire: Wire) -> bytes | None:
    received = b""
    while _END_OF_HEAD not in received:
        chunk = wire.receive(_READ_BYTES)
        if not chunk:
            return None
        received += chunk
    return received


def _parsed(head: str) -> Request:
    first, *lines = head.split("\r\n")
    method, target, _ = first.split(" ")
    url = urlsplit(target)
    bucket, _, key = unquote(url.path).removeprefix("/").partition("/")
    query = {name: texts[0] for name, texts in parse_qs(url.query, keep_blank_values=True).items()}
    pairs = (line.partition(":") for line in lines)
    return Request(method, bucket, key, query, {n.lower(): text.strip() for n, _, text in pairs})
