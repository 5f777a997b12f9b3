"""Watches a local cloud from outside, as its users could: queues, logs, and when all is quiet."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sync_core.entries import fields_of
from sync_core.local.logs import GrowingFile
from sync_core.model import Action

POLL_SECONDS = 0.1

QUIET_SECONDS = 1.5
"""So long nothing may happen: an event of the emulator reaches its queue within milliseconds."""

QUIET_LOOKS = 10
"""So often in a row nothing may be seen: where a busy machine delays events, it delays looks."""

_DEPTHS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
_TRANSFERS = (Action.OBJECT_COPIED, Action.OBJECT_DELETED, Action.TAGS_COPIED)
_ECHOES = (Action.REPEATED_TRANSFER, Action.REPEATED_DELETE)


def queue_depth(sqs: Any, queue_url: str) -> int:
    """Return how many messages the queue holds: waiting, in a worker's hands, or delayed."""
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=list(_DEPTHS))
    return sum(int(attributes["Attributes"][name]) for name in _DEPTHS)


class LogFollower:
    """Reads a worker's log as it grows."""

    def __init__(self, path: Path) -> None:
        self._file = GrowingFile(path)

    def new_entries(self) -> Iterator[Mapping[str, Any]]:
        """Yield the outcomes that were logged since the last call; other lines are passed over."""
        for line in self._file.new_lines():
            entry = fields_of(line)
            if "action" in entry:
                yield entry


class Tally:
    """What both workers' logs have said so far, counted by bucket.

    `transfers` completed into a bucket; those of more than tags also by key (`by_key`); `echoes`
    recognised and `repeated_transfers` (the echoes of puts) logged by the bucket's own worker;
    `conflicts` whose loser, of that bucket, was kept; `retried` and `dead_lettered` messages.
    """

    def __init__(self) -> None:
        self.transfers: Counter[str] = Counter()
        self.by_key: Counter[str] = Counter()
        self.echoes: Counter[str] = Counter()
        self.repeated_transfers: Counter[str] = Counter()
        self.conflicts: Counter[str] = Counter()
        self.retried: Counter[str] = Counter()
        self.dead_lettered: Counter[str] = Counter()

    def add(self, entry: Mapping[str, Any]) -> None:
        """Count one entry of a log."""
        action, bucket = entry["action"], str(entry.get("bucket", ""))
        if action in _TRANSFERS:
            self.transfers[bucket] += 1
            self.by_key[str(entry["key"])] += action != Action.TAGS_COPIED
        self.echoes[bucket] += action in _ECHOES
        self.repeated_transfers[bucket] += action == Action.REPEATED_TRANSFER
        self.conflicts[bucket] += action == Action.LOSER_KEPT
        self.retried[bucket] += action == Action.RETRIED
        self.dead_lettered[bucket] += action == Action.DEAD_LETTERED


@dataclass(frozen=True, slots=True)
class WatchedSite:
    """One site and the means to look at it: its user's clients, by boto3's name of the service."""

    bucket: str
    queue_url: str
    dead_letter_queue_url: str
    log_file: Path
    client: Callable[[str], Any]

    def depth(self) -> int:
        """Return how many messages are in the site's queue."""
        return queue_depth(self.client("sqs"), self.queue_url)

    def dead_letter_depth(self) -> int:
        """Return how many messages are in the site's dead-letter queue."""
        return queue_depth(self.client("sqs"), self.dead_letter_queue_url)


class Observer:
    """Follows all sites; `tally` is what has been read from their logs so far."""

    def __init__(self, sites: Mapping[str, WatchedSite]) -> None:
        self.sites = sites
        self.tally = Tally()
        self._logs = [LogFollower(site.log_file) for site in sites.values()]

    def read_logs(self) -> int:
        """Take in what the logs have got; return how many entries that was."""
        entries = [entry for log in self._logs for entry in log.new_entries()]
        for entry in entries:
            self.tally.add(entry)
        return len(entries)

    def depths(self) -> dict[str, int]:
        """Return the depth of each site's queue."""
        return {name: site.depth() for name, site in self.sites.items()}

    def wait_until_quiet(
        self,
        deadline_seconds: float,
        show: Callable[[Mapping[str, int]], None] = lambda _depths: None,
    ) -> None:
        """Return when all queues are empty and no worker has said anything for a while.

        That is, for `QUIET_SECONDS` and during `QUIET_LOOKS` looks.
        `show` is called with the queues' depths at every look. Raises `TimeoutError`, which names
        what still moves, when that does not come true in time.
        """
        quiet_looks: list[float] = []

        def is_quiet() -> bool:
            news, depths = self.read_logs(), self.depths()
            show(depths)
            if news or any(depths.values()):
                quiet_looks.clear()
                return False
            quiet_looks.append(time.monotonic())
            has_lasted = quiet_looks[-1] - quiet_looks[0] >= QUIET_SECONDS
            return has_lasted and len(quiet_looks) >= QUIET_LOOKS

        wait_until(is_quiet, deadline_seconds, lambda: f"messages in the queues: {self.depths()}")


def wait_until(
    condition: Callable[[], bool], deadline_seconds: float, describe: Callable[[], str]
) -> None:
    """Return once `condition` is true; raises `TimeoutError` with `describe()` when it is late."""
    deadline = time.monotonic() + deadline_seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not done after {deadline_seconds:g} seconds; {describe()}")
        time.sleep(POLL_SECONDS)
