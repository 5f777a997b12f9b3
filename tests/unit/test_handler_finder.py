"""The Lambda entry point of the finder: as much of a round as there is time for."""

import io
import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

from handlers.finder import LEFT_MILLISECONDS, make_handler
from sync_core.finder import Ended, FinderReport
from sync_core.hints import Reason
from sync_core.telemetry import Telemetry, new_logger
from tests.unit.test_handler_worker import Context

AT = datetime(2026, 11, 21, tzinfo=UTC)


class AmpleTime(Context):
    """An invocation with much time left."""

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return LEFT_MILLISECONDS


class LittleTime(Context):
    """An invocation that will end soon."""

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return LEFT_MILLISECONDS - 1


class Bench:
    """A deployment whose round ends at its first checkpoint if it is told to."""

    def __init__(self) -> None:
        self.log = io.StringIO()
        self.connections = 0
        logger = new_logger("test-finder", level="INFO", stream=self.log)
        self.telemetry = Telemetry(logger, site="a", bucket="bucket-a", metrics_stream=self.log)
        self.handler = make_handler(self.connect)

    def connect(self) -> "Bench":
        self.connections += 1
        return self

    def find(self, is_ending: Callable[[], bool]) -> FinderReport:
        ended = Ended.INTERRUPTED if is_ending() else Ended.COMPLETE
        reasons = Counter[str]({Reason.IN_SYNC: 7, Reason.NEW: 2})
        return FinderReport(AT, ended, reasons, seconds=3)

    def invoke(self, context: Context) -> dict[str, object]:
        return self.handler({}, context)


def test_a_round_that_has_time_is_completed_and_told() -> None:
    bench = Bench()
    answer = bench.invoke(AmpleTime())
    assert answer == {"ended": "complete", "scanned": 9, "hinted": {"new": 2}}
    told = [json.loads(line) for line in bench.log.getvalue().splitlines()]
    assert told[0]["action"] == "finder_complete"
    assert told[0]["keys_per_second"] == 3
    assert any(line.get("KeysCompared") == [9] for line in told)


def test_a_round_is_interrupted_before_the_invocation_ends() -> None:
    bench = Bench()
    assert bench.invoke(LittleTime())["ended"] == "interrupted"


def test_it_connects_once() -> None:
    bench = Bench()
    bench.invoke(AmpleTime())
    bench.invoke(AmpleTime())
    assert bench.connections == 1
