"""The one place where adapters meet the core: from a configuration to a running worker.

Import this module before anything that imports botocore: where `awscrt` can be imported, botocore
would sign with it, and it refuses the streamed bodies that every transfer has.
"""

import os

os.environ["BOTO_DISABLE_CRT"] = "true"

import secrets
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event
from typing import Any

import botocore.session
from boto3.session import Session
from botocore.compat import HAS_CRT
from botocore.config import Config as ClientConfig

from sync_core.assembly import nudge_of, prefixes_of, settings_of, sides_of
from sync_core.config import Config
from sync_core.errors import ConfigError
from sync_core.finder import FinderReport
from sync_core.guard import GuardRules
from sync_core.model import Site
from sync_core.peer import Peer, PeerAccess, PeerConnection, queue_endpoint, read_access
from sync_core.queues.protocol import Queue
from sync_core.queues.sqs import SQSQueue
from sync_core.records.dynamodb import DynamoDBRecordStore
from sync_core.records.protocol import Table
from sync_core.schedule import Schedule
from sync_core.settle import BatchPipeline
from sync_core.shared_round import SharedRound
from sync_core.stack import Context, Stack
from sync_core.startup import Startup
from sync_core.storage.prefixed import below
from sync_core.storage.protocol import SyncStore
from sync_core.storage.s3 import S3ObjectStore
from sync_core.storage.s3_clients import AccessKey, S3Clients, s3_clients
from sync_core.telemetry import Telemetry, new_logger
from sync_core.worker import Worker, WorkerSettings, run_until_signal


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


@dataclass(frozen=True, slots=True)
class Connected:
    """The parts of one deployment, for whoever needs more of it than its pipeline."""

    config: Config
    queue: SQSQueue
    startup: Startup
    telemetry: Telemetry
    peer: Peer
    records: Table

    def find(self, is_ending: Callable[[], bool] = lambda: False) -> FinderReport:
        """Run a finder round, or the rest of one that was interrupted."""
        return self.startup.find(self.queue, is_ending)

    def shared_round(self) -> SharedRound:
        """Return the calls of a finder round that several processes run together."""
        return self.startup.running().shared_round(self.queue)

    def deployment(self) -> Deployment:
        """Return what consumes the queue."""
        return Deployment(
            config=self.config,
            queue=self.queue,
            pipeline=self.startup,
            telemetry=self.telemetry,
            forget_credentials=self.peer.forget,
        )


def connect(config: Config, telemetry: Telemetry) -> Connected:
    """Connect the parts; sends nothing, so that an outage cannot keep a process from starting."""
    _require_python_signing()
    session = aws_session()
    peer = _peer(session, config)
    own_clients = _own_clients(session, config)
    stack = _stack(config, telemetry, own_clients, peer)
    rules = GuardRules(config.delete_limits, config.epoch)
    startup = Startup(stack, rules, telemetry, lambda: prefixes_of(config, own_clients))
    queue = _queue(session, config)
    return Connected(config, queue, startup, telemetry, peer, stack.records)


def build(config: Config, telemetry: Telemetry) -> Deployment:
    """Return what consumes the queue; sends nothing."""
    return connect(config, telemetry).deployment()


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
    started = {"action": "worker_started", "site": own.name, "process_id": os.getpid()}
    logger.info("Started the worker", extra=started)
    connected = connect(config, telemetry)
    worker = build_worker(connected.deployment())
    unfinished = run_until_signal(worker, alongside=_schedules(connected))
    logger.info(
        "Stopped the worker",
        extra={"action": "worker_stopped", "site": own.name, "messages_given_back": unfinished},
    )
    if unfinished:
        # The interpreter would wait for the transfers' threads, for as long as they hang.
        sys.stdout.flush()
        os._exit(0)


def _schedules(connected: Connected) -> list[Callable[[Event], None]]:
    every_seconds, telemetry = connected.config.finder_seconds, connected.telemetry
    if not every_seconds:
        return []
    schedule = Schedule(
        connected.find, every_seconds, telemetry.report_round, telemetry, time.monotonic
    )
    return [schedule.run]


def aws_session() -> Session:
    """Return a session whose endpoints are those of the configuration only.

    botocore would take AWS_ENDPOINT_URL, which is the own account's, for the peer's as well.
    """
    session = botocore.session.Session()
    session.set_config_variable("ignore_configured_endpoint_urls", value=True)
    return Session(botocore_session=session)


def open_bucket(
    site: Site,
    endpoint_url: str | None,
    access_key: AccessKey | None,
    *,
    requester_pays: bool = False,
) -> SyncStore:
    """Open one site's bucket with a key pair (None: with the credentials of the process)."""
    clients = s3_clients(
        aws_session(),
        site.region,
        access_key=access_key,
        endpoint_url=endpoint_url,
        requester_pays=requester_pays,
    )
    return below(S3ObjectStore(site.bucket, lambda: clients), site.prefix)


def _peer(session: Session, config: Config) -> Peer:
    vault = _client(session, "secretsmanager", config)

    def connect(access: PeerAccess) -> PeerConnection:
        region, endpoint_url = config.pair.peer.region, config.peer_endpoint_url
        s3 = s3_clients(
            session,
            region,
            access_key=access.access_key,
            endpoint_url=endpoint_url,
            max_connections=_connections(config),
            requester_pays=config.requester_pays,
        )
        return PeerConnection(s3, _hints(session, config, access))

    return Peer(lambda: read_access(vault, config.peer_secret), connect)


def _hints(session: Session, config: Config, access: PeerAccess) -> SQSQueue | None:
    if access.queue_url is None:
        return None
    client = session.client(
        "sqs",
        region_name=config.pair.peer.region,
        endpoint_url=queue_endpoint(config.peer_endpoint_url, access.queue_url),
        aws_access_key_id=access.access_key.access_key_id,
        aws_secret_access_key=access.access_key.secret_access_key,
    )
    return SQSQueue(client, access.queue_url)


def _own_clients(session: Session, config: Config) -> S3Clients:
    return s3_clients(
        session,
        config.pair.own.region,
        endpoint_url=config.endpoint_url,
        max_connections=_connections(config),
        requester_pays=config.requester_pays,
    )


def _stack(config: Config, telemetry: Telemetry, own_clients: S3Clients, peer: Peer) -> Stack:
    return Stack(
        sides=sides_of(config, own_clients, peer.s3),
        records=DynamoDBRecordStore.connect(
            config.records_table, config.pair.own.region, endpoint_url=config.endpoint_url
        ),
        settings=settings_of(config),
        context=Context(
            clock=lambda: datetime.now(UTC),
            nonce=lambda: secrets.token_hex(8),
            executor=ThreadPoolExecutor(config.concurrency, thread_name_prefix="transfer"),
            report=telemetry.report,
            nudge=nudge_of(config, peer.nudge),
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
            max_pool_connections=_connections(config),
        ),
    )


def _connections(config: Config) -> int:
    """Each transfer has one at a time, each poller too, and the finder."""
    return config.pollers + config.concurrency + 1


def _require_python_signing() -> None:
    if HAS_CRT:
        cause = "set it to true in the environment: botocore was imported before it could be set"
        raise ConfigError("start", "BOTO_DISABLE_CRT", cause)
