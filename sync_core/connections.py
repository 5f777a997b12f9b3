"""The connections of one deployment: to its own account, and to the peer's."""

from collections.abc import Callable
from functools import cache
from typing import Any

import botocore.session
from boto3.session import Session
from botocore.config import Config as ClientConfig

from sync_core.config import Config
from sync_core.peer import (
    Peer,
    PeerAccess,
    PeerConnection,
    identity_of,
    queue_endpoint,
    read_access,
)
from sync_core.queues.sqs import SQSQueue
from sync_core.storage.s3_clients import S3Clients, s3_clients


def aws_session() -> Session:
    """Return a session whose endpoints are those of the configuration only.

    botocore would take AWS_ENDPOINT_URL, which is the own account's, for the peer's as well.
    """
    session = botocore.session.Session()
    session.set_config_variable("ignore_configured_endpoint_urls", value=True)
    return Session(botocore_session=session)


def peer_of(session: Session, config: Config) -> Peer:
    """Return the way into the peer's account; nothing is sent before it is used."""
    vault = own_client(session, "secretsmanager", config)

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
        identity = _identity(session, config, access)
        return PeerConnection(s3, _hints(session, config, access), identity)

    return Peer(lambda: read_access(vault, config.peer_secret), connect)


def own_clients_of(session: Session, config: Config) -> S3Clients:
    """Return the clients for the own bucket."""
    return s3_clients(
        session,
        config.pair.own.region,
        endpoint_url=config.endpoint_url,
        max_connections=_connections(config),
        requester_pays=config.requester_pays,
    )


def queue_of(session: Session, config: Config) -> SQSQueue:
    """Return the own queue."""
    client = own_client(session, "sqs", config)
    return SQSQueue(client, config.queue_url, config.dead_letter_queue_url)


def own_client(session: Session, service: str, config: Config) -> Any:
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


def _identity(session: Session, config: Config, access: PeerAccess) -> Callable[[], str] | None:
    """Return what asks for the ARN of the peer's key pair; None where only objects are served."""
    endpoint_url = config.peer_endpoint_url
    is_whole_cloud = queue_endpoint(endpoint_url, access.queue_url or "") is not None
    if endpoint_url is not None and not is_whole_cloud:
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
