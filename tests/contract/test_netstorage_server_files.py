"""The local NetStorage server: uploads, downloads and directories, by the documentation."""

import hashlib
import http.client
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sync_core.local.netstorage.faults import Fault, Kind
from sync_core.local.netstorage.server import NetStorageServer
from sync_core.local.netstorage.tree import File
from tests.netstorage_client import ACCOUNT, OLD, OTHER, Client, Got, action, signed


@pytest.fixture
def client(netstorage_client: Client) -> Client:
    return netstorage_client


# Uploads and downloads


def test_what_was_uploaded_is_downloaded(client: Client) -> None:
    body = bytes(range(256)) * 40
    got = client.upload("/1234/d/a", body, mtime=OLD)
    assert got.status == 200
    got = client.ask("download", "/1234/d/a")
    assert (got.status, got.body) == (200, body)
    assert got.headers["Last-Modified"] == "Sat, 05 Dec 2009 08:00:00 GMT"


def test_a_body_of_several_megabytes_is_not_kept_in_memory(client: Client) -> None:
    body = bytes(range(256)) * 12_000
    assert client.upload("/1234/big", body, sha256=hashlib.sha256(body).hexdigest()).status == 200
    assert client.ask("download", "/1234/big").body == body
    file = client.server.tree.leaf(b"1234/big")
    assert isinstance(file, File)
    path = file.body.content
    assert isinstance(path, Path)
    client.upload("/1234/big", b"small")
    assert not path.exists()


def test_a_download_of_a_file_that_is_replaced_meanwhile_is_cut_off() -> None:
    with NetStorageServer(ACCOUNT) as server, ThreadPoolExecutor(1) as pool:
        client = Client(server)
        client.upload("/1234/big", bytes(2_000_000))
        server.faults.add(Fault("download", Kind.SLOW, seconds=3))
        download = pool.submit(client.ask, "download", "/1234/big")
        deadline = time.monotonic() + 60
        while not server.count("download") and time.monotonic() < deadline:
            threading.Event().wait(0.01)
        client.upload("/1234/big", b"small")
        with pytest.raises(http.client.IncompleteRead):
            download.result()


@pytest.mark.parametrize(
    ("byte_range", "status", "body"),
    [
        ("bytes=2-4", 206, b"234"),
        ("bytes=7-", 206, b"789"),
        ("bytes=-2", 206, b"89"),
        ("bytes=8-100", 206, b"89"),
        ("bytes=0-1,3-4", 200, b"0123456789"),
        ("bytes=10-", 416, None),
    ],
)
def test_a_range_is_downloaded(
    client: Client, byte_range: str, status: int, body: bytes | None
) -> None:
    client.upload("/1234/a", b"0123456789")
    headers = {**signed("/1234/a", action("download")), "Range": byte_range}
    got = client.send("GET", "/1234/a", headers)
    assert got.status == status
    assert body is None or got.body == body


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256"])
def test_an_upload_that_is_not_what_it_says_stores_nothing(client: Client, algorithm: str) -> None:
    right = hashlib.new(algorithm, b"right").hexdigest()
    assert client.upload("/1234/a", b"wrong", **{algorithm: right}).status == 412
    assert client.ask("stat", "/1234/a").status == 404
    assert client.upload("/1234/a", b"right", **{algorithm: right.upper()}).status == 200
    assert client.upload("/1234/a", b"wrong", **{algorithm: right}).status == 412
    assert client.ask("download", "/1234/a").body == b"right"


def test_an_upload_of_another_size_stores_nothing(client: Client) -> None:
    assert client.upload("/1234/a", b"123", size=4).status == 412
    assert client.upload("/1234/a", b"123", size="many").status == 400
    assert client.ask("stat", "/1234/a").status == 404
    assert client.upload("/1234/a", b"123", size=3).status == 200


def test_an_upload_needs_a_body_and_the_path_of_a_file(client: Client) -> None:
    assert client.ask("upload", "/1234/a", method="PUT").status == 400
    assert client.upload("/1234/a/").status == 400
    assert client.upload("/1234").status == 400
    assert client.upload("/1234/empty", b"").status == 200
    assert client.ask("stat", "/1234/empty").entries[0]["size"] == "0"


def chunked(pieces: list[bytes], trailer: Mapping[str, str]) -> bytes:
    framed = [b"%x\r\n%s\r\n" % (len(each), each) for each in pieces]
    lines = [f"{name}: {value}\r\n".encode() for name, value in trailer.items()]
    return b"".join([*framed, b"0\r\n", *lines, b"\r\n"])


CHUNKED = {"Transfer-Encoding": "chunked"}
AT_END = action("upload", sha256="atend", mtime="atend")


def upload_in_chunks(client: Client, header: str, trailer: Mapping[str, str]) -> Got:
    body = chunked([b"hello ", b"world"], trailer)
    return client.send("PUT", "/1234/c", {**signed("/1234/c", header), **CHUNKED}, body)


def at_end(digest: str) -> str:
    return action("upload", sha256=digest, mtime=OLD)


