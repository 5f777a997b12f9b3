"""Requests to NetStorage: signed, repeated where that is harmless, and their refusals."""

import base64
import hashlib
import hmac
import io
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import count
from threading import Thread
from typing import Protocol, Self

import pytest

from sync_core.errors import (
    AccessDenied,
    Ambiguous,
    Blocked,
    ConfigError,
    DualwayError,
    IntegrityError,
    PreconditionFailed,
    Throttled,
    Unavailable,
)
from sync_core.storage.exact_body import ExactBody
from sync_core.storage.netstorage_auth import Signer
from sync_core.storage.netstorage_client import ATTEMPTS, NetStorageClient, Surroundings
from sync_core.storage.netstorage_errors import Call
from sync_core.storage.netstorage_wire import Endpoint, Patience, Wire
from tests.scripted_server import Answer, ScriptedServer, Seen

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CALL = Call("head", "k", "/123456/k")
OK = Answer(200, b"<stat/>")
PATIENCE = Patience()


@dataclass
class Bench:
    """A client of a scripted server, and what it did meanwhile."""

    client: NetStorageClient
    server: ScriptedServer
    pauses: list[float] = field(default_factory=list)
    refusals: list[None] = field(default_factory=list)

    @property
    def seen(self) -> list[Seen]:
        return self.server.seen

    def look(self) -> bytes | None:
        return self.client.look(CALL, "stat", {"format": "xml"})


class Serve(Protocol):
    def __call__(
        self, *answers: Answer, patience: Patience = ..., clock: Callable[[], datetime] = ...
    ) -> Bench: ...


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as running:

        def start(
            *answers: Answer,
            patience: Patience = PATIENCE,
            clock: Callable[[], datetime] = lambda: NOW,
        ) -> Bench:
            server = running.enter_context(ScriptedServer(*answers))
            wire = running.enter_context(closing(Wire(Endpoint.of(server.url), patience)))
            pauses: list[float] = []
            refusals: list[None] = []
            around = Surroundings(clock, count(1).__next__, pauses.append, lambda: 0.0)
            signer = Signer("media", "secret")
            client = NetStorageClient(wire, signer, lambda: refusals.append(None), around)
            return Bench(client, server, pauses, refusals)

        yield start


def upload_call(body: ExactBody) -> Call:
    return Call("put", "k", "/123456/k", lambda: body.spent, is_upload=True)


def upload(bench: Bench, data: bytes) -> None:
    body = ExactBody(io.BytesIO(data), "k", len(data))
    bench.client.upload(upload_call(body), {"size": len(data)}, body, len(data))


def dated(status: int, at: datetime) -> Answer:
    """Return an answer with a Date of its own behind the server's; the last one counts."""
    return Answer(status, b"no", {"Date": format_datetime(at, usegmt=True)})


def test_a_request_carries_the_signature_of_its_target_and_action(serve: Serve) -> None:
    bench = serve(OK)
    assert bench.look() == b"<stat/>"
    [seen] = bench.seen
    data = f"5, 0.0.0.0, 0.0.0.0, {int(NOW.timestamp())}, 1, media"
    signed = f"{data}/123456/k\nx-akamai-acs-action:version=1&action=stat&format=xml\n"
    digest = hmac.new(b"secret", signed.encode(), hashlib.sha256).digest()
    assert (seen.method, seen.path) == ("GET", "/123456/k")
    assert seen.headers["X-Akamai-ACS-Auth-Data"] == data
    assert seen.headers["X-Akamai-ACS-Auth-Sign"] == base64.b64encode(digest).decode()
    assert seen.headers["Accept-Encoding"] == "identity"


def test_no_two_requests_have_the_same_nonce(serve: Serve) -> None:
    bench = serve(Answer(500), OK)
    bench.look()
    first, second = (seen.headers["X-Akamai-ACS-Auth-Data"] for seen in bench.seen)
    assert first != second


@pytest.mark.parametrize("status", [408, 423, 429, 500, 502, 503, 504, 509])
def test_a_look_is_repeated_after_what_may_pass(serve: Serve, status: int) -> None:
    bench = serve(Answer(status), Answer(status), OK)
    assert bench.look() == b"<stat/>"
    assert len(bench.seen) == ATTEMPTS
    assert bench.pauses == [0.1, 0.2]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(Answer(500), Unavailable), (Answer(429), Throttled), (Answer(sends=False), Unavailable)],
)
def test_a_look_that_goes_on_failing_raises_the_last_error(
    serve: Serve, answer: Answer, kind: type[DualwayError]
) -> None:
    bench = serve(answer)
    with pytest.raises(kind):
        bench.look()
    assert len(bench.seen) == ATTEMPTS


def test_an_answer_that_is_cut_off_is_asked_for_again(serve: Serve) -> None:
    bench = serve(Answer(200, b"<stat></stat>", cut_bytes=5), OK)
    assert bench.look() == b"<stat/>"


