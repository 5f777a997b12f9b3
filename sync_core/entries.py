"""Entries of logs as a search sees them: what they say, which are wanted, and in which order.

A log is a row of lines. Most are the JSON objects that `telemetry` writes; the rest is text, such
as Lambda's own lines or the last words of a process. Where the logs are is the business of those
who implement `LogSource`.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from heapq import merge
from typing import Any, Protocol

# Lambda developer guide, Log and metric filtering: the text form; XRAY is REPORT's second line.
_PLATFORM = re.compile(
    r"(START|END|REPORT) RequestId:|(INIT_START|INIT_REPORT|RESTORE_START|RESTORE_REPORT|XRAY) "
    r"|(EXTENSION|TELEMETRY|LOGS)\tName:"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a site's log, written at an instant (aware UTC).

    `fields` are those of a line of JSON; empty for a line of text.
    """

    at: datetime
    site: str
    line: str
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def message(self) -> str:
        """What the entry says in a sentence; a line of text says itself."""
        return str(self.fields.get("message", self.line))

    @property
    def is_overhead(self) -> bool:
        """Tell whether this is a line of metrics (EMF) or of Lambda's platform."""
        if not self.fields:
            return bool(_PLATFORM.match(self.line))
        return "_aws" in self.fields or str(self.fields.get("type", "")).startswith("platform.")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are looked for: all that is given must be true of an entry.

    `search` is part of the message and `reason` part of the reason; `key` is the whole key;
    `actions` are some of which the entry has one (none: any). Metrics and the platform's lines are
    left out unless `with_overhead`.
    """

    since: datetime
    until: datetime | None = None
    search: str = ""
    key: str | None = None
    reason: str = ""
    actions: Collection[str] = ()
    with_overhead: bool = False

    def matches(self, entry: Entry) -> bool:
        """Tell whether the entry is one that is looked for."""
        if entry.at < self.since or (self.until is not None and entry.at > self.until):
            return False
        if entry.is_overhead and not self.with_overhead:
            return False
        fields = entry.fields
        return (
            self.search in entry.message
            and (self.key is None or fields.get("key") == self.key)
            and self.reason in str(fields.get("reason", ""))
            and (not self.actions or fields.get("action") in self.actions)
        )


class LogSource(Protocol):
    """The log of one site, which grows while it is read."""

    @property
    def site(self) -> str:
        """The site's name."""

    @property
    def poll_seconds(self) -> float:
        """How long to wait before it is worth looking for new entries again."""

    def new_entries(self, wanted: Wanted) -> Iterator[Entry]:
        """Yield the wanted entries that no call before has yielded, oldest first.

        `wanted` is the same in each call. Raises `DualwayError` where the log cannot be read.
        """


def fields_of(line: str) -> Mapping[str, Any]:
    """Return the fields of a line of JSON; none for a line of text."""
    try:
        found = json.loads(line) if line.startswith("{") else None
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def instant_of(fields: Mapping[str, Any]) -> datetime | None:
    """Return when a line of telemetry says that it was written; None if it does not say."""
    try:
        if "_aws" in fields:
            return datetime.fromtimestamp(fields["_aws"]["Timestamp"] / 1000, UTC)
        return datetime.fromisoformat(fields["timestamp"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError):
        return None


def interleaved(sources: Iterable[LogSource], wanted: Wanted) -> Iterator[Entry]:
    """Yield what is new in all sources, oldest first; raises as they do."""
    yield from merge(*(source.new_entries(wanted) for source in sources), key=lambda each: each.at)


def as_json_line(entry: Entry) -> str:
    """Return the entry as a line of JSON that names its site: as it was logged where it does."""
    if entry.fields.get("site"):
        return entry.line
    fields = entry.fields or {"timestamp": entry.at.isoformat(), "message": entry.line}
    return json.dumps({**fields, "site": entry.site})
