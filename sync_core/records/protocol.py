"""The port to the table of records: one per account, one item per key, and a few control items.

What every adapter promises, and `tests/contract/test_record_store.py` checks on each of them:
reads are strongly consistent, and every write is conditional on the generation that was read.
Methods may raise `Throttled`, `Unavailable`, `Ambiguous` (writes only) or `AccessDenied`;
`ConfigError` when the table does not exist, `Poison` when an item in it is no record.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

from sync_core.model import ControlItem, ListedRecord, SyncRecord


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

    def list(self, start_after: str = "") -> Iterator[ListedRecord]:
        """Yield all records behind `start_after`, in the order of their keys' UTF-8 bytes.

        In bounded memory, strongly consistent page by page; records that are written meanwhile may
        show or not. Records of keys that no S3 object can have (empty, or over 1,024 bytes) are
        left out; `start_after` is at most as long.
        """
        ...


class ControlStore(Protocol):
    """The items that are no key's record, by name: at most a few kilobytes of text each.

    A name has 1 to 1,024 bytes (`ValueError`).
    """

    def read_control(self, name: str) -> ControlItem | None:
        """Return the item as it is now."""
        ...

    def write_control(self, item: ControlItem) -> bool:
        """Store the item if the table still holds generation `item.gen` of it (0: none).

        A stored item gets generation `gen + 1`, and its `expires_at` is rounded up to the whole
        second. False: another writer came first.
        """
        ...

    def list_control(self, prefix: str, start_after: str = "") -> Iterator[ControlItem]:
        """Yield the items whose names begin with `prefix` and come after `start_after`, in order.

        The order is that of the names' UTF-8 bytes. Items past their `expires_at` may still be
        among them.
        """
        ...


class Table(RecordStore, ControlStore, Protocol):
    """A stack's table; the DynamoDB and memory adapters implement it."""
