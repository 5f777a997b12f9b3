"""A bucket published to NetStorage: pipeline, records and finder as ever, the local server behind.

What is wrong on the way there is retried by the queue until both sides are equal.
"""

import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from io import BytesIO

import pytest

from sync_core.assembly import as_taken_part
from sync_core.local.netstorage.faults import Fault, Kind
from sync_core.local.netstorage.server import NetStorageServer
from sync_core.local.netstorage.signature import Account
from sync_core.model import Action, Direction
from sync_core.routing import OWN_PREFIX
from sync_core.stack import Sides, Stack
from sync_core.storage.netstorage import NetStorageStore
from sync_core.storage.netstorage_auth import Signer
from sync_core.storage.netstorage_client import NetStorageClient, Surroundings
from sync_core.storage.netstorage_wire import Endpoint, Wire
from sync_core.storage.plain import PlainStore
from sync_core.storage.prefixed import below
from sync_core.storage.protocol import ObjectWrite
from tests.two_stacks import Kind as Pair
from tests.two_stacks import TwoStacks

CPCODE, PREFIX = "123456", "site/"
MIB = 1024**2
HOSTILE = (
    " a  b ",
    "a+b%20c%2Fd",
    "?x=1&y=2#z;",
    "'\"<&>\\",
    "~!@$^*()[]{}|`,:=",
    "\t\n\x01",
    "é/e\u0301",
    "日本語/😀",
    "...",
    ".hidden",
    "deep/" * 40 + "x",
    "x" * 1000,
)
HOMELESS = ("dir/", "a//b", "/a", "a/./b", "../a", "y" * 1016)


class Feed(TwoStacks):
    """A feed whose peer is a directory of a CP code."""

    def __init__(self, server: NetStorageServer, wire: Wire) -> None:
        self.server = server
        around = Surroundings(pause=lambda _: None)
        client = NetStorageClient(wire, Signer("media", "secret"), surroundings=around)
        self.published = NetStorageStore(CPCODE, lambda: client, page_entries=3)
        super().__init__(Pair(direction=Direction.TO_PEER, one_put_bytes=MIB))

    def stack(self, side: str) -> Stack:
        made = super().stack(side)
        there = below(PlainStore(self.published), PREFIX)
        own, peer = (
            as_taken_part(there.lacks, each, include_metadata=True)
            for each in (made.sides.own, there)
        )
        return replace(made, sides=Sides(made.sides.pair, own, peer))

    def served(self) -> dict[str, bytes]:
        """Return what is published, without our own files."""
        found = {}
        for listed in self.published.list(PREFIX):
            key = listed.key.removeprefix(PREFIX)
            reader = self.published.get(listed.key)
            assert reader is not None
            with reader:
                if not key.startswith(OWN_PREFIX):
                    found[key] = reader.read()
        return found

    def published_at(self, key: str) -> datetime:
        found = self.published.head(PREFIX + key)
        assert found is not None
        return found.last_modified_at

    def uploads(self, key: str) -> int:
        return self.server.count("upload", f"/{CPCODE}/{PREFIX}{key}")

    def put_in_parts(self, key: str, data: bytes) -> None:
        """A user uploads in parts, so that no MD5 of the whole is known."""
        user, part_bytes = self.users["a"], 8 * MIB
        self.pass_time(1)
        upload_id = user.create_multipart_upload(ObjectWrite(key, len(data)))
        parts = [
            user.upload_part(key, upload_id, number, BytesIO(piece), len(piece))
            for number, piece in enumerate(
                (data[first : first + part_bytes] for first in range(0, len(data), part_bytes)), 1
            )
        ]
        user.complete_if(key, upload_id, parts, None)


@pytest.fixture(scope="module")
def wire() -> Iterator[tuple[NetStorageServer, Wire]]:
    with (
        NetStorageServer(Account("media", "secret", CPCODE)) as server,
        closing(Wire(Endpoint.of(f"http://{server.hostname}"))) as made,
    ):
        yield server, made


@pytest.fixture
def feed(wire: tuple[NetStorageServer, Wire]) -> Iterator[Feed]:
    made = Feed(*wire)
    made.running("a")
    made.server.seen.clear()
    yield made
    made.server.faults.clear()
    for listed in list(made.published.list()):
        made.published.delete(listed.key)


def test_creates_overwrites_and_deletes_are_published(feed: Feed) -> None:
    feed.put("a", "a/new", b"1")
    feed.put("a", "b", b"first")
    feed.quiesce()
    assert feed.served() == {"a/new": b"1", "b": b"first"}
    assert feed.published_at("b") == feed.head("a", "b").last_modified_at
    feed.put("a", "b", b"second")
    feed.delete("a", "a/new")
    feed.quiesce()
    assert feed.served() == {"b": b"second"}
    assert feed.dead_letters == []


def test_an_event_that_comes_again_uploads_nothing(feed: Feed) -> None:
    feed.put("a", "k", b"1")
    bodies = feed.queues["a"].bodies()
    feed.quiesce()
    feed.queues["a"].send_many(bodies * 2)
    feed.quiesce()
    assert feed.uploads("k") == 1


