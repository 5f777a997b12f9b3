"""Finder rounds beside a worker, at regular intervals."""

from collections.abc import Callable
from threading import Event

from sync_core.finder import Ended, FinderReport
from sync_core.settle import Reporter

SHORTEST_PAUSE_SECONDS = 1.0
"""So long at least lies between the end of one round and the beginning of the next."""


class Schedule:
    """Runs `find` every so many seconds, counted from beginning to beginning, until told to stop.

    `find` gets a function that says whether to stop, and returns the round's report, which `tell`
    is given. What `find` raises is reported, and tried again at the next time.
    """

    def __init__(
        self,
        find: Callable[[Callable[[], bool]], FinderReport],
        every_seconds: float,
        tell: Callable[[FinderReport], None],
        reporter: Reporter,
        clock: Callable[[], float],
    ) -> None:
        self._find = find
        self._every_seconds = every_seconds
        self._tell = tell
        self._reporter = reporter
        self._clock = clock

    def run(self, stop: Event) -> None:
        """Run rounds; the first one at once, for there may be much to make good."""
        while not stop.is_set():
            began = self._clock()
            self._run_round(stop)
            pause_seconds = self._every_seconds - (self._clock() - began)
            stop.wait(max(pause_seconds, SHORTEST_PAUSE_SECONDS))

    def _run_round(self, stop: Event) -> None:
        try:
            report = self._find(stop.is_set)
            if report.ended is not Ended.BUSY:
                self._tell(report)
        except Exception as error:  # noqa: BLE001 - a thread that died would never find anything again
            self._reporter.report_failure("compare both sides", error)
