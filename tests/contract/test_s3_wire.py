"""What the S3 adapter puts on the wire, and what it makes of writes without an answer."""

import base64
import hashlib
import socket
from collections.abc import Callable
from contextlib import ExitStack
from urllib.parse import quote, unquote_to_bytes

import pytest
from boto3.session import Session

from sync_core.checksums import crc64nvme
from sync_core.errors import (
    Ambiguous,
    DualwayError,
    IntegrityError,
    PreconditionFailed,
    Throttled,
    Unavailable,
)
from sync_core.model import UploadedPart
from sync_core.storage.dialects import AWS
from sync_core.storage.protocol import ObjectWrite
from sync_core.storage.s3 import S3ObjectStore
from sync_core.storage.s3_clients import AccessKey, S3Clients, client_config, s3_clients
from sync_core.storage.s3_stream import CHUNK_BYTES, send_streams
from tests.object_benches import REGION, BrokenStream, Serve, Stream, closing, named
from tests.scripted_server import Answer, ScriptedServer, s3_error

KEYS = (
    "a//b",
    "../x",
    "./y",
    "..",
    "dir/",
    "/",
    " ",
    "a+b%2F",
    "'\"?#&=;",
    "é😀",
    "\x01",
    "x" * 1024,
)
TAKEN = Answer(headers={"ETag": '"d41d8cd98f00b204e9800998ecf8427e"'})
OBJECT = {"ETag": '"e"', "Last-Modified": "Fri, 20 Nov 2026 10:00:00 GMT"}

Write = Callable[[S3ObjectStore], object]


