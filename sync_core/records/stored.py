"""What becomes of what a table takes, and what a listing shows of it: the same in every adapter."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sync_core.model import ControlItem, ListedRecord, Pair, SideState, SyncRecord
from sync_core.routing import MAX_KEY_BYTES

_SECOND = timedelta(seconds=1)


def as_stored(record: SyncRecord) -> SyncRecord:
    """Return the record as the next read will show it.

    Its generation is one higher, and `expires_at` is rounded up to the whole second, the resolution
    of DynamoDB's time to live (developer guide, "Using time to live (TTL)"): never to an earlier
    instant than was asked for. All other instants keep their microseconds.
    """
    return replace(record, gen=record.gen + 1, expires_at=_whole_second(record.expires_at))


def as_stored_control(item: ControlItem) -> ControlItem:
    """Return the item as the next read will show it: as `as_stored` does for a record."""
    return replace(item, gen=item.gen + 1, expires_at=_whole_second(item.expires_at))


def as_listed(record: SyncRecord) -> ListedRecord:
    """Return what a listing shows of the record."""
    pair = record.pair or Pair()
    return ListedRecord(
        record.key,
        own=_shown_lid(pair.own),
        peer=_shown_lid(pair.peer),
        is_open=record.intent is not None or record.waiting is not None,
        blocked=record.blocked,
        has_conflict=record.conflict is not None,
    )


def is_listable(key: str) -> bool:
    """Tell whether a listing shows the key's record: whether an object in S3 can have the key."""
    return 0 < len(key.encode()) <= MAX_KEY_BYTES


def require_distinct_keys(records: Sequence[SyncRecord]) -> None:
    """Raise `ValueError` when a key occurs twice: which of the two should win is undefined."""
    if len({record.key for record in records}) < len(records):
        raise ValueError("the keys of records that are written together must be distinct")


def require_name(name: str) -> None:
    """Raise `ValueError` unless a control item may have this name."""
    if not is_listable(name):
        raise ValueError(f"the name of a control item has 1 to 1,024 bytes, unlike {name[:64]!r}")


def _whole_second(instant: datetime | None) -> datetime | None:
    if instant is None or instant.microsecond == 0:
        return instant
    return instant.replace(microsecond=0) + _SECOND


def _shown_lid(side: SideState | None) -> str | None:
    return None if side is None else side.lid or ""
