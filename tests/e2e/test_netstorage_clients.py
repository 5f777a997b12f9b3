"""Clients that others wrote, against the local NetStorage server: rclone and Akamai's own kit."""

import hashlib
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from akamai.netstorage import Netstorage

from sync_core.local.netstorage.faults import Fault, Kind
from sync_core.local.netstorage.server import NetStorageServer
from sync_core.local.netstorage.signature import Account
from tests.e2e.conftest import Running

ACCOUNT = Account("uploader", "a secret / with + all = sorts", "1234")
RCLONE = Path(sys.executable).with_name("rclone")
OLD = 1_260_000_000
FILES = {
    "plain.txt": b"plain",
    "empty": b"",
    "sub dir/\u00e9/t~il(de) \u4e2d+&=.bin": bytes(range(256)) * 40,
    "sub dir/percent %41 ? # ; @ , ' $ ! *": b"reserved",
    'sub dir/"<quoted>" & \\ back': b"xml",
    "sub dir/two\nlines\tand a tab": b"control",
    "sub dir-e/deep/er/\U0001f600": b"beyond",
}


@pytest.fixture(scope="module")
def server() -> Iterator[NetStorageServer]:
    # Three entries a page, so that every listing takes several.
    with NetStorageServer(ACCOUNT, page_entries=3) as started:
        yield started


@pytest.fixture(autouse=True)
def emptied(server: NetStorageServer) -> Iterator[None]:
    yield
    server.faults.clear()
    server.seen.clear()
    for key, _ in server.tree.between(b"", None):
        server.tree.remove(key)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with all `FILES`, each of its own time."""
    for number, (name, content) in enumerate(FILES.items()):
        path = tmp_path / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (OLD + number, OLD + number))
    return tmp_path / "files"


@cache
def obscured(key: str) -> str:
    """Return a key as rclone wants it in its configuration."""
    words = (str(RCLONE), "obscure", "-")
    done = subprocess.run(words, input=key, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def rclone(
    server: NetStorageServer, *words: str, key: str = ACCOUNT.key
) -> "subprocess.CompletedProcess[str]":
    """Run rclone, with `ns:` as the CP code."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "RCLONE_CONFIG": "/dev/null",
        "RCLONE_CONFIG_NS_TYPE": "netstorage",
        "RCLONE_CONFIG_NS_PROTOCOL": "http",
        "RCLONE_CONFIG_NS_HOST": f"{server.hostname}/{ACCOUNT.cpcode}",
        "RCLONE_CONFIG_NS_ACCOUNT": ACCOUNT.username,
        "RCLONE_CONFIG_NS_SECRET": obscured(key),
    }
    return subprocess.run(
        [RCLONE, *words], capture_output=True, text=True, check=False, env=environment
    )


