"""HTTP/1.1 on sockets: a thread for each connection, the request-target kept as it was sent."""

import http.server
import socket
import socketserver
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from email.message import Message
from email.utils import formatdate
from typing import Any

from sync_core.local.netstorage.answers import Answer, Refusal
from sync_core.local.netstorage.chunks import ChunkedBody, RequestBody, SizedBody

_PIECE_BYTES = 256 * 1024
_NO_BODY = frozenset({204, 304})

Serve = Callable[["Incoming"], None]


class Incoming:
    """One request, and the way back to who sent it."""

    def __init__(self, handler: "Handler") -> None:
        self.method: str = handler.command
        self.target = handler.raw_requestline.decode("latin-1").split(" ")[1]
        self.headers: Message = handler.headers
        self._handler = handler
        self._body: RequestBody | None = None

    @property
    def received_bytes(self) -> int:
        """How much of the body has been read."""
        return self._body.received_bytes if self._body else 0

    def body(self) -> RequestBody | None:
        """Return the body; None where none was announced. Raises `Refusal` (400)."""
        if self._body is None:
            self._body = self._announced()
        return self._body

    def skip_body(self) -> None:
        """Read the rest of the body, so that the client comes to read the answer.

        The connection ends after this request where the body is malformed.
        """
        try:
            body = self.body()
            for _ in body.pieces() if body else ():
                pass
        except Refusal:
            self._handler.close_connection = True

    def read_half(self) -> None:
        """Read a part of the body: half of it, or a first piece where the length is unknown."""
        body = self.body()
        length_bytes = int(self.headers.get("Content-Length", 0))
        for _ in body.pieces() if body else ():
            if self.received_bytes * 2 >= length_bytes:
                return

    def send(self, answer: Answer) -> None:
        """Answer."""
        self._send(answer, answer.length_bytes)

    def send_half(self, answer: Answer) -> None:
        """Answer, and reset the connection when half of the body has been sent."""
        self._send(answer, answer.length_bytes // 2)
        self.reset()

    def reset(self) -> None:
        """Reset the connection: what is in the buffers is thrown away on both sides."""
        at_once = struct.pack("ii", 1, 0)
        self._handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        self._handler.close_connection = True

    def _announced(self) -> RequestBody | None:
        stream = self._handler.rfile
        coding = self.headers.get("Transfer-Encoding")
        if coding is not None:
            if coding.strip().lower() != "chunked":
                raise Refusal(400, f"Transfer-Encoding {coding} is unknown")
            return ChunkedBody(stream)
        length = self.headers.get("Content-Length")
        if length is None:
            return None
        if not (length.isascii() and length.isdigit()):
            raise Refusal(400, "Content-Length has to be a number of bytes")
        return SizedBody(stream, int(length))

    def _send(self, answer: Answer, sent_bytes: int) -> None:
        """Send the head, and as much of the body."""
        self._begin(answer)
        if self.method == "HEAD":
            return
        for piece in _pieces(answer):
            self._handler.wfile.write(piece[:sent_bytes])
            sent_bytes -= min(sent_bytes, len(piece))

    def _begin(self, answer: Answer) -> None:
        handler = self._handler
        handler.send_response(answer.status)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        if answer.status not in _NO_BODY:
            handler.send_header("Content-Type", answer.content_type)
            handler.send_header("Content-Length", str(answer.length_bytes))
        if handler.close_connection:
            handler.send_header("Connection", "close")
        handler.end_headers()


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "HttpServer"
    raw_requestline: bytes

    def do_GET(self) -> None:
        """Serve a request, whatever its method."""
        self.server.serve(Incoming(self))

    do_PUT = do_POST = do_HEAD = do_DELETE = do_OPTIONS = do_PATCH = do_GET  # noqa: N815

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the server's own time for the Date header."""
        return formatdate(self.server.clock() if timestamp is None else timestamp, usegmt=True)

    def log_message(self, *_: object) -> None:
        """Say nothing: the server keeps what it has seen."""


class HttpServer(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Calls `serve` for each request; `failures` are the exceptions that were no client's doing."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], serve: Serve, clock: Callable[[], float]) -> None:
        self.serve = serve
        self.clock = clock
        self.failures: list[BaseException] = []
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(address, Handler)

    def stop(self) -> None:
        """Accept no more connections, and end those that are there."""
        self.shutdown()
        self.server_close()
        with self._lock:
            for connection in self._connections:
                # One that has ended on its own cannot be ended again.
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread."""
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Keep an exception, unless it is that a client went away."""
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, ConnectionError):
            self.failures.append(error)


def _pieces(answer: Answer) -> Iterator[bytes]:
    """Yield what is sent of an answer's body; raises ConnectionError for a file that is gone."""
    if isinstance(answer.body, bytes):
        yield answer.body
        return
    try:
        opened = answer.body.open()
    except FileNotFoundError as error:
        raise ConnectionAbortedError("the file was replaced before it could be sent") from error
    with opened as file:
        start, end = answer.span or (0, answer.body.size_bytes)
        file.seek(start)
        while start < end:
            piece = file.read(min(end - start, _PIECE_BYTES))
            start += len(piece)
            yield piece
