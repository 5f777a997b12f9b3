"""An HTTP server that keeps every request and answers as it was told, to see what a client does."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Answer:
    """One answer; `reads_body` False answers without having read the request's body.

    `sends` False closes the connection instead of answering, `hangs` keeps it open until the
    server stops; `cut_bytes` of the body that was announced are not sent; `tells_length` False
    leaves its length out, and closes the connection behind it.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    reads_body: bool = True
    sends: bool = True
    hangs: bool = False
    cut_bytes: int = 0
    tells_length: bool = True


def s3_error(status: int, code: str) -> Answer:
    """Return an answer as S3 refuses a request."""
    text = f"<Error><Code>{code}</Code><Message>said so</Message><RequestId>R1</RequestId></Error>"
    return Answer(status, text.encode(), {"Content-Type": "application/xml"})


@dataclass(frozen=True)
class Seen:
    """One request, its path exactly as it was sent."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class ScriptedServer:
    """Gives one of `answers` after the other, the last one for ever.

    `seen` are the requests that were complete, as far as they were read.
    """

    def __init__(self, *answers: Answer) -> None:
        self.seen: list[Seen] = []
        self._answers = list(answers)
        self._stopped = Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_expect_100(self) -> bool:
                # Only once the answer wants the body, not as soon as the client asks.
                return True

            def handle_one(self) -> None:
                server.answer(self)

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_one  # noqa: N815 - http.server's names

            def log_message(self, *_: Any) -> None:
                """Stay silent."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        body = _read_body(handler) if answer.reads_body else b""
        if body is None:
            handler.close_connection = True
            return
        self.seen.append(Seen(handler.command, handler.path, dict(handler.headers), body))
        if answer.hangs:
            self._stopped.wait()
        if answer.hangs or not answer.sends:
            handler.close_connection = True
            return
        _send(handler, answer)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


def _read_body(handler: BaseHTTPRequestHandler) -> bytes | None:
    """Return the request's body, or None when the client has left before its end."""
    if handler.headers.get("Expect") == "100-continue":
        handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    size_bytes = int(handler.headers.get("Content-Length", 0))
    body = handler.rfile.read(size_bytes)
    return body if len(body) == size_bytes else None


def _send(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    handler.send_response(answer.status)
    if answer.tells_length:
        handler.send_header("Content-Length", str(len(answer.body)))
    for name, value in answer.headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(answer.body[: len(answer.body) - answer.cut_bytes])
    # A request body that was not read would be taken for the next request.
    is_odd = answer.cut_bytes > 0 or not answer.reads_body or not answer.tells_length
    handler.close_connection = is_odd
