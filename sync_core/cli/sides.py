"""Opens the two buckets that `dualway verify` and `dualway demo` compare, for reading only."""

from pathlib import Path

from sync_core.bootstrap import open_bucket
from sync_core.config import Config
from sync_core.connections import aws_session
from sync_core.local.ready_file import ReadyCloud, read_ready_file
from sync_core.model import Site
from sync_core.peer import read_access
from sync_core.storage.bare import without_metadata
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
            cloud.endpoint_url,
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
        "secretsmanager", region_name=own.region, endpoint_url=config.endpoint_url
    )
    access_key = read_access(vault, config.peer_secret).access_key
    pays = config.requester_pays
    stores = {
        own.name: open_bucket(own, config.endpoint_url, None, requester_pays=pays),
        peer.name: open_bucket(peer, config.peer_endpoint_url, access_key, requester_pays=pays),
    }
    if config.include_metadata:
        return stores
    return {name: without_metadata(store) for name, store in stores.items()}
