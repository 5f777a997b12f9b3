"""What `NetStorageStore` makes of answers that the local server does not give."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from urllib.parse import unquote

import pytest

from sync_core.checksums import crc64nvme, md5_of
from sync_core.compare import merge
from sync_core.errors import (
    Ambiguous,
    ConfigError,
    IntegrityError,
    PreconditionFailed,
    Unavailable,
)
from sync_core.storage.netstorage import NetStorageStore
from sync_core.storage.netstorage_auth import Signer
from sync_core.storage.netstorage_client import NetStorageClient, Surroundings
from sync_core.storage.netstorage_wire import Endpoint, Wire
from sync_core.storage.protocol import ByteRange, ObjectStore, ObjectWrite
from tests.object_benches import Stream
from tests.scripted_server import Answer, ScriptedServer

ROOT = Answer(200, b'<stat directory="/1"><file type="dir" name="1" mtime="1"/></stat>')
ABSENT = Answer(404)

Serve = Callable[..., tuple[NetStorageStore, ScriptedServer]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as running:

        def start(
            *answers: Answer, timer: Callable[[], float] = lambda: 0.0
        ) -> tuple[NetStorageStore, ScriptedServer]:
            server = running.enter_context(ScriptedServer(*answers))
            wire = running.enter_context(closing(Wire(Endpoint.of(server.url))))
            around = Surroundings(pause=lambda _: None)
            client = NetStorageClient(wire, Signer("media", "secret"), surroundings=around)
            return NetStorageStore("1", lambda: client, timer=timer), server

        yield start


def stat(data: bytes, name: str = "k") -> Answer:
    text = f'<file type="file" name="{name}" size="{len(data)}" md5="{md5_of(data)}" mtime="7"/>'
    return Answer(200, f'<stat directory="/1">{text}</stat>'.encode())


def page(*keys: str, resume: str | None = None) -> Answer:
    files = (f'<file type="file" name="1/{key}" size="0" md5="" mtime="7"/>' for key in keys)
    more = "" if resume is None else f'<resume start="{resume}"/>'
    return Answer(200, f"<list>{''.join(files)}{more}</list>".encode())


def targets(server: ScriptedServer) -> list[str]:
    return [unquote(seen.path) for seen in server.seen]


def test_it_is_an_object_store(serve: Serve) -> None:
    store: ObjectStore = serve(ROOT)[0]
    assert store.bucket == "1"
    assert (store.place("k").bucket, store.place("k").key) == ("1", "k")


class TestTheCpCode:
    @pytest.mark.parametrize(
        "operation",
        [
            lambda store: store.head("k"),
            lambda store: store.get("k"),
            lambda store: store.delete("k"),
            lambda store: list(store.list()),
            lambda store: store.put(ObjectWrite("k", 0), Stream(b"")),
        ],
        ids=["head", "get", "delete", "list", "put"],
    )
    def test_that_is_not_there_is_never_read_as_absence(
        self, serve: Serve, operation: Callable[[NetStorageStore], object]
    ) -> None:
        store, _ = serve(ABSENT)
        with pytest.raises(ConfigError, match="check the"):
            operation(store)

    def test_is_looked_for_once_a_minute(self, serve: Serve) -> None:
        now = [0.0]
        store, server = serve(ABSENT, ROOT, ABSENT, ABSENT, ROOT, timer=lambda: now[0])
        for second in (0.0, 59.0, 60.0):
            now[0] = second
            assert store.head("k") is None
        assert targets(server) == ["/1/k", "/1", "/1/k", "/1/k", "/1"]
        assert "implicit=yes" in server.seen[1].headers["X-Akamai-ACS-Action"]
        action = "version=1&action=stat&format=xml&encoding=utf-8&slash=both"
        assert server.seen[0].headers["X-Akamai-ACS-Action"] == action


class TestUploads:
    def test_the_md5_the_size_and_the_time_go_along(self, serve: Serve) -> None:
        store, server = serve(Answer(200))
        store.put(ObjectWrite("k", 4, md5=md5_of(b"data")), Stream(b"data"))
        [seen] = server.seen
        action = f"version=1&action=upload&md5={md5_of(b'data')}&size=4"
        assert seen.headers["X-Akamai-ACS-Action"] == action

    def test_another_digest_than_was_sent_is_no_success(self, serve: Serve) -> None:
        store, server = serve(Answer(200), stat(b"damaged"))
        with pytest.raises(IntegrityError, match="is shown instead of"):
            store.put(ObjectWrite("k", 4), Stream(b"data"))
        assert [seen.method for seen in server.seen] == ["PUT", "GET"]

    def test_where_no_digest_is_shown_the_size_has_to_do(self, serve: Serve) -> None:
        shown = b'<stat><file type="file" name="k" size="4" mtime="7"/></stat>'
        store, _ = serve(Answer(200), Answer(200, shown))
        assert store.put(ObjectWrite("k", 4), Stream(b"data")).etag == md5_of(b"data")
        with pytest.raises(IntegrityError, match="4 bytes"):
            store.put(ObjectWrite("k", 5), Stream(b"data+"))

    @pytest.mark.parametrize(
        "write",
        [
            ObjectWrite("k", 4, md5=md5_of(b"Data")),
            ObjectWrite("k", 4, crc64nvme=crc64nvme(b"Data")),
            ObjectWrite("k", 3),
            ObjectWrite("k", 5),
        ],
        ids=["MD5", "CRC64NVME", "longer", "shorter"],
    )
    def test_other_bytes_than_declared_are_never_sent_to_their_end(
        self, serve: Serve, write: ObjectWrite
    ) -> None:
        store, server = serve(Answer(200))
        with pytest.raises(IntegrityError):
            store.put(write, Stream(b"data"))
        assert server.seen == []

    def test_a_success_before_the_end_of_the_body_is_none(self, serve: Serve) -> None:
        store, _ = serve(Answer(200, reads_body=False))
        data = bytes(64 * 1024 * 1024)
        with pytest.raises(Unavailable, match="before it had all of it"):
            store.put(ObjectWrite("k", len(data), md5=md5_of(data)), Stream(data))

    def test_what_is_not_shown_yet_is_open(self, serve: Serve) -> None:
        store, _ = serve(Answer(200), ABSENT, ROOT)
        with pytest.raises(Ambiguous, match="not shown yet"):
            store.put(ObjectWrite("k", 4), Stream(b"data"))


def test_a_directory_that_is_explicit_already_is_no_error(serve: Serve) -> None:
    store, server = serve(Answer(409, b"exists"))
    store.make_directory("dir")
    assert targets(server) == ["/1/dir"]


class TestReading:
    def test_bytes_of_another_file_than_was_looked_at_are_found_out(self, serve: Serve) -> None:
        store, _ = serve(stat(b"first"), Answer(200, b"other"))
        reader = store.get("k")
        assert reader is not None
        with reader, pytest.raises(IntegrityError, match="MD5"):
            reader.read()

    def test_another_length_is_found_out_at_once(self, serve: Serve) -> None:
        store, _ = serve(stat(b"first"), Answer(200, b"longer one"))
        with pytest.raises(IntegrityError, match="10 bytes came for 5"):
            store.get("k")

    def test_a_body_that_ends_early_is_no_end(self, serve: Serve) -> None:
        store, _ = serve(stat(b"first"), Answer(200, b"first", cut_bytes=2))
        reader = store.get("k")
        assert reader is not None
        with reader, pytest.raises(IntegrityError, match="ended 2 bytes early"):
            reader.read()

    def test_a_range_that_is_not_heeded_is_found_out(self, serve: Serve) -> None:
        store, server = serve(stat(b"first"), Answer(200, b"first"))
        with pytest.raises(IntegrityError):
            store.get("k", byte_range=ByteRange(1, 2))
        assert server.seen[1].headers["Range"] == "bytes=1-2"

    def test_a_file_that_is_gone_between_look_and_open_is_another_state(self, serve: Serve) -> None:
        store, _ = serve(stat(b"first"), ABSENT)
        with pytest.raises(PreconditionFailed):
            store.get("k")

    @pytest.mark.parametrize("text", [b"", b"<html/>", b"<stat"])
    def test_an_answer_that_is_none_proves_nothing(self, serve: Serve, text: bytes) -> None:
        store, _ = serve(Answer(200, text))
        with pytest.raises(Unavailable):
            store.head("k")
        with pytest.raises(Unavailable):
            list(store.list())


class TestListing:
    def test_it_begins_at_the_cp_code_and_goes_on_where_it_is_told(self, serve: Serve) -> None:
        store, server = serve(page("a", "b/c", resume="/1/b/é"), page("b/é"))
        assert [listed.key for listed in store.list()] == ["a", "b/c", "b/é"]
        assert targets(server) == ["/1/", "/1/b/é"]
        action = "version=1&action=list&format=xml&encoding=utf-8&mtime_all=yes&max_entries=1000"
        assert server.seen[0].headers["X-Akamai-ACS-Action"] == action

    def test_it_ends_with_the_folder_of_its_prefix(self, serve: Serve) -> None:
        store, server = serve(page("a/b/x", "a/b/y"))
        assert [listed.key for listed in store.list("a/b/y")] == ["a/b/y"]
        assert targets(server) == ["/1/a/b/"]
        assert server.seen[0].headers["X-Akamai-ACS-Action"].endswith("&end=%2F1%2Fa%2Fb0")

    def test_it_goes_on_behind_a_file_that_is_there(self, serve: Serve) -> None:
        store, server = serve(page("a/b", "c"))
        assert [listed.key for listed in store.list(start_after="a/b")] == ["c"]
        assert targets(server) == ["/1/a/b"]

    @pytest.mark.parametrize("first", [ABSENT, page("a/b/below"), page()])
    def test_it_goes_on_from_a_directory_above_where_there_is_none(
        self, serve: Serve, first: Answer
    ) -> None:
        store, server = serve(first, ABSENT, page("a", "a/a", "a/c", "d"))
        assert [listed.key for listed in store.list(start_after="a/b")] == ["a/c", "d"]
        assert targets(server) == ["/1/a/b", "/1/a/", "/1/"]

    def test_it_goes_on_where_the_next_file_is_gone(self, serve: Serve) -> None:
        store, server = serve(page("a/a", resume="/1/a/b"), ABSENT, page("a/a", "a/c"))
        assert [listed.key for listed in store.list()] == ["a/a", "a/c"]
        assert targets(server) == ["/1/", "/1/a/b", "/1/a/"]

    @pytest.mark.parametrize("resume", ["/1/a/a", "/1/a", "/2/b", "/1/"])
    def test_it_never_goes_in_a_circle(self, serve: Serve, resume: str) -> None:
        again = page("a/a", resume=resume)
        store, server = serve(page("a", resume="/1/a/a"), again)
        with pytest.raises(Unavailable, match="the listing goes on at"):
            list(store.list())
        assert len(server.seen) == 2

    def test_nor_does_it_from_a_directory_above_a_file_that_is_never_shown(
        self, serve: Serve
    ) -> None:
        store, server = serve(page("a/a", resume="/1/a//x"))
        with pytest.raises(Unavailable, match="the listing cannot go on at 'a//x'"):
            list(store.list())
        assert targets(server) == ["/1/", *["/1/a//x", "/1/a/"] * 2]

    def test_another_order_is_refused_by_who_compares(self, serve: Serve) -> None:
        store, _ = serve(page("a", "c", "b", "d"))
        with pytest.raises(ConfigError, match="the listing has 'b' after 'c'"):
            list(merge(store.list(), []))

    def test_a_time_that_no_calendar_has_is_the_latest_that_it_has(self, serve: Serve) -> None:
        entry = b'<file type="file" name="1/k" size="0" md5="" mtime="1763740800000"/>'
        store, _ = serve(Answer(200, b"<list>" + entry + b"</list>"))
        [listed] = store.list()
        assert listed.modified == "9999-12-31T23:59:59"

    def test_a_cp_code_without_a_file_has_no_listing(self, serve: Serve) -> None:
        store, _ = serve(ABSENT, ROOT)
        assert list(store.list()) == []

    def test_what_cannot_be_told_by_a_key_of_ours_is_left_out(self, serve: Serve) -> None:
        store, _ = serve(page("a//b", "a/./b", "dir/", "ok"))
        assert [listed.key for listed in store.list()] == ["ok"]
