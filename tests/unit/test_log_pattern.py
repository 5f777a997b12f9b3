"""What is looked for, as a filter pattern of CloudWatch Logs."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.entries import Wanted
from sync_core.launch.log_pattern import MOST_CHARACTERS, filter_pattern

ANYTHING = Wanted(datetime(2026, 1, 1, tzinfo=UTC))
TEXTS = st.text(st.characters() | st.sampled_from('"\\*%\n'), max_size=1024)


@pytest.mark.parametrize(
    ("wanted", "pattern"),
    [
        ({}, ""),
        ({"search": "Repeated transfer job!"}, '"Repeated transfer job!"'),
        ({"key": "photos/cat 1.jpg"}, '{ $.key = "photos/cat 1.jpg" }'),
        ({"key": "图.jpg"}, '{ $.key = "图.jpg" }'),
        ({"reason": "peer"}, '{ $.reason = "*peer*" }'),
        ({"actions": ["retried"]}, '{ $.action = "retried" }'),
        (
            {"search": "job!", "key": "k", "actions": ["a", "b"]},
            '{ $.message = "*job!*" && $.key = "k" && ($.action = "a" || $.action = "b") }',
        ),
    ],
)
def test_a_search_becomes_a_pattern(wanted: dict[str, Any], pattern: str) -> None:
    assert filter_pattern(replace(ANYTHING, **wanted)) == pattern


@pytest.mark.parametrize(
    ("wanted", "pattern"),
    [
        ({"key": 'a "quoted" word'}, '{ $.key = "a *" }'),
        ({"key": "star*"}, '{ $.key = "star*" }'),
        ({"key": "back\\slash"}, '{ $.key = "back*" }'),
        ({"key": "two\nlines"}, '{ $.key = "two*" }'),
        ({"key": '"'}, ""),
        ({"search": 'the "longest part'}, '"longest part"'),
        ({"search": "***"}, ""),
        ({"key": "k" * 1024}, '{ $.key = "' + "k" * 200 + '*" }'),
    ],
)
def test_what_the_syntax_cannot_carry_is_cut_off(wanted: dict[str, Any], pattern: str) -> None:
    assert filter_pattern(replace(ANYTHING, **wanted)) == pattern


@given(key=TEXTS)
def test_a_pattern_lets_the_key_itself_through(key: str) -> None:
    pattern = filter_pattern(replace(ANYTHING, key=key))
    if pattern:
        value = pattern.removeprefix('{ $.key = "').removesuffix('" }')
        beginning = value.removesuffix("*")
        assert not set(beginning) & set('"\\*')
        assert key.startswith(beginning)
        assert value.endswith("*") or key == value


@given(search=TEXTS, key=TEXTS, reason=TEXTS, actions=st.lists(st.text(max_size=99), max_size=30))
def test_a_pattern_is_never_longer_than_allowed(
    search: str, key: str, reason: str, actions: list[str]
) -> None:
    wanted = replace(ANYTHING, search=search, key=key, reason=reason, actions=actions)
    assert len(filter_pattern(wanted)) <= MOST_CHARACTERS
