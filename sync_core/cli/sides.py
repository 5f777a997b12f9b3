"""Opens the two buckets that `dualway verify` and `dualway demo` compare, for reading only."""

from pathlib import Path

from sync_core.bootstrap import open_bucket, open_sides
from sync_core.config import Config
from sync_core.local.ready_file import ReadyCloud, read_ready_file
from sync_core.model import Side, Site
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

    What is not synchronised is not seen: headers and user metadata where the deployment copies
    none, and whatever one of both stores does not have.
    """
    sides = open_sides(config)
    return {sides.site_name(side): sides.store(side) for side in Side}
