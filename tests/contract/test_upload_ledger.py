"""What every ledger of uploads promises; `UploadLedger`'s docstrings are the specification."""

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from threading import Barrier
from typing import Any

import boto3
import pytest
from moto import mock_aws

from sync_core.errors import ConfigError, Poison
from sync_core.local.cloud import LocalCloud
from sync_core.model import SharedUpload, UploadedPart
from sync_core.parts import numbers_in, run_count
from sync_core.records.dynamodb import table_connection
from sync_core.records.dynamodb_calls import TableCalls
from sync_core.records.uploads_dynamodb import CONTENTS, DynamoDBUploadLedger
from sync_core.records.uploads_item import upload_key
from sync_core.records.uploads_memory import MemoryUploadLedger
from sync_core.records.uploads_protocol import UploadLedger
from tests.record_benches import (
    NOON,
    PAGE_ITEMS,
    RECORD_BACKENDS,
    RECORD_REGION,
    create_table,
    moto_connection,
)

ID = "2~upload/id+with=signs.And-" + "x" * 100
LATER = NOON + timedelta(seconds=30, microseconds=7)
PART_BYTES = 5
RUN_PARTS = 8


@dataclass(frozen=True)
class LedgerBench:
    """A ledger, and of how many parts an upload is that it can be asked to hold in a test."""

    ledger: UploadLedger
    part_count: int


@dataclass(frozen=True)
class TableBench(LedgerBench):
    """A ledger in a table: back doors to its items, and the ledger of a table that is missing."""

    put_raw: Callable[[dict[str, Any]], None]
    items: Callable[[], list[dict[str, Any]]]
    of_missing_table: UploadLedger


@pytest.fixture
def memory() -> LedgerBench:
    return LedgerBench(MemoryUploadLedger(), part_count=10_000)


@pytest.fixture
def moto() -> Iterator[TableBench]:
    with mock_aws():
        client = boto3.client("dynamodb", region_name=RECORD_REGION)
        yield table_bench(client, moto_connection(create_table(client)), moto_connection("missing"))


@pytest.fixture
def cloud(local_cloud: LocalCloud) -> Iterator[TableBench]:
    client, site = local_cloud.client("dynamodb", "a"), local_cloud.sites["a"]
    name = create_table(client)
    key_pair = (site.user.access_key_id, site.user.secret_access_key)
    table, missing = (
        table_connection(each, site.region, local_cloud.endpoint_url, key_pair)
        for each in (name, "missing")
    )
    yield table_bench(client, table, missing)
    client.delete_table(TableName=name)


def table_bench(client: Any, table: Any, missing: Any) -> TableBench:
    def ledger(of: Any) -> DynamoDBUploadLedger:
        calls = TableCalls(of, random.SystemRandom(), time.sleep, contents=CONTENTS)
        return DynamoDBUploadLedger(calls, page_items=PAGE_ITEMS)

    def put_raw(item: dict[str, Any]) -> None:
        client.put_item(TableName=table.table_name, Item=item)

    def items() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = client.scan(TableName=table.table_name)["Items"]
        return found

    return TableBench(ledger(table), 300, put_raw, items, ledger(missing))


@pytest.fixture(params=RECORD_BACKENDS)
def bench(request: pytest.FixtureRequest) -> LedgerBench:
    """Each backend in turn; one that is not asked for is not started."""
    made: LedgerBench = request.getfixturevalue(request.param)
    return made


@pytest.fixture
def ledger(bench: LedgerBench) -> UploadLedger:
    return bench.ledger


@pytest.fixture(params=[name for name in RECORD_BACKENDS if name != "memory"])
def table(request: pytest.FixtureRequest) -> TableBench:
    """Each backend that has tables."""
    made: TableBench = request.getfixturevalue(request.param)
    return made


def upload_of(part_count: int = 24, upload_id: str = ID) -> SharedUpload:
    """Return an upload of parts of PART_BYTES, of which the last one has less."""
    return SharedUpload(
        key="videos/汉字 🎉.mov",
        upload_id=upload_id,
        source_etag="9b2cf535f27731c974343645a3985328-24",
        size_bytes=part_count * PART_BYTES - 2,
        part_bytes=PART_BYTES,
        run_parts=RUN_PARTS,
        opened_at=NOON,
        changed_at=NOON,
    )


