"""What is found out about a live store that a feed goes to, and what a person is told of it."""

import io
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from sync_core.cli import app
from sync_core.cli.terminal import EXIT_DIFFERENT
from sync_core.errors import AccessDenied, Blocked, ConfigError, IntegrityError, Throttled
from sync_core.feed_check import SERVED_KEYS, Feed, FeedAbility, check_feed
from sync_core.local.netstorage.faults import Fault, Kind
from sync_core.local.netstorage.server import NetStorageServer
from sync_core.local.netstorage.signature import Account
from sync_core.model import Ability
from sync_core.provider_check import Finding, Verdict
from sync_core.storage.memory import MemoryBucket, MemoryObjectStore
from sync_core.storage.netstorage import NetStorageStore
from sync_core.storage.netstorage_auth import Signer
from sync_core.storage.netstorage_client import NetStorageClient
from sync_core.storage.netstorage_wire import Endpoint, Wire
from sync_core.storage.plain import PlainStore
from sync_core.storage.protocol import ObjectWrite, Readable, Written
from tests.object_benches import put

ACCOUNT = Account("media", "secret", "123456")
NOW = datetime(2026, 11, 21, tzinfo=UTC)


@contextmanager
def store_on(server: NetStorageServer) -> Iterator[NetStorageStore]:
    with closing(Wire(Endpoint.of(f"http://{server.hostname}"))) as wire:
        client = NetStorageClient(wire, Signer(ACCOUNT.username, ACCOUNT.key))
        store = NetStorageStore(ACCOUNT.cpcode, lambda: client)
        assert store.head("any") is None
        yield store


class Timed(MemoryObjectStore):
    """A store that shows the time that was given."""

    def __init__(self, bucket: MemoryBucket, times: dict[str, datetime]) -> None:
        super().__init__(bucket, "AWS:AIDASYNC")
        self._times = times

    def put(self, write: ObjectWrite, body: Readable) -> Written:
        self._times["now"] = write.modified_at or NOW
        return super().put(write, body)


class Folders(Timed):
    """A store over folders and files: no file that is a folder as well."""

    def put(self, write: ObjectWrite, body: Readable) -> Written:
        if write.key.endswith("/below"):
            raise Blocked("put", write.key, "not a directory")
        return super().put(write, body)


class Busy(Timed):
    """A store that has no time for objects whose digest is known."""

    def put(self, write: ObjectWrite, body: Readable) -> Written:
        if write.md5 is not None:
            raise Throttled("put", write.key, "slow down")
        return super().put(write, body)


def refuse(key: str) -> None:
    raise IntegrityError("put", key, "status 412")


def found(
    store: MemoryObjectStore,
    put_damaged: Callable[[str], object] = refuse,
    ahead: timedelta = timedelta(),
) -> tuple[Feed, Mapping[Any, Finding[Any]]]:
    feed = Feed(PlainStore(store), put_damaged, lambda: ahead)
    findings: list[Finding[Any]] = [*check_feed(feed, "n1")]
    by_ability = {finding.ability: finding for finding in findings}
    assert len(by_ability) == len(findings)
    assert set(by_ability) == {*Ability, *FeedAbility}
    assert list(store.list()) == []
    return feed, by_ability


def store_of(kind: type[Timed] = Timed) -> Timed:
    times = {"now": NOW}
    return kind(MemoryBucket("bucket", lambda: times["now"]), times)


class TestCheck:
    def test_a_store_that_does_all_is_as_said(self) -> None:
        feed, findings = found(store_of())
        assert {each.verdict(feed.says(each.ability)) for each in findings.values()} == {
            Verdict.AS_SAID
        }
        assert {ability for ability, each in findings.items() if each.does is None} == set(
            feed.store.lacks
        )

    def test_one_that_takes_other_bytes_than_announced_is_found(self) -> None:
        store = store_of()
        _, findings = found(store, lambda key: put(store, key))
        finding = findings[FeedAbility.REFUSES_OTHER_BYTES]
        assert (finding.does, "are taken" in finding.detail) == (False, True)

    def test_so_is_one_that_keeps_what_it_refuses(self) -> None:
        store = store_of()

        def keep(key: str) -> None:
            put(store, key)
            refuse(key)

        _, findings = found(store, keep)
        finding = findings[FeedAbility.REFUSES_OTHER_BYTES]
        assert (finding.does, "are there" in finding.detail) == (False, True)

    def test_so_is_one_that_gives_objects_times_of_its_own(self) -> None:
        store = MemoryObjectStore(MemoryBucket("bucket", lambda: NOW), "AWS:AIDASYNC")
        _, findings = found(store)
        assert findings[FeedAbility.KEEPS_TIMES].does is False
        assert "comes back as 2026-11-21" in findings[FeedAbility.KEEPS_TIMES].detail

    def test_the_keys_that_it_does_not_take_are_named(self) -> None:
        feed, findings = found(store_of(Folders))
        finding = findings[FeedAbility.TAKES_SERVED_KEYS]
        assert finding.verdict(feed.says(FeedAbility.TAKES_SERVED_KEYS)) is Verdict.LESS
        assert "not stored: 'plain/below'; " in finding.detail

    def test_another_clock_is_told_and_not_bad(self) -> None:
        feed, findings = found(store_of(), ahead=timedelta(seconds=-90))
        finding = findings[FeedAbility.HAS_OUR_CLOCK]
        assert (finding.does, "-90 s ahead" in finding.detail) == (False, True)
        assert not finding.verdict(feed.says(FeedAbility.HAS_OUR_CLOCK)).is_bad

    def test_what_could_not_be_tried_is_not_taken_for_absent(self) -> None:
        feed, findings = found(store_of(Busy))
        finding = findings[FeedAbility.REFUSES_OTHER_BYTES]
        assert finding.verdict(feed.says(FeedAbility.REFUSES_OTHER_BYTES)) is Verdict.UNKNOWN

    def test_of_a_store_that_forgets_what_is_written_no_more_is_said(self) -> None:
        class Forgetful(Timed):
            def put(self, write: ObjectWrite, body: Readable) -> Written:
                return Written("etag")

        feed = Feed(PlainStore(store_of(Forgetful)), refuse, timedelta)
        (finding,) = check_feed(feed, "n1")
        assert (finding.ability, finding.does) == (Ability.READS_AND_WRITES, False)


