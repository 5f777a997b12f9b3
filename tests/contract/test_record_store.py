"""What every store of records promises; `RecordStore`'s docstrings are the specification."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from sync_core.errors import ConfigError, Poison
from sync_core.model import ControlItem, Lease, Pair, SideState, SyncRecord
from sync_core.records.dynamodb_item import primary_key
from tests.record_benches import NOON, RecordBench, TableBench, full_record

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


class TestReading:
    def test_a_key_without_a_record_is_left_out(self, table: RecordBench) -> None:
        assert table.store.read(["nothing here"]) == {}

    def test_no_keys_give_no_records(self, table: RecordBench) -> None:
        assert table.store.read([]) == {}

    def test_any_number_of_keys_can_be_read_at_once(self, table: RecordBench) -> None:
        records = [SyncRecord(f"key/{n}") for n in range(250)]
        assert table.store.write(records) == frozenset()
        read = table.store.read({f"key/{n}" for n in range(260)})
        assert read == {record.key: replace(record, gen=1) for record in records}

    def test_a_key_asked_for_twice_is_read_once(self, table: RecordBench) -> None:
        table.store.write([SyncRecord("k")])
        assert table.store.read(["k", "k"]) == {"k": SyncRecord("k", gen=1)}


class TestWriting:
    def test_a_new_record_gets_generation_one(self, table: RecordBench) -> None:
        assert table.store.write([SyncRecord("k")]) == frozenset()
        assert table.stored_generation("k") == 1

    def test_each_write_raises_the_generation_by_one(self, table: RecordBench) -> None:
        for gen in range(3):
            assert table.store.write([SyncRecord("k", gen)]) == frozenset()
        assert table.stored_generation("k") == 3

    def test_every_field_comes_back_with_its_microseconds(self, table: RecordBench) -> None:
        table.store.write([full_record("k")])
        assert table.store.read(["k"]) == {"k": full_record("k", gen=1)}

    def test_a_record_is_stored_whole_so_what_it_leaves_out_is_gone(
        self, table: RecordBench
    ) -> None:
        table.store.write([full_record("k")])
        table.store.write([SyncRecord("k", gen=1, pair=Pair(own=SideState("o:1")))])
        expected = SyncRecord("k", gen=2, pair=Pair(own=SideState("o:1")))
        assert table.store.read(["k"]) == {"k": expected}

    def test_a_tombstone_differs_from_no_pair(self, table: RecordBench) -> None:
        table.store.write([SyncRecord("gone", pair=Pair()), SyncRecord("new")])
        read = table.store.read(["gone", "new"])
        assert (read["gone"].pair, read["new"].pair) == (Pair(), None)

    def test_expires_at_is_rounded_up_to_the_whole_second(self, table: RecordBench) -> None:
        table.store.write([SyncRecord("k", pair=Pair(), expires_at=NOON)])
        expected = NOON.replace(second=1, microsecond=0)
        assert table.store.read(["k"])["k"].expires_at == expected

    def test_any_key_is_kept_as_it_is(self, table: RecordBench) -> None:
        records = [SyncRecord(key, lease=Lease(str(n), NOON)) for n, key in enumerate(ODD_KEYS)]
        assert table.store.write(records) == frozenset()
        assert table.store.read(ODD_KEYS) == {r.key: replace(r, gen=1) for r in records}

    def test_any_key_is_guarded_by_its_generation(self, table: RecordBench) -> None:
        table.store.write([SyncRecord(key) for key in ODD_KEYS])
        assert [table.store.write([SyncRecord(key)]) for key in ODD_KEYS] == [
            {key} for key in ODD_KEYS
        ]
        assert {table.stored_generation(key) for key in ODD_KEYS} == {1}

    def test_nothing_to_write_is_no_error(self, table: RecordBench) -> None:
        assert table.store.write([]) == frozenset()

    def test_a_key_given_twice_is_a_mistake_of_the_caller(self, table: RecordBench) -> None:
        with pytest.raises(ValueError, match="distinct"):
            table.store.write([SyncRecord("k"), SyncRecord("k")])
        assert table.stored_generation("k") is None


class TestWriters:
    def test_a_record_that_exists_is_not_created_again(self, table: RecordBench) -> None:
        table.store.write([SyncRecord("k", lease=Lease("first", NOON))])
        assert table.store.write([SyncRecord("k", lease=Lease("second", NOON))]) == {"k"}
        assert table.store.read(["k"])["k"].lease == Lease("first", NOON)

    @pytest.mark.parametrize("gen", [1, 3, 7])
    def test_a_write_at_another_generation_is_refused(self, table: RecordBench, gen: int) -> None:
        for stored in range(2):
            table.store.write([SyncRecord("k", stored)])
        assert table.store.write([SyncRecord("k", gen)]) == {"k"}
        assert table.stored_generation("k") == 2

    def test_a_record_that_has_gone_is_not_written_at_its_generation(
        self, table: RecordBench
    ) -> None:
        assert table.store.write([SyncRecord("k", gen=4)]) == {"k"}
        assert table.stored_generation("k") is None

    @pytest.mark.parametrize("refused", [{"key/7"}, {"key/0", "key/29"}, {"key/3", "key/150"}])
    def test_a_refused_record_does_not_hold_up_those_beside_it(
        self, table: RecordBench, refused: set[str]
    ) -> None:
        records = [SyncRecord(f"key/{n}") for n in range(30 if "key/150" not in refused else 200)]
        table.store.write([SyncRecord(key) for key in sorted(refused)])
        assert table.store.write([replace(r, lease=Lease("w", NOON)) for r in records]) == refused
        read = table.store.read([record.key for record in records])
        assert {key for key, record in read.items() if record.lease is None} == refused
        assert {record.gen for record in read.values()} == {1}

    def test_all_may_be_refused(self, table: RecordBench) -> None:
        records = [SyncRecord(f"key/{n}") for n in range(5)]
        table.store.write(records)
        assert table.store.write(records) == {record.key for record in records}

    def test_of_concurrent_writers_of_one_generation_exactly_one_wins(
        self, table: RecordBench
    ) -> None:
        writers, together = 8, Barrier(8)

        def write(writer: int) -> frozenset[str]:
            together.wait(timeout=30)
            lease = Lease(str(writer), NOON)
            return table.store.write([SyncRecord("k", lease=lease), SyncRecord(f"own/{writer}")])

        with ThreadPoolExecutor(writers) as pool:
            refused = list(pool.map(write, range(writers)))
        winners = [writer for writer in range(writers) if not refused[writer]]
        assert len(winners) == 1
        assert all(keys <= {"k"} for keys in refused)
        lease = table.store.read(["k"])["k"].lease
        assert lease is not None
        assert lease.owner == str(winners[0])
        assert len(table.store.read([f"own/{writer}" for writer in range(writers)])) == writers


class TestTables:
    def test_an_item_that_is_no_record_is_poison_and_names_its_key(
        self, real_table: TableBench
    ) -> None:
        real_table.put_raw({**primary_key("k"), "gen": {"S": "many"}})
        with pytest.raises(Poison, match="'k'"):
            real_table.store.read(["k"])

    def test_what_only_a_newer_release_knows_is_passed_over(self, real_table: TableBench) -> None:
        newer = {"state": {"S": "blocked"}, "seen": {"L": [{"BOOL": True}]}}
        real_table.put_raw({**primary_key("k"), "gen": {"N": "3"}, **newer})
        assert real_table.store.read(["k"]) == {"k": SyncRecord("k", gen=3)}
        assert real_table.store.write([SyncRecord("k", gen=3)]) == frozenset()

    def test_a_missing_table_is_an_error_of_the_deployment(self, real_table: TableBench) -> None:
        store = real_table.of_missing_table
        calls: list[Callable[[], object]] = [
            lambda: store.read(["k"]),
            lambda: store.write([SyncRecord("k")]),
            lambda: store.write([SyncRecord("k"), SyncRecord("l")]),
            lambda: next(store.list()),
            lambda: store.read_control("c"),
            lambda: store.write_control(ControlItem("c", "{}")),
            lambda: next(store.list_control("")),
        ]
        for call in calls:
            with pytest.raises(ConfigError, match="missing"):
                call()
