"""What every store of records promises; `RecordStore`'s docstrings are the specification."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from threading import Barrier, Lock
from typing import Any
from uuid import uuid4

import boto3
import pytest
from moto import mock_aws
from pynamodb.connection.base import Connection

from sync_core.errors import ConfigError, Poison
from sync_core.local.cloud import LocalCloud
from sync_core.model import Intent, Lease, Pair, SideState, SyncRecord, Waiting
from sync_core.records.dynamodb import DynamoDBRecordStore, table_connection
from sync_core.records.memory import MemoryRecordStore
from sync_core.records.protocol import RecordStore

REGION = "us-east-1"
NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)

ODD_KEYS = (
    "plain.txt",
    "dir/with spaces/and+plus%20percent",
    "emoji-🪣-é-中",
    "a//b",
    "../x",
    "trailing/",
    " ",
    "new\nline\ttab",
    "'quotes\"",
    "x" * 1024,
    "é" * 512,
    "y" * 1025,
    "sha256:" + "0" * 64,
    "",
)


@dataclass(frozen=True)
class Bench:
    """A store, and a back door that reads a key's generation past it (None: no record)."""

    store: RecordStore
    stored_generation: Callable[[str], int | None]


@dataclass(frozen=True)
class TableBench(Bench):
    """A store in a table: how to put any item into it, and the store of a table that is missing."""

    put_raw: Callable[[dict[str, Any]], None]
    of_missing_table: RecordStore


class OneRequestAtATime(Connection):
    """moto checks a condition and writes without a lock between; DynamoDB's requests are atomic."""

    lock = Lock()

    def dispatch(self, operation_name: str, operation_kwargs: dict[str, Any]) -> dict[str, Any]:
        with self.lock:
            return super().dispatch(operation_name, operation_kwargs)


@pytest.fixture
def memory() -> Bench:
    store = MemoryRecordStore()

    def stored_generation(key: str) -> int | None:
        return store.records[key].gen if key in store.records else None

    return Bench(store, stored_generation)


@pytest.fixture
def moto() -> Iterator[TableBench]:
    with mock_aws():
        client = boto3.client("dynamodb", region_name=REGION)
        name = create_table(client)
        table = table_connection(name, REGION)
        table.connection = OneRequestAtATime(region=REGION)
        table.connection.add_meta_table(table_connection(name, REGION).get_meta_table())
        missing = DynamoDBRecordStore.connect("missing", REGION)
        yield table_bench_of(client, name, DynamoDBRecordStore(table), missing)


@pytest.fixture
def cloud(local_cloud: LocalCloud) -> Iterator[TableBench]:
    client, site = local_cloud.client("dynamodb", "a"), local_cloud.sites["a"]
    name = create_table(client)

    def at(table_name: str) -> DynamoDBRecordStore:
        return DynamoDBRecordStore.connect(
            table_name,
            site.region,
            endpoint_url=local_cloud.endpoint_url,
            key_pair=(site.user.access_key_id, site.user.secret_access_key),
        )

    yield table_bench_of(client, name, at(name), at("missing"))
    client.delete_table(TableName=name)


@pytest.fixture(params=["memory", "moto", "cloud"])
def bench(request: pytest.FixtureRequest) -> Bench:
    """Each backend in turn; one that is not asked for is not started."""
    made = request.getfixturevalue(request.param)
    assert isinstance(made, Bench)
    return made


@pytest.fixture(params=["moto", "cloud"])
def table_bench(request: pytest.FixtureRequest) -> TableBench:
    """Each backend that has tables."""
    made = request.getfixturevalue(request.param)
    assert isinstance(made, TableBench)
    return made


def create_table(client: Any) -> str:
    name = f"records-{uuid4().hex[:8]}"
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )
    client.get_waiter("table_exists").wait(
        TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )
    return name


def table_bench_of(
    client: Any, name: str, store: RecordStore, of_missing_table: RecordStore
) -> TableBench:
    def stored_generation(key: str) -> int | None:
        pages = client.get_paginator("scan").paginate(TableName=name, ConsistentRead=True)
        items = [item for page in pages for item in page["Items"] if item["key"]["S"] == key]
        assert len(items) <= 1, "one item per key"
        return int(items[0]["gen"]["N"]) if items else None

    def put_raw(item: dict[str, Any]) -> None:
        client.put_item(TableName=name, Item=item)

    return TableBench(store, stored_generation, put_raw, of_missing_table)


