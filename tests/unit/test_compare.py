"""The merge of two listings, and what counts as a difference between two objects."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.compare import Content, Difference, differences, merge
from sync_core.errors import ConfigError
from sync_core.model import ListedObject
from tests.objects import KEY, original, replica

AT = datetime(2026, 1, 1, tzinfo=UTC)
ONE = Content(original(b"x", metadata={"owner": "ann"}), "aa", {"team": "blue"})


def listed(*keys: str) -> list[ListedObject]:
    return [ListedObject(key, "etag", 1, "2026-01-01T00:00:00") for key in keys]


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