def test_a_look_does_not_wait_for_ever(serve: Serve) -> None:
    bench = serve(Answer(hangs=True), patience=Patience(answer_seconds=0.05))
    with pytest.raises(Unavailable, match="no answer: TimeoutError"):
        bench.look()


def test_what_is_not_there_is_none(serve: Serve) -> None:
    bench = serve(Answer(404, b"Not Found"))
    assert bench.look() is None
    assert not bench.client.change(CALL, "delete", {})


@pytest.mark.parametrize("status", [200, 201, 204])
def test_any_success_is_a_success(serve: Serve, status: int) -> None:
    bench = serve(Answer(status))
    assert bench.client.change(CALL, "delete", {})
    upload(bench, b"data")
    assert [seen.method for seen in bench.seen] == ["POST", "PUT"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Blocked),
        (401, AccessDenied),
        (412, PreconditionFailed),
        (414, Blocked),
        (416, PreconditionFailed),
        (302, ConfigError),
    ],
)
def test_a_refusal_is_told_in_our_words_and_not_repeated(
    serve: Serve, status: int, kind: type[DualwayError]
) -> None:
    bench = serve(Answer(status, b"because of this"))
    with pytest.raises(kind, match=f"status {status}: because of this"):
        bench.look()
    assert len(bench.seen) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(500), Ambiguous),
        (Answer(503), Throttled),
        (Answer(423), Unavailable),
        (Answer(sends=False), Ambiguous),
    ],
)
def test_a_change_is_sent_once(serve: Serve, answer: Answer, kind: type[DualwayError]) -> None:
    bench = serve(answer)
    call = Call("delete", "k", "/123456/k", lambda: True)
    with pytest.raises(kind):
        bench.client.change(call, "delete", {})
    assert len(bench.seen) == 1


