"""What `dualway deletes` says."""

import json
from datetime import UTC, datetime

import pytest
import typer
from typer.testing import CliRunner

from sync_core.cli.deletes import app, as_document, as_text, duration_seconds
from sync_core.guard import GuardStatus
from sync_core.holds import Hold, HoldReason
from sync_core.safety import Tally

AT = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
FEW = Tally(deleted=7, renamed=3, settled=4, limit=100)
MANY = Tally(deleted=200, renamed=0, settled=200, limit=100)
HELD = Hold(HoldReason.MASS_DELETION, AT, "200 deletes within 3600 seconds; the limit is 100")


@pytest.mark.parametrize(
    ("status", "lines"),
    [
        (
            GuardStatus((), None, 0, None, FEW),
            [
                "deletes are sent",
                "4 keys deleted of late, not counting 3 renamed; the limit is 100",
                "no round has counted the keys yet",
            ],
        ),
        (
            GuardStatus((HELD,), None, 500, AT, MANY),
            [
                "deletes are held:",
                f"  since 2026-01-01 12:30:00 UTC: {HELD.detail}",
                "200 keys deleted of late; the limit is 100",
                "500 keys in sync at 2026-01-01 12:30:00 UTC",
            ],
        ),
        (
            GuardStatus((), AT, 500, AT),
            [
                "deletes are approved until 2026-01-01 12:30:00 UTC",
                "500 keys in sync at 2026-01-01 12:30:00 UTC",
            ],
        ),
        (
            GuardStatus((), None, 500, AT, Tally(200, 0, 0, 100)),
            [
                "deletes wait: they may turn out to be renames",
                "200 keys deleted of late; the limit is 100",
                "500 keys in sync at 2026-01-01 12:30:00 UTC",
            ],
        ),
    ],
)
def test_the_status_is_a_few_lines(status: GuardStatus, lines: list[str]) -> None:
    assert as_text(status).splitlines() == lines


def test_the_status_as_json_names_every_reason() -> None:
    document = json.loads(json.dumps(as_document(GuardStatus((HELD,), AT, 0, None, FEW))))
    assert document["held"] is True
    assert [each["reason"] for each in document["holds"]] == ["mass_deletion"]
    assert document["synced_keys"] is None
    assert (document["net"], document["limit"]) == (4, 100)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("30m", 1800), ("1h", 3600)])
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert duration_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "1", "h", "0h", "-1h", "1.5h", "9999999s"])
def test_any_other_duration_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="such as"):
        duration_seconds(text)


def test_the_command_says_how_a_duration_is_given() -> None:
    answer = CliRunner().invoke(app, ["approve", "--for", "long"])
    assert answer.exit_code == 2
    assert "1h" in answer.output
