"""What becomes of a record when a table takes it: the same in every adapter."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sync_core.model import SyncRecord

_SECOND = timedelta(seconds=1)


def as_stored(record: SyncRecord) -> SyncRecord:
    """Return the record as the next read will show it.

    Its generation is one higher, and `expires_at` is rounded up to the whole second, the resolution
    of DynamoDB's time to live (developer guide, "Using time to live (TTL)"): never to an earlier
    instant than was asked for. All other instants keep their microseconds.
    """
    return replace(record, gen=record.gen + 1, expires_at=_whole_second(record.expires_at))


def require_distinct_keys(records: Sequence[SyncRecord]) -> None:
    """Raise `ValueError` when a key occurs twice: which of the two should win is undefined."""
    if len({record.key for record in records}) < len(records):
        raise ValueError("the keys of records that are written together must be distinct")


def _whole_second(instant: datetime | None) -> datetime | None:
    if instant is None or instant.microsecond == 0:
        return instant
    return instant.replace(microsecond=0) + _SECOND
