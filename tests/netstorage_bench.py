"""Akamai NetStorage as one more store of the contract: the local server, and bytes under keys."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NoReturn

from sync_core.local.netstorage.server import NetStorageServer
from sync_core.local.netstorage.tree import File
from sync_core.storage.netstorage import NetStorageStore
from sync_core.storage.netstorage_auth import Signer
from sync_core.storage.netstorage_client import NetStorageClient
from sync_core.storage.netstorage_keys import why_not
from sync_core.storage.netstorage_wire import Wire
from sync_core.storage.plain import PlainStore
from tests.netstorage_client import ACCOUNT, OTHER
from tests.object_benches import Bench, Raw

CONTRACTS = frozenset({"TestReading", "TestPut", "TestDelete", "TestKeys", "TestServerSideCopy"})
"""The parts of the contract that are about more than what such a store lacks."""

DEVIATIONS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                "test_everything_that_belongs_to_an_object_is_stored",
                "test_everything_comes_back_as_it_was_written",
                "test_an_expires_header_survives_as_text",
                "test_an_open_object_shows_how_many_tags_it_has[2]",
                "test_metadata_names_are_lower_case",
                "test_too_much_metadata_is_blocked",
                "test_a_copy_is_the_source_without_the_marker",
                "test_the_crc64nvme_of_the_whole_content_is_shown",
            ),
            "keeps bytes, an MD5 and a time",
        ),
        "test_an_absent_bucket_is_never_read_as_absence": "denies CP codes that are not one's own",
        "test_keys_that_look_alike_are_different_objects": "has no names with empty parts or dots",
    }
)
"""What it does not do of those, by the test's name or that of one of its cases, and why."""


def deviation_of(test: str, case: str, params: Mapping[str, object]) -> str | None:
    """Return why a test cannot be passed; `case` is its name with its parameters."""
    key = params.get("key")
    if isinstance(key, str):
        return why_not(ACCOUNT.cpcode, key)
    return DEVIATIONS.get(test) or DEVIATIONS.get(case.replace("[netstorage-", "["))


def netstorage_bench(server: NetStorageServer, wire: Wire) -> Bench:
    """Give the store of a CP code, which should be empty, as a deployment opens it."""
    client = NetStorageClient(wire, Signer(ACCOUNT.username, ACCOUNT.key))

    def store(cpcode: str, page_entries: int = 1000) -> PlainStore:
        return PlainStore(NetStorageStore(cpcode, lambda: client, page_entries))

    def raw(key: str) -> Raw | None:
        leaf = server.tree.leaf(f"{ACCOUNT.cpcode}/{key}".encode())
        if not isinstance(leaf, File):
            return None
        with leaf.body.open() as content:
            return Raw(content.read(), {}, {}, {})

    return Bench(
        store=store(ACCOUNT.cpcode),
        raw=raw,
        missing=store("404"),
        cramped=store(ACCOUNT.cpcode, page_entries=2),
        neighbour=store(OTHER.cpcode),
        version=_lack,
        stranger=_lack,
        archive=_lack,
        restored=_lack,
    )


def _lack(_: object) -> NoReturn:
    raise AssertionError("NetStorage has no versions, no uploads in parts and no archive")