class Measured(Stream):
    """A stream that keeps how many bytes were asked for at a time."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.amounts: list[int] = []

    def read(self, amount: int = -1, /) -> bytes:
        self.amounts.append(amount)
        return super().read(amount)


def put(store: S3ObjectStore, data: bytes = b"data") -> object:
    return store.put(ObjectWrite("k", len(data)), Stream(data))


def put_if(store: S3ObjectStore) -> object:
    return store.put_if(ObjectWrite("k", 4), Stream(b"data"), None)


def delete(store: S3ObjectStore) -> None:
    store.delete("k")


def complete(store: S3ObjectStore) -> object:
    return store.complete_if("k", "upload", [UploadedPart(1, "etag", 4)], None)


WRITES = pytest.mark.parametrize("write", [put, put_if, delete, complete])


class TestRequests:
    @pytest.mark.parametrize("key", KEYS, ids=named)
    def test_a_key_is_sent_byte_for_byte(self, serve: Serve, key: str) -> None:
        store, server = serve(TAKEN)
        store.put(ObjectWrite(key, 0), Stream(b""))
        (seen,) = server.seen
        assert unquote_to_bytes(seen.path) == b"/bucket/" + key.encode()
        assert seen.path == "/bucket/" + quote(key, safe="/~")

    def test_a_body_is_streamed_in_one_plain_request(self, serve: Serve) -> None:
        store, server = serve(TAKEN)
        data = b"0123456789abcdef" * 262_144
        md5 = hashlib.md5(data).hexdigest()
        body = Measured(data)
        store.put_if(ObjectWrite("k", len(data), md5=md5, crc64nvme="AAAAAAAAAAA="), body, None)
        (seen,) = server.seen
        assert seen.body == data
        assert max(body.amounts) <= CHUNK_BYTES < len(data)
        assert seen.headers["Content-Length"] == str(len(data))
        assert seen.headers["Content-MD5"] == base64.b64encode(bytes.fromhex(md5)).decode()
        assert seen.headers["x-amz-checksum-crc64nvme"] == "AAAAAAAAAAA="
        assert seen.headers["X-Amz-Content-SHA256"] == "UNSIGNED-PAYLOAD"
        assert seen.headers["If-None-Match"] == "*"
        assert "Content-Encoding" not in seen.headers
        assert "Transfer-Encoding" not in seen.headers

    def test_a_digest_that_is_not_known_beforehand_follows_the_body(self, serve: Serve) -> None:
        store, server = serve(TAKEN)
        headers = {"content-encoding": "gzip"}
        store.put(ObjectWrite("k", 4, headers), Stream(b"data"))
        (seen,) = server.seen
        assert seen.headers["Content-Encoding"] == "gzip,aws-chunked"
        assert seen.headers["X-Amz-Content-SHA256"] == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
        assert seen.headers["X-Amz-Sdk-Checksum-Algorithm"] == "CRC64NVME"
        assert seen.headers["X-Amz-Trailer"] == "x-amz-checksum-crc64nvme"
        assert seen.headers["X-Amz-Decoded-Content-Length"] == "4"
        trailer = f"x-amz-checksum-crc64nvme:{crc64nvme(b'data')}"
        assert seen.body == f"4\r\ndata\r\n0\r\n{trailer}\r\n\r\n".encode()

    def test_an_overwrite_names_the_etag_in_quotes(self, serve: Serve) -> None:
        head = Answer(headers=OBJECT)
        store, server = serve(head, TAKEN)
        store.put_if(ObjectWrite("k", 4), Stream(b"data"), store.head("k"))
        assert server.seen[-1].headers["If-Match"] == '"e"'

    def test_an_expires_header_is_sent_as_text(self, serve: Serve) -> None:
        store, server = serve(TAKEN)
        store.put(ObjectWrite("k", 0, {"expires": "never"}), Stream(b""))
        assert server.seen[0].headers["Expires"] == "never"

    def test_tags_are_sent_percent_encoded(self, serve: Serve) -> None:
        store, server = serve(TAKEN)
        store.put(ObjectWrite("k", 0, tags={"a b": "é+=&"}), Stream(b""))
        assert server.seen[0].headers["x-amz-tagging"] == "a%20b=%C3%A9%2B%3D%26"

    def test_clients_are_asked_for_each_operation(self, session: Session) -> None:
        with ScriptedServer(Answer(headers=OBJECT)) as server, ExitStack() as running:
            pairs = [
                running.enter_context(
                    closing(
                        s3_clients(
                            session,
                            REGION,
                            access_key=AccessKey(access_key_id, "secret"),
                            endpoint_url=server.url,
                        )
                    )
                )
                for access_key_id in ("AKIAOLD", "AKIANEW")
            ]
            rotation = iter(pairs)
            store = S3ObjectStore("bucket", lambda: next(rotation))
            store.head("k")
            store.head("k")
        assert "AKIAOLD" in server.seen[0].headers["Authorization"]
        assert "AKIANEW" in server.seen[1].headers["Authorization"]


class TestWritesWithoutAnAnswer:
    @WRITES
    @pytest.mark.parametrize(
        "answer",
        [Answer(sends=False), s3_error(500, "InternalError"), Answer(502), Answer(504)],
        ids=["reset", "500", "502", "504"],
    )
    def test_a_write_that_was_sent_may_have_had_its_effect(
        self, serve: Serve, write: Write, answer: Answer
    ) -> None:
        store, server = serve(answer)
        with pytest.raises(Ambiguous):
            write(store)
        assert len(server.seen) == 1

    @WRITES
    @pytest.mark.parametrize("answer", [s3_error(503, "SlowDown"), Answer(503), Answer(429)])
    def test_a_throttled_write_is_not_repeated(
        self, serve: Serve, write: Write, answer: Answer
    ) -> None:
        store, server = serve(answer)
        with pytest.raises(Throttled):
            write(store)
        assert len(server.seen) == 1

    def test_a_write_whose_body_was_not_taken_had_no_effect(self, serve: Serve) -> None:
        store, _ = serve(Answer(sends=False, reads_body=False))
        with pytest.raises(Unavailable):
            put(store, b"x" * 32 * 1024**2)

    @WRITES
    def test_a_write_that_never_connected_had_no_effect(
        self, session: Session, write: Write
    ) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{unused.getsockname()[1]}"
            access_key = AccessKey("AKIA", "secret")
            made = s3_clients(session, REGION, access_key=access_key, endpoint_url=url)
            with closing(made) as clients, pytest.raises(Unavailable):
                write(S3ObjectStore("bucket", lambda: clients))

    @WRITES
    def test_a_write_that_timed_out_may_have_had_its_effect(
        self, session: Session, write: Write
    ) -> None:
        with ScriptedServer(Answer(hangs=True)) as server:
            config = client_config(AWS, attempts=1, custom_endpoint=True)
            config.read_timeout = 0.1  # type: ignore[attr-defined] # the stubs know no attributes
            client = session.client(
                "s3",
                region_name=REGION,
                endpoint_url=server.url,
                aws_access_key_id="AKIA",
                aws_secret_access_key="secret",
                config=config,
            )
            send_streams(client)
            pair = S3Clients(client, client)
            with closing(pair) as clients, pytest.raises(Ambiguous):
                write(S3ObjectStore("bucket", lambda: clients))

    def test_a_body_that_breaks_off_is_never_complete(self, serve: Serve) -> None:
        store, server = serve(TAKEN)
        with pytest.raises(Unavailable, match="the connection broke off"):
            store.put(ObjectWrite("k", 4), BrokenStream(b"data"))
        assert server.seen == []

    def test_the_last_bytes_of_a_body_that_is_too_long_are_not_sent(self, serve: Serve) -> None:
        store, server = serve(TAKEN)
        with pytest.raises(IntegrityError):
            store.put(ObjectWrite("k", 20_000), Stream(b"x" * 20_001))
        assert server.seen == []


class TestErrorsInsideA200:
    @pytest.mark.parametrize(
        ("code", "expected"),
        [("InternalError", Ambiguous), ("PreconditionFailed", PreconditionFailed)],
    )
    def test_a_completion_can_fail_after_its_status(
        self, serve: Serve, code: str, expected: type[DualwayError]
    ) -> None:
        answer = s3_error(200, code)
        store, server = serve(answer)
        with pytest.raises(expected):
            complete(store)
        assert len(server.seen) == 1
