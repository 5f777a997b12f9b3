"""The port to the table of records: one per account, one item per key.

What every adapter promises, and `tests/contract/test_record_store.py` checks on each of them:
reads are strongly consistent, and every write is conditional on the generation that was read.
Methods may raise `Throttled`, `Unavailable`, `Ambiguous` (writes only) or `AccessDenied`;
`ConfigError` when the table does not exist, `Poison` when an item in it is no record.
"""

from collections.abc import Collection, Sequence
from typing import Protocol

from sync_core.model import SyncRecord


class RecordStore(Protocol):
    """Read and write records, many at a time."""

    def read(self, keys: Collection[str]) -> dict[str, SyncRecord]:
        """Return the records of those keys that have one."""
        ...

    def write(self, records: Sequence[SyncRecord]) -> frozenset[str]:
        """Store each record whole, if the table still holds generation `record.gen` of its key.

        `gen` 0 means that the table must hold none. A stored record gets generation `gen + 1`, and
        its `expires_at` is rounded up to the whole second. Returns the keys that were refused
        because another writer came first; the others are stored, whatever became of the refused
        ones. Keys must be distinct (`ValueError`). After any other error, each of the records may
        be stored or not.
        """
        ...
