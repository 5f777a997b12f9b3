"""What is logged and counted of finder rounds, of the guards and of what stores can do."""

import io
import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from sync_core.finder import Ended, FinderReport
from sync_core.hints import Reason
from sync_core.telemetry import METRICS, Telemetry, new_logger

AT = datetime(2026, 1, 1, tzinfo=UTC)
REASONS = Counter({Reason.IN_SYNC: 7, Reason.NEW: 2, Reason.GONE_HERE: 1, Reason.LEFT_TO_PEER: 4})


class Recorded:
    """A telemetry whose log and metrics are kept apart."""

    def __init__(self) -> None:
        self.log, self.emf = io.StringIO(), io.StringIO()
        logger = new_logger("test-rounds", level="INFO", stream=self.log)
        self.telemetry = Telemetry(logger, site="cn", bucket="own", metrics_stream=self.emf)

    def line(self) -> dict[str, Any]:
        (line,) = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return dict(line)

    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.emf.getvalue().splitlines()]


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


def report(ended: Ended = Ended.COMPLETE, *, held: bool = False) -> FinderReport:
    reasons = Counter[str](REASONS)
    return FinderReport(AT, ended, reasons, seconds=2.0, deletes_are_held=held)


def test_a_round_is_one_line_with_its_numbers(recorded: Recorded) -> None:
    recorded.telemetry.report_round(report())
    line = recorded.line()
    assert line["message"] == "Compared both sides"
    assert (line["level"], line["site"], line["action"]) == ("INFO", "cn", "finder_complete")
    assert (line["scanned"], line["equal"]) == (14, 7)
    assert line["hinted"] == {"new": 2, "gone_here": 1}
    assert (line["seconds"], line["keys_per_second"]) == (2.0, 7)


def test_a_complete_round_is_counted_at_once(recorded: Recorded) -> None:
    recorded.telemetry.report_round(report())
    total, *by_reason = recorded.documents()
    assert total["FinderRounds"] == [1]
    assert total["FinderSeconds"] == [2.0]
    assert total["KeysCompared"] == [14]
    assert total["KeysHinted"] == [3]
    assert (total["service"], total["Bucket"]) == ("dualway", "own")
    units = {
        metric["Name"]: metric["Unit"]
        for metric in total["_aws"]["CloudWatchMetrics"][0]["Metrics"]
    }
    assert units["FinderSeconds"] == "Seconds"
    assert units.keys() <= set(METRICS)
    assert {each["Reason"]: each["KeysHinted"] for each in by_reason} == {
        "new": [2],
        "gone_here": [1],
    }


@pytest.mark.parametrize("held", [False, True])
def test_every_round_tells_whether_deletes_are_held(recorded: Recorded, *, held: bool) -> None:
    recorded.telemetry.report_round(report(held=held))
    assert recorded.documents()[0]["DeletesHeld"] == [float(held)]


@pytest.mark.parametrize("ended", [Ended.INTERRUPTED, Ended.BUSY])
def test_a_round_that_is_not_complete_is_told_and_not_counted(
    recorded: Recorded, ended: Ended
) -> None:
    recorded.telemetry.report_round(report(ended))
    assert recorded.line()["action"] == f"finder_{ended.value}"
    assert recorded.documents() == []


def test_a_round_over_nothing_is_a_round(recorded: Recorded) -> None:
    recorded.telemetry.report_round(FinderReport(AT, Ended.COMPLETE))
    (total,) = recorded.documents()
    assert (total["KeysCompared"], total["KeysHinted"]) == ([0], [0])
    assert recorded.line()["keys_per_second"] == 0


def test_a_guarantee_is_a_line_of_its_own(recorded: Recorded) -> None:
    recorded.telemetry.say_guarantee("guarantee level U at a: all writes are conditional")
    line = recorded.line()
    assert line["message"] == "guarantee level U at a: all writes are conditional"
    assert (line["action"], line["level"], line["site"]) == ("guarantee", "INFO", "cn")


def test_held_deletes_are_an_error_with_the_reason_and_what_it_means(recorded: Recorded) -> None:
    recorded.telemetry.deletes_held("mass_deletion", "200 deletes; 100% more than the limit")
    line = recorded.line()
    assert line["message"] == "Deletes are held: 200 deletes; 100% more than the limit"
    assert (line["action"], line["reason"]) == ("deletes_held", "mass_deletion")
    assert line["level"] == "ERROR"
    recorded.telemetry.flush()
    assert recorded.documents()[0]["DeletesHeld"] == [1]


def test_approved_deletes_are_told_with_the_instant_until_which_they_are(
    recorded: Recorded,
) -> None:
    recorded.telemetry.deletes_released(AT)
    line = recorded.line()
    assert (line["action"], line["until"]) == ("deletes_released", "2026-01-01T00:00:00+00:00")
    recorded.telemetry.flush()
    assert recorded.documents() == []
