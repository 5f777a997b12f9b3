"""The record of one key as it should be, before the table has it."""

from dataclasses import replace
from typing import Any

from sync_core.model import SyncRecord


class Draft:
    """A record, carrying the generation it was read with.

    `record` is None before it was read; `is_dirty` says that the table does not hold it yet.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        self.record: SyncRecord | None = None
        self.is_dirty = False

    def require(self) -> SyncRecord:
        """Return the record, which every step after reading has."""
        if self.record is None:
            raise AssertionError(f"the record of {self.key!r} was not read")
        return self.record

    def change(self, **fields: Any) -> None:
        """Change some fields."""
        self.put(replace(self.require(), **fields))

    def put(self, record: SyncRecord) -> None:
        """Take `record`, of the same generation, if it says anything new."""
        self.is_dirty = self.is_dirty or record != self.record
        self.record = record

    def was_written(self) -> None:
        """Note that the table took the record."""
        record = self.require()
        self.record = replace(record, gen=record.gen + 1)
        self.is_dirty = False

    def forget(self) -> None:
        """Drop what was read: another writer came first."""
        self.record = None
        self.is_dirty = False
