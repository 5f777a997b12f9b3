"""Sends requests to one HTTP server as they are given, over connections that are kept.

Made on `http.client`, which sends a path as it is: what normalises paths breaks signatures over
them. Nothing is repeated and nothing translated here; what goes wrong is raised as `OSError` or
`http.client.HTTPException`, and as `NotSent` where not a byte of the request can have arrived.
"""

import select
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from threading import Lock
from urllib.parse import urlsplit
from weakref import finalize

from sync_core.errors import ConfigError
from sync_core.storage.protocol import Readable

CHUNK_BYTES = 256 * 1024
"""How much of a body is read and handed on at once."""

_FAILURES = (OSError, HTTPException)


_Idle = deque[tuple[float, HTTPConnection]]


class NotSent(Exception):
    """No connection could be made; the reason is its cause."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server listens; `port` None: where its protocol has it."""

    host: str
    port: int | None = None
    is_secure: bool = True

    @staticmethod
    def of(url: str) -> "Endpoint":
        """Return the endpoint of a URL such as `http://127.0.0.1:8080`.

        Raises `ConfigError` for anything else, a URL with a path included.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise _no_server(url) from error
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/"):
            raise _no_server(url)
        return Endpoint(parts.hostname, port, parts.scheme == "https")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited: for a connection, and for each piece of an answer or of a body.

    A connection that was idle for `idle_seconds` is not used again.
    """

    connect_seconds: float = 5
    answer_seconds: float = 60
    idle_seconds: float = 30


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; the names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class OpenAnswer:
    """An answer whose body is still to be read; to be closed."""

    def __init__(self, response: HTTPResponse, give_back: Callable[[], None]) -> None:
        self._response = response
        self._give_back: Callable[[], None] | None = give_back

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._response.status

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, with their names in lower case."""
        return {name.lower(): value for name, value in self._response.getheaders()}

    def read(self, amount: int = -1, /) -> bytes:
        """Return up to `amount` bytes (all that are left for -1); b"" at the end.

        A body that is cut off ends as well: whoever reads has to know its length.
        """
        return self._response.read(None if amount < 0 else amount)

    def close(self) -> None:
        """Give the connection back; it is closed where the body was not read to its end."""
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            give_back()


class Wire:
    """The connections to one server; safe to share between threads. `timer` is monotonic.

    Connections that nobody uses are closed with it, at the latest when it is garbage.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        patience: Patience = Patience(),
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._endpoint = endpoint
        self._patience = patience
        self._timer = timer
        self._idle: _Idle = deque()
        finalize(self, _close_all, self._idle)
        self._lock = Lock()
        self._tls = ssl.create_default_context() if endpoint.is_secure else None

    def open(self, method: str, target: str, headers: Mapping[str, str]) -> OpenAnswer:
        """Send a request without a body; return the answer as soon as it begins."""
        length = {} if method == "GET" else {"Content-Length": "0"}
        with self._connected() as connection:
            _begin(connection, method, target, {**headers, **length})
            return self._answered(connection)

    def send(
        self, target: str, headers: Mapping[str, str], body: Readable, size_bytes: int
    ) -> Answer:
        """PUT a body of `size_bytes`, piece by piece; return the whole answer.

        What reading the body raises is raised as it is, and the request is then never complete. A
        server that answers and hangs up before the body's end has its answer returned.
        """
        with self._connected() as connection:
            _begin(connection, "PUT", target, {**headers, "Content-Length": str(size_bytes)})
            failure = _send_body(connection, body)
            try:
                answer = self._answered(connection)
            except _FAILURES as error:
                raise failure or error from error
        return _whole(answer)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        _close_all(self._idle)

    def _connected(self) -> "_Connected":
        return _Connected(self._kept() or self._fresh())

    def _kept(self) -> HTTPConnection | None:
        """Return a connection that the server has not closed: a body cannot be sent twice."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                since, connection = self._idle.pop()
            if self._timer() - since <= self._patience.idle_seconds and _is_quiet(connection):
                return connection
            connection.close()

    def _fresh(self) -> HTTPConnection:
        host, port = self._endpoint.host, self._endpoint.port
        connect_seconds = self._patience.connect_seconds
        if self._tls is not None:
            connection: HTTPConnection = HTTPSConnection(
                host, port, timeout=connect_seconds, context=self._tls
            )
        else:
            connection = HTTPConnection(host, port, timeout=connect_seconds)
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise NotSent(f"{host}: {error}") from error
        connection.sock.settimeout(self._patience.answer_seconds)
        return connection

    def _answered(self, connection: HTTPConnection) -> OpenAnswer:
        response = connection.getresponse()

        def give_back() -> None:
            is_read = response.isclosed()
            response.close()
            if not is_read or connection.sock is None:
                connection.close()
                return
            with self._lock:
                self._idle.append((self._timer(), connection))

        return OpenAnswer(response, give_back)


class _Connected:
    """A connection that is closed where what is done with it fails."""

    def __init__(self, connection: HTTPConnection) -> None:
        self._connection = connection

    def __enter__(self) -> HTTPConnection:
        return self._connection

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._connection.close()


def _whole(answer: OpenAnswer) -> Answer:
    try:
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        answer.close()


def _no_server(url: str) -> ConfigError:
    cause = f"{url!r} is no URL of a server: give https://HOST or http://HOST:PORT"
    return ConfigError("configure", "endpoint", cause)


def _close_all(idle: _Idle) -> None:
    with suppress(IndexError):
        while True:
            idle.pop()[1].close()


def _begin(
    connection: HTTPConnection, method: str, target: str, headers: Mapping[str, str]
) -> None:
    connection.putrequest(method, target, skip_accept_encoding=True)
    for name, value in {"Accept-Encoding": "identity", **headers}.items():
        connection.putheader(name, value)
    connection.endheaders()


def _send_body(connection: HTTPConnection, body: Readable) -> OSError | None:
    """Send the body; return why the server has hung up, for there may be an answer."""
    for piece in _pieces(body):
        try:
            connection.send(piece)
        except TimeoutError:
            raise
        except OSError as error:
            return error
    return None


def _pieces(body: Readable) -> Iterator[bytes]:
    return iter(lambda: body.read(CHUNK_BYTES), b"")


def _is_quiet(connection: HTTPConnection) -> bool:
    """Tell whether nothing has come in unasked, as the end of a connection would."""
    if connection.sock is None:
        return False
    watch = select.poll()
    with suppress(OSError, ValueError):
        watch.register(connection.sock, select.POLLIN | select.POLLPRI)
        return not watch.poll(0)
    return False
