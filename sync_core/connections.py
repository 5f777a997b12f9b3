"""The connections of one deployment: to its own account, to its bucket, and to the peer's."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import botocore.session
from boto3.session import Session
from botocore.config import Config as ClientConfig

from sync_core.config import Config
from sync_core.errors import ConfigError
from sync_core.queues.sqs import SQSQueue
from sync_core.queues.urls import region_of
from sync_core.remote import (
    Access,
    Connection,
    Remote,
    Renewed,
    identity_of,
    queue_endpoint,
    read_access,
    read_secret,
)
from sync_core.storage.dialects import AWS, Dialect, named
from sync_core.storage.netstorage_access import NetStorageAccess, parse_access
from sync_core.storage.netstorage_auth import Signer
from sync_core.storage.netstorage_client import NetStorageClient
from sync_core.storage.netstorage_wire import Endpoint, Wire
from sync_core.storage.s3_clients import S3Clients, s3_clients


@dataclass(frozen=True, slots=True)
class Address:
    """Where a store is and how it speaks; `endpoint_url` None: AWS's own of the region."""

    region: str
    endpoint_url: str | None = None
    dialect: Dialect = AWS


def own_address(config: Config) -> Address:
    """Return where the own bucket is; raises `ConfigError` where its endpoint is to be given."""
    region = config.pair.own.region
    if config.store == AWS.name:
        return Address(region, config.store_endpoint_url or config.endpoint_url)
    dialect = named(config.store)
    return Address(region, config.store_endpoint_url or dialect.endpoint_of(region), dialect)


def peer_address(config: Config) -> Address:
    """Return where the peer's bucket is; raises `ConfigError` where its endpoint is to be given."""
    region, dialect = config.pair.peer.region, named(config.peer_store)
    return Address(region, config.peer_endpoint_url or dialect.endpoint_of(region), dialect)


def aws_session() -> Session:
    """Return a session whose endpoints are those of the configuration only.

    botocore would take AWS_ENDPOINT_URL, which is the own account's, for the peer's as well.
    """
    session = botocore.session.Session()
    session.set_config_variable("ignore_configured_endpoint_urls", value=True)
    return Session(botocore_session=session)


def peer_of(session: Session, config: Config) -> Remote:
    """Return the way to the peer's bucket and queue; nothing is sent before it is used."""

    def connect(access: Access) -> Connection:
        s3 = _bucket_clients(session, config, peer_address(config), access)
        identity = _identity(session, config, access)
        return Connection(s3, _hints(session, config, access), identity)

    return _remote(session, config, config.peer_secret, connect)


def netstorage_of(
    session: Session, config: Config, timer: Callable[[], float] = time.monotonic
) -> Renewed[NetStorageAccess, NetStorageClient]:
    """Return the way to the peer's CP code; nothing is sent before it is used."""
    vault, secret = own_client(session, "secretsmanager", config), config.peer_secret

    def read() -> NetStorageAccess:
        access = parse_access(read_secret(vault, secret), secret)
        if access.cpcode != config.pair.peer.bucket:
            cause = f"its cpcode is {access.cpcode}, DUALWAY_PEER_BUCKET {config.pair.peer.bucket}"
            raise ConfigError("read secret", secret, f"{cause}: give both the same")
        return access

    def connect(access: NetStorageAccess) -> NetStorageClient:
        signer = Signer(access.username, access.key)
        endpoint = netstorage_endpoint(config.peer_endpoint_url, access)
        return NetStorageClient(Wire(endpoint), signer, renewed.forget)

    renewed = Renewed(read, connect, timer)
    return renewed


def netstorage_endpoint(url: str | None, access: NetStorageAccess) -> Endpoint:
    """Return where a CP code is: by HTTPS, unless a URL names its endpoint.

    Raises `ConfigError` where that is none.
    """
    return Endpoint(access.hostname) if url is None else Endpoint.of(url)