def part(number: int, upload: SharedUpload) -> UploadedPart:
    size_bytes = min(PART_BYTES, upload.size_bytes - (number - 1) * PART_BYTES)
    return UploadedPart(number, f'etag"{number}', size_bytes, "Crc64=" if number % 2 else None)


def run_of(upload: SharedUpload, run: int) -> list[UploadedPart]:
    part_count = -(-upload.size_bytes // PART_BYTES)
    return [part(number, upload) for number in numbers_in(run, part_count, RUN_PARTS)]


class TestOpening:
    def test_an_upload_is_read_as_it_was_entered_to_the_microsecond(
        self, ledger: UploadLedger
    ) -> None:
        assert ledger.open(upload_of()) == upload_of()
        assert ledger.read(ID) == upload_of()

    def test_an_upload_without_fractions_of_a_second_is_read_as_well(
        self, ledger: UploadLedger
    ) -> None:
        whole = NOON.replace(microsecond=0)
        upload = replace(upload_of(), opened_at=whole, changed_at=whole)
        ledger.open(upload)
        assert ledger.read(ID) == upload
        assert ledger.claim(upload, LATER)

    def test_opening_it_twice_changes_nothing_and_shows_what_is_there(
        self, ledger: UploadLedger
    ) -> None:
        upload = upload_of()
        ledger.open(upload)
        noted = ledger.note(ID, 1, run_of(upload, 1), LATER)
        again = replace(upload, source_etag="another", changed_at=LATER + timedelta(days=1))
        assert ledger.open(again) == noted
        assert ledger.read(ID) == noted

    def test_opening_one_that_has_ended_does_not_open_it_again(self, ledger: UploadLedger) -> None:
        ledger.open(upload_of())
        ledger.end(ID, "completed", LATER)
        assert ledger.open(upload_of()) == replace(upload_of(), ended="completed")

    def test_an_unknown_upload_is_none(self, ledger: UploadLedger) -> None:
        assert ledger.read(ID) is None
        assert ledger.note(ID, 0, run_of(upload_of(), 0), NOON) is None
        assert not ledger.claim(upload_of(), LATER)
        assert not ledger.end(ID, "aborted", LATER)
        ledger.note_split(ID, LATER)
        assert ledger.runs(ID) == frozenset()
        assert not ledger.has_run(ID, 0)
        assert list(ledger.parts(ID)) == []
        assert ledger.read(ID) is None


class TestCounting:
    def test_a_run_is_counted_with_its_parts_and_bytes(self, ledger: UploadLedger) -> None:
        upload = upload_of()
        ledger.open(upload)
        expected = replace(upload, changed_at=LATER, done_parts=8, done_bytes=38)
        assert ledger.note(ID, 2, run_of(upload, 2), LATER) == expected
        assert ledger.read(ID) == expected
        assert ledger.runs(ID) == {2}
        assert [ledger.has_run(ID, run) for run in range(4)] == [False, False, True, False]

    def test_a_run_is_counted_once_and_keeps_the_parts_it_came_with_first(
        self, ledger: UploadLedger
    ) -> None:
        upload = upload_of()
        ledger.open(upload)
        first = ledger.note(ID, 0, run_of(upload, 0), LATER)
        others = [each._replace(etag="sent again") for each in run_of(upload, 0)]
        assert ledger.note(ID, 0, others, LATER + timedelta(seconds=1)) == first
        assert list(ledger.parts(ID)) == run_of(upload, 0)

    def test_the_last_run_makes_the_upload_whole(self, ledger: UploadLedger) -> None:
        upload = upload_of()
        ledger.open(upload)
        noted = [ledger.note(ID, run, run_of(upload, run), LATER) for run in (2, 0, 1)]
        assert [each and each.is_whole for each in noted] == [False, False, True]

    def test_runs_of_one_upload_are_none_of_another(self, ledger: UploadLedger) -> None:
        upload, other = upload_of(), upload_of(upload_id="other")
        for each in (upload, other):
            ledger.open(each)
            ledger.note(each.upload_id, 1, run_of(each, 1), LATER)
        ledger.note("other", 0, run_of(other, 0), LATER)
        assert ledger.runs(ID) == {1}
        assert list(ledger.parts(ID)) == run_of(upload, 1)
        assert [each.done_parts for each in (ledger.read(ID), ledger.read("other")) if each] == [
            8,
            16,
        ]

    def test_the_parts_of_many_runs_come_whole_and_by_number(self, bench: LedgerBench) -> None:
        upload, ledger = upload_of(bench.part_count), bench.ledger
        ledger.open(upload)
        runs = list(range(run_count(bench.part_count, RUN_PARTS)))
        random.Random(7).shuffle(runs)
        for run in runs:
            ledger.note(ID, run, run_of(upload, run), LATER)
        expected = [part(number, upload) for number in range(1, bench.part_count + 1)]
        assert list(ledger.parts(ID)) == expected
        assert all(isinstance(each, UploadedPart) for each in ledger.parts(ID))
        assert ledger.runs(ID) == frozenset(runs)
        counted = ledger.read(ID)
        assert counted is not None
        assert (counted.done_parts, counted.is_whole) == (bench.part_count, True)

    def test_a_run_of_a_single_part_may_have_any_number(self, ledger: UploadLedger) -> None:
        ledger.open(replace(upload_of(), run_parts=1))
        for run in (9_999, 123_456, 7):
            ledger.note(ID, run, [UploadedPart(run + 1, "e", PART_BYTES)], LATER)
        assert ledger.runs(ID) == {7, 9_999, 123_456}
        assert [each.number for each in ledger.parts(ID)] == [8, 10_000, 123_457]


class TestWorkers:
    def test_a_run_counts_once_however_many_workers_send_it_at_a_time(
        self, ledger: UploadLedger
    ) -> None:
        upload, workers = upload_of(48), 8
        ledger.open(upload)
        together = Barrier(workers)

        def work(worker: int) -> list[SharedUpload | None]:
            together.wait(timeout=30)
            order = random.Random(worker).sample(range(6), 4) if worker else range(6)
            return [ledger.note(ID, run, run_of(upload, run), LATER) for run in order]

        with ThreadPoolExecutor(workers) as pool:
            noted = [each for answers in pool.map(work, range(workers)) for each in answers]
        expected = replace(upload, changed_at=LATER, done_parts=48, done_bytes=upload.size_bytes)
        assert ledger.read(ID) == expected
        assert list(ledger.parts(ID)) == [part(number, upload) for number in range(1, 49)]
        assert expected in noted, "whoever counts the last run is told that the upload is whole"

    def test_of_workers_that_claim_at_a_time_one_wins(self, ledger: UploadLedger) -> None:
        upload, workers = upload_of(), 8
        ledger.open(upload)
        together = Barrier(workers)

        def claim(_: int) -> bool:
            together.wait(timeout=30)
            return ledger.claim(upload, LATER)

        with ThreadPoolExecutor(workers) as pool:
            won = list(pool.map(claim, range(workers)))
        assert sorted(won) == [False] * 7 + [True]
        assert ledger.read(ID) == replace(upload, changed_at=LATER)

    def test_of_workers_that_end_it_at_a_time_one_does(self, ledger: UploadLedger) -> None:
        workers = 8
        ledger.open(upload_of())
        together = Barrier(workers)

        def end(worker: int) -> bool:
            together.wait(timeout=30)
            return ledger.end(ID, f"by {worker}", LATER)

        with ThreadPoolExecutor(workers) as pool:
            won = list(pool.map(end, range(workers)))
        assert sum(won) == 1
        assert ledger.read(ID) == replace(upload_of(), ended=f"by {won.index(True)}")


class TestClaiming:
    def test_what_was_claimed_can_be_claimed_again_as_it_is_then(
        self, ledger: UploadLedger
    ) -> None:
        upload = ledger.open(upload_of())
        assert ledger.claim(upload, LATER)
        assert not ledger.claim(upload, LATER + timedelta(hours=1))
        assert ledger.claim(replace(upload, changed_at=LATER), LATER + timedelta(hours=1))

    def test_an_upload_whose_run_was_counted_meanwhile_is_not_claimed(
        self, ledger: UploadLedger
    ) -> None:
        upload = ledger.open(upload_of())
        noted = ledger.note(ID, 0, run_of(upload, 0), NOON + timedelta(microseconds=1))
        assert not ledger.claim(upload, LATER)
        assert ledger.read(ID) == noted

    def test_an_instant_is_the_same_in_every_zone(self, ledger: UploadLedger) -> None:
        upload = ledger.open(upload_of())
        there = NOON.astimezone(timezone(timedelta(hours=8)))
        assert ledger.claim(replace(upload, changed_at=there), LATER)

    def test_an_upload_that_has_ended_is_not_claimed(self, ledger: UploadLedger) -> None:
        upload = ledger.open(upload_of())
        ledger.end(ID, "aborted", NOON)
        assert not ledger.claim(upload, LATER)


class TestSplitting:
    def test_that_all_messages_were_sent_is_noted_whatever_was_counted_meanwhile(
        self, ledger: UploadLedger
    ) -> None:
        upload = ledger.open(upload_of())
        noted = ledger.note(ID, 0, run_of(upload, 0), NOON + timedelta(microseconds=1))
        assert noted is not None
        assert not noted.is_split
        ledger.note_split(ID, LATER)
        assert ledger.read(ID) == replace(noted, changed_at=LATER, is_split=True)

    def test_it_stays_noted_when_runs_are_counted_and_the_upload_is_claimed(
        self, ledger: UploadLedger
    ) -> None:
        upload = ledger.open(upload_of())
        ledger.note_split(ID, NOON)
        noted = ledger.note(ID, 0, run_of(upload, 0), NOON)
        assert noted is not None
        assert ledger.claim(noted, LATER)
        assert ledger.read(ID) == replace(noted, changed_at=LATER, is_split=True)

    def test_an_upload_that_has_ended_stays_as_it_is(self, ledger: UploadLedger) -> None:
        ledger.open(upload_of())
        ledger.end(ID, "aborted", NOON)
        ledger.note_split(ID, LATER)
        assert ledger.read(ID) == replace(upload_of(), ended="aborted")


class TestEnding:
    def test_it_ends_once_and_says_how(self, ledger: UploadLedger) -> None:
        ledger.open(upload_of())
        assert ledger.end(ID, "completed", LATER)
        assert not ledger.end(ID, "aborted", LATER)
        assert ledger.read(ID) == replace(upload_of(), ended="completed")

    def test_no_run_counts_any_more(self, ledger: UploadLedger) -> None:
        upload = ledger.open(upload_of())
        before = ledger.note(ID, 0, run_of(upload, 0), LATER)
        assert before is not None
        ledger.end(ID, "aborted", LATER)
        assert ledger.note(ID, 1, run_of(upload, 1), LATER) is None
        assert ledger.note(ID, 0, run_of(upload, 0), LATER) is None
        assert ledger.read(ID) == replace(before, ended="aborted")
        assert ledger.runs(ID) == {0}

    def test_its_parts_can_still_be_read(self, ledger: UploadLedger) -> None:
        upload = ledger.open(upload_of())
        ledger.note(ID, 0, run_of(upload, 0), LATER)
        ledger.end(ID, "completed", LATER)
        assert list(ledger.parts(ID)) == run_of(upload, 0)


class TestListing:
    def test_those_that_have_not_ended_are_listed_as_they_are(self, ledger: UploadLedger) -> None:
        for number in range(10):
            ledger.open(upload_of(upload_id=f"id-{number}"))
        for number in (0, 1, 2, 3, 4, 9):
            ledger.end(f"id-{number}", "completed", LATER)
        ledger.note("id-7", 0, run_of(upload_of(), 0), LATER)
        found = {each.upload_id: each for each in ledger.list()}
        assert found == {name: ledger.read(name) for name in ("id-5", "id-6", "id-7", "id-8")}
        assert found["id-7"].done_parts == RUN_PARTS

    def test_a_ledger_without_uploads_lists_none(self, ledger: UploadLedger) -> None:
        assert list(ledger.list()) == []


def days_until_forgotten(item: dict[str, Any], since: datetime) -> float:
    return (int(item["expires_at"]["N"]) - since.timestamp()) / 86_400


class TestTables:
    def test_an_open_upload_is_never_forgotten_and_an_ended_one_in_two_weeks(
        self, table: TableBench
    ) -> None:
        table.ledger.open(upload_of())
        (item,) = table.items()
        assert "expires_at" not in item
        table.ledger.end(ID, "completed", LATER)
        (item,) = table.items()
        assert days_until_forgotten(item, LATER) == pytest.approx(14, abs=0.001)

    def test_a_counted_run_is_kept_for_as_long_as_an_upload_may_take(
        self, table: TableBench
    ) -> None:
        upload = table.ledger.open(upload_of())
        table.ledger.note(ID, 42, run_of(upload, 0), LATER)
        (item,) = (each for each in table.items() if each["pk"]["S"] == ID)
        assert item["sk"]["S"] == "run#00042"
        assert days_until_forgotten(item, LATER) == pytest.approx(180, abs=0.001)

    def test_an_item_that_is_no_upload_is_poison_and_names_it(self, table: TableBench) -> None:
        table.put_raw({**upload_key("odd"), "key": {"S": "k"}})
        with pytest.raises(Poison, match="'odd'"):
            table.ledger.read("odd")
        with pytest.raises(Poison, match="'odd'"):
            list(table.ledger.list())

    @pytest.mark.parametrize("parts", ["{", "7", "[7]", '[[1,"e"]]'])
    def test_an_item_that_is_no_run_is_poison_and_names_it(
        self, table: TableBench, parts: str
    ) -> None:
        table.put_raw({"pk": {"S": ID}, "sk": {"S": "run#00007"}, "parts": {"S": parts}})
        with pytest.raises(Poison, match="run#00007"):
            table.ledger.parts(ID)

    def test_a_run_without_a_number_is_poison(self, table: TableBench) -> None:
        table.put_raw({"pk": {"S": ID}, "sk": {"S": "run#many"}, "parts": {"S": "[]"}})
        with pytest.raises(Poison, match="run#many"):
            table.ledger.runs(ID)

    def test_what_only_a_newer_release_knows_is_passed_over(self, table: TableBench) -> None:
        upload = table.ledger.open(upload_of())
        (item,) = table.items()
        table.put_raw({**item, "speed": {"N": "7"}})
        table.put_raw({"pk": {"S": ID}, "sk": {"S": "speed#1"}})
        assert table.ledger.read(ID) == upload
        assert table.ledger.runs(ID) == frozenset()

    def test_an_upload_of_which_nothing_is_noted_was_split(self, table: TableBench) -> None:
        upload = table.ledger.open(upload_of())
        (item,) = table.items()
        del item["is_split"]
        table.put_raw(item)
        assert table.ledger.read(ID) == replace(upload, is_split=True)

    def test_a_missing_table_is_an_error_of_the_deployment(self, table: TableBench) -> None:
        ledger = table.of_missing_table
        calls: list[Callable[[], object]] = [
            lambda: ledger.open(upload_of()),
            lambda: ledger.read(ID),
            lambda: ledger.note(ID, 0, run_of(upload_of(), 0), NOON),
            lambda: ledger.claim(upload_of(), LATER),
            lambda: ledger.note_split(ID, LATER),
            lambda: ledger.has_run(ID, 0),
            lambda: ledger.runs(ID),
            lambda: ledger.parts(ID),
            lambda: ledger.end(ID, "completed", LATER),
            lambda: next(ledger.list()),
        ]
        for call in calls:
            with pytest.raises(ConfigError, match=r"missing.*create it"):
                call()
