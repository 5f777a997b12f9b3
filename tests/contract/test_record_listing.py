"""What every store of records promises of its listing: sorted, whole, and in pages."""

from dataclasses import replace

import pytest

from sync_core.errors import Poison
from sync_core.model import (
    ControlItem,
    Intent,
    Lease,
    ListedRecord,
    NotedConflict,
    Pair,
    SideState,
    SyncRecord,
    Waiting,
)
from sync_core.records.dynamodb_item import primary_key
from tests.record_benches import NOON, RecordBench, TableBench, full_record, in_byte_order

# Where the order of bytes, of UTF-16 units, of letters and of path segments differ.
ODD_KEYS = (
    "a",
    "a/",
    "a//",
    "a/b",
    "a b",
    "a.b",
    "a\n",
    "B",
    "b",
    "ä",
    "z",
    "é-中",
    "中",
    "\ufffd",
    "🪣",
    "🪣/x",
    " ",
    "%20",
    "x" * 1024,
    "x" * 1023,
    "é" * 512,
    "🪣" * 256,
    "sha256:" + "0" * 64,
)
MANY_KEYS = tuple(f"dir/{n:03}.txt" for n in range(120))


def keys_of(table: RecordBench, start_after: str = "") -> list[str]:
    return [listed.key for listed in table.store.list(start_after)]


def write(table: RecordBench, *keys: str) -> None:
    assert table.store.write([SyncRecord(key) for key in keys]) == frozenset()


class TestOrder:
    def test_an_empty_table_lists_nothing(self, table: RecordBench) -> None:
        assert keys_of(table) == []

    def test_keys_come_in_the_order_of_their_bytes(self, table: RecordBench) -> None:
        write(table, *reversed(ODD_KEYS))
        assert keys_of(table) == in_byte_order(ODD_KEYS)

    def test_a_listing_of_many_pages_leaves_nothing_out(self, table: RecordBench) -> None:
        write(table, *MANY_KEYS)
        assert keys_of(table) == list(MANY_KEYS)

    def test_it_stays_in_order_when_records_are_written_again(self, table: RecordBench) -> None:
        write(table, *ODD_KEYS)
        changed = [SyncRecord(key, gen=1, lease=Lease("w", NOON)) for key in ODD_KEYS[::2]]
        assert table.store.write(changed) == frozenset()
        write(table, *MANY_KEYS)
        assert keys_of(table) == in_byte_order([*ODD_KEYS, *MANY_KEYS])

    def test_it_stays_in_order_and_whole_while_others_write(self, table: RecordBench) -> None:
        write(table, *MANY_KEYS[::2])
        listing = table.store.list()
        keys = [next(listing).key for _ in range(10)]
        write(table, *MANY_KEYS[1::2])
        table.store.write([SyncRecord(key, gen=1) for key in MANY_KEYS[::2]])
        keys += [listed.key for listed in listing]
        assert keys == in_byte_order(list(set(keys)))
        assert set(MANY_KEYS[::2]) <= set(keys) <= set(MANY_KEYS)


class TestStart:
    def test_only_what_comes_later_is_listed(self, table: RecordBench) -> None:
        write(table, *ODD_KEYS)
        for start_after in (*ODD_KEYS, "", "a/a", "c", "é", "\U0010ffff"):
            later = [key for key in ODD_KEYS if key.encode() > start_after.encode()]
            assert keys_of(table, start_after) == in_byte_order(later), start_after

    def test_a_listing_can_go_on_where_another_ended(self, table: RecordBench) -> None:
        write(table, *MANY_KEYS)
        first = table.store.list()
        keys = [next(first).key for _ in range(50)]
        assert keys + keys_of(table, keys[-1]) == list(MANY_KEYS)


class TestContent:
    @pytest.mark.parametrize("key", ["", "x" * 1025, "é" * 513])
    def test_a_key_that_no_object_can_have_is_left_out(self, table: RecordBench, key: str) -> None:
        write(table, "a", key)
        assert keys_of(table) == ["a"]

    def test_control_items_are_left_out(self, table: RecordBench) -> None:
        write(table, "a")
        table.store.write_control(ControlItem("b", "{}"))
        assert keys_of(table) == ["a"]

    @pytest.mark.parametrize(
        ("record", "expected"),
        [
            (SyncRecord("k"), ListedRecord("k", None, None)),
            (SyncRecord("k", pair=Pair()), ListedRecord("k", None, None)),
            (
                SyncRecord("k", pair=Pair(SideState("1", "e|1|m"), SideState("2", "f|1|"))),
                ListedRecord("k", "e|1|m", "f|1|"),
            ),
            (SyncRecord("k", pair=Pair(peer=SideState("2"))), ListedRecord("k", None, "")),
            (
                SyncRecord("k", pair=Pair(own=SideState("1", "an odd%20%-= one -"))),
                ListedRecord("k", "an odd%20%-= one -", None),
            ),
            (
                SyncRecord("k", intent=Intent("1", None, "n", NOON)),
                ListedRecord("k", None, None, is_open=True),
            ),
            (
                SyncRecord("k", waiting=Waiting("1|2", NOON)),
                ListedRecord("k", None, None, is_open=True),
            ),
            (SyncRecord("k", lease=Lease("w", NOON)), ListedRecord("k", None, None)),
            (
                SyncRecord("k", blocked="e|1|m"),
                ListedRecord("k", None, None, blocked="e|1|m"),
            ),
            (
                SyncRecord("k", conflict=NotedConflict(NOON, "a", "1", "2", None)),
                ListedRecord("k", None, None, has_conflict=True),
            ),
            (
                full_record("k"),
                ListedRecord(
                    "k",
                    "lid",
                    "",
                    is_open=True,
                    blocked="etag|1|2026-03-01T12:00:00",
                    has_conflict=True,
                ),
            ),
        ],
        ids=str,
    )
    def test_a_record_is_shown_as_far_as_a_comparison_needs_it(
        self, table: RecordBench, record: SyncRecord, expected: ListedRecord
    ) -> None:
        table.store.write([record])
        assert list(table.store.list()) == [expected]

    def test_the_latest_generation_is_shown(self, table: RecordBench) -> None:
        table.store.write([full_record("k")])
        later = replace(SyncRecord("k", gen=1), pair=Pair(own=SideState("3", "g|3|m")))
        table.store.write([later])
        assert list(table.store.list()) == [ListedRecord("k", "g|3|m", None)]


class TestTables:
    @pytest.mark.parametrize("shown", [None, {"S": "- -"}, {"S": "lid =lid - -"}, {"N": "1"}])
    def test_an_item_that_is_no_record_is_poison_and_names_its_key(
        self, real_table: TableBench, shown: dict[str, str] | None
    ) -> None:
        item = {**primary_key("bad"), "gen": {"N": "1"}}
        real_table.put_raw(item if shown is None else {**item, "shown": shown})
        with pytest.raises(Poison, match="'bad'"):
            list(real_table.store.list())
