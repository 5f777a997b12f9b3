"""What a configuration comes to in the terms of the core: settings, sides, prefixes."""

from collections.abc import Callable

from sync_core.config import Config
from sync_core.model import Direction
from sync_core.prefix_list import PrefixList
from sync_core.stack import Settings, Sides
from sync_core.startup import read_prefix_list
from sync_core.storage.bare import without_metadata
from sync_core.storage.prefixed import below
from sync_core.storage.s3 import S3ObjectStore
from sync_core.storage.s3_clients import S3Clients


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
    )


def sides_of(config: Config, own: S3Clients, peer: Callable[[], S3Clients]) -> Sides:
    """Return both buckets as they take part; only what is written to the peer has options."""
    pair = config.pair
    at_own = S3ObjectStore(pair.own.bucket, lambda: own)
    at_peer = S3ObjectStore(pair.peer.bucket, peer, options=config.write_options)
    here, there = below(at_own, pair.own.prefix), below(at_peer, pair.peer.prefix)
    if config.include_metadata:
        return Sides(pair, here, there)
    return Sides(pair, without_metadata(here), without_metadata(there))


def prefixes_of(config: Config, own: S3Clients) -> PrefixList | None:
    """Read the list of prefixes, if there is to be one; raises what `read_prefix_list` does."""
    if config.prefix_list is None:
        return None
    whole = S3ObjectStore(config.pair.own.bucket, lambda: own)
    return read_prefix_list(whole, config.prefix_list)


def nudge_of(config: Config, nudge: Callable[[str], None]) -> Callable[[str], None] | None:
    """Return how the peer's stack is asked to look at a key; None one way, where it has none.

    `nudge` takes the key as it is in the peer's bucket.
    """
    if config.direction is Direction.TO_PEER:
        return None
    return lambda key: nudge(config.pair.peer.prefix + key)
