"""The one place where adapters meet the core: from a configuration to a running worker.

Import this module before anything that imports botocore: where `awscrt` can be imported, botocore
would sign with it, and it refuses the streamed bodies that every transfer has.
"""

import os

os.environ["BOTO_DISABLE_CRT"] = "true"

import json
import secrets
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Any

import botocore.session
from boto3.session import Session
from botocore.compat import HAS_CRT
from botocore.config import Config as ClientConfig
from botocore.exceptions import BotoCoreError, ClientError
from cachetools import TTLCache

from sync_core.config import Config
from sync_core.errors import AccessDenied, ConfigError, DualwayError, Throttled, Unavailable
from sync_core.pipeline import Pipeline
from sync_core.queues.protocol import Queue
from sync_core.queues.sqs import SQSQueue
from sync_core.records.dynamodb import DynamoDBRecordStore
from sync_core.settle import BatchPipeline
from sync_core.stack import Context, Settings, Sides, Stack
from sync_core.storage.s3 import S3ObjectStore
from sync_core.storage.s3_clients import AccessKey, S3Clients, s3_clients
from sync_core.telemetry import Telemetry, new_logger
from sync_core.worker import Worker, WorkerSettings, run_until_signal

CREDENTIALS_SECONDS = 300
"""How long the peer's key pair is used before its secret is read again."""

FRESH_SECONDS = 10
"""A key pair read so recently is not read again, however often it is refused."""

_FORBIDDEN = 403
_NOT_MIRRORED = "not-mirrored-yet"
_SECRET_ERRORS: dict[str, type[DualwayError]] = {
    "AccessDeniedException": AccessDenied,
    "DecryptionFailure": AccessDenied,
    "InvalidRequestException": ConfigError,
    "ResourceNotFoundException": ConfigError,
    "ThrottlingException": Throttled,
}
"""Codes of GetSecretValue (Secrets Manager API reference, 2025); any other is `Unavailable`."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """The connected parts of one deployment.

    `forget_credentials` has the peer's key pair read again before it is next used.
    """

    config: Config
    queue: Queue
    pipeline: BatchPipeline
    telemetry: Telemetry
    forget_credentials: Callable[[], None]


def build(config: Config, telemetry: Telemetry) -> Deployment:
    """Connect the parts; sends nothing, so that an outage cannot keep a process from starting."""
    _require_python_signing()
    session = aws_session()
    peer_clients = _peer_clients(session, config)
    return Deployment(
        config=config,
        queue=_queue(session, config),
        pipeline=Pipeline(_stack(session, config, telemetry, peer_clients)),
        telemetry=telemetry,
        forget_credentials=peer_clients.forget,
    )


def build_worker(deployment: Deployment) -> Worker:
    """Return the long-running consumer of the deployment's queue."""
    config = deployment.config
    settings = WorkerSettings(
        pollers=config.pollers,
        wait_seconds=config.receive_wait_seconds,
        visibility_timeout_seconds=config.visibility_timeout_seconds,
    )
    return Worker(deployment.queue, deployment.pipeline, settings, deployment.telemetry)


def serve(config: Config) -> None:
    """Run the deployment's worker in the main thread until SIGTERM or SIGINT.

    Where transfers do not end in time, their messages are given back and the process ends here,
    with status 0.
    """
    logger = new_logger(level=config.log_level)
    own = config.pair.own
    telemetry = Telemetry(logger, site=own.name, bucket=own.bucket)
    logger.info("Started the worker", extra={"action": "worker_started", "site": own.name})
    unfinished = run_until_signal(build_worker(build(config, telemetry)))
    logger.info(
        "Stopped the worker",
        extra={"action": "worker_stopped", "site": own.name, "messages_given_back": unfinished},
    )
    if unfinished:
        # The interpreter would wait for the transfers' threads, for as long as they hang.
        sys.stdout.flush()
        os._exit(0)


def aws_session() -> Session:
    """Return a session whose endpoints are those of the configuration only.

    botocore would take AWS_ENDPOINT_URL, which is the own account's, for the peer's as well.
    """
    session = botocore.session.Session()
    session.set_config_variable("ignore_configured_endpoint_urls", value=True)
    return Session(botocore_session=session)


