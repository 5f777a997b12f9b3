"""What is NetStorage's own about `NetStorageStore`, on the local NetStorage server.

What it promises like every store is tried in the contract, over `tests/netstorage_bench.py`.
"""

import hashlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count, islice
from threading import Barrier

import pytest

from sync_core.checksums import md5_of
from sync_core.errors import (
    AccessDenied,
    Ambiguous,
    Blocked,
    ConfigError,
    DualwayError,
    IntegrityError,
    Throttled,
    Unavailable,
)
from sync_core.local.netstorage.faults import Fault, Kind
from sync_core.local.netstorage.server import NetStorageServer
from sync_core.local.netstorage.signature import Account
from sync_core.storage.netstorage import NetStorageStore
from sync_core.storage.netstorage_auth import Signer
from sync_core.storage.netstorage_client import NetStorageClient, Surroundings
from sync_core.storage.netstorage_errors import Call
from sync_core.storage.netstorage_wire import Endpoint, Wire
from sync_core.storage.protocol import ObjectStore, ObjectWrite
from tests.object_benches import Stream, named, read

CPCODE = "123456"
MODIFIED_AT = datetime(2026, 11, 1, 12, 30, 15, tzinfo=UTC)
MIB = 1024**2

KEYS = (
    ".hidden/...",
    "\n",
    "\0\r\x7f\x85\u2028\ufeff\ufffe",
    "x" * 1016,
    "é" * 508,
)
"""Those that the contract does not have."""

DIRECTORIES = ("both", "empty", "full")
HOMELESS = ("", "/", "dir/", "/leading", "a//b", ".", "..", "a/./b", "../x", "x" * 1017)


@dataclass(frozen=True)
class Bench:
    """The server behind an empty CP code, and ways to it."""

    server: NetStorageServer
    wire: Wire

    @property
    def store(self) -> NetStorageStore:
        return self.other()

    def client(self, key: str = "secret") -> NetStorageClient:
        around = Surroundings(pause=lambda _: None)
        return NetStorageClient(self.wire, Signer("media", key), surroundings=around)

    def other(
        self, cpcode: str = CPCODE, key: str = "secret", page_entries: int = 1000
    ) -> NetStorageStore:
        client = self.client(key)
        return NetStorageStore(cpcode, lambda: client, page_entries)