class TestUploads:
    def test_a_body_is_sent_with_its_length(self, serve: Serve) -> None:
        bench = serve(Answer(200))
        data = bytes(range(256)) * 4096
        upload(bench, data)
        [seen] = bench.seen
        assert seen.body == data
        assert seen.headers["Content-Length"] == str(len(data))
        assert seen.headers["X-Akamai-ACS-Action"] == f"version=1&action=upload&size={len(data)}"

    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            (Answer(412), IntegrityError),
            (Answer(404), ConfigError),
            (Answer(429), Throttled),
            (Answer(500), Ambiguous),
            (Answer(sends=False), Ambiguous),
        ],
    )
    def test_it_is_sent_once(self, serve: Serve, answer: Answer, kind: type[DualwayError]) -> None:
        bench = serve(answer)
        with pytest.raises(kind):
            upload(bench, b"data")
        assert len(bench.seen) == 1

    def test_a_refusal_before_the_end_of_the_body_is_heard(self, serve: Serve) -> None:
        bench = serve(Answer(429, b"slow down", reads_body=False))
        with pytest.raises(Throttled, match="slow down"):
            upload(bench, bytes(64 * 1024 * 1024))

    def test_a_body_that_ends_early_is_never_complete(self, serve: Serve) -> None:
        bench = serve(Answer(200))
        body = ExactBody(io.BytesIO(b"dat"), "k", 4)
        with pytest.raises(IntegrityError), body:
            bench.client.upload(upload_call(body), {}, body, 4)
        assert bench.seen == []

    def test_nothing_listening_is_no_doubt(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        client = NetStorageClient(Wire(Endpoint("127.0.0.1", port, False)), Signer("a", "k"))  # noqa: FBT003 - a field
        body = ExactBody(io.BytesIO(b""), "k", 0)
        with pytest.raises(Unavailable, match="no connection to 127"):
            client.upload(upload_call(body), {}, body, 0)


class TestClocks:
    def test_a_look_is_signed_again_by_the_servers_clock(self, serve: Serve) -> None:
        bench = serve(dated(403, NOW + timedelta(hours=1)), OK)
        assert bench.look() == b"<stat/>"
        times = [int(seen.headers["X-Akamai-ACS-Auth-Data"].split(", ")[3]) for seen in bench.seen]
        assert times == [int(NOW.timestamp()), int(NOW.timestamp()) + 3600]
        assert bench.refusals == []

    def test_so_is_a_change(self, serve: Serve) -> None:
        bench = serve(dated(403, NOW - timedelta(minutes=5)), Answer(200))
        assert bench.client.change(CALL, "delete", {})

    def test_the_servers_clock_is_kept(self, serve: Serve) -> None:
        bench = serve(dated(403, NOW + timedelta(hours=1)), OK)
        bench.look()
        bench.look()
        assert len(bench.seen) == 3

    def test_an_upload_comes_again_from_the_queue(self, serve: Serve) -> None:
        bench = serve(dated(403, NOW + timedelta(hours=1)), Answer(200))
        with pytest.raises(Unavailable, match="clock"):
            upload(bench, b"data")
        upload(bench, b"data")
        assert bench.seen[1].headers["X-Akamai-ACS-Auth-Data"].split(", ")[3] == str(
            int(NOW.timestamp()) + 3600
        )

    def test_a_refusal_with_the_right_clock_is_one_of_the_key(self, serve: Serve) -> None:
        bench = serve(dated(403, NOW + timedelta(seconds=2)))
        with pytest.raises(AccessDenied):
            bench.look()
        assert len(bench.seen) == 1
        assert len(bench.refusals) == 1

    def test_so_is_one_that_comes_long_after_the_signature(self, serve: Serve) -> None:
        clock = [NOW + timedelta(minutes=10), NOW]
        bench = serve(dated(403, NOW + timedelta(minutes=10)), clock=clock.pop)
        with pytest.raises(AccessDenied):
            upload(bench, b"data")
        assert len(bench.refusals) == 1

    def test_a_second_refusal_is_one_too(self, serve: Serve) -> None:
        there = NOW + timedelta(hours=1)
        bench = serve(dated(403, there), dated(403, there))
        with pytest.raises(AccessDenied):
            bench.look()
        assert len(bench.seen) == 2
        assert len(bench.refusals) == 1


class TestConnections:
    def test_a_connection_is_used_again(self) -> None:
        with Counting() as server, closing(Wire(Endpoint.of(server.url))) as wire:
            for _ in range(3):
                assert asked(wire) == b"ok"
            assert server.connections == 1

    def test_one_that_the_server_has_closed_is_not(self) -> None:
        with Counting(hangs_up=True) as server, closing(Wire(Endpoint.of(server.url))) as wire:
            for _ in range(3):
                assert asked(wire) == b"ok"
                server.hung_up()
            assert server.connections == 3

    def test_one_that_was_idle_for_long_is_not(self) -> None:
        now = [0.0]
        with Counting() as server:
            wire = Wire(Endpoint.of(server.url), Patience(idle_seconds=30), lambda: now[0])
            with closing(wire):
                asked(wire)
                now[0] = 31.0
                asked(wire)
            assert server.connections == 2

    def test_a_body_that_was_not_read_to_its_end_costs_the_connection(self) -> None:
        with Counting() as server, closing(Wire(Endpoint.of(server.url))) as wire:
            answer = wire.open("GET", "/", {})
            answer.read(1)
            answer.close()
            answer.close()
            asked(wire)
            assert server.connections == 2

    def test_what_is_not_there_costs_none(self) -> None:
        with Counting(status=404) as server, closing(Wire(Endpoint.of(server.url))) as wire:
            client = NetStorageClient(wire, Signer("media", "secret"))
            for _ in range(3):
                assert client.look(CALL, "stat", {}) is None
            assert server.connections == 1


def asked(wire: Wire) -> bytes:
    answer = wire.open("GET", "/", {})
    with closing(answer):
        return answer.read()


class Counting:
    """A server that counts connections, and says `ok` on each until it is closed."""

    def __init__(self, *, hangs_up: bool = False, status: int = 200) -> None:
        self.connections = 0
        self._status = status
        self._hangs_up = hangs_up
        self._server = socket.create_server(("127.0.0.1", 0))
        self._ended: list[socket.socket] = []
        self._thread = Thread(target=self._serve, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.getsockname()[1]}"

    def hung_up(self) -> None:
        """Hang up all connections; that is seen on this machine before the call returns."""
        while self._ended:
            self._ended.pop().shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            if self._hangs_up:
                self._ended.append(connection)
            Thread(target=_say_ok, args=(connection, self._status), daemon=True).start()


def _say_ok(connection: socket.socket, status: int) -> None:
    answer = f"HTTP/1.1 {status} Said\r\nContent-Length: 2\r\n\r\nok".encode()
    with connection:
        while True:
            try:
                if not connection.recv(65_536):
                    return
                connection.sendall(answer)
            except OSError:
                return


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("http://127.0.0.1:8080", Endpoint("127.0.0.1", 8080, is_secure=False)),
        ("https://example-nsu.akamaihd.net/", Endpoint("example-nsu.akamaihd.net")),
    ],
)
def test_an_endpoint_is_read_from_a_url(url: str, endpoint: Endpoint) -> None:
    assert Endpoint.of(url) == endpoint
    assert Endpoint("example-nsu.akamaihd.net").is_secure


@pytest.mark.parametrize(
    "url",
    [
        "example.net",
        "ftp://example.net",
        "http://h/path",
        "https://",
        "http://h:eighty",
        "http://h:65536",
        "http://[::1",
    ],
)
def test_any_other_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="give https://HOST or http://HOST:PORT"):
        Endpoint.of(url)
