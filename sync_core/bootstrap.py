"""The one place where adapters meet the core: from a configuration to a running worker."""

# First of all, because it has to come before botocore.
import sync_core.signing  # noqa: F401 - for what it tells botocore

# isort: split

import os
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from threading import Event

from boto3.session import Session
from botocore.compat import HAS_CRT

from sync_core.assembly import (
    Clients,
    Identities,
    executors_of,
    feed_of,
    nudge_of,
    prefixes_of,
    settings_of,
    sharing_of,
    sides_of,
)
from sync_core.config import Config
from sync_core.connections import (
    aws_session,
    netstorage_of,
    own_client,
    own_clients_of,
    own_identities_of,
    peer_of,
    queue_of,
)
from sync_core.errors import ConfigError
from sync_core.finder import Ended, FinderReport
from sync_core.guard import GuardRules
from sync_core.model import Site
from sync_core.orphans import end_orphans
from sync_core.queues.protocol import Queue
from sync_core.queues.sqs import SQSQueue
from sync_core.records.dynamodb import DynamoDBRecordStore
from sync_core.records.protocol import Table
from sync_core.records.uploads_protocol import UploadLedger
from sync_core.schedule import Schedule
from sync_core.settle import BatchPipeline
from sync_core.shared_round import SharedRound
from sync_core.stack import Context, Sides, Stack
from sync_core.startup import Startup
from sync_core.storage.netstorage_access import NETSTORAGE
from sync_core.storage.prefixed import below
from sync_core.storage.s3 import S3ObjectStore
from sync_core.storage.s3_clients import AccessKey, S3Clients, s3_clients
from sync_core.storage.sync_store import SyncStore
from sync_core.telemetry import Telemetry, new_logger
from sync_core.watch import Watch, watch_over
from sync_core.worker import Worker, WorkerSettings, run_until_signal


@dataclass(frozen=True, slots=True)
class Deployment:
    """The connected parts of one deployment."""

    config: Config
    queue: Queue
    pipeline: BatchPipeline
    telemetry: Telemetry


@dataclass(frozen=True, slots=True)
class Connected:
    """The parts of one deployment, for whoever needs more of it than its pipeline."""

    config: Config
    queue: SQSQueue
    startup: Startup
    telemetry: Telemetry
    stack: Stack
    uploads: UploadLedger | None

    @property
    def records(self) -> Table:
        """The stack's table."""
        return self.stack.records

    def find(self, is_ending: Callable[[], bool] = lambda: False) -> FinderReport:
        """Run a finder round, or the rest of one that was interrupted."""
        report = self.startup.find(self.queue, is_ending)
        if report.ended is Ended.COMPLETE:
            self.abort_orphans()
        return report

    def abort_orphans(self) -> None:
        """Abort uploads of our own, on both sides, that nobody goes on with."""
        end_orphans(self.startup.running().stack, self.config.orphan_days)

    def watch(self) -> Watch:
        """Return what looks at shared uploads; raises `ConfigError` without a table of parts."""
        # Nothing is tried for it: who only looks may not be allowed to.
        return watch_over(self.stack, self.config.pair.own.prefix)

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
        )


def connect(config: Config, telemetry: Telemetry) -> Connected:
    """Connect the parts; sends nothing, so that an outage cannot keep a process from starting."""
    _require_python_signing()
    session = aws_session()
    own_clients = own_clients_of(session, config)
    queue = queue_of(session, config)
    sides, nudge = _sides_and_nudge(session, config, own_clients)
    stack = _stack(config, telemetry, sides, nudge)
    sharing = sharing_of(config, queue, own_client(session, "stepfunctions", config))
    stack = replace(stack, sharing=sharing)
    rules = GuardRules(config.delete_limits, config.epoch)
    startup = Startup(stack, rules, telemetry, lambda: prefixes_of(config, own_clients))
    ledger = sharing.ledger if sharing is not None else None
    return Connected(config, queue, startup, telemetry, stack, ledger)


def _sides_and_nudge(
    session: Session, config: Config, own_clients: Callable[[], S3Clients]
) -> tuple[Sides, Callable[[str], None] | None]:
    """Return both sides, and how the peer's stack is asked to look at a key, if it has one."""
    own_identities = own_identities_of(session, config)
    if config.peer_store == NETSTORAGE:
        netstorage = netstorage_of(session, config)
        return feed_of(config, own_clients, own_identities, netstorage.connection), None
    peer = peer_of(session, config)
    identities = Identities(own_identities, peer.identities)
    sides = sides_of(config, Clients(own_clients, peer.s3), identities)
    return sides, nudge_of(config, peer.nudge)


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


def open_bucket(site: Site, endpoint_url: str, access_key: AccessKey) -> SyncStore:
    """Open one site's bucket in S3, as it is at `endpoint_url`, with a key pair."""
    clients = s3_clients(
        aws_session(), site.region, access_key=access_key, endpoint_url=endpoint_url
    )
    return below(S3ObjectStore(site.bucket, lambda: clients), site.prefix)


def open_sides(config: Config) -> Sides:
    """Return both sides as the deployment's worker reaches them; sends nothing."""
    session = aws_session()
    sides, _ = _sides_and_nudge(session, config, own_clients_of(session, config))
    return sides


def _stack(
    config: Config, telemetry: Telemetry, sides: Sides, nudge: Callable[[str], None] | None
) -> Stack:
    return Stack(
        sides=sides,
        records=DynamoDBRecordStore.connect(
            config.records_table, config.account_region, endpoint_url=config.endpoint_url
        ),
        settings=settings_of(config),
        context=Context(
            clock=lambda: datetime.now(UTC),
            nonce=lambda: secrets.token_hex(8),
            **executors_of(config),
            report=telemetry.report,
            nudge=nudge,
        ),
    )


def _require_python_signing() -> None:
    if HAS_CRT:
        cause = "set it to true in the environment: botocore was imported before it could be set"
        raise ConfigError("start", "BOTO_DISABLE_CRT", cause)