def test_what_is_published_already_is_recorded_and_not_uploaded(feed: Feed) -> None:
    data = b"same"
    feed.published.put(ObjectWrite(f"{PREFIX}k", len(data)), BytesIO(data))
    feed.put("a", "k", data)
    feed.quiesce()
    assert feed.uploads("k") == 1
    assert feed.actions() == {Action.ACKNOWLEDGED: 1}
    feed.delete("a", "k")
    feed.quiesce()
    assert feed.served() == {}


def test_any_name_that_can_be_served_is(feed: Feed) -> None:
    for number, key in enumerate(HOSTILE):
        feed.put("a", key, b"%d" % number)
    feed.quiesce()
    assert feed.served() == feed.contents("a")
    [report] = feed.find()
    assert report.equal == len(HOSTILE)
    for key in HOSTILE:
        feed.delete("a", key)
    feed.quiesce()
    assert feed.served() == {}


def test_names_that_cannot_be_served_are_reported_once(feed: Feed) -> None:
    for key in (*HOMELESS, "ok"):
        feed.put("a", key, b"1")
    feed.quiesce()
    assert feed.served() == {"ok": b"1"}
    assert len(feed.dead_letters) == len(HOMELESS)
    assert all("the key" in letter or "of the key" in letter for letter in feed.dead_letters)
    for _ in range(2):
        [report] = feed.find()
        assert report.hinted == {}
    for key in HOMELESS:
        feed.delete("a", key)
    feed.quiesce()
    assert len(feed.dead_letters) == len(HOMELESS)


def test_what_is_kept_of_a_conflict_has_a_name_that_can_be_served(feed: Feed) -> None:
    key = "x" * 1000
    feed.published.put(ObjectWrite(PREFIX + key, 6), BytesIO(b"theirs"))
    feed.put("a", key, b"ours")
    feed.quiesce()
    served = feed.served()
    assert served.pop(key) == b"ours"
    assert list(served.values()) == [b"theirs"]
    assert feed.dead_letters == []


def test_the_finder_publishes_all_that_was_there_before(feed: Feed) -> None:
    for number in range(20):
        feed.put("a", f"dir{number % 3}/{number}", b"%d" % number)
    feed.lose_events()
    feed.find()
    assert feed.served() == feed.contents("a")
    [report] = feed.find()
    assert (report.equal, report.hinted) == (20, {})


def test_the_finder_makes_good_what_no_event_has_told(feed: Feed) -> None:
    for key in ("changed", "deleted", "same"):
        feed.put("a", key, b"1")
    feed.quiesce()
    feed.put("a", "changed", b"2")
    feed.delete("a", "deleted")
    feed.put("a", "new", b"1")
    feed.lose_events()
    feed.find()
    assert feed.served() == feed.contents("a") == {"changed": b"2", "new": b"1", "same": b"1"}


@pytest.mark.parametrize(
    "fault",
    [
        Fault("upload", Kind.STATUS, status=429, times=2),
        Fault("upload", Kind.STATUS, status=500, times=2),
        Fault("upload", Kind.RESET, times=2),
        Fault("upload", Kind.LOST),
        Fault("stat", Kind.STATUS, status=503, times=4),
        Fault("stat", Kind.RESET, times=4),
        Fault("stat", Kind.LOST, times=4),
        Fault("delete", Kind.STATUS, status=500, times=2),
        Fault("delete", Kind.LOST),
    ],
    ids=lambda fault: f"{fault.action} {fault.kind.name} {fault.status}",
)
def test_faults_lose_nothing(feed: Feed, fault: Fault) -> None:
    feed.put("a", "deleted", b"1")
    feed.quiesce()
    feed.server.faults.add(fault)
    feed.put("a", "small", b"1")
    feed.delete("a", "deleted")
    feed.put_in_parts("large", bytes(range(256)) * 40 * 1024)
    feed.quiesce()
    feed.find()
    assert feed.served() == feed.contents("a")
    assert feed.dead_letters == []
    [report] = feed.find()
    assert report.hinted == {}


@pytest.mark.parametrize("is_large", [False, True])
def test_an_upload_whose_answer_was_lost_is_not_repeated(feed: Feed, is_large: bool) -> None:  # noqa: FBT001
    feed.server.faults.add(Fault("upload", Kind.LOST))
    if is_large:
        feed.put_in_parts("k", bytes(range(256)) * 40 * 1024)
    else:
        feed.put("a", "k", b"1")
    feed.quiesce()
    assert feed.served() == feed.contents("a")
    assert feed.uploads("k") == 1
    assert feed.record("a", "k").intent is None


def test_a_large_object_takes_little_memory(feed: Feed) -> None:
    feed.put_in_parts("large", bytes(20 * MIB))
    tracemalloc.start()
    try:
        feed.quiesce()
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 4 * MIB
    assert len(feed.served()["large"]) == 20 * MIB
