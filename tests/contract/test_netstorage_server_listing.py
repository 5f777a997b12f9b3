"""The local NetStorage server: recursive listings, their pages and the encoding of names."""

import base64
from urllib.parse import quote, quote_plus

import pytest

from sync_core.local.netstorage.server import NetStorageServer
from tests.netstorage_client import ACCOUNT, OLD, OTHER, Client, action, signed


@pytest.fixture
def client(netstorage_client: Client) -> Client:
    return netstorage_client


def test_a_listing_recurses_in_the_order_of_the_bytes(client: Client) -> None:
    for name in ("d/b", "d-e", "d", "Z", "d/é", "d0"):
        client.upload(f"/1234/{name}", mtime=OLD)
    client.change("mkdir", "/1234/made")
    got = client.listed("/1234")
    expected = ["Z", "d", "d-e", "d/b", "d/é", "d0", "made/"]
    assert got.names == [f"1234/{name}" for name in expected]
    assert got.entries[0]["mtime"] == str(OLD)
    assert "mtime" not in client.ask("list", "/1234").entries[0]


def test_a_listing_goes_on_to_the_end_of_the_cp_code_or_to_its_end(client: Client) -> None:
    for name in ("a/x", "b/y", "b0", "b0x", "c"):
        client.upload(f"/1234/{name}")
    Client(client.server).send(
        "PUT", "/5678/z", signed("/5678/z", action("upload"), account=OTHER), b"x"
    )
    assert client.listed("/1234/b").names == ["1234/b/y", "1234/b0", "1234/b0x", "1234/c"]
    assert client.listed("/1234/b", end="/1234/b0").names == ["1234/b/y", "1234/b0"]
    assert client.listed("/1234/a/", end="/1234/a0").names == ["1234/a/x"]


def test_a_listing_needs_something_to_begin_with(client: Client) -> None:
    client.upload("/1234/b")
    client.change("mkdir", "/1234/empty")
    assert client.listed("/1234/a").status == 404
    assert client.listed("/1234/empty").status == 404
    assert client.listed("/1234/b").names == ["1234/b", "1234/empty/"]


@pytest.mark.parametrize("page", [1, 2, 3, 7])
def test_the_pages_of_a_listing_have_each_entry_once(client: Client, page: int) -> None:
    names = ["a", "a-b", "a/b c", "a/é&<", "d", "d/e"]
    for name in names:
        client.upload(f"/1234/{name}")
    client.change("mkdir", "/1234/z")
    found: list[str] = []
    path: str | None = "/1234"
    while path is not None:
        got = client.listed(path, end="/1234/z0", max_entries=page)
        assert 1 <= len(got.names) <= page
        found += got.names
        path = got.resume
    assert found == [*(f"1234/{name}" for name in sorted(names)), "1234/z/"]


def test_a_page_goes_on_where_it_said_although_that_has_been_deleted(client: Client) -> None:
    for name in ("a", "b", "b-c", "d"):
        client.upload(f"/1234/{name}")
    got = client.listed("/1234", max_entries=1)
    assert got.resume == "/1234/b"
    client.change("delete", "/1234/b")
    assert client.listed(got.resume).names == ["1234/b-c", "1234/d"]


def test_the_server_may_give_fewer_entries_than_were_asked_for() -> None:
    with NetStorageServer(ACCOUNT, page_entries=2) as server:
        client = Client(server)
        for name in "abc":
            client.upload(f"/1234/{name}")
        got = client.listed("/1234", max_entries=1000)
        assert (got.names, got.resume) == (["1234/a", "1234/b"], "/1234/c")


def test_names_are_given_in_the_encoding_that_is_asked_for(client: Client) -> None:
    client.upload("/1234/é")
    assert client.ask("dir", "/1234", encoding="utf-8").names == ["é"]
    assert client.ask("dir", "/1234").names == ["é".encode().decode("latin-1")]


@pytest.mark.parametrize(
    ("name", "utf_8", "latin_1"),
    [
        (b"\xff", None, "\xff"),
        (b"a\x01", None, None),
        (b"a\tb\nc\r", "a\tb\nc\r", "a\tb\nc\r"),
        (b"\"<&>'", "\"<&>'", "\"<&>'"),
        (b"\xef\xbf\xbf", None, "\xef\xbf\xbf"),
    ],
)
def test_a_name_that_the_encoding_cannot_hold_is_given_in_base64(
    client: Client, name: bytes, utf_8: str | None, latin_1: str | None
) -> None:
    target = "/1234/" + quote(name)
    client.send("PUT", target, signed(target, action("upload")), b"x")
    for encoding, expected in (("utf-8", utf_8), ("iso-8859-1", latin_1)):
        (entry,) = client.ask("dir", "/1234", encoding=encoding).entries
        if expected is None:
            assert base64.b64decode(entry["name_base64"]) == name
        else:
            assert entry["name"] == expected


def test_a_parameter_is_read_as_utf_8(client: Client) -> None:
    client.upload("/1234/é/a", b"1")
    client.upload("/1234/z", b"1")
    header = f"version=1&action=list&encoding=utf-8&end={quote_plus('/1234/é0')}"
    got = client.send("GET", "/1234", signed("/1234", header))
    assert got.names == ["1234/z", "1234/é/a"]
