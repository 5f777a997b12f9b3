"""Opens the two buckets that `dualway verify` and `dualway demo` compare, for reading only."""

from pathlib import Path

from sync_core.assembly import as_taken_part
from sync_core.bootstrap import open_bucket, open_cp_code
from sync_core.config import Config
from sync_core.connections import Address, aws_session, own_address, peer_address
from sync_core.local.ready_file import ReadyCloud, read_ready_file
from sync_core.model import Site
from sync_core.remote import read_access
from sync_core.storage.netstorage_access import NETSTORAGE
from sync_core.storage.s3_clients import AccessKey
from sync_core.storage.sync_store import SyncStore


def sides_of_ready_file(path: Path) -> dict[str, SyncStore]:
    """Return the buckets of a running `dualway local` by site, opened as their users."""
    return sides_of_cloud(read_ready_file(path))


def sides_of_cloud(cloud: ReadyCloud) -> dict[str, SyncStore]:
    """Return the buckets of a local cloud by site, opened as their users."""
    return {
        name: open_bucket(
            Site(name, site.bucket, site.region),
            Address(site.region, cloud.endpoint_url),
            AccessKey(site.user_access_key_id, site.user_secret_access_key),
        )
        for name, site in cloud.sites.items()
    }


def sides_of_deployment(config: Config) -> dict[str, SyncStore]:
    """Return the buckets of a deployment by site, opened as its worker opens them.

    Without headers and user metadata where the deployment copies none. Raises what reading the
    peer's key pair raises.
    """
    own, peer = config.pair.own, config.pair.peer
    vault = aws_session().client(
        "secretsmanager", region_name=config.account_region, endpoint_url=config.endpoint_url
    )

    def opened(site: Site, address: Address, secret: str | None) -> SyncStore:
        key = read_access(vault, secret).access_key if secret is not None else None
        return open_bucket(site, address, key, requester_pays=config.requester_pays)

    here = opened(own, own_address(config), config.store_secret)
    if config.peer_store == NETSTORAGE:
        there = open_cp_code(config)
    else:
        there = opened(peer, peer_address(config), config.peer_secret)
    lacks = here.lacks | there.lacks
    return {
        site.name: as_taken_part(lacks, store, include_metadata=config.include_metadata)
        for site, store in ((own, here), (peer, there))
    }
