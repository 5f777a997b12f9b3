"""Into which ranges of keys a round is divided, and what is kept for dividing the next one."""

import json
from bisect import bisect_right
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.ranges import (
    MAX_BOUNDARIES,
    MAX_BOUNDARIES_BYTES,
    MAX_MARKS_BYTES,
    KeyRange,
    Mark,
    RangeState,
    behind,
    between,
    boundaries_of,
    folder_of,
    marked,
)

KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


def holds(keys: KeyRange, key: str) -> bool:
    return key > keys.after and (keys.until is None or key <= keys.until)


@given(st.lists(KEYS), st.integers(1, 40), KEYS.filter(bool))
def test_every_key_is_in_exactly_one_range(
    boundaries: list[str], parallelism: int, key: str
) -> None:
    ranges = between(boundaries, parallelism)
    for each in (key, *filter(None, boundaries)):
        assert [holds(keys, each) for keys in ranges].count(True) == 1


@given(st.lists(KEYS), st.integers(1, 40))
def test_ranges_are_in_order_without_a_gap_and_no_more_than_asked_for(
    boundaries: list[str], parallelism: int
) -> None:
    ranges = between(boundaries, parallelism)
    assert [keys.number for keys in ranges] == list(range(len(ranges)))
    assert 1 <= len(ranges) <= parallelism
    assert (ranges[0].after, ranges[-1].until) == ("", None)
    for former, keys in pairwise(ranges):
        assert former.until == keys.after
        assert former.after < keys.after


@given(st.sets(KEYS.filter(bool), min_size=1), st.integers(1, 40))
def test_ranges_have_equally_many_pieces_give_or_take_one(
    boundaries: set[str], parallelism: int
) -> None:
    known = sorted(boundaries)
    ends = [bisect_right(known, keys.after) for keys in between(known, parallelism)]
    sizes = [end - start for start, end in zip(ends, [*ends[1:], len(known) + 1], strict=True)]
    assert len(sizes) == min(parallelism, len(known) + 1)
    assert max(sizes) - min(sizes) <= 1


def test_without_a_boundary_there_is_one_range() -> None:
    assert between([], 4) == [KeyRange(0, "", None)]


def test_a_state_survives_its_way_through_json() -> None:
    state = RangeState(KeyRange(3, "a/é", "b"), marks=[("a/x", 5)], deletes_are_held=True)
    state.reasons["new"] = 2
    assert RangeState.of(json.loads(json.dumps(state.values()))) == state


# --- folders ---


@pytest.mark.parametrize(
    ("key", "depth", "folder"),
    [
        ("a/b/c", 1, "a/"),
        ("a/b/c", 2, "a/b/"),
        ("a/b/c", 3, None),
        ("a/b/", 2, "a/b/"),
        ("//x", 1, "/"),
        ("//x", 2, "//"),
        ("flat", 1, None),
    ],
)
def test_a_folder_is_the_key_up_to_a_slash(key: str, depth: int, folder: str | None) -> None:
    assert folder_of(key, depth) == folder


@given(KEYS, KEYS)
def test_what_is_behind_a_folder_is_behind_all_its_keys_and_before_all_others(
    name: str, other: str
) -> None:
    folder = f"{name}/"
    assert folder + other < behind(folder)
    if other > folder and not other.startswith(folder):
        assert other >= behind(folder)


# --- marks and boundaries ---


def marks_of(keys: int, distance: int = 10, name: str = "key-{:09}") -> list[Mark]:
    marks: list[Mark] = []
    for count in range(distance, keys + 1, distance):
        marks = marked(marks, name.format(count), count)
    return marks


def state(keys: int, after: str, until: str | None, marks: list[Mark]) -> RangeState:
    found = RangeState(KeyRange(0, after, until), marks=marks, is_done=True)
    found.reasons["in_sync"] = keys
    return found


def test_marks_that_fit_are_all_kept() -> None:
    assert marks_of(50) == [(f"key-{count:09}", count) for count in (10, 20, 30, 40, 50)]


@given(st.integers(0, 20_000))
def test_marks_take_little_room_and_stay_evenly_spread(keys: int) -> None:
    marks = marks_of(keys)
    assert len(json.dumps(marks)) <= MAX_MARKS_BYTES
    if marks:
        distance = marks[0][1]
        assert [count for _, count in marks] == list(range(distance, keys + 1, distance))


def test_a_key_that_would_take_half_of_the_room_is_no_mark() -> None:
    assert marked([("a", 10)], "\0" * 1024, 20) == [("a", 10)]


def test_a_complete_round_leaves_its_marks_as_boundaries() -> None:
    states = [
        state(35, "", "b", [("a1", 10), ("a2", 20), ("a3", 30)]),
        state(25, "b", None, [("c1", 10), ("c2", 20)]),
    ]
    assert boundaries_of(states, 10) == ["a1", "a2", "a3", "c1", "c2"]


def test_ends_of_ranges_without_marks_are_boundaries_where_they_are_far_enough_apart() -> None:
    states = [state(7, "", "b", []), state(7, "b", "c", []), state(7, "c", "d", [])]
    assert boundaries_of([*states, state(7, "d", None, [])], 10) == ["c"]


def test_boundaries_are_as_far_apart_as_the_sparsest_marks() -> None:
    states = [
        state(40, "", "b", [("a2", 20), ("a4", 40)]),
        state(40, "b", None, [("c1", 10), ("c2", 20), ("c3", 30), ("c4", 40)]),
    ]
    assert boundaries_of(states, 10) == ["a2", "a4", "c2", "c4"]


@pytest.mark.parametrize("name", ["{:04}-{:02}", "{:04}-{:02}" + "x" * 1000])
def test_boundaries_of_very_many_keys_fit_into_the_table(name: str) -> None:
    states = [
        state(300, "", f"{part:04}-99", [(name.format(part, n), 10 * n) for n in range(1, 30)])
        for part in range(100)
    ]
    boundaries = boundaries_of(states, 10)
    assert 100 < len(boundaries) <= MAX_BOUNDARIES
    assert len(json.dumps(boundaries)) <= MAX_BOUNDARIES_BYTES
    assert boundaries == sorted(boundaries)
