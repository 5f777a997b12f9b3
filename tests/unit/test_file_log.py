"""Reading the file of a worker as a log."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sync_core.entries import Wanted
from sync_core.errors import ConfigError
from sync_core.local.logs import FileLog

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
ALL = Wanted(datetime(2025, 1, 1, tzinfo=UTC))


def line(message: str, seconds: float = 0) -> str:
    at = AT + timedelta(seconds=seconds)
    return json.dumps({"message": message, "timestamp": at.isoformat()}) + "\n"


def messages(log: FileLog, wanted: Wanted = ALL) -> list[str]:
    return [entry.message for entry in log.new_entries(wanted)]


def test_each_look_gives_what_is_new_and_complete(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = FileLog("a", path)
    with path.open("a") as file:
        file.write(line("one") + line("two")[:9])
        file.flush()
        assert messages(log) == ["one"]
        assert messages(log) == []
        file.write(line("two")[9:])
        file.flush()
        assert messages(log) == ["two"]


def test_entries_come_in_the_order_of_their_times(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(line("second", 2) + line("first", 1) + line("third", 3))
    assert messages(FileLog("a", path)) == ["first", "second", "third"]


def test_a_line_of_text_is_as_old_as_the_entry_before_it(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(line("one") + "\nTraceback\n" + line("two", 2))
    found = list(FileLog("a", path).new_entries(ALL))
    assert [(entry.message, entry.at, entry.site) for entry in found] == [
        ("one", AT, "a"),
        ("Traceback", AT, "a"),
        ("two", AT + timedelta(seconds=2), "a"),
    ]


def test_a_worker_that_never_started_has_last_words_of_today(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"cannot start \xff\n")
    [found] = FileLog("a", path).new_entries(ALL)
    assert found.line == "cannot start \\xff"
    assert datetime.now(UTC) - found.at < timedelta(minutes=1)


def test_a_file_that_was_begun_anew_is_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(line("a long first line"))
    log = FileLog("a", path)
    assert messages(log) == ["a long first line"]
    path.write_text(line("new"))
    assert messages(log) == ["new"]


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="still running") as refused:
        messages(FileLog("a", tmp_path / "gone"))
    assert refused.value.key == str(tmp_path / "gone")
