"""Finder rounds on both sides of a local cloud, until nothing is left to find, and beyond."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sync_core.local.observe import Observer

FIND = (sys.executable, "-m", "sync_core.cli", "finder", "--json")

MOST_ROUNDS = 12
"""So many rounds may lost events take that the rounds themselves go on losing."""

_QUIET_SECONDS = 300.0
_ROUND_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Silence:
    """How the rounds ended: after how many they found nothing, and what came to light after that.

    `transfers` were made while nothing more should happen.
    """

    rounds: int
    hints: int
    transfers: int


class Rounds:
    """Runs rounds; `find` runs one on a site and returns how many keys it sent to the queue."""

    def __init__(self, find: Callable[[str], int], observer: Observer) -> None:
        self._find = find
        self._observer = observer

    def until_silent(self) -> int:
        """Run rounds on both sides until neither finds anything; return how many that took.

        Raises `TimeoutError` when there is no end.
        """
        for number in range(1, MOST_ROUNDS + 1):
            if not self.run():
                return number
        raise TimeoutError(f"after {MOST_ROUNDS} rounds the finders still find something")

    def stays_silent(self, rounds: int) -> Silence:
        """Run so many rounds more, and count what they find and what is transferred after them."""
        before = self._observer.tally.transfers.total()
        hints = sum(self.run() for _ in range(rounds))
        transfers = self._observer.tally.transfers.total() - before
        return Silence(rounds, hints, transfers)

    def run(self) -> int:
        """Run one round on both sides, and wait until all is quiet."""
        found = sum(self._find(site) for site in self._observer.sites)
        self._observer.wait_until_quiet(_QUIET_SECONDS)
        return found


def find_as_process(environment: Mapping[str, str]) -> int:
    """Run `dualway finder` with a worker's whole environment; return how many keys it has sent.

    Raises `subprocess.CalledProcessError` when it fails.
    """
    done = subprocess.run(  # noqa: S603 - the command is ours
        FIND,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        timeout=_ROUND_SECONDS,
        check=True,
    )
    return sum(json.loads(done.stdout)["hinted"].values())