def test_the_trailer_of_a_chunked_upload_says_what_it_should_have_been(client: Client) -> None:
    digest = hashlib.sha256(b"hello world").hexdigest()
    got = upload_in_chunks(client, AT_END, signed("/1234/c", at_end(digest)))
    assert (got.status, got.body) == (200, b"upload: done\n")
    (entry,) = client.ask("stat", "/1234/c").entries
    assert (entry["size"], entry["mtime"]) == ("11", str(OLD))


def test_a_chunked_upload_needs_no_trailer_when_nothing_is_left_to_say(client: Client) -> None:
    assert upload_in_chunks(client, action("upload"), {}).status == 200
    assert client.ask("download", "/1234/c").body == b"hello world"


def test_a_trailer_that_does_not_fit_stores_nothing(client: Client) -> None:
    right, wrong = hashlib.sha256(b"hello world").hexdigest(), hashlib.sha256(b"").hexdigest()
    used = signed("/1234", action("stat"))
    client.send("GET", "/1234", used)
    replayed = {**used, "X-Akamai-ACS-Action": at_end(right)}
    for trailer, status in (
        (signed("/1234/c", at_end(wrong)), 412),
        ({}, 400),
        (signed("/1234/c", AT_END), 400),
        (signed("/1234/c", action("upload", sha256=right, mtime=OLD, size=11)), 400),
        (signed("/1234/c", action("delete", sha256=right, mtime=OLD)), 400),
        (signed("/1234/other", at_end(right)), 403),
        (signed("/1234/c", at_end(right), account=OTHER), 403),
        (signed("/1234/c", at_end(right), at=OLD), 403),
        (replayed, 403),
    ):
        assert upload_in_chunks(client, AT_END, trailer).status == status
        assert client.ask("stat", "/1234/c").status == 404


def test_a_body_that_is_no_chunked_body_is_refused(client: Client) -> None:
    for body in (b"zz\r\nhello\r\n0\r\n\r\n", b"2\r\nhello\r\n0\r\n\r\n"):
        headers = {**signed("/1234/c", action("upload")), **CHUNKED}
        assert client.send("PUT", "/1234/c", headers, body).status == 400
    assert client.ask("stat", "/1234/c").status == 404


def test_a_body_that_breaks_off_stores_nothing(client: Client) -> None:
    connection = http.client.HTTPConnection(client.server.hostname, timeout=60)
    headers = {**signed("/1234/a", action("upload")), "Content-Length": "10"}
    connection.request("PUT", "/1234/a", body=b"12345", headers=headers)
    connection.close()
    assert client.ask("stat", "/1234/a").status == 404


# Files and directories


def test_the_directories_above_a_file_are_implicit(client: Client) -> None:
    client.upload("/1234/d/e/a", b"123", mtime=OLD)
    assert client.ask("stat", "/1234/d").status == 404
    for path in ("/1234/d", "/1234/d/", "/1234/d/e"):
        (entry,) = client.ask("stat", path, implicit="yes").entries
        assert (entry["type"], entry["implicit"], entry["mtime"]) == ("dir", "true", str(OLD))
    client.change("delete", "/1234/d/e/a")
    assert client.ask("stat", "/1234/d", implicit="yes").status == 404


def test_a_directory_that_was_made_is_there_without_files(client: Client) -> None:
    assert client.change("mkdir", "/1234/d").status == 200
    assert client.change("mkdir", "/1234/d", method="PUT").status == 200
    (entry,) = client.ask("stat", "/1234/d").entries
    assert (entry["type"], entry.get("implicit")) == ("dir", None)
    assert client.change("rmdir", "/1234/d").status == 200
    assert client.change("rmdir", "/1234/d").status == 404


def test_a_directory_is_not_removed_while_it_has_files(client: Client) -> None:
    client.change("mkdir", "/1234/d")
    client.upload("/1234/d/a")
    assert client.change("rmdir", "/1234/d").status == 409
    assert client.change("delete", "/1234/d").status == 404


def test_a_file_and_a_directory_of_the_same_name_stand_side_by_side(client: Client) -> None:
    client.upload("/1234/x", b"1")
    client.upload("/1234/x/y", b"12")
    assert [e["type"] for e in client.ask("stat", "/1234/x", implicit="yes").entries] == ["file"]
    assert [e["type"] for e in client.ask("stat", "/1234/x/", implicit="yes").entries] == ["dir"]
    assert [
        e["type"] for e in client.ask("stat", "/1234/x", slash="both", implicit="yes").entries
    ] == ["file", "dir"]
    assert [e["type"] for e in client.ask("dir", "/1234").entries] == ["file", "dir"]
    client.change("delete", "/1234/x")
    assert client.ask("download", "/1234/x/y").body == b"12"


