"""Which conflicts a table tells of."""

from collections.abc import Iterator
from datetime import UTC, datetime

from sync_core.conflicts import noted_conflicts
from sync_core.model import ListedRecord, NotedConflict, SyncRecord
from sync_core.records.memory import MemoryRecordStore
from tests.two_stacks import TwoStacks

AT = datetime(2026, 1, 1, tzinfo=UTC)
OPEN = NotedConflict(AT, "a", "w", "l", None, is_open=True)
SETTLED = NotedConflict(AT, "b", "w", "l", "k.conflict")


def table(**found: NotedConflict | None) -> MemoryRecordStore:
    made = MemoryRecordStore()
    for key, conflict in found.items():
        made.write([SyncRecord(key, conflict=conflict)])
    return made


def test_keys_with_a_conflict_are_told_in_order_and_no_others() -> None:
    records = table(c=OPEN, a=SETTLED, b=None)
    assert list(noted_conflicts(records)) == [("a", SETTLED), ("c", OPEN)]


def test_a_table_without_conflicts_tells_nothing() -> None:
    assert list(noted_conflicts(table())) == []
    assert list(noted_conflicts(table(a=None))) == []


def test_it_goes_on_behind_a_key() -> None:
    records = table(a=SETTLED, b=SETTLED, c=OPEN)
    assert [key for key, _ in noted_conflicts(records, "a")] == ["b", "c"]


def test_more_conflicts_than_are_read_at_once_are_told_each_once() -> None:
    keys = [f"k{number:03}" for number in range(250)]
    records = table(**dict.fromkeys(keys, SETTLED))
    assert [key for key, _ in noted_conflicts(records)] == keys


def test_records_are_read_only_as_far_as_somebody_listens() -> None:
    first = next(noted_conflicts(table(a=SETTLED, b=SETTLED)))
    assert first == ("a", SETTLED)


class Forgetful(MemoryRecordStore):
    """A table whose records change between listing and reading."""

    def list(self, start_after: str = "") -> Iterator[ListedRecord]:
        yield from list(super().list(start_after))
        self.records.pop("gone")
        self.records["settled meanwhile"] = SyncRecord("settled meanwhile")


def test_a_conflict_that_ends_meanwhile_is_passed_over() -> None:
    records = Forgetful()
    keys = ["gone", "here", "settled meanwhile"]
    records.write([SyncRecord(key, conflict=OPEN) for key in keys])
    assert [key for key, _ in noted_conflicts(records)] == ["here"]


def test_a_settled_conflict_is_told_by_the_stack_that_settled_it() -> None:
    world = TwoStacks()
    world.put("a", "k", b"early")
    world.put("b", "k", b"late")
    world.quiesce()
    told = {side: dict(noted_conflicts(world.tables[side])) for side in "ab"}
    assert told["a"] == {}
    assert told["b"]["k"].winner_side == "b"
