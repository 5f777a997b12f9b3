"""How a store outside of the own account is reached: by what stands in a secret.

The peer's stack put its own, the mirrored one, there: the key pair of its dedicated user and, since
a pair of sites can ask each other to look at a key, the URL of its queue. An own bucket that is not
in AWS has a secret as well, without a queue:

    {"access_key_id": "AKIA...", "secret_access_key": "...", "queue_url": "https://sqs..."}

It is read again every few minutes, and at once after a 403: a rotated key pair takes effect
without a restart.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError
from cachetools import TTLCache

from sync_core.errors import AccessDenied, ConfigError, DualwayError, Throttled, Unavailable
from sync_core.events import job_body
from sync_core.queues.sqs import SQSQueue
from sync_core.storage.s3_clients import AccessKey, S3Clients

CREDENTIALS_SECONDS = 300
"""How long a key pair is used before its secret is read again."""

FRESH_SECONDS = 10
"""A key pair read so recently is not read again, however often it is refused."""

_FORBIDDEN = 403

_Access = TypeVar("_Access")
_Connection = TypeVar("_Connection")

NOT_MIRRORED = "not-mirrored-yet"
"""The access key id in a secret that the template has made and nobody has filled."""

_SECRET_ERRORS: dict[str, type[DualwayError]] = {
    "AccessDeniedException": AccessDenied,
    "DecryptionFailure": AccessDenied,
    "InvalidRequestException": ConfigError,
    "ResourceNotFoundException": ConfigError,
    "ThrottlingException": Throttled,
}
"""Codes of GetSecretValue (Secrets Manager API reference, 2025); any other is `Unavailable`."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a secret says; `queue_url` None where nobody takes hints."""

    access_key: AccessKey
    queue_url: str | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """Clients that use one key pair; `identity`, where it can be asked, is its ARN."""

    s3: S3Clients
    hints: SQSQueue | None = None
    identity: Callable[[], str] | None = None


class Renewed(Generic[_Access, _Connection]):
    """What a secret opens, through a connection that is made anew when the secret has changed.

    `read` reads the access and `connect` makes a connection; both are called by one thread at a
    time. Safe to share between threads.
    """

    def __init__(
        self,
        read: Callable[[], _Access],
        connect: Callable[[_Access], _Connection],
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._connect = connect
        self._current: TTLCache[str, _Connection] = TTLCache(1, CREDENTIALS_SECONDS, timer)
        self._fresh: TTLCache[str, bool] = TTLCache(1, FRESH_SECONDS, timer)
        self._made: tuple[_Access, _Connection] | None = None
        self._lock = Lock()

    def connection(self) -> _Connection:
        """Return a connection of an access that was read at most `CREDENTIALS_SECONDS` ago.

        Raises what `read` raises.
        """
        with self._lock:
            connection = self._current.get("connection")
            if connection is None:
                connection = self._connection_of(self._read())
                self._current["connection"] = connection
                self._fresh["connection"] = True
            return connection

    def forget(self) -> None:
        """Have the secret read again, unless that was done `FRESH_SECONDS` ago or less."""
        with self._lock:
            if "connection" not in self._fresh:
                self._current.clear()

    def _connection_of(self, access: _Access) -> _Connection:
        if self._made is None or self._made[0] != access:
            self._made = (access, self._connect(access))
        return self._made[1]


class Remote(Renewed[Access, Connection]):
    """A bucket that speaks S3, and the stack behind it. Every method raises what `read` raises."""

    def __init__(
        self,
        read: Callable[[], Access],
        connect: Callable[[Access], Connection],
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(read, lambda access: self._watched(connect(access)), timer)

    def s3(self) -> S3Clients:
        """Return S3 clients of a key pair that was read at most `CREDENTIALS_SECONDS` ago."""
        return self.connection().s3

    def identities(self) -> frozenset[str]:
        """Return the ARN of the key pair's user; nothing where nobody tells it."""
        identity = self.connection().identity
        return frozenset(() if identity is None else (identity(),))

    def nudge(self, key: str) -> None:
        """Ask the stack behind it to look at a key; nothing where it takes no hints."""
        hints = self.connection().hints
        if hints is not None:
            hints.send(job_body(key, from_peer=True))

    def _watched(self, connection: Connection) -> Connection:
        for client in (connection.s3.reads, connection.s3.writes):
            client.meta.events.register("after-call.s3", self._forget_when_refused)
        return connection

    def _forget_when_refused(self, http_response: Any, **_: Any) -> None:
        """A 403 may mean that the key pair was rotated: the message's next try reads the secret."""
        if http_response.status_code == _FORBIDDEN:
            self.forget()


def read_access(client: Any, secret: str) -> Access:
    """Read the mirrored secret from Secrets Manager.

    Raises what `read_secret` does, and `ConfigError`, which says what to do, when the secret holds
    no key pair.
    """
    return parse_access(read_secret(client, secret), secret)


def read_secret(client: Any, secret: str) -> str:
    """Return a secret's text from Secrets Manager; empty where it has none.

    Raises `AccessDenied`, `Throttled`, `Unavailable`, or `ConfigError` when there is no such
    secret.
    """
    try:
        text: str = client.get_secret_value(SecretId=secret).get("SecretString", "")
    except ClientError as error:
        code = error.response["Error"].get("Code", "")
        raise _SECRET_ERRORS.get(code, Unavailable)("read secret", secret, str(error)) from error
    except BotoCoreError as error:
        raise Unavailable("read secret", secret, str(error)) from error
    return text


def identity_of(client: Any) -> str:
    """Return the ARN of the credentials of a client of STS; raises `Unavailable`."""
    try:
        return str(client.get_caller_identity()["Arn"])
    except (BotoCoreError, ClientError) as error:
        raise Unavailable("tell the identity", "", f"{type(error).__name__}: {error}") from error


def queue_endpoint(endpoint_url: str | None, queue_url: str) -> str | None:
    """Return the endpoint at which a peer's queue is reached; None: AWS's own.

    A peer's `endpoint_url` may be one for its objects alone; then its queue is elsewhere.
    """
    if endpoint_url is None or urlsplit(queue_url).netloc != urlsplit(endpoint_url).netloc:
        return None
    return endpoint_url


def parse_access(text: str, secret: str) -> Access:
    """Return what the text of the secret named `secret` says.

    Raises `ConfigError`, which says what to do and never quotes the secret's text.
    """
    try:
        found = json.loads(text)
        access_key = AccessKey(_named(found, "access_key_id"), _named(found, "secret_access_key"))
        queue_url = found.get("queue_url")
    except (ValueError, TypeError, KeyError):
        # The cause is left out on purpose: it would quote the secret.
        cause = 'it should be {"access_key_id": "...", "secret_access_key": "..."}'
        raise ConfigError("read secret", secret, cause) from None
    if access_key.access_key_id == NOT_MIRRORED:
        cause = "write a key pair of the peer's dedicated user into it, as `dualway launch` does"
        raise ConfigError("read secret", secret, cause)
    return Access(access_key, str(queue_url) if queue_url else None)


def _named(found: Any, name: str) -> str:
    text = found[name]
    if not text or not isinstance(text, str):
        raise ValueError(f"{name} is no text")
    return text