@pytest.fixture(scope="module", params=[200, 204])
def serving(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Serve, once with the statuses of Akamai's clients and once with those of its OpenAPI."""
    account = Account("media", "secret", CPCODE)
    with (
        NetStorageServer(account, changed_status=request.param) as server,
        closing(Wire(Endpoint.of(f"http://{server.hostname}"))) as wire,
    ):
        yield Bench(server, wire)


@pytest.fixture
def bench(serving: Bench) -> Iterator[Bench]:
    serving.server.seen.clear()
    yield serving
    serving.server.faults.clear()
    for listed in list(serving.store.list()):
        serving.store.delete(listed.key)
    for action, name in (("delete", "link"), *(("rmdir", name) for name in DIRECTORIES)):
        serving.client().change(Call(action, name, f"/{CPCODE}/{name}"), action, {})


@pytest.fixture
def store(bench: Bench) -> NetStorageStore:
    return bench.store


def put(store: ObjectStore, key: str, data: bytes = b"data", *, known: bool = True) -> str:
    md5 = md5_of(data) if known else None
    write = ObjectWrite(key, len(data), md5=md5, modified_at=MODIFIED_AT)
    return store.put(write, Stream(data)).etag


class TestReading:
    def test_a_directory_is_no_object(self, store: NetStorageStore) -> None:
        put(store, "dir/file")
        assert store.head("dir") is None
        assert store.get("dir") is None

    def test_a_file_and_a_directory_may_have_one_name(self, store: NetStorageStore) -> None:
        put(store, "both/below", b"below")
        store.make_directory("both")
        assert store.head("both") is None
        put(store, "both", b"file")
        assert read(store.get("both")) == b"file"
        assert [listed.key for listed in store.list()] == ["both", "both/below"]
        store.delete("both")
        assert store.head("both") is None
        assert read(store.get("both/below")) == b"below"

    def test_an_instance_shows_md5_size_and_the_sources_time(self, store: NetStorageStore) -> None:
        etag = put(store, "k", b"data")
        version = store.head("k")
        assert version is not None
        assert etag == version.etag == version.md5 == hashlib.md5(b"data").hexdigest()
        assert (version.size_bytes, version.last_modified_at) == (4, MODIFIED_AT)
        assert (version.headers, version.metadata, version.marker) == ({}, {}, None)
        [listed] = store.list()
        assert (listed.key, listed.etag, listed.size_bytes) == ("k", etag, 4)
        assert listed.last_modified_at == MODIFIED_AT

    @pytest.mark.parametrize("kind", [Kind.CUT, Kind.RESET])
    def test_a_body_that_is_cut_off_is_no_end(self, bench: Bench, kind: Kind) -> None:
        put(bench.store, "k", bytes(4 * MIB))
        bench.server.faults.add(Fault("download", kind, times=10))
        with pytest.raises((IntegrityError, Unavailable)):
            read(bench.store.get("k"))

    def test_a_link_in_the_place_of_a_file_is_blocked(self, bench: Bench) -> None:
        put(bench.store, "target")
        call = Call("link", "link", f"/{CPCODE}/link")
        bench.client().change(call, "symlink", {"target": "target"})
        with pytest.raises(Blocked, match="a symlink is in its place"):
            bench.store.head("link")
        assert [listed.key for listed in bench.store.list()] == ["target"]


class TestPut:
    @pytest.mark.parametrize("data", [b"", bytes(range(256)) * 12_288], ids=["empty", "3 MiB"])
    def test_a_body_is_streamed_with_its_digest(self, store: NetStorageStore, data: bytes) -> None:
        assert put(store, "k", data) == md5_of(data)
        assert read(store.get("k")) == data

    @pytest.mark.parametrize(
        ("fault", "kind", "is_there"),
        [
            (Fault("upload", Kind.STATUS, status=429), Throttled, False),
            (Fault("upload", Kind.STATUS, status=500), Ambiguous, False),
            (Fault("upload", Kind.LOST), Ambiguous, True),
            (Fault("upload", Kind.RESET), DualwayError, False),
        ],
        ids=["429", "500", "lost", "reset"],
    )
    def test_what_fails_is_not_repeated(
        self,
        bench: Bench,
        fault: Fault,
        kind: type[DualwayError],
        is_there: bool,  # noqa: FBT001
    ) -> None:
        bench.server.faults.add(fault)
        with pytest.raises(kind) as raised:
            put(bench.store, "k", bytes(4 * MIB))
        assert raised.value.retryable
        assert bench.server.count("upload") == 1
        assert (bench.store.head("k") is not None) == is_there

    def test_what_was_uploaded_without_a_digest_is_looked_at(self, bench: Bench) -> None:
        bench.server.faults.add(Fault("stat", Kind.STATUS, status=500, times=3))
        with pytest.raises(Unavailable):
            put(bench.store, "k", known=False)
        bench.server.seen.clear()
        put(bench.store, "k", known=False)
        assert bench.server.count("stat") == 1
        put(bench.store, "k", known=True)
        assert bench.server.count("stat") == 1


class TestKeys:
    @pytest.mark.parametrize("key", KEYS, ids=named)
    def test_a_key_is_stored_as_it_is(self, store: NetStorageStore, key: str) -> None:
        data = key.encode()
        put(store, key, data)
        version = store.head(key)
        assert version is not None
        assert version.key == key
        assert read(store.get(key)) == data
        assert [listed.key for listed in store.list()] == [key]
        store.delete(key)
        assert store.head(key) is None

    @pytest.mark.parametrize("key", HOMELESS, ids=named)
    def test_a_key_that_cannot_be_served_is_blocked(self, bench: Bench, key: str) -> None:
        store = bench.store
        assert store.head(key) is None
        assert store.get(key) is None
        store.delete(key)
        assert list(store.list(start_after=key)) == []
        with pytest.raises(Blocked, match=r"the key"):
            put(store, key)
        assert {seen.action for seen in bench.server.seen} <= {"list", "stat"}

    def test_keys_that_look_alike_are_different_objects(self, store: NetStorageStore) -> None:
        keys = ["a", "A", "á", "a\u0301", "a ", "a+", "a%20"]
        for key in keys:
            put(store, key, key.encode())
        assert {read(store.get(key)) for key in keys} == {key.encode() for key in keys}


class TestListing:
    def test_it_is_in_the_order_of_utf_8_bytes(self, bench: Bench) -> None:
        keys = ["Z", "a", "a b", "a+b", "a/b", "a0", "é", "日", "\uff5e", "😀"]
        for key in reversed(keys):
            put(bench.store, key)
        for page in (1, 2, 3, 1000):
            assert [listed.key for listed in bench.other(page_entries=page).list()] == keys

    @pytest.mark.parametrize("page", [1, 2, 1000])
    def test_it_can_be_narrowed(self, bench: Bench, page: int) -> None:
        keys = ["a", "a-", "a-/x", "a/1", "a/2/x", "a/2/y", "a/é", "a0", "b"]
        for key in keys:
            put(bench.store, key)
        store = bench.other(page_entries=page)
        for prefix in ("", "a", "a/", "a/2", "a/2/", "a/2/x", "absent", "absent/", "b/"):
            for start_after in ("", "A", "a", "a-/y", "a/", "a/1", "a/2", "a/2/x", "a//", "b", "z"):
                expected = [key for key in keys if key.startswith(prefix) and key > start_after]
                assert [listed.key for listed in store.list(prefix, start_after)] == expected

    def test_it_goes_on_behind_a_key_that_is_gone_by_then(self, bench: Bench) -> None:
        keys = [f"dir/{number}" for number in range(6)]
        for key in keys:
            put(bench.store, key)
        listing = bench.other(page_entries=2).list()
        assert [next(listing).key for _ in range(2)] == keys[:2]
        bench.store.delete(keys[2])
        assert [listed.key for listed in listing] == keys[3:]

    @pytest.mark.parametrize("page", [1, 2, 1000])
    def test_names_that_are_no_unicode_are_passed_over(self, bench: Bench, page: int) -> None:
        foreign = ("%C3", "dir/%E9", "dir/%F5", "%FF")
        for name in foreign:
            call = Call("put", name, f"/{CPCODE}/{name}")
            bench.client().upload(call, {}, Stream(b""), 0)
        keys = ["a", "dir/b", "dir/\uff5e", "dir/😀", "z", "é", "日"]
        for key in keys:
            put(bench.store, key)
        store = bench.other(page_entries=page)
        try:
            assert [listed.key for listed in islice(store.list(), 20)] == keys
            assert [listed.key for listed in store.list("dir/")] == keys[1:4]
            assert [listed.key for listed in store.list("", "dir/c")] == keys[2:]
        finally:
            for name in foreign:
                call = Call("delete", name, f"/{CPCODE}/{name}")
                assert bench.client().change(call, "delete", {})

    def test_directories_are_made_explicit_where_that_is_asked_for(self, bench: Bench) -> None:
        client = bench.client()
        store = NetStorageStore(CPCODE, lambda: client, makes_directories=True)
        for key in ("full/empty/k", "full/empty/l", "m"):
            put(store, key)
            store.delete(key)
        assert bench.server.count("mkdir") == 2
        call = Call("rmdir", "full/empty", f"/{CPCODE}/full/empty")
        assert client.change(call, "rmdir", {})
        put(bench.store, "full/empty/k")
        assert bench.server.count("mkdir") == 2

    def test_directories_are_left_out(self, store: NetStorageStore) -> None:
        store.make_directory("empty")
        put(store, "full/k")
        store.make_directory("full")
        assert [listed.key for listed in store.list()] == ["full/k"]


class TestAccess:
    @pytest.mark.parametrize("action", ["head", "get", "delete", "list", "put"])
    def test_a_wrong_key_is_no_absence(self, bench: Bench, action: str) -> None:
        with pytest.raises(AccessDenied):
            do(bench.other(key="wrong"), action)

    @pytest.mark.parametrize("action", ["head", "get", "delete", "list", "put"])
    def test_another_cp_code_is_no_absence(self, bench: Bench, action: str) -> None:
        with pytest.raises((AccessDenied, ConfigError)):
            do(bench.other(cpcode="99"), action)


class TestClocks:
    """The server's is an hour ahead."""

    @pytest.fixture
    def ahead(self) -> Iterator[Bench]:
        with (
            NetStorageServer(
                Account("media", "secret", CPCODE), clock=lambda: time.time() + 3600
            ) as server,
            closing(Wire(Endpoint.of(f"http://{server.hostname}"))) as wire,
        ):
            yield Bench(server, wire)

    def test_one_refusal_is_enough(self, ahead: Bench) -> None:
        store = ahead.store
        assert store.head("k") is None
        put(store, "k")
        assert read(store.get("k")) == b"data"
        assert [seen.status for seen in ahead.server.seen].count(403) == 1

    def test_requests_that_were_signed_alike_correct_it_once(self, ahead: Bench) -> None:
        signing, calls = Barrier(2), count()

        def clock() -> datetime:
            # Both requests are signed before either is answered.
            if next(calls) < 2:
                signing.wait()
            return datetime.now(UTC)

        client = NetStorageClient(
            ahead.wire, Signer("media", "secret"), surroundings=Surroundings(clock)
        )
        store = NetStorageStore(CPCODE, lambda: client)
        with ThreadPoolExecutor(2) as pool:
            looks = [pool.submit(store.head, "k") for _ in range(2)]
            assert [look.result() for look in looks] == [None, None]
        ahead.server.seen.clear()
        assert store.head("k") is None
        assert [seen.status for seen in ahead.server.seen] == [404]


class TestDelete:
    def test_a_lost_answer_leaves_it_open(self, bench: Bench) -> None:
        put(bench.store, "k")
        bench.server.faults.add(Fault("delete", Kind.LOST))
        with pytest.raises(Ambiguous):
            bench.store.delete("k")
        assert bench.store.head("k") is None


def do(store: ObjectStore, action: str) -> None:
    if action == "put":
        put(store, "k")
    elif action == "list":
        list(store.list())
    else:
        getattr(store, action)("k")