def test_dir_shows_what_is_directly_in_a_directory(client: Client) -> None:
    client.upload("/1234/d/b", b"123", mtime=OLD)
    client.upload("/1234/d/sub/x/c", b"4567", mtime=OLD)
    client.upload("/1234/d/sub/d", b"89", mtime=OLD + 1)
    client.change("mkdir", "/1234/d/made")
    client.change("symlink", "/1234/d/A", target="b", mtime=OLD)
    got = client.ask("dir", "/1234/d", format="xml", encoding="utf-8")
    assert ET.fromstring(got.body).attrib == {"directory": "/1234/d"}
    link, file, made, sub = got.entries
    assert link == {"type": "symlink", "name": "A", "target": "b", "mtime": str(OLD)}
    assert file == {
        "type": "file",
        "name": "b",
        "size": "3",
        "md5": hashlib.md5(b"123").hexdigest(),
        "mtime": str(OLD),
    }
    assert (made["type"], made["bytes"], made["files"]) == ("dir", "0", "1")
    assert sub == {
        "type": "dir",
        "name": "sub",
        "bytes": "6",
        "files": "2",
        "mtime": str(OLD + 1),
        "implicit": "true",
    }


def test_dir_needs_a_directory(client: Client) -> None:
    client.upload("/1234/a")
    assert client.ask("dir", "/1234/a").status == 412
    assert client.ask("dir", "/1234/b").status == 404
    assert client.ask("dir", "/1234").status == 200
    assert client.ask("du", "/1234/b").status == 404


def test_dir_is_limited_by_prefix_start_end_and_number(client: Client) -> None:
    for name in ("a1", "a2", "b1", "b2", "c"):
        client.upload(f"/1234/d/{name}")
    assert client.ask("dir", "/1234/d", prefix="b").names == ["b1", "b2"]
    assert client.ask("dir", "/1234/d", start="a2", end="b1").names == ["a2", "b1"]
    first = client.ask("dir", "/1234/d", max_entries=3)
    assert (first.names, first.resume) == (["a1", "a2", "b1"], "/1234/d/b2")
    second = client.ask("dir", "/1234/d", max_entries=3, start=first.resume)
    assert (second.names, second.resume) == (["b2", "c"], None)


def test_a_cp_code_is_always_there(client: Client) -> None:
    got = client.ask("stat", "/1234")
    assert ET.fromstring(got.body).attrib == {"directory": "/"}
    assert [(e["type"], e["name"]) for e in got.entries] == [("dir", "1234")]
    assert client.ask("dir", "/1234").entries == []
    assert client.listed("/1234").status == 404
    assert client.change("rmdir", "/1234").status == 404


def test_du_counts_files_and_bytes(client: Client) -> None:
    client.upload("/1234/d/a", b"123")
    client.upload("/1234/d/e/b", b"4567")
    client.upload("/1234/other", b"8")
    found = ET.fromstring(client.ask("du", "/1234/d").body)
    assert found.attrib == {"directory": "/1234/d"}
    assert [each.attrib for each in found] == [{"files": "2", "bytes": "7"}]


def test_a_file_is_renamed_within_its_cp_code(client: Client) -> None:
    client.upload("/1234/a", b"123", mtime=OLD)
    assert client.change("rename", "/1234/a", destination="/1234/é b").status == 200
    assert client.server.paths("1234") == ["/1234/é b"]
    assert client.change("rename", "/1234/é b", destination="/5678/a").status == 403
    assert client.change("rename", "/1234/a", destination="/1234/c").status == 404
    assert client.change("rename", "/1234/é b").status == 400
    assert client.ask("download", "/1234/é b").body == b"123"


def test_a_symbolic_link_leads_to_a_file(client: Client) -> None:
    client.upload("/1234/d/a", b"123")
    client.change("symlink", "/1234/d/relative", target="a")
    client.change("symlink", "/1234/absolute", target="/1234/d/relative")
    client.change("symlink", "/1234/loop", target="loop")
    assert client.ask("download", "/1234/d/relative").body == b"123"
    assert client.ask("download", "/1234/absolute").body == b"123"
    assert client.ask("download", "/1234/loop").status == 404
    (entry,) = client.ask("stat", "/1234/absolute").entries
    assert (entry["type"], entry["target"]) == ("symlink", "/1234/d/relative")


def test_the_time_of_a_file_is_set(client: Client) -> None:
    client.upload("/1234/a")
    assert client.change("mtime", "/1234/a", mtime=OLD).status == 200
    assert client.ask("stat", "/1234/a").entries[0]["mtime"] == str(OLD)
    assert client.change("mtime", "/1234/a", mtime="soon").status == 400
    assert client.change("mtime", "/1234/b", mtime=OLD).status == 404


def test_quick_delete_is_not_enabled(client: Client) -> None:
    client.upload("/1234/d/a")
    sure = {"quick-delete": "imreallyreallysure"}
    assert client.change("quick-delete", "/1234/d", **sure).status == 403
    assert client.ask("stat", "/1234/d/a").status == 200


def test_deleting_what_is_not_there_is_not_found(client: Client) -> None:
    assert client.change("delete", "/1234/a").status == 404
    assert client.ask("download", "/1234/a").status == 404


def test_a_change_may_be_answered_without_a_body() -> None:
    with NetStorageServer(ACCOUNT, changed_status=204) as server:
        client = Client(server)
        got = client.upload("/1234/a")
        assert (got.status, got.body) == (204, b"")
        assert client.change("delete", "/1234/a", method="PUT").status == 204
