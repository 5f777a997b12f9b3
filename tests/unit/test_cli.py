"""What the command line says: errors, differences, options, and the end of a run."""

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest

from sync_core.cli.chaos_option import parse_chaos
from sync_core.cli.running import end_signals, log_folder, unwound_by_signals, wait_for_end
from sync_core.cli.terminal import say_error, shown, shown_bytes
from sync_core.cli.verify import Summary, print_comparison
from sync_core.errors import AccessDenied, ConfigError, DualwayError, Unavailable
from sync_core.local.chaos import Rates
from sync_core.storage.memory import MemoryBucket, MemoryObjectStore
from sync_core.storage.protocol import ObjectWrite

AT = datetime(2026, 1, 1, tzinfo=UTC)

TWO_SETTINGS = ConfigError(
    "read the environment",
    "DUALWAY_SITE, DUALWAY_PORT",
    "DUALWAY_SITE is 'a; b': no name; DUALWAY_PORT is not set: take it from the stack",
)


def store(name: str, objects: Mapping[str, bytes], **metadata: str) -> MemoryObjectStore:
    made = MemoryObjectStore(MemoryBucket(name, lambda: AT), "AWS:AIDAUSER")
    for key, data in objects.items():
        made.put(ObjectWrite(key, len(data), metadata=metadata), BytesIO(data))
    return made


def test_several_wrong_settings_are_told_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    say_error(TWO_SETTINGS)
    assert capsys.readouterr().err.splitlines() == [
        "dualway: read the environment:",
        "  DUALWAY_SITE is 'a; b': no name",
        "  DUALWAY_PORT is not set: take it from the stack",
    ]


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (Unavailable("list", "bucket", "connection refused"), "can be reached"),
        (AccessDenied("list", "bucket", "403"), "check the key pair"),
    ],
)
def test_an_error_of_a_service_comes_with_what_to_do(
    error: DualwayError, advice: str, capsys: pytest.CaptureFixture[str]
) -> None:
    say_error(error)
    said = capsys.readouterr().err
    assert error.key in said
    assert error.cause in said
    assert advice in said.splitlines()[-1]


def test_values_are_shown_in_one_short_printable_line() -> None:
    assert shown(None) == "-"
    assert shown(7) == "7"
    assert shown("two\nlines \x1b[31m") == r"'two\nlines \x1b[31m'"
    assert len(shown("x" * 1024)) == 72


@pytest.mark.parametrize(
    ("size_bytes", "says"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (9 * 1024**2, "9.0 MiB")],
)
def test_a_size_is_shown_as_a_person_reads_it(size_bytes: int, says: str) -> None:
    assert shown_bytes(size_bytes) == says


def test_equal_sides_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    summary = print_comparison({"a": store("a", {"k": b"1"}), "b": store("b", {"k": b"1"})})
    assert summary == Summary(keys=1, objects=(1, 1), sizes_bytes=(1, 1))
    assert capsys.readouterr().out == "equal: 1 objects, 1 B on each side\n"


def test_each_difference_is_a_line_that_names_both_sides(
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = store("a", {"k": b"1", "only": b"12"}, owner="ann")
    print_comparison({"a": first, "b": store("b", {"k": b"1"}, owner="bob")})
    assert capsys.readouterr().out.splitlines() == [
        "'k': metadata owner: a 'ann' | b 'bob'",
        "'only': only on one side: a 2 B | b -",
        "different: 2 differences in 2 of 2 keys; run it again once both queues are empty",
    ]


def test_chaos_is_read_from_its_text() -> None:
    chaos = parse_chaos("duplicate=0.25, delay=0.5,seed=7,delay-seconds=0.2")
    assert chaos is not None
    assert chaos.rates == Rates(duplicate=0.25, delay=0.5)
    assert chaos.delay_seconds == 0.2
    assert parse_chaos("") is None


@pytest.mark.parametrize("text", ["drop", "drop=much", "drop=2", "drop=0.1,lose=0.1", "seed=x"])
def test_chaos_that_cannot_be_read_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError, match=r"such as duplicate=0\.1") as refused:
        parse_chaos(text)
    assert text in refused.value.cause


def test_a_temporary_folder_goes_unless_it_is_kept() -> None:
    with log_folder(None) as gone, log_folder(None) as kept:
        kept.is_kept = True
    assert not gone.path.exists()
    kept.path.rmdir()


def test_a_chosen_folder_is_made_and_kept(tmp_path: Path) -> None:
    with log_folder(tmp_path / "new" / "folder") as folder:
        assert folder.path == tmp_path / "new" / "folder"
    assert folder.path.is_dir()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ConfigError, match="name one of yours"), log_folder(file / "below"):
        pass


@contextmanager
def stopped_with(stopped: list[str]) -> Iterator[None]:
    """Note that it was stopped, although another signal comes while that happens."""
    try:
        yield
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        stopped.append("yes")


def test_a_signal_ends_a_run_only_after_what_was_started_is_stopped() -> None:
    stopped: list[str] = []
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended, unwound_by_signals(), stopped_with(stopped):
        os.kill(os.getpid(), signal.SIGTERM)
    assert stopped == ["yes"]
    assert ended.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before


def test_waiting_for_the_end_returns_when_a_signal_comes() -> None:
    with end_signals() as arrived:
        os.kill(os.getpid(), signal.SIGINT)
        wait_for_end(arrived)