def own_clients_of(session: Session, config: Config) -> Callable[[], S3Clients]:
    """Return the clients for the own bucket: those of the process, or of its store's secret."""
    address = own_address(config)
    if config.store_secret is None:
        clients = _bucket_clients(session, config, address, None)
        return lambda: clients

    def connect(access: Access) -> Connection:
        return Connection(_bucket_clients(session, config, address, access))

    return _remote(session, config, config.store_secret, connect).s3


def own_identities_of(session: Session, config: Config) -> Callable[[], frozenset[str]]:
    """Return what tells who writes to the own bucket for this stack; nobody outside of AWS.

    That is the process, of which STS is asked, and the worker, whose role may be another's.
    """
    if config.store != AWS.name:
        return frozenset
    client = own_client(session, "sts", config)
    roles = () if config.worker_role is None else (config.worker_role,)
    return cache(lambda: frozenset((identity_of(client), *roles)))


def queue_of(session: Session, config: Config) -> SQSQueue:
    """Return the own queue."""
    client = own_client(session, "sqs", config)
    return SQSQueue(client, config.queue_url, config.dead_letter_queue_url)


def own_client(session: Session, service: str, config: Config) -> Any:
    """Return a client for the own account; it may read for longer than a long poll takes."""
    return _account_client(session, service, config, config.account_region)


def _account_client(session: Session, service: str, config: Config, region: str) -> Any:
    return session.client(  # type: ignore[call-overload]  # the stubs want a literal
        service,
        region_name=region,
        endpoint_url=config.endpoint_url,
        config=ClientConfig(
            connect_timeout=5,
            read_timeout=30,
            retries={"mode": "standard", "total_max_attempts": 3},
            max_pool_connections=_connections(config),
        ),
    )


def _remote(
    session: Session, config: Config, secret: str, connect: Callable[[Access], Connection]
) -> Remote:
    vault = own_client(session, "secretsmanager", config)
    return Remote(lambda: read_access(vault, secret), connect)


def _bucket_clients(
    session: Session, config: Config, address: Address, access: Access | None
) -> S3Clients:
    return s3_clients(
        session,
        address.region,
        access_key=access.access_key if access is not None else None,
        endpoint_url=address.endpoint_url,
        dialect=address.dialect,
        max_connections=_connections(config),
        requester_pays=config.requester_pays,
    )


def _hints(session: Session, config: Config, access: Access) -> SQSQueue | None:
    """Return the peer's queue, which is in AWS even where its bucket is not.

    Then both stacks are in one account, and its key pair is of no use in AWS.
    """
    if access.queue_url is None:
        return None
    region = region_of(access.queue_url)
    if config.peer_store != AWS.name:
        own = _account_client(session, "sqs", config, region or config.account_region)
        return SQSQueue(own, access.queue_url)
    client = session.client(
        "sqs",
        region_name=region or config.pair.peer.region,
        endpoint_url=queue_endpoint(config.peer_endpoint_url, access.queue_url),
        aws_access_key_id=access.access_key.access_key_id,
        aws_secret_access_key=access.access_key.secret_access_key,
    )
    return SQSQueue(client, access.queue_url)


def _identity(session: Session, config: Config, access: Access) -> Callable[[], str] | None:
    """Return what asks for the ARN of the peer's key pair; None where only objects are served."""
    endpoint_url = peer_address(config).endpoint_url
    is_whole_cloud = queue_endpoint(endpoint_url, access.queue_url or "") is not None
    if config.peer_store != AWS.name or (endpoint_url is not None and not is_whole_cloud):
        return None
    client = session.client(
        "sts",
        region_name=config.pair.peer.region,
        endpoint_url=endpoint_url,
        aws_access_key_id=access.access_key.access_key_id,
        aws_secret_access_key=access.access_key.secret_access_key,
    )
    return cache(lambda: identity_of(client))


def _connections(config: Config) -> int:
    """Each transfer has one at a time, each part and each poller too, and the finder."""
    return config.pollers + config.concurrency + config.part_concurrency + 1