def full_record(key: str, gen: int = 0) -> SyncRecord:
    return SyncRecord(
        key,
        gen,
        pair=Pair(own=SideState("o:etag|1|2|m", "lid"), peer=SideState("n:nonce")),
        intent=Intent("o:1", "o:0", "nonce", NOON, upload_id="upload"),
        lease=Lease("worker-1", NOON),
        waiting=Waiting("o:1|o:2", NOON),
        expires_at=datetime(2026, 4, 1, tzinfo=UTC),
    )


class TestReading:
    def test_a_key_without_a_record_is_left_out(self, bench: Bench) -> None:
        assert bench.store.read(["nothing here"]) == {}

    def test_no_keys_give_no_records(self, bench: Bench) -> None:
        assert bench.store.read([]) == {}

    def test_any_number_of_keys_can_be_read_at_once(self, bench: Bench) -> None:
        records = [SyncRecord(f"key/{n}") for n in range(250)]
        assert bench.store.write(records) == frozenset()
        read = bench.store.read({f"key/{n}" for n in range(260)})
        assert read == {record.key: replace(record, gen=1) for record in records}

    def test_a_key_asked_for_twice_is_read_once(self, bench: Bench) -> None:
        bench.store.write([SyncRecord("k")])
        assert bench.store.read(["k", "k"]) == {"k": SyncRecord("k", gen=1)}


class TestWriting:
    def test_a_new_record_gets_generation_one(self, bench: Bench) -> None:
        assert bench.store.write([SyncRecord("k")]) == frozenset()
        assert bench.stored_generation("k") == 1

    def test_each_write_raises_the_generation_by_one(self, bench: Bench) -> None:
        for gen in range(3):
            assert bench.store.write([SyncRecord("k", gen)]) == frozenset()
        assert bench.stored_generation("k") == 3

    def test_every_field_comes_back_with_its_microseconds(self, bench: Bench) -> None:
        bench.store.write([full_record("k")])
        assert bench.store.read(["k"]) == {"k": full_record("k", gen=1)}

    def test_a_record_is_stored_whole_so_what_it_leaves_out_is_gone(self, bench: Bench) -> None:
        bench.store.write([full_record("k")])
        bench.store.write([SyncRecord("k", gen=1, pair=Pair(own=SideState("o:1")))])
        expected = SyncRecord("k", gen=2, pair=Pair(own=SideState("o:1")))
        assert bench.store.read(["k"]) == {"k": expected}

    def test_a_tombstone_differs_from_no_pair(self, bench: Bench) -> None:
        bench.store.write([SyncRecord("gone", pair=Pair()), SyncRecord("new")])
        read = bench.store.read(["gone", "new"])
        assert (read["gone"].pair, read["new"].pair) == (Pair(), None)

    def test_expires_at_is_rounded_up_to_the_whole_second(self, bench: Bench) -> None:
        bench.store.write([SyncRecord("k", pair=Pair(), expires_at=NOON)])
        expected = NOON.replace(second=1, microsecond=0)
        assert bench.store.read(["k"])["k"].expires_at == expected

    def test_any_key_is_kept_as_it_is(self, bench: Bench) -> None:
        records = [SyncRecord(key, lease=Lease(str(n), NOON)) for n, key in enumerate(ODD_KEYS)]
        assert bench.store.write(records) == frozenset()
        assert bench.store.read(ODD_KEYS) == {r.key: replace(r, gen=1) for r in records}

    def test_any_key_is_guarded_by_its_generation(self, bench: Bench) -> None:
        bench.store.write([SyncRecord(key) for key in ODD_KEYS])
        assert [bench.store.write([SyncRecord(key)]) for key in ODD_KEYS] == [
            {key} for key in ODD_KEYS
        ]
        assert {bench.stored_generation(key) for key in ODD_KEYS} == {1}

    def test_nothing_to_write_is_no_error(self, bench: Bench) -> None:
        assert bench.store.write([]) == frozenset()

    def test_a_key_given_twice_is_a_mistake_of_the_caller(self, bench: Bench) -> None:
        with pytest.raises(ValueError, match="distinct"):
            bench.store.write([SyncRecord("k"), SyncRecord("k")])
        assert bench.stored_generation("k") is None


