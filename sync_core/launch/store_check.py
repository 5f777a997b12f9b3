"""A live store that is not AWS: opened with a key pair, and tried against what its kind promises.

`dualway check-provider` and the preflight of a launch try the same.
"""

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from sync_core.connections import aws_session, netstorage_endpoint
from sync_core.feed_check import Feed, check_feed
from sync_core.launch.store_rules import NO_REGION
from sync_core.model import Ability
from sync_core.provider_check import Finding, Verdict, check
from sync_core.storage.dialects import Dialect, named
from sync_core.storage.netstorage import NetStorageStore
from sync_core.storage.netstorage_access import NetStorageAccess
from sync_core.storage.netstorage_auth import Signer
from sync_core.storage.netstorage_client import NetStorageClient
from sync_core.storage.netstorage_wire import Wire
from sync_core.storage.plain import PlainStore
from sync_core.storage.prefixed import below
from sync_core.storage.s3 import S3ObjectStore
from sync_core.storage.s3_clients import AccessKey, s3_clients
from sync_core.storage.sync_store import SyncStore

_PAGE_KEYS = 3
"""Few enough that a listing of the odd keys has several pages."""


@dataclass(frozen=True, slots=True)
class Row:
    """One ability: what the dialect says, what was found."""

    says: bool | None
    finding: Finding[Any]

    @property
    def verdict(self) -> Verdict:
        """What follows of the two."""
        return self.finding.verdict(self.says)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a store has a bucket, or a CP code; `endpoint_url` None: where its kind is reached."""

    store: str
    bucket: str
    region: str | None = None
    endpoint_url: str | None = None
    prefix: str = ""


Access = AccessKey | NetStorageAccess | None
"""What a store is reached with; None: the key pair of the environment."""


def rows_of(place: Place, access: Access) -> list[Row]:
    """Try all that dualway may ask of a store; a few objects below `.dualway/` come and go.

    Raises ConfigError where the store is not known or its endpoint is to be given, and what the
    store raises when plain reading and writing fails.
    """
    if isinstance(access, NetStorageAccess):
        return _netstorage_rows(place, access)
    dialect = named(place.store)
    spoken = (dialect, daring_form(dialect))
    store, trying = (_s3_store(place, access, each) for each in spoken)
    found = check(store, trying, secrets.token_hex(4))
    return [Row(dialect.says(finding.ability), finding) for finding in found]


def daring_form(dialect: Dialect) -> Dialect:
    """Return the dialect in which conditions are sent that its stores are said not to know.

    It shows no versions where none can be listed: they could not be taken away again.
    """
    return replace(dialect, lacks=dialect.lacks & {Ability.IS_VERSIONED})


@contextmanager
def opened(place: Place, access: Access) -> Iterator[SyncStore]:
    """Yield the store; raises as `rows_of`."""
    if isinstance(access, NetStorageAccess):
        with _netstorage_client(place, access) as client:
            yield below(PlainStore(NetStorageStore(place.bucket, lambda: client)), place.prefix)
    else:
        yield _s3_store(place, access, named(place.store))


def _netstorage_rows(place: Place, access: NetStorageAccess) -> list[Row]:
    with _netstorage_client(place, access) as client:
        there = NetStorageStore(place.bucket, lambda: client, _PAGE_KEYS)
        store = below(PlainStore(there), place.prefix)
        feed = Feed(
            store,
            put_damaged=lambda key: there.put_damaged(store.place(key).key),
            clock_ahead=lambda: client.ahead,
        )
        found = check_feed(feed, secrets.token_hex(4))
        return [Row(feed.says(finding.ability), finding) for finding in found]


@contextmanager
def _netstorage_client(place: Place, access: NetStorageAccess) -> Iterator[NetStorageClient]:
    with closing(Wire(netstorage_endpoint(place.endpoint_url, access))) as wire:
        yield NetStorageClient(wire, Signer(access.username, access.key))


def _s3_store(place: Place, access_key: AccessKey | None, dialect: Dialect) -> SyncStore:
    region = place.region or NO_REGION
    url = place.endpoint_url or dialect.endpoint_of(region)
    speaking = replace(dialect, page_keys=_PAGE_KEYS)
    clients = s3_clients(
        aws_session(), region, access_key=access_key, endpoint_url=url, dialect=speaking
    )
    return below(S3ObjectStore(place.bucket, lambda: clients, speaking), place.prefix)
