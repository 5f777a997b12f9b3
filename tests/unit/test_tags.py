"""The table of `decide_tags`, each row seen from both stacks."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from sync_core.tags import TagVerdict, decide_tags, tags_hash

NONE: Mapping[str, str] = {}
T = {"team": "blue"}
T_MORE = {"team": "blue", "stage": "2"}
T_RED = {"team": "red"}
OTHER = {"stage": "2"}


@dataclass(frozen=True)
class Row:
    """Both sides' tags, what they last agreed on (None: not known), and what both should show."""

    says: str
    a: Mapping[str, str]
    b: Mapping[str, str]
    agreed: Mapping[str, str] | None
    wanted: Mapping[str, str]


ROWS = [
    Row("no tags anywhere", NONE, NONE, NONE, NONE),
    Row("no tags anywhere, nothing known", NONE, NONE, None, NONE),
    Row("equal and agreed", T, T, T, T),
    Row("equal, whatever was agreed on", T, T, OTHER, T),
    Row("equal, nothing known", T, T, None, T),
    Row("set at a", T, NONE, NONE, T),
    Row("set at b", NONE, T, NONE, T),
    Row("added at a", T_MORE, T, T, T_MORE),
    Row("added at b", T, T_MORE, T, T_MORE),
    Row("changed at a", T_RED, T, T, T_RED),
    Row("changed at b", T, T_RED, T, T_RED),
    Row("removed at a", NONE, T, T, NONE),
    Row("removed at b", T, NONE, T, NONE),
    Row("one of two removed at b", T_MORE, T, T_MORE, T),
    Row("another name on either side", T, OTHER, NONE, T_MORE),
    Row("another value on either side: the first site's counts", T, T_RED, NONE, T),
    Row("both, at once", {**T, "here": "1"}, {**T_RED, "there": "1"}, NONE,
        {**T, "here": "1", "there": "1"}),
    Row("changed at a and removed at b", T_RED, NONE, T, T_RED),
    Row("removed at a and changed at b", NONE, T_RED, T, T_RED),
    Row("set at a, nothing known", T, NONE, None, T),
    Row("set at b, nothing known", NONE, T, None, T),
    Row("another value on either side, nothing known", T, T_RED, None, T),
]  # fmt: skip

in_each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.says)


def hash_of(tags: Mapping[str, str] | None) -> str | None:
    return None if tags is None else tags_hash(tags)


@in_each_row
def test_stack_a_decides_by_the_table(row: Row) -> None:
    verdict = decide_tags(row.a, row.b, hash_of(row.agreed), own_is_first=True)
    assert verdict == TagVerdict(row.wanted, row.a == row.wanted, row.b == row.wanted)


@in_each_row
def test_stack_b_decides_the_same(row: Row) -> None:
    verdict = decide_tags(row.b, row.a, hash_of(row.agreed), own_is_first=False)
    assert verdict == TagVerdict(row.wanted, row.b == row.wanted, row.a == row.wanted)


def test_a_hash_stands_for_a_set_of_tags_in_any_order() -> None:
    assert tags_hash({"a": "1", "b": "2"}) == tags_hash({"b": "2", "a": "1"})
    assert len(tags_hash(NONE)) == 8
    assert len({tags_hash(each) for each in (NONE, T, T_MORE, T_RED, OTHER)}) == 5


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": "1"}, {"1": "a"}),
        ({"a": ""}, {}),
        ({"a": "b', 'c"}, {"a": "b", "c": ""}),
        ({"ключ": "值"}, {"ключ": "价"}),
    ],
)
def test_tags_that_look_alike_have_different_hashes(
    one: Mapping[str, str], other: Mapping[str, str]
) -> None:
    assert tags_hash(one) != tags_hash(other)


def test_half_a_surrogate_in_a_tag_breaks_nothing() -> None:
    assert len(tags_hash({"a": "\ud83d"})) == 8
