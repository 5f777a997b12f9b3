"""What the table of a side in another store has to say for that store to be reached.

The template refuses most of it too, but only once the launch has begun, and in its own words.
"""

import re
from collections.abc import Mapping

from sync_core.launch.setting_values import unknown, wrong
from sync_core.storage.dialects import AWS, DIALECTS, named
from sync_core.storage.netstorage_access import NETSTORAGE
from sync_core.storage.netstorage_keys import why_not

NO_REGION = "us-east-1"
"""What requests to a store without regions are signed for, in the template too."""

_ENDPOINT = re.compile(r"https?://[^\s/]+/?")
_REGION = re.compile(r"[a-z0-9-]{1,32}")
"""Both as the template has them (StoreEndpoint, StoreRegion)."""


def refuse_unreachable(where: str, texts: Mapping[str, str]) -> None:
    """Raise ConfigError where a table named `where` has no store that can be reached.

    `texts` are what the table says, by name.
    """
    store = texts.get("store", AWS.name)
    stores = (*DIALECTS, NETSTORAGE)
    if store not in stores:
        raise wrong(f"{where} store", f"{store} {unknown(store, stores)}")
    if store == AWS.name:
        return
    endpoint_url = texts.get("endpoint_url")
    if endpoint_url and not _ENDPOINT.fullmatch(endpoint_url):
        cause = f"is {endpoint_url}: give https://HOST or http://HOST:PORT, without a path"
        raise wrong(f"{where} endpoint_url", cause)
    region = texts.get("region")
    if region and not _REGION.fullmatch(region):
        raise wrong(f"{where} region", f"is {region}: give a word such as cn-hangzhou")
    if store == NETSTORAGE:
        _refuse_no_directory(where, texts["bucket"], texts.get("prefix", ""))
    else:
        _refuse_nowhere(where, store, region, endpoint_url)


def _refuse_no_directory(where: str, cpcode: str, prefix: str) -> None:
    """Refuse what the workers would refuse when they start."""
    if not (cpcode.isascii() and cpcode.isdigit()):
        raise wrong(f"{where} bucket", f"is {cpcode}: give the number of the CP code")
    if prefix and (not prefix.endswith("/") or why_not(cpcode, f"{prefix}x")):
        cause = f"is {prefix}: give a directory below the CP code, such as media/"
        raise wrong(f"{where} prefix", cause)


def _refuse_nowhere(where: str, store: str, region: str | None, endpoint_url: str | None) -> None:
    template = named(store).endpoint_template
    if template is None and not endpoint_url:
        raise wrong(f"{where} endpoint_url", f"is missing: give the URL of {store}")
    if not region and ("{region}" in (template or "") or not endpoint_url):
        cause = f"is missing: give the bucket's as {store} names it (cfn/README.md has examples)"
        raise wrong(f"{where} region", cause)
