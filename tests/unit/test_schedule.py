"""When rounds begin, what is told of them, and that nothing ends them but being told to stop."""

from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event

import pytest

from sync_core.errors import Unavailable
from sync_core.finder import Ended, FinderReport
from sync_core.model import Outcome
from sync_core.schedule import SHORTEST_PAUSE_SECONDS, Schedule

AT = datetime(2026, 1, 1, tzinfo=UTC)
EVERY_SECONDS = 60.0


class Stop(Event):
    """Is told to stop in the n-th pause; a pause takes no time but by the bench's clock."""

    def __init__(self, bench: "Bench", pauses: int) -> None:
        super().__init__()
        self._bench = bench
        self._left = pauses

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self._bench.pauses.append(timeout)
        self._bench.now += timeout
        self._left -= 1
        if self._left == 0:
            self.set()
        return self.is_set()


class Bench:
    """A schedule of rounds that take `seconds` each, and what it tells."""

    def __init__(self, *rounds: Ended | Exception, seconds: float = 0.0) -> None:
        self.rounds = list(rounds)
        self.seconds = seconds
        self.now = 1000.0
        self.pauses: list[float] = []
        self.began: list[float] = []
        self.told: list[FinderReport] = []
        self.failures: list[tuple[str, Exception]] = []
        self.asks_whether_to_stop: list[bool] = []

    def find(self, is_ending: Callable[[], bool]) -> FinderReport:
        self.began.append(self.now)
        self.asks_whether_to_stop.append(is_ending())
        self.now += self.seconds
        found = self.rounds.pop(0)
        if isinstance(found, Exception):
            raise found
        return FinderReport(AT, found)

    def report(self, outcome: Outcome) -> None:
        raise AssertionError(outcome)

    def report_failure(self, operation: str, error: Exception) -> None:
        self.failures.append((operation, error))

    def flush(self) -> None:
        raise AssertionError("a schedule flushes nothing")

    def run(self) -> "Bench":
        """Run as many rounds as there are."""
        schedule = Schedule(self.find, EVERY_SECONDS, self.told.append, self, lambda: self.now)
        schedule.run(Stop(self, len(self.rounds)))
        return self


def test_the_first_round_begins_at_once_and_the_others_at_regular_intervals() -> None:
    bench = Bench(*[Ended.COMPLETE] * 3, seconds=20).run()
    assert bench.began == [1000.0, 1060.0, 1120.0]
    assert bench.pauses == [40.0] * 3


def test_a_round_that_takes_longer_than_the_interval_is_followed_by_a_short_pause() -> None:
    bench = Bench(*[Ended.COMPLETE] * 2, seconds=300).run()
    assert bench.pauses == [SHORTEST_PAUSE_SECONDS] * 2


@pytest.mark.parametrize("ended", [Ended.COMPLETE, Ended.INTERRUPTED])
def test_each_round_is_told(ended: Ended) -> None:
    assert [report.ended for report in Bench(ended).run().told] == [ended]


def test_a_round_that_another_finder_runs_is_not_told() -> None:
    assert Bench(Ended.BUSY).run().told == []


@pytest.mark.parametrize("error", [Unavailable("list", "", "no answer"), ValueError("a defect")])
def test_a_failed_round_is_reported_and_tried_again_at_the_next_time(error: Exception) -> None:
    bench = Bench(error, Ended.COMPLETE, seconds=20).run()
    assert bench.failures == [("compare both sides", error)]
    assert bench.began == [1000.0, 1060.0]
    assert len(bench.told) == 1


def test_a_round_can_ask_whether_to_stop() -> None:
    assert Bench(Ended.COMPLETE).run().asks_whether_to_stop == [False]


def test_a_schedule_that_is_told_to_stop_beforehand_runs_no_round() -> None:
    bench = Bench()
    stop = Event()
    stop.set()
    Schedule(bench.find, EVERY_SECONDS, bench.told.append, bench, lambda: 0.0).run(stop)
    assert bench.began == []


def test_a_failure_of_telling_does_not_end_the_schedule() -> None:
    bench = Bench(Ended.COMPLETE, Ended.COMPLETE)

    def tell(report: FinderReport) -> None:
        bench.told.append(report)
        if len(bench.told) == 1:
            raise BrokenPipeError

    Schedule(bench.find, EVERY_SECONDS, tell, bench, lambda: bench.now).run(Stop(bench, 2))
    assert len(bench.told) == 2