class TestWriters:
    def test_a_record_that_exists_is_not_created_again(self, bench: Bench) -> None:
        bench.store.write([SyncRecord("k", lease=Lease("first", NOON))])
        assert bench.store.write([SyncRecord("k", lease=Lease("second", NOON))]) == {"k"}
        assert bench.store.read(["k"])["k"].lease == Lease("first", NOON)

    @pytest.mark.parametrize("gen", [1, 3, 7])
    def test_a_write_at_another_generation_is_refused(self, bench: Bench, gen: int) -> None:
        for stored in range(2):
            bench.store.write([SyncRecord("k", stored)])
        assert bench.store.write([SyncRecord("k", gen)]) == {"k"}
        assert bench.stored_generation("k") == 2

    def test_a_record_that_has_gone_is_not_written_at_its_generation(self, bench: Bench) -> None:
        assert bench.store.write([SyncRecord("k", gen=4)]) == {"k"}
        assert bench.stored_generation("k") is None

    @pytest.mark.parametrize("refused", [{"key/7"}, {"key/0", "key/29"}, {"key/3", "key/150"}])
    def test_a_refused_record_does_not_hold_up_those_beside_it(
        self, bench: Bench, refused: set[str]
    ) -> None:
        records = [SyncRecord(f"key/{n}") for n in range(30 if "key/150" not in refused else 200)]
        bench.store.write([SyncRecord(key) for key in sorted(refused)])
        assert bench.store.write([replace(r, lease=Lease("w", NOON)) for r in records]) == refused
        read = bench.store.read([record.key for record in records])
        assert {key for key, record in read.items() if record.lease is None} == refused
        assert {record.gen for record in read.values()} == {1}

    def test_all_may_be_refused(self, bench: Bench) -> None:
        records = [SyncRecord(f"key/{n}") for n in range(5)]
        bench.store.write(records)
        assert bench.store.write(records) == {record.key for record in records}

    def test_of_concurrent_writers_of_one_generation_exactly_one_wins(self, bench: Bench) -> None:
        writers, together = 8, Barrier(8)

        def write(writer: int) -> frozenset[str]:
            together.wait(timeout=30)
            lease = Lease(str(writer), NOON)
            return bench.store.write([SyncRecord("k", lease=lease), SyncRecord(f"own/{writer}")])

        with ThreadPoolExecutor(writers) as pool:
            refused = list(pool.map(write, range(writers)))
        winners = [writer for writer in range(writers) if not refused[writer]]
        assert len(winners) == 1
        assert all(keys <= {"k"} for keys in refused)
        lease = bench.store.read(["k"])["k"].lease
        assert lease is not None
        assert lease.owner == str(winners[0])
        assert len(bench.store.read([f"own/{writer}" for writer in range(writers)])) == writers


class TestTables:
    def test_an_item_that_is_no_record_is_poison_and_names_its_key(
        self, table_bench: TableBench
    ) -> None:
        table_bench.put_raw({"pk": {"S": "k"}, "key": {"S": "k"}, "gen": {"S": "many"}})
        with pytest.raises(Poison, match="'k'"):
            table_bench.store.read(["k"])

    def test_what_only_a_newer_release_knows_is_passed_over(self, table_bench: TableBench) -> None:
        newer = {"state": {"S": "blocked"}, "seen": {"L": [{"BOOL": True}]}}
        table_bench.put_raw({"pk": {"S": "k"}, "key": {"S": "k"}, "gen": {"N": "3"}, **newer})
        assert table_bench.store.read(["k"]) == {"k": SyncRecord("k", gen=3)}
        assert table_bench.store.write([SyncRecord("k", gen=3)]) == frozenset()

    def test_a_missing_table_is_an_error_of_the_deployment(self, table_bench: TableBench) -> None:
        store = table_bench.of_missing_table
        calls: list[Callable[[], object]] = [
            lambda: store.read(["k"]),
            lambda: store.write([SyncRecord("k")]),
            lambda: store.write([SyncRecord("k"), SyncRecord("l")]),
        ]
        for call in calls:
            with pytest.raises(ConfigError, match="missing"):
                call()