def ran(server: NetStorageServer, *words: str) -> str:
    done = rclone(server, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_rclone_copies_checks_lists_and_deletes(server: NetStorageServer, folder: Path) -> None:
    ran(server, "copy", str(folder), "ns:copied")
    assert server.count("upload") == len(FILES)
    ran(server, "check", str(folder), "ns:copied")
    ran(server, "check", "--download", str(folder), "ns:copied")
    listed = ran(server, "lsf", "-R", "--files-only", "--fast-list", "--format", "tsp", "ns:copied")
    walked = ran(server, "lsf", "-R", "--files-only", "--format", "tsp", "ns:copied")
    assert sorted(listed.split("\n")) == sorted(walked.split("\n"))
    assert server.count("list") > len(FILES) // 3
    ran(server, "deletefile", "ns:copied/plain.txt")
    assert rclone(server, "check", str(folder), "ns:copied").returncode == 1
    ran(server, "delete", "ns:copied")
    assert server.paths("1234") == []


def test_rclone_keeps_times_and_sets_them(server: NetStorageServer, folder: Path) -> None:
    ran(server, "copy", str(folder), "ns:copied")
    times = ["lsf", "-R", "--files-only", "--format", "pt"]
    found, expected = (ran(server, *times, where) for where in ("ns:copied", str(folder)))
    assert sorted(found.split("\n")) == sorted(expected.split("\n"))
    os.utime(folder / "plain.txt", (OLD - 1, OLD - 1))
    ran(server, "copy", str(folder), "ns:copied")
    assert server.count("mtime") == 1
    assert server.count("upload") == len(FILES)


def test_rclone_replaces_what_changed(server: NetStorageServer, folder: Path) -> None:
    ran(server, "copy", str(folder), "ns:copied")
    (folder / "plain.txt").write_bytes(b"changed")
    (folder / "empty").unlink()
    ran(server, "sync", str(folder), "ns:copied")
    assert ran(server, "cat", "ns:copied/plain.txt") == "changed"
    assert "/1234/copied/empty" not in server.paths("1234")
    assert server.count("upload") == len(FILES) + 1


@pytest.mark.parametrize("status", [429, 503])
def test_rclone_gets_through_faults(server: NetStorageServer, folder: Path, status: int) -> None:
    server.faults.add(
        Fault("upload", Kind.STATUS, nth=2, status=status),
        Fault("mkdir", Kind.STATUS, nth=2, status=status),
        Fault("upload", Kind.RESET, path="/1234/copied/plain.txt"),
        Fault("stat", Kind.STATUS, nth=3, status=status),
        Fault("dir", Kind.STATUS, nth=1, status=status),
    )
    ran(server, "copy", str(folder), "ns:copied", "--retries-sleep", "1ms")
    server.faults.clear()
    ran(server, "check", str(folder), "ns:copied")


def test_rclone_is_refused_with_a_wrong_secret(server: NetStorageServer, folder: Path) -> None:
    words = ("copy", str(folder), "ns:copied", "--retries", "1")
    done = rclone(server, *words, key="wrong")
    assert done.returncode != 0
    assert "403 Forbidden" in done.stderr
    assert {each.status for each in server.seen} == {403}


@pytest.fixture
def kit(server: NetStorageServer) -> Iterator[Netstorage]:
    made = Netstorage(server.hostname, ACCOUNT.username, ACCOUNT.key)
    yield made
    made.http_client.close()


def attributes(text: str) -> list[dict[str, str]]:
    return [dict(each.attrib) for each in ET.fromstring(text).iter("file")]


@pytest.mark.parametrize("name", FILES)
def test_the_kit_uploads_and_downloads(
    kit: Netstorage, folder: Path, tmp_path: Path, name: str
) -> None:
    path = f"/1234/k/{name}"
    succeeded, _ = kit.upload(str(folder / name), path)
    assert succeeded
    succeeded, answer = kit.stat(path)
    assert succeeded
    (entry,) = attributes(answer.content)
    assert entry["md5"] == hashlib.md5(FILES[name]).hexdigest()
    assert entry["size"] == str(len(FILES[name]))
    succeeded, _ = kit.download(path, str(tmp_path / "downloaded"))
    assert succeeded
    assert (tmp_path / "downloaded").read_bytes() == FILES[name]
    succeeded, _ = kit.delete(path)
    assert succeeded
    assert not kit.stat(path)[0]


def test_the_kit_streams_in_chunks(kit: Netstorage) -> None:
    pieces = [b"one ", b"two ", b"three"]
    assert kit.stream_upload(iter(pieces), "/1234/k/streamed")[0]
    succeeded, answer = kit.stream_download("/1234/k/streamed")
    assert (succeeded, answer.content) == (True, b"".join(pieces))


def test_the_kit_lists_directories(kit: Netstorage, folder: Path, server: NetStorageServer) -> None:
    for name in ("a", "b", "c", "d"):
        assert kit.stream_upload(name.encode(), f"/1234/k/{name}/\u00e9")[0]
    succeeded, answer = kit.dir("/1234/k", {"max_entries": 2, "encoding": "utf-8"})
    assert succeeded
    assert [each["name"] for each in attributes(answer.content)] == ["a", "b"]
    found: list[str] = []
    path: str | None = "/1234/k"
    while path is not None:
        succeeded, answer = kit.list(path, {"encoding": "utf-8"})
        assert succeeded
        found += [f"/{each['name']}" for each in attributes(answer.content)]
        resume = ET.fromstring(answer.content).find("resume")
        path = None if resume is None else resume.attrib["start"]
    assert found == server.paths("1234")
    succeeded, answer = kit.du("/1234/k")
    assert succeeded
    assert [each.attrib for each in ET.fromstring(answer.content)] == [{"files": "4", "bytes": "4"}]


def test_the_kit_changes_what_is_there(kit: Netstorage, server: NetStorageServer) -> None:
    assert kit.mkdir("/1234/k/made")[0]
    assert kit.rmdir("/1234/k/made")[0]
    assert kit.stream_upload(b"1", "/1234/k/a b")[0]
    assert kit.rename("/1234/k/a b", "/1234/k/\u00e9 & c")[0]
    assert kit.mtime("/1234/k/\u00e9 & c", OLD)[0]
    assert kit.symlink("/1234/k/\u00e9 & c", "/1234/k/link")[0]
    assert server.paths("1234") == ["/1234/k/link", "/1234/k/\u00e9 & c"]
    succeeded, answer = kit.stream_download("/1234/k/link")
    assert (succeeded, answer.content) == (True, b"1")
    succeeded, answer = kit.quick_delete("/1234/k")
    assert (succeeded, answer.status_code) == (False, 403)


def test_the_kit_is_refused_with_a_wrong_secret(server: NetStorageServer) -> None:
    kit = Netstorage(server.hostname, ACCOUNT.username, "wrong")
    succeeded, answer = kit.stream_upload(b"1", "/1234/k/a")
    kit.http_client.close()
    assert (succeeded, answer.status_code) == (False, 403)
    assert server.paths("1234") == []


def test_the_local_cloud_has_a_server_where_it_is_asked_for(running: Running) -> None:
    beside = running.cloud.netstorage
    assert beside is not None
    kit = Netstorage(beside.hostname, beside.username, beside.key)
    succeeded, _ = kit.stream_upload(b"from outside", f"/{beside.cpcode}/hello")
    assert succeeded
    succeeded, answer = kit.stream_download(f"/{beside.cpcode}/hello")
    kit.http_client.close()
    assert (succeeded, answer.content) == (True, b"from outside")
