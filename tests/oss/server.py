"""A server that speaks S3 as Alibaba Cloud's Object Storage Service does, for tests.

It never spoke with the real service: it is what Aliyun's documentation and reports of others say of
it (OSS, "Compatibility with Amazon S3"; `sync_core.storage.dialects.OSS` has the sources).

| asked for | answer |
|---|---|
| a body in `aws-chunked`, or a trailer | 400 InvalidArgument |
| If-Match or If-None-Match on a write | 501 NotImplemented |
| the same on DELETE | it is not looked at |
| `x-oss-forbid-overwrite: true` over an object | 409 FileAlreadyExists |
| tags, versions, listings of uploads | 501 NotImplemented |
| an access key that is not known, a wrong signature | 403 |
| DeleteObjects without Content-MD5 | 400 MissingArgument |

Etags are in capitals, and that of an object in parts is not S3's. Every step of an upload has its
event, and an upload that was aborted has one that says `ObjectRemoved`.

The real service takes virtual addresses only. Here buckets are the first part of the path, because
names below an IP address do not exist; botocore knows that, whatever the dialect says.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import RLock, Thread
from typing import Any

from tests.oss.call import Call
from tests.oss.contents import Bucket, Sink, Stored
from tests.oss.operations import operation_of
from tests.oss.signatures import RamUser, refuse_trailers, signer_of
from tests.oss.wire import Answer, Refused, Request

_CHANGES = ("put_object", "copy_object", "complete_multipart_upload", "delete_object")
_REFUSED = 300


@dataclass(frozen=True)
class Handled:
    """One request that was answered: the operation's name, such as `put_object`, and who asked."""

    operation: str
    bucket: str
    key: str
    status: int
    user_id: str


class OssServer:
    """The service of one region; all that it holds is in memory."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.handled: list[Handled] = []
        self._users: dict[str, RamUser] = {}
        self._buckets: dict[str, Bucket] = {}
        self._lock = RLock()

    def new_user(self) -> RamUser:
        """Return a new RAM user."""
        digits = "".join(secrets.choice("0123456789") for _ in range(16))
        access_key_id = f"LTAI5t{secrets.token_hex(9)}"
        user = RamUser(f"26{digits}", access_key_id, secrets.token_hex(15))
        self._users[access_key_id] = user
        return user

    def new_bucket(self, name: str, *sinks: Sink) -> None:
        """Make a bucket whose events go to these."""
        with self._lock:
            self._buckets[name] = Bucket(name, sinks=list(sinks))

    def bucket(self, name: str) -> Bucket:
        """Return a bucket with all that is in it, through the back door."""
        return self._buckets[name]

    def stored(self, bucket: str, key: str) -> Stored | None:
        """Return what a bucket holds under a key, through the back door."""
        with self._lock:
            return self._buckets[bucket].objects.get(key)

    def uploads(self, bucket: str) -> list[str]:
        """Return the keys of the uploads under way."""
        with self._lock:
            return [upload.key for upload in self._buckets[bucket].uploads.values()]

    def writers(self, bucket: str, key: str) -> list[str]:
        """Return who has changed the object of a key, each time, by their ids."""
        with self._lock:
            return [
                each.user_id
                for each in self.handled
                if (each.bucket, each.key) == (bucket, key)
                and each.operation in _CHANGES
                and each.status < _REFUSED
            ]

    def answer(self, request: Request) -> Answer:
        """Carry a request out, one at a time, and note it."""
        name, user_id = "unknown", ""
        with self._lock:
            try:
                refuse_trailers(request)
                user = signer_of(request, self._users, datetime.now(UTC))
                user_id = user.user_id
                operation = operation_of(request)
                name = operation.__name__
                answer = operation(Call(request, user, self._buckets))
            except Refused as refused:
                answer = refused.answer()
            seen = Handled(name, request.bucket, request.key, answer.status, user_id)
            self.handled.append(seen)
        return answer


@contextmanager
def oss_server() -> Iterator[OssServer]:
    """Run a server, empty and without users, while the context is entered."""

    class Handler(_Handler):
        @property
        def oss(self) -> OssServer:
            return server

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = OssServer(f"http://127.0.0.1:{http.server_address[1]}")
    thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Otherwise an answer's head and body wait for each other's acknowledgement.
    disable_nagle_algorithm = True

    @property
    def oss(self) -> OssServer:
        raise NotImplementedError

    def handle_expect_100(self) -> bool:
        """Wait with it: a body that is refused because of its headers is not asked for."""
        return True

    def handle_request_line(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers)
        try:
            refuse_trailers(request)
        except Refused:
            self.close_connection = True
            self._send(self.oss.answer(request))
            return
        if headers.get("expect") == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        size_bytes = int(headers.get("content-length", 0))
        body = self.rfile.read(size_bytes)
        if len(body) < size_bytes:
            self.close_connection = True
            return
        self._send(self.oss.answer(Request(self.command, self.path, headers, body)))

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_request_line  # noqa: N815 - http.server's names

    def log_message(self, *_: Any) -> None:
        """Stay silent."""

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        headers = {"x-amz-request-id": secrets.token_hex(12).upper(), **answer.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        has_body = answer.status not in {204, 304}
        if has_body:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if has_body and self.command != "HEAD":
            self.wfile.write(answer.body)
