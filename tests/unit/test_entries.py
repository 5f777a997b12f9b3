"""Which entries of a log a search finds, and in which order."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sync_core.entries import (
    Entry,
    Wanted,
    as_json_line,
    fields_of,
    instant_of,
    interleaved,
)

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ALL = Wanted(AT - SECOND)


def entry(line: str = "", at: datetime = AT, **fields: Any) -> Entry:
    line = line or json.dumps(fields)
    return Entry(at, "a", line, fields_of(line))


ECHO = entry(message="Repeated transfer job!", action="repeated_transfer", key="k", site="a")
SKIPPED = entry(message="Nothing to do here", action="skipped", key="k 2", reason="peer_acts")
CRASH = entry("Task timed out after 300.00 seconds")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (ALL, [ECHO, SKIPPED, CRASH]),
        (replace(ALL, search="Repeated transfer job!"), [ECHO]),
        (replace(ALL, search="to do"), [SKIPPED]),
        (replace(ALL, search="timed out"), [CRASH]),
        (replace(ALL, search="repeated_transfer"), []),
        (replace(ALL, key="k"), [ECHO]),
        (replace(ALL, reason="peer"), [SKIPPED]),
        (replace(ALL, actions={"skipped", "retried"}), [SKIPPED]),
        (replace(ALL, actions={"skipped"}, key="k"), []),
        (replace(ALL, since=AT + SECOND), []),
        (replace(ALL, until=AT - SECOND), []),
        (replace(ALL, until=AT), [ECHO, SKIPPED, CRASH]),
    ],
)
def test_all_that_is_given_must_be_true_of_an_entry(wanted: Wanted, found: list[Entry]) -> None:
    assert [each for each in (ECHO, SKIPPED, CRASH) if wanted.matches(each)] == found


@pytest.mark.parametrize(
    "line",
    [
        "START RequestId: 1 Version: $LATEST",
        "END RequestId: 1",
        "REPORT RequestId: 1\tDuration: 3.00 ms\t",
        "INIT_START Runtime Version: python:3.13.v30\tRuntime Version ARN: arn",
        "EXTENSION\tName: agent\tState: Ready\tEvents: []",
        '{"time":"2026-01-01T00:00:00Z","type":"platform.report","record":{}}',
        '{"_aws":{"Timestamp":1767225600000,"CloudWatchMetrics":[]},"KeysCompared":[1]}',
    ],
)
def test_metrics_and_lines_of_the_platform_are_found_on_request_only(line: str) -> None:
    assert not ALL.matches(entry(line))
    assert replace(ALL, with_overhead=True).matches(entry(line))


@pytest.mark.parametrize("line", ["START of a sentence", '{"message":"END"}', "{no json", "[1]"])
def test_what_only_looks_like_the_platforms_is_found(line: str) -> None:
    assert ALL.matches(entry(line))


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"timestamp": "2026-01-01T13:00:00.250+01:00"}, AT + SECOND / 4),
        ({"_aws": {"Timestamp": int(AT.timestamp() * 1000)}}, AT),
        ({"timestamp": "noon"}, None),
        ({"timestamp": 12}, None),
        ({"_aws": None}, None),
        ({}, None),
    ],
)
def test_a_line_says_when_it_was_written(fields: dict[str, Any], at: datetime | None) -> None:
    assert instant_of(fields) == at


class Lines:
    """A source whose entries are given."""

    poll_seconds = 0.0
    site = "a"

    def __init__(self, *seconds: int) -> None:
        self._entries = [entry(f"at {second}", AT + second * SECOND) for second in seconds]

    def new_entries(self, wanted: Wanted) -> Iterator[Entry]:
        yield from filter(wanted.matches, self._entries)


def test_the_sources_entries_come_in_the_order_of_time() -> None:
    found = interleaved([Lines(0, 3, 4), Lines(1, 2, 5), Lines()], ALL)
    assert [each.line for each in found] == [f"at {second}" for second in range(6)]


def test_as_json_a_line_is_as_it_was_logged_and_names_its_site() -> None:
    assert as_json_line(ECHO) == ECHO.line
    assert json.loads(as_json_line(SKIPPED)) == {**SKIPPED.fields, "site": "a"}
    assert json.loads(as_json_line(CRASH)) == {
        "timestamp": "2026-01-01T12:00:00+00:00",
        "message": CRASH.line,
        "site": "a",
    }
