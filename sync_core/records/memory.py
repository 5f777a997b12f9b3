"""Records in memory, for tests and simulations: the same contract as the table."""

from collections.abc import Collection, Sequence
from threading import Lock

from sync_core.model import SyncRecord
from sync_core.records.stored import as_stored, require_distinct_keys


class MemoryRecordStore:
    """A `RecordStore` that lives as long as the process; safe to share between threads.

    `records` is the table by key, open to tests. Nothing is ever removed: as in DynamoDB, an item
    past its `expires_at` is still read until it has gone.
    """

    def __init__(self) -> None:
        self.records: dict[str, SyncRecord] = {}
        self._lock = Lock()

    def read(self, keys: Collection[str]) -> dict[str, SyncRecord]:
        """Return the records of those keys that have one."""
        with self._lock:
            return {key: self.records[key] for key in keys if key in self.records}

    def write(self, records: Sequence[SyncRecord]) -> frozenset[str]:
        """Store what is still at the generation it was read with; return the refused keys."""
        require_distinct_keys(records)
        with self._lock:
            refused = frozenset(r.key for r in records if r.gen != self._generation(r.key))
            accepted = (r for r in records if r.key not in refused)
            self.records.update({r.key: as_stored(r) for r in accepted})
        return refused

    def _generation(self, key: str) -> int:
        return self.records[key].gen if key in self.records else 0
