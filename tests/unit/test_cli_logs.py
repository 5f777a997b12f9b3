"""`dualway logs` on log files: what it prints, and with which status it ends."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from sync_core.cli import app
from sync_core.cli.logs import instant
from sync_core.errors import ConfigError


def line(message: str, minutes_ago: float, **fields: object) -> str:
    told_at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    at = told_at.isoformat(timespec="milliseconds")
    return json.dumps({"level": "INFO", "message": message, "timestamp": at, **fields}) + "\n"


@pytest.fixture
def ready_file(tmp_path: Path) -> Path:
    """Two sites with two entries each; those of b lie around the second of a."""
    logs = {"a": tmp_path / "a.log", "b": tmp_path / "b.log"}
    logs["a"].write_text(
        line("Copied the object", 300, site="a", action="object_copied", key="k")
        + line("Repeated transfer job!", 3, site="a", action="repeated_transfer", key="k 2")
    )
    logs["b"].write_text(
        line("Copied the object", 4, site="b", action="object_copied", key="k 2", row=7)
        + line("Will try the message again", 2, action="retried", reason="put 'k': 503")
    )
    names = "account_id region bucket user_access_key_id user_secret_access_key dedicated_user_id"
    names += " queue_url dead_letter_queue_url records_table parts_table"
    site = dict.fromkeys(names.split(), "x")
    sites = {name: site | {"log_file": str(path)} for name, path in logs.items()}
    ready = tmp_path / "ready.json"
    ready.write_text(json.dumps({"endpoint_url": "http://127.0.0.1:1", "sites": sites}))
    return ready


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["logs", *map(str, arguments)])


def test_both_sites_are_found_in_the_order_of_time(ready_file: Path) -> None:
    found = run("--ready-file", ready_file)
    assert found.exit_code == 0
    lines = [text.split() for text in found.stdout.splitlines()]
    assert [words[2] for words in lines] == ["b", "a", "b"]
    assert found.stdout.splitlines()[0].endswith(
        "Copied the object                  'k 2'" + " " * 25 + "row 7"
    )
    assert "\x1b" not in found.stdout


@pytest.mark.parametrize(
    ("options", "messages"),
    [
        (("--search", "Repeated transfer job!"), ["Repeated transfer job!"]),
        (("--key", "k 2"), ["Copied the object", "Repeated transfer job!"]),
        (("--key", "k", "--since", "6h"), ["Copied the object"]),
        (("--reason", "503"), ["Will try the message again"]),
        (
            ("--action", "retried", "--action", "repeated_transfer"),
            ["Repeated transfer job!", "Will try the message again"],
        ),
        (("--site", "b"), ["Copied the object", "Will try the message again"]),
        (("--limit", "1"), ["Will try the message again"]),
        (("--until", "150s"), ["Copied the object", "Repeated transfer job!"]),
    ],
)
def test_options_choose_among_the_entries(
    ready_file: Path, options: tuple[str, ...], messages: list[str]
) -> None:
    found = run("--ready-file", ready_file, "--json", *options)
    assert found.exit_code == 0
    assert [json.loads(text)["message"] for text in found.stdout.splitlines()] == messages


def test_every_line_of_json_names_its_site(ready_file: Path) -> None:
    found = run("--ready-file", ready_file, "--json", "--since", "6h")
    assert [json.loads(text)["site"] for text in found.stdout.splitlines()] == ["a", "b", "a", "b"]


def test_finding_nothing_ends_with_one_and_says_since_when(ready_file: Path) -> None:
    found = run("--ready-file", ready_file, "--key", "k")
    assert found.exit_code == 1
    assert found.stdout == ""
    assert "--since" in found.stderr


def test_the_queries_of_the_template_are_printed() -> None:
    found = run("--insights")
    assert found.exit_code == 0
    assert "# Repeated transfer job!\nfields @timestamp" in found.stdout


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--config", "x", "--ready-file", "y"),
        ("--ready-file", "x", "--since", "soon"),
        ("--ready-file", "x", "--follow", "--until", "5m"),
        ("--ready-file", "x", "--since", "5m", "--until", "1h"),
        ("--ready-file", "x", "--limit", "0"),
    ],
)
def test_options_that_make_no_sense_end_with_two(options: tuple[str, ...]) -> None:
    assert run(*options).exit_code == 2


def test_an_unknown_site_is_told_with_the_known_ones(ready_file: Path) -> None:
    refused = run("--ready-file", ready_file, "--site", "c").exception
    assert isinstance(refused, ConfigError)
    assert "--site a or b" in refused.cause


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T08:30", datetime(2026, 1, 31, 8, 30, tzinfo=UTC)),
        ("2026-01-31T08:30:00Z", datetime(2026, 1, 31, 8, 30, tzinfo=UTC)),
        ("2026-01-31T08:30+08:00", datetime(2026, 1, 31, 0, 30, tzinfo=UTC)),
    ],
)
def test_an_instant_is_given_in_utc_unless_it_names_a_zone(text: str, at: datetime) -> None:
    assert instant(text) == at


@pytest.mark.parametrize(("text", "hours"), [("30m", 0.5), ("2h", 2), ("1d", 24)])
def test_an_instant_is_given_as_how_long_ago(text: str, hours: float) -> None:
    before = datetime.now(UTC)
    found = instant(text)
    assert before <= found + timedelta(hours=hours) <= datetime.now(UTC)


@pytest.mark.parametrize("text", ["", "now", "-5m", "5", "999999d"])
def test_what_is_no_instant_is_refused_with_examples(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="such as 5m, 2h or 1d"):
        instant(text)
