"""What every store of control items promises; `ControlStore`'s docstrings are the specification."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from sync_core.errors import Poison
from sync_core.model import ControlItem, SyncRecord
from tests.record_benches import NOON, RecordBench, TableBench, in_byte_order

NAMES = ("guard", "held/", "held/a", "held/ä", "held/🪣", "held/\ufffd", "held0", "hele", "z")


def names_of(table: RecordBench, prefix: str, start_after: str = "") -> list[str]:
    return [item.name for item in table.store.list_control(prefix, start_after)]


def write(table: RecordBench, *names: str) -> None:
    for name in names:
        assert table.store.write_control(ControlItem(name, f'"{name}"'))


class TestReadingAndWriting:
    def test_an_item_that_was_never_written_is_none(self, table: RecordBench) -> None:
        assert table.store.read_control("guard") is None

    def test_a_new_item_gets_generation_one(self, table: RecordBench) -> None:
        item = ControlItem("guard", '{"held": "🪣 and more"}')
        assert table.store.write_control(item)
        assert table.store.read_control("guard") == replace(item, gen=1)

    def test_each_write_replaces_the_whole_item(self, table: RecordBench) -> None:
        table.store.write_control(ControlItem("guard", "1", expires_at=NOON))
        assert table.store.write_control(ControlItem("guard", "", gen=1))
        assert table.store.read_control("guard") == ControlItem("guard", "", gen=2)

    def test_expires_at_is_rounded_up_to_the_whole_second(self, table: RecordBench) -> None:
        table.store.write_control(ControlItem("guard", "1", expires_at=NOON))
        read = table.store.read_control("guard")
        assert read is not None
        assert read.expires_at == NOON.replace(second=1, microsecond=0)

    def test_a_few_kilobytes_come_back(self, table: RecordBench) -> None:
        item = ControlItem("guard", "é" * 10_000)
        table.store.write_control(item)
        assert table.store.read_control("guard") == replace(item, gen=1)

    @pytest.mark.parametrize("gen", [0, 1, 3])
    def test_a_write_at_another_generation_is_refused(self, table: RecordBench, gen: int) -> None:
        for stored in range(2):
            table.store.write_control(ControlItem("guard", "first", stored))
        assert not table.store.write_control(ControlItem("guard", "second", gen))
        assert table.store.read_control("guard") == ControlItem("guard", "first", gen=2)

    def test_an_item_that_has_gone_is_not_written_at_its_generation(
        self, table: RecordBench
    ) -> None:
        assert not table.store.write_control(ControlItem("guard", "1", gen=4))
        assert table.store.read_control("guard") is None

    def test_of_concurrent_writers_of_one_generation_exactly_one_wins(
        self, table: RecordBench
    ) -> None:
        together = Barrier(8)

        def write_one(writer: int) -> bool:
            together.wait(timeout=30)
            return table.store.write_control(ControlItem("guard", str(writer)))

        with ThreadPoolExecutor(8) as pool:
            stored = list(pool.map(write_one, range(8)))
        assert stored.count(True) == 1
        winner = ControlItem("guard", str(stored.index(True)), gen=1)
        assert table.store.read_control("guard") == winner

    def test_a_record_of_the_same_name_is_another_thing(self, table: RecordBench) -> None:
        write(table, "guard")
        assert table.store.write([SyncRecord("guard"), SyncRecord("control")]) == frozenset()
        assert table.store.read(["guard"]) == {"guard": SyncRecord("guard", gen=1)}
        assert names_of(table, "") == ["guard"]

    @pytest.mark.parametrize("name", ["", "x" * 1025, "é" * 513])
    def test_a_name_beyond_the_limits_is_a_mistake_of_the_caller(
        self, table: RecordBench, name: str
    ) -> None:
        calls: list[Callable[[], object]] = [
            lambda: table.store.read_control(name),
            lambda: table.store.write_control(ControlItem(name, "1")),
        ]
        for call in calls:
            with pytest.raises(ValueError, match="1 to 1,024 bytes"):
                call()


class TestListing:
    @pytest.mark.parametrize("prefix", ["", "held/", "guard", "held/a", "held/b"])
    def test_names_behind_the_start_come_in_the_order_of_their_bytes(
        self, table: RecordBench, prefix: str
    ) -> None:
        write(table, *reversed(NAMES))
        for start_after in ("", "a", "held", "held/", "held/a", "held/x", "held0", "zz"):
            expected = [
                name
                for name in in_byte_order(NAMES)
                if name.startswith(prefix) and name.encode() > start_after.encode()
            ]
            assert names_of(table, prefix, start_after) == expected, start_after

    def test_items_come_as_they_were_written(self, table: RecordBench) -> None:
        expires_at = NOON.replace(microsecond=0)
        table.store.write_control(ControlItem("guard", "{}", expires_at=expires_at))
        listed = list(table.store.list_control("guard"))
        assert listed == [ControlItem("guard", "{}", gen=1, expires_at=expires_at)]


def test_an_item_that_is_no_control_item_is_poison_and_names_it(real_table: TableBench) -> None:
    real_table.put_raw({"pk": {"S": "control"}, "sk": {"S": "guard"}, "gen": {"N": "1"}})
    with pytest.raises(Poison, match="'guard'"):
        real_table.store.read_control("guard")
    with pytest.raises(Poison, match="'guard'"):
        list(real_table.store.list_control(""))
