"""Entries of logs as a person sees them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from sync_core.cli.log_lines import LogLines
from sync_core.entries import Entry, fields_of

AT = datetime(2026, 1, 1, 12, 30, 59, 7999, tzinfo=UTC)


def line_of(site: str = "a", line: str = "", **fields: Any) -> str:
    line = line or json.dumps(fields)
    return LogLines(["a", "beta"]).line(Entry(AT, site, line, fields_of(line))).plain


def test_an_entry_is_one_line_with_what_is_telling() -> None:
    assert line_of(
        message="Copied the object", key="k", row=7, size_bytes=2048, lag_seconds=0.25, level="INFO"
    ) == (
        "2026-01-01 12:30:59.007Z  a     Copied the object                  "
        "'k'                           row 7  2.0 KiB  lag 0.2 s"
    )


def test_messages_and_keys_of_both_sites_stand_below_one_another() -> None:
    first = line_of("a", message="Copied the object", key="k")
    second = line_of("beta", message="Nothing to do here", key="k", reason="in_sync")
    assert first.index("Copied") == second.index("Nothing")
    assert first.index("'k'") == second.index("'k'")
    assert first.endswith("'k'")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"hinted": {"new": 2, "gone": 1}, "scanned": 9}, "9 keys  hinted 1 gone, 2 new"),
        ({"hinted": {}}, "hinted none"),
        ({"operation": "receive", "exception_name": "OSError"}, "in 'receive'  OSError"),
        ({"size_bytes": "many", "hinted": 3}, "many  3"),
    ],
)
def test_what_is_telling_is_told_whatever_its_kind(fields: dict[str, Any], says: str) -> None:
    assert line_of(message="m", **fields).endswith(says)


def test_nothing_that_was_logged_can_reach_the_terminal_as_a_command() -> None:
    evil = "two\nlines \x1b[31m\u202e [bold]"
    said = line_of(message=evil, key=evil, reason=evil) + line_of(line=evil)
    assert said.isprintable()
    assert said.count("[bold]") == 4


def test_levels_and_sites_have_their_colours() -> None:
    line = json.dumps({"message": "m", "level": "ERROR"})
    made = LogLines(["a", "b"]).line(Entry(AT, "b", line, fields_of(line)))
    assert {str(span.style) for span in made.spans} == {"dim", "magenta", "red"}
