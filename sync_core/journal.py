"""The journal of deletes and creates, in the table: what all workers of a stack count together.

    journal/deleted/2026-11-21T10:15:00.123Z#<nonce>    [[<at, ms>, <key>, <content>, ...], ...]
    journal/created/2026-11-21T10:15:00.123Z#<nonce>    the same

The name says when it was written and the items expire. Keys and contents are hashes of 8 bytes, as
hex digits. Deletes are few and creates many, so each kind can be read without the other.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from threading import Lock

from sync_core.errors import ConfigError, Throttled
from sync_core.model import ControlItem
from sync_core.records.protocol import ControlStore
from sync_core.safety import Change, Entry

CHANGES_PER_ITEM = 50
"""Keeps an item at a few kilobytes."""

OVERLAP = timedelta(minutes=1)
"""What is read again, because writers' clocks differ and a write takes its time."""

SLACK = timedelta(minutes=10)
"""How much longer than it counts an item is kept."""


class Kind(Enum):
    """What is written down apart; the value begins the names."""

    DELETED = "journal/deleted/"
    CREATED = "journal/created/"


class Journal:
    """Writes to the journal and reads it, each item once; safe to share between threads.

    `span` is for how long an entry counts. Methods raise the table's errors.
    """

    def __init__(
        self,
        table: ControlStore,
        span: timedelta,
        clock: Callable[[], datetime],
        nonce: Callable[[], str],
    ) -> None:
        self._table = table
        self._span = span
        self._clock = clock
        self._nonce = nonce
        self._readers = {kind: _Reader(table, kind) for kind in Kind}

    def append(self, kind: Kind, changes: Sequence[Change]) -> None:
        """Write the changes down; when it returns, every reader will find them."""
        for first in range(0, len(changes), CHANGES_PER_ITEM):
            self._write(kind, _to_text(changes[first : first + CHANGES_PER_ITEM]))

    def entries(self, *kinds: Kind) -> Iterator[Entry]:
        """Yield what was written down within the span, in no particular order."""
        now = self._clock()
        for kind in kinds:
            yield from self._readers[kind].entries(now, now - self._span)

    def _write(self, kind: Kind, text: str) -> None:
        now = self._clock()
        name = f"{kind.value}{_stamp(now)}#{self._nonce()}"
        item = ControlItem(name, text, expires_at=now + self._span + SLACK)
        if not self._table.write_control(item):
            raise Throttled("write the journal", name, "the name is taken: try again")


class _Reader:
    """What one process has read of one kind."""

    def __init__(self, table: ControlStore, kind: Kind) -> None:
        self._table = table
        self._kind = kind
        self._items: dict[str, tuple[Entry, ...]] = {}
        self._read_at: datetime | None = None
        self._lock = Lock()

    def entries(self, now: datetime, since: datetime) -> list[Entry]:
        """Return the entries of all items written after `since`, reading what is new."""
        with self._lock:
            again = since if self._read_at is None else max(since, self._read_at - OVERLAP)
            found = self._table.list_control(self._kind.value, self._kind.value + _stamp(again))
            for item in found:
                if item.name not in self._items:
                    self._items[item.name] = _from_item(item, self._kind)
            self._read_at = now
            oldest = self._kind.value + _stamp(since)
            self._items = {n: entries for n, entries in self._items.items() if n > oldest}
            return [entry for entries in self._items.values() for entry in entries]


def _stamp(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant:%f}"[:3] + "Z"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _to_text(changes: Sequence[Change]) -> str:
    return json.dumps(
        [
            [round(each.at.timestamp() * 1000), _digest(each.key), *map(_digest, each.contents)]
            for each in changes
        ],
        separators=(",", ":"),
    )


def _from_item(item: ControlItem, kind: Kind) -> tuple[Entry, ...]:
    try:
        return tuple(
            Entry(
                datetime.fromtimestamp(at / 1000, UTC), kind is Kind.DELETED, key, frozenset(others)
            )
            for at, key, *others in json.loads(item.text)
        )
    except (ValueError, TypeError) as error:
        cause = f"the control item is none that this release reads ({error}): delete it"
        raise ConfigError("read the journal", item.name, cause) from error