class TestCommand:
    """On the local NetStorage server, whose CP code is in use."""

    @pytest.fixture
    def server(self, request: pytest.FixtureRequest) -> Iterator[NetStorageServer]:
        ahead_seconds: float = getattr(request, "param", 0)
        with NetStorageServer(ACCOUNT, clock=lambda: time.time() + ahead_seconds) as server:
            with store_on(server) as store:
                store.put(ObjectWrite("site/in use", 4), io.BytesIO(b"data"))
            server.seen.clear()
            yield server
            assert server.paths("123456") == ["/123456/site/in use"]
            paths = {seen.path for seen in server.seen if seen.action == "upload"}
            assert all(path.startswith("/123456/site/.dualway/check-") for path in paths)
            assert server.tree.directory(b"123456/site/.dualway") is None

    @staticmethod
    def run(
        server: NetStorageServer, monkeypatch: pytest.MonkeyPatch, *options: str, **secret: str
    ) -> tuple[int, str]:
        access = {"username": "media", "key": "secret", "cpcode": "123456", **secret}
        text = json.dumps({"hostname": "example-nsu.akamaihd.net", **access})
        monkeypatch.setenv("NETSTORAGE_SECRET", text)
        place = ["--endpoint", f"http://{server.hostname}", "--bucket", "123456"]
        command = ["check-provider", "--dialect", "netstorage", "--prefix", "site/", *place]
        result = CliRunner().invoke(app, [*command, *options])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output

    @pytest.mark.parametrize(
        ("server", "is_ahead"), [(0, False), (3600, True)], indirect=["server"]
    )
    def test_a_cp_code_does_what_a_feed_rests_on(
        self,
        server: NetStorageServer,
        is_ahead: bool,  # noqa: FBT001 - a row of the table
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        status, text = self.run(server, monkeypatch, "--json")
        documents = {each["ability"]: each for each in map(json.loads, text.splitlines())}
        assert set(documents) == {each.name.lower() for each in (*Ability, *FeedAbility)}
        assert {each["verdict"] for each in documents.values()} == {"as_said"}
        assert documents["keeps_times"]["does"] is True
        assert documents["has_parts"] == {
            "ability": "has_parts",
            "says": False,
            "does": None,
            "verdict": "as_said",
            "detail": "dualway does without it: not tried",
        }
        assert documents["has_our_clock"]["does"] is not is_ahead
        assert ("s ahead" in documents["has_our_clock"]["detail"]) is is_ahead
        assert server.count("list") >= len(SERVED_KEYS) // 3
        assert status == 0

    def test_a_table_tells_a_person(
        self, server: NetStorageServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        status, text = self.run(server, monkeypatch)
        assert "netstorage says" in text
        assert str(FeedAbility.REFUSES_OTHER_BYTES) in text
        assert status == 0

    def test_what_fails_meanwhile_is_told_and_nothing_is_left(
        self, server: NetStorageServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.faults.add(Fault("upload", Kind.LOST, nth=4))
        status, text = self.run(server, monkeypatch)
        assert f"{FeedAbility.REFUSES_OTHER_BYTES}: put: no answer: " in text
        assert status == EXIT_DIFFERENT

    def test_a_wrong_key_is_no_lack(
        self, server: NetStorageServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pytest.raises(AccessDenied, match="the signature does not match"):
            self.run(server, monkeypatch, key="wrong")
        assert server.count("upload") == 0

    def test_the_secret_has_to_be_for_the_cp_code(
        self, server: NetStorageServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pytest.raises(ConfigError, match="its cpcode is 99, --bucket 123456"):
            self.run(server, monkeypatch, cpcode="99")
        assert not server.seen

    def test_without_a_secret_its_shape_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("NETSTORAGE_SECRET", raising=False)
        result = CliRunner().invoke(
            app, ["check-provider", "--dialect", "netstorage", "--bucket", "123456"]
        )
        assert isinstance(result.exception, ConfigError)
        assert "it should be {" in str(result.exception)
        assert result.exception.key == "NETSTORAGE_SECRET"