class PeerClients:
    """The S3 clients of the peer's key pair, made anew when the key pair has been rotated.

    `read` reads the key pair and `make` makes clients for it; both are called by one thread at a
    time. Calling the object returns the clients; it raises what `read` raises.
    """

    def __init__(
        self,
        read: Callable[[], AccessKey],
        make: Callable[[AccessKey], S3Clients],
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._make = make
        self._current: TTLCache[str, S3Clients] = TTLCache(1, CREDENTIALS_SECONDS, timer)
        self._fresh: TTLCache[str, bool] = TTLCache(1, FRESH_SECONDS, timer)
        self._made: tuple[AccessKey, S3Clients] | None = None
        self._lock = Lock()

    def __call__(self) -> S3Clients:
        """Return the clients of a key pair that was read at most `CREDENTIALS_SECONDS` ago."""
        with self._lock:
            clients = self._current.get("clients")
            if clients is None:
                clients = self._clients_of(self._read())
                self._current["clients"] = clients
                self._fresh["clients"] = True
            return clients

    def forget(self) -> None:
        """Have the key pair read again, unless that was done `FRESH_SECONDS` ago or less."""
        with self._lock:
            if "clients" not in self._fresh:
                self._current.clear()

    def _clients_of(self, access_key: AccessKey) -> S3Clients:
        if self._made is None or self._made[0] != access_key:
            clients = self._make(access_key)
            for client in (clients.reads, clients.writes):
                client.meta.events.register("after-call.s3", self._forget_when_refused)
            self._made = (access_key, clients)
        return self._made[1]

    def _forget_when_refused(self, http_response: Any, **_: Any) -> None:
        """A 403 may mean that the key pair was rotated: the message's next try reads the secret."""
        if http_response.status_code == _FORBIDDEN:
            self.forget()


def read_access_key(client: Any, secret: str) -> AccessKey:
    """Read the peer's key pair, `{"access_key_id", "secret_access_key"}`, from Secrets Manager.

    Raises `AccessDenied`, `Throttled` or `Unavailable`; and `ConfigError`, which says what to do,
    when the secret is missing or holds no key pair.
    """
    try:
        text: str = client.get_secret_value(SecretId=secret).get("SecretString", "")
    except ClientError as error:
        code = error.response["Error"].get("Code", "")
        raise _SECRET_ERRORS.get(code, Unavailable)("read secret", secret, str(error)) from error
    except BotoCoreError as error:
        raise Unavailable("read secret", secret, str(error)) from error
    return _parse_access_key(text, secret)


def _parse_access_key(text: str, secret: str) -> AccessKey:
    try:
        found = json.loads(text)
        access_key = AccessKey(str(found["access_key_id"]), str(found["secret_access_key"]))
    except (ValueError, TypeError, KeyError):
        # The cause is left out on purpose: it would quote the secret.
        cause = 'it should be {"access_key_id": "...", "secret_access_key": "..."}'
        raise ConfigError("read secret", secret, cause) from None
    if access_key.access_key_id == _NOT_MIRRORED:
        cause = "copy the peer's key pair into it, from the DedicatedUserSecret of the peer's stack"
        raise ConfigError("read secret", secret, cause)
    return access_key


def _peer_clients(session: Session, config: Config) -> PeerClients:
    vault = _client(session, "secretsmanager", config)

    def make(access_key: AccessKey) -> S3Clients:
        region, endpoint_url = config.pair.peer.region, config.peer_endpoint_url
        return s3_clients(session, region, access_key=access_key, endpoint_url=endpoint_url)

    return PeerClients(lambda: read_access_key(vault, config.peer_secret), make)


def _stack(
    session: Session, config: Config, telemetry: Telemetry, peer_clients: PeerClients
) -> Stack:
    pair = config.pair
    own_clients = s3_clients(session, pair.own.region, endpoint_url=config.endpoint_url)
    return Stack(
        sides=Sides(
            pair=pair,
            own=S3ObjectStore(pair.own.bucket, lambda: own_clients),
            peer=S3ObjectStore(pair.peer.bucket, peer_clients),
        ),
        records=DynamoDBRecordStore.connect(
            config.records_table, pair.own.region, endpoint_url=config.endpoint_url
        ),
        settings=Settings(
            echo_principals=config.echo_principal_ids,
            grace_seconds=config.grace_seconds,
            # A key is free again when the messages of the worker that died are.
            lease_seconds=config.visibility_timeout_seconds,
        ),
        context=Context(
            clock=lambda: datetime.now(UTC),
            nonce=lambda: secrets.token_hex(8),
            executor=ThreadPoolExecutor(config.concurrency, thread_name_prefix="transfer"),
            report=telemetry.report,
        ),
    )


def _queue(session: Session, config: Config) -> SQSQueue:
    client = _client(session, "sqs", config)
    return SQSQueue(client, config.queue_url, config.dead_letter_queue_url)


def _client(session: Session, service: str, config: Config) -> Any:
    """Return a client for the own account; it may read for longer than a long poll takes."""
    return session.client(  # type: ignore[call-overload]  # the stubs want a literal
        service,
        region_name=config.pair.own.region,
        endpoint_url=config.endpoint_url,
        config=ClientConfig(
            connect_timeout=5,
            read_timeout=30,
            retries={"mode": "standard", "total_max_attempts": 3},
            max_pool_connections=config.pollers + config.concurrency,
        ),
    )


def _require_python_signing() -> None:
    if HAS_CRT:
        cause = "set it to true in the environment: botocore was imported before it could be set"
        raise ConfigError("start", "BOTO_DISABLE_CRT", cause)
