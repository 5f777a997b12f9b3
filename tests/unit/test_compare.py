"""The merge of two listings, and what counts as a difference between two objects."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core import compare
from sync_core.compare import (
    Content,
    Difference,
    differences,
    merge,
    merge_in_runs,
    merge_with_records,
)
from sync_core.errors import ConfigError
from sync_core.model import ListedObject, ListedRecord
from tests.objects import KEY, original, replica

AT = datetime(2026, 1, 1, tzinfo=UTC)
ONE = Content(original(b"x", metadata={"owner": "ann"}), "aa", {"team": "blue"})


def listed(*keys: str) -> list[ListedObject]:
    return [ListedObject(key, "etag", 1, "2026-01-01T00:00:00") for key in keys]


def recorded(*keys: str) -> list[ListedRecord]:
    return [ListedRecord(key, "etag|1|2026-01-01T00:00:00", "") for key in keys]


def as_keys(first: list[ListedObject], second: list[ListedObject]) -> list[tuple[str, str]]:
    return [
        (one.key if one else "-", other.key if other else "-")
        for one, other in merge(first, second)
    ]


def test_each_key_comes_once_with_what_either_side_has() -> None:
    merged = as_keys(listed("a", "b", "d"), listed("b", "c", "d", "e"))
    assert merged == [("a", "-"), ("b", "b"), ("-", "c"), ("d", "d"), ("-", "e")]


def test_keys_are_ordered_by_their_bytes() -> None:
    # In UTF-16 the emoji would come before U+FF5E, in UTF-8 it comes after it.
    keys = ("Z", "a", "\uff5e", "\U0001f600")
    assert as_keys(listed(*keys), listed(*keys)) == [(key, key) for key in keys]


@pytest.mark.parametrize("keys", [("b", "a"), ("a", "a")])
def test_a_listing_out_of_order_is_refused(keys: tuple[str, str]) -> None:
    with pytest.raises(ConfigError, match="cannot be compared"):
        list(merge(listed(*keys), []))


keys_of_a_side = st.sets(st.text(st.characters(codec="utf-8"), min_size=1, max_size=3), max_size=8)


@given(keys_of_a_side, keys_of_a_side)
def test_a_merge_is_the_union_of_both_sides(first: set[str], second: set[str]) -> None:
    ordered = [listed(*sorted(keys, key=str.encode)) for keys in (first, second)]
    merged = list(merge(*ordered))
    assert {one.key for one, _ in merged if one} == first
    assert {other.key for _, other in merged if other} == second
    assert len(merged) == len(first | second)


def test_records_stand_beside_both_listings() -> None:
    own, peer, records = listed("a", "b", "d"), listed("b", "c", "d"), recorded("b", "c", "e")
    assert list(merge_with_records(own, peer, records)) == [
        ("a", own[0], None, None),
        ("b", own[1], peer[0], records[0]),
        ("c", None, peer[1], records[1]),
        ("d", own[2], peer[2], None),
        ("e", None, None, records[2]),
    ]


@pytest.mark.parametrize("keys", [("b", "a"), ("a", "a"), ("\U0001f600", "\uff5e")])
def test_none_of_the_three_may_be_out_of_order(keys: tuple[str, str]) -> None:
    for own, peer, records in (
        (listed(*keys), [], []),
        ([], listed(*keys), []),
        ([], [], recorded(*keys)),
    ):
        with pytest.raises(ConfigError, match="cannot be compared"):
            list(merge_with_records(own, peer, records))
        with pytest.raises(ConfigError, match="cannot be compared"):
            list(merge_in_runs(own, peer, records))


@pytest.mark.parametrize("keys", ["acb", "abb", "abca", "abab", "dcba", "abcdefb"])
def test_no_run_may_be_out_of_order(monkeypatch: pytest.MonkeyPatch, keys: str) -> None:
    monkeypatch.setattr(compare, "RUN_KEYS", 2)
    own, peer, records = listed(*keys), listed(*keys), recorded(*keys)
    for three in ((own, peer, records), (own, listed(*"acz"), []), ([], [], records)):
        with pytest.raises(ConfigError, match="cannot be compared"):
            list(merge_in_runs(*three))


def test_keys_that_all_three_have_come_in_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "RUN_KEYS", 3)
    keys = [f"k{number}" for number in range(7)]
    runs = merge_in_runs(listed(*keys), listed(*keys), recorded(*keys))
    assert [[key for key, *_ in run] for run in runs] == [keys[:3], keys[3:6], keys[6:]]


def test_a_merge_in_runs_holds_no_more_than_a_run_of_each() -> None:
    read: list[str] = []

    def side() -> Iterator[ListedObject]:
        for number in range(10_000, 99_999):
            read.append(f"{number}")
            yield listed(f"{number}")[0]

    next(merge_in_runs(side(), listed("99999"), []))
    assert len(read) == compare.RUN_KEYS


def test_a_merge_reads_no_further_than_it_has_to() -> None:
    read: list[str] = []

    def side(name: str) -> Iterator[ListedObject]:
        for number in range(10):
            read.append(f"{name}{number}")
            yield listed(f"{name}{number}")[0]

    merged = merge_with_records(side("a"), side("b"), [])
    assert [next(merged)[0] for _ in range(3)] == ["a0", "a1", "a2"]
    assert read == ["a0", "b0", "a1", "a2"]


@given(keys_of_a_side, keys_of_a_side, keys_of_a_side, st.integers(1, 9))
def test_a_merge_in_runs_finds_the_same(
    own: set[str], peer: set[str], records: set[str], run_keys: int
) -> None:
    first, second, third = (sorted(keys, key=str.encode) for keys in (own, peer, records))
    three = listed(*first), listed(*second), recorded(*third)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare, "RUN_KEYS", run_keys)
        runs = list(merge_in_runs(*three))
    assert [known for run in runs for known in run] == list(merge_with_records(*three))
    assert all(runs)


@given(keys_of_a_side, keys_of_a_side, keys_of_a_side)
def test_a_merge_with_records_finds_every_key_in_its_place(
    own: set[str], peer: set[str], records: set[str]
) -> None:
    first, second, third = (sorted(keys, key=str.encode) for keys in (own, peer, records))
    merged = list(merge_with_records(listed(*first), listed(*second), recorded(*third)))
    assert [key for key, *_ in merged] == sorted(own | peer | records, key=str.encode)
    for key, one, other, record in merged:
        assert (one is not None, other is not None, record is not None) == (
            key in own,
            key in peer,
            key in records,
        )
        assert all(entry.key == key for entry in (one, other, record) if entry)


def test_a_replica_does_not_differ_from_its_source() -> None:
    copy = replace(ONE, version=replica(ONE.version, to="b"))
    assert differences(KEY, ONE, copy) == []


@pytest.mark.parametrize(
    ("changed", "what", "first", "second"),
    [
        (replace(ONE, sha256="bb"), "content", "sha256 aa", "sha256 bb"),
        (replace(ONE, tags={}), "tag team", "blue", None),
        (
            replace(ONE, version=replace(ONE.version, metadata={"owner": "bob"})),
            "metadata owner",
            "ann",
            "bob",
        ),
        (
            replace(ONE, version=replace(ONE.version, headers={})),
            "content-type",
            "text/plain",
            None,
        ),
        (replace(ONE, version=replace(ONE.version, size_bytes=2)), "size", 1, 2),
        (None, "presence", 1, None),
    ],
)
def test_each_difference_is_named_with_both_values(
    changed: Content | None, what: str, first: str | int | None, second: str | int | None
) -> None:
    assert differences(KEY, ONE, changed) == [Difference(KEY, what, first, second)]


def test_two_absent_objects_do_not_differ() -> None:
    assert differences(KEY, None, None) == []
