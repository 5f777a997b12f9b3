"""What a configuration comes to in the terms of the core: settings, sides, prefixes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sync_core.config import Config
from sync_core.model import Ability, Direction
from sync_core.prefix_list import PrefixList
from sync_core.queues.executions import Executions
from sync_core.queues.protocol import SupportsBulkSend
from sync_core.records.uploads_dynamodb import DynamoDBUploadLedger
from sync_core.stack import Settings, Sharing, Sides
from sync_core.startup import read_prefix_list
from sync_core.storage.bare import without_metadata
from sync_core.storage.dialects import named
from sync_core.storage.netstorage import NetStorageStore
from sync_core.storage.netstorage_client import NetStorageClient
from sync_core.storage.plain import PlainStore
from sync_core.storage.prefixed import below
from sync_core.storage.s3 import S3ObjectStore
from sync_core.storage.s3_clients import S3Clients
from sync_core.storage.s3_options import WriteOptions
from sync_core.storage.sync_store import SyncStore
from sync_core.storage.untagged import without_tags


def settings_of(config: Config) -> Settings:
    """Return what the core may know of it; the prefixes are read when the deployment starts."""
    return Settings(
        echo_principals=config.echo_principal_ids,
        grace_seconds=config.grace_seconds,
        # A key is free again when the messages of the worker that died are.
        lease_seconds=config.visibility_timeout_seconds,
        conflict_policy=config.conflict_policy,
        preferred_site=config.preferred_site,
        excluded=config.excluded,
        direction=config.direction,
        shared_upload_bytes=config.shared_upload_bytes,
        restore_days=config.restore_days,
        tries_server_side_copy=config.server_side_copy,
    )


@dataclass(frozen=True, slots=True)
class Identities:
    """What tells by whom uploads are begun on the two sides: see `S3Versions`."""

    own: Callable[[], frozenset[str]]
    peer: Callable[[], frozenset[str]]


@dataclass(frozen=True, slots=True)
class Clients:
    """What returns the clients for the two buckets."""

    own: Callable[[], S3Clients]
    peer: Callable[[], S3Clients]


def sides_of(config: Config, clients: Clients, identities: Identities) -> Sides:
    """Return both buckets as they take part; only what is written to the peer has options.

    What one of both stores does not have counts for neither: the other's is not compared with it.
    """
    options = replace(config.write_options, with_object_lock=config.object_lock)
    dialect = named(config.peer_store)
    peer = S3ObjectStore(config.pair.peer.bucket, clients.peer, dialect, options, identities.peer)
    return _paired(config, _own_store(config, clients.own, identities.own), peer)


def feed_of(
    config: Config,
    own: Callable[[], S3Clients],
    own_identities: Callable[[], frozenset[str]],
    peer: Callable[[], NetStorageClient],
) -> Sides:
    """Return both sides of a feed to NetStorage as they take part, as `sides_of` does."""
    bucket, makes_directories = config.pair.peer.bucket, config.peer_directories
    there = PlainStore(NetStorageStore(bucket, peer, makes_directories=makes_directories))
    return _paired(config, _own_store(config, own, own_identities), there)


def as_taken_part(
    lacks: frozenset[Ability], store: SyncStore, *, include_metadata: bool
) -> SyncStore:
    """Return a store of a pair without what is not synchronised; `lacks` is what either lacks."""
    if Ability.HAS_TAGS in lacks:
        store = without_tags(store)
    is_whole = include_metadata and Ability.KEEPS_METADATA not in lacks
    return store if is_whole else without_metadata(store)


def _own_store(
    config: Config, clients: Callable[[], S3Clients], identities: Callable[[], frozenset[str]]
) -> SyncStore:
    locking = WriteOptions(with_object_lock=config.object_lock)
    bucket = config.pair.own.bucket
    return S3ObjectStore(bucket, clients, named(config.store), locking, identities)


def _paired(config: Config, own: SyncStore, peer: SyncStore) -> Sides:
    pair = config.pair
    wrap = partial(as_taken_part, own.lacks | peer.lacks, include_metadata=config.include_metadata)
    return Sides(pair, wrap(below(own, pair.own.prefix)), wrap(below(peer, pair.peer.prefix)))


def prefixes_of(config: Config, own: Callable[[], S3Clients]) -> PrefixList | None:
    """Read the list of prefixes, if there is to be one; raises what `read_prefix_list` does."""
    if config.prefix_list is None:
        return None
    whole = S3ObjectStore(config.pair.own.bucket, own, named(config.store))
    return read_prefix_list(whole, config.prefix_list)


def executors_of(config: Config) -> dict[str, ThreadPoolExecutor]:
    """Return the threads that work on keys, and those that send parts for them."""
    return {
        "executor": ThreadPoolExecutor(config.concurrency, thread_name_prefix="transfer"),
        "part_executor": ThreadPoolExecutor(config.part_concurrency, thread_name_prefix="part"),
    }


def sharing_of(config: Config, queue: SupportsBulkSend, states: Any) -> Sharing | None:
    """Return what it takes to share uploads; None without a table to count their parts in.

    `states` is a client of Step Functions.
    """
    if config.parts_table is None:
        return None
    ledger = DynamoDBUploadLedger.connect(
        config.parts_table, config.account_region, endpoint_url=config.endpoint_url
    )
    if config.upload_state_machine is None:
        return Sharing(ledger, queue)
    executions = Executions(states, config.upload_state_machine)
    return Sharing(
        ledger,
        queue,
        lambda key, upload_id: executions.start(upload_id, {"key": key, "upload_id": upload_id}),
    )


def nudge_of(config: Config, nudge: Callable[[str], None]) -> Callable[[str], None] | None:
    """Return how the peer's stack is asked to look at a key; None one way, where it has none.

    `nudge` takes the key as it is in the peer's bucket.
    """
    if config.direction is Direction.TO_PEER:
        return None
    return lambda key: nudge(config.pair.peer.prefix + key)
