"""The logs of launched stacks in CloudWatch Logs, searched where they are.

A site has two log groups, outputs of its stack: the worker's and the finder's. An event can arrive
a little after its time, so a later look begins before the one ahead of it, and what was seen
already is left out by the event's id.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from heapq import merge
from typing import Any

from botocore.exceptions import ClientError

from sync_core.entries import Entry, Wanted, fields_of
from sync_core.errors import ConfigError
from sync_core.launch.accounts import Account, aws_errors, code_of
from sync_core.launch.log_pattern import filter_pattern
from sync_core.launch.stacks import find_stack, outputs_of

GROUP_OUTPUTS = ("WorkerLogGroupName", "FinderLogGroupName")
"""The outputs of a stack that name its log groups."""

OVERLAP = timedelta(minutes=2)
"""How late an event may arrive, and how far the clocks may be apart, without being missed."""

_OPERATION = "search the logs"
_MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime.fromtimestamp(0, UTC)


class StackLog:
    """A site's log in CloudWatch Logs, a `LogSource`; `groups` are the names of its log groups."""

    # Two requests each time, which leaves most of an account's quota to others.
    poll_seconds = 2.0

    def __init__(
        self,
        account: Account,
        groups: Sequence[str],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.site = account.name
        self._client = account.client("logs")
        self._groups = groups
        self._clock = clock
        self._looked_at: datetime | None = None
        self._seen: dict[str, datetime] = {}

    def new_entries(self, wanted: Wanted) -> Iterator[Entry]:
        """Yield as `LogSource` says; raises as `aws_errors`, or ConfigError for a lost group."""
        now, since = self._clock(), wanted.since
        if self._looked_at is not None:
            since = max(since, self._looked_at - OVERLAP)
            self._seen = {event: at for event, at in self._seen.items() if at >= since}
        groups = (self._events(group, wanted, since) for group in self._groups)
        for event in merge(*groups, key=lambda each: int(each["timestamp"])):
            entry = _entry(event, self.site)
            if event["eventId"] not in self._seen and wanted.matches(entry):
                # What is older than the next look's beginning cannot come again.
                if entry.at >= now - OVERLAP:
                    self._seen[event["eventId"]] = entry.at
                yield entry
        self._looked_at = now

    def _events(self, group: str, wanted: Wanted, since: datetime) -> Iterator[Mapping[str, Any]]:
        """Yield the events of a group in the service's order: by their time."""
        span = {"startTime": max(0, (since - _EPOCH) // _MILLISECOND)}
        if wanted.until is not None:
            span["endTime"] = (wanted.until - _EPOCH) // _MILLISECOND
        pattern = filter_pattern(wanted)
        pages = self._client.get_paginator("filter_log_events").paginate(
            logGroupName=group,
            interleaved=True,
            **span,
            **({"filterPattern": pattern} if pattern else {}),
        )
        with aws_errors(self.site):
            try:
                for page in pages:
                    yield from page["events"]
            except ClientError as error:
                if code_of(error) != "ResourceNotFoundException":
                    raise
                cause = f"site {self.site} has lost this log group; launch the stack again"
                raise ConfigError(_OPERATION, group, cause) from error


def stack_log(account: Account, stack: str) -> StackLog:
    """Return the log of the site whose stack of that name stands in the account.

    Raises ConfigError where it does not, or where its worker logs elsewhere; else as `aws_errors`.
    """
    with aws_errors(account.name):
        found = find_stack(account, stack)
    if found is None:
        cause = f"there is no such stack in account {account.account_id}, {account.region}; launch"
        raise ConfigError(_OPERATION, stack, f"{cause} it with `dualway launch`")
    outputs = outputs_of(found)
    groups = [outputs[name] for name in GROUP_OUTPUTS if outputs.get(name)]
    if not groups:
        cause = f"site {account.name} has no log group: look where its worker runs"
        raise ConfigError(_OPERATION, stack, cause)
    return StackLog(account, groups)


def _entry(event: Mapping[str, Any], site: str) -> Entry:
    line = event["message"].rstrip()
    return Entry(_EPOCH + event["timestamp"] * _MILLISECOND, site, line, fields_of(line))
