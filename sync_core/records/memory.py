"""Records in memory, for tests and simulations: the same contract as the table."""

from collections.abc import Collection, Iterator, Sequence
from threading import Lock

from sync_core.model import ControlItem, ListedRecord, SyncRecord
from sync_core.records.stored import (
    as_listed,
    as_stored,
    as_stored_control,
    is_listable,
    require_distinct_keys,
    require_name,
)


class MemoryRecordStore:
    """A `Table` that lives as long as the process; safe to share between threads.

    `records` are those in it by key and `controls` the control items by name, open to tests.
    Nothing is ever removed: as in DynamoDB, an item past its `expires_at` is still read until it
    has gone.
    """

    def __init__(self) -> None:
        self.records: dict[str, SyncRecord] = {}
        self.controls: dict[str, ControlItem] = {}
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

    def list(self, start_after: str = "") -> Iterator[ListedRecord]:
        """Yield the records as they were when the first one was asked for, in order."""
        with self._lock:
            shown = [r for r in self.records.values() if r.key > start_after and is_listable(r.key)]
        # Python orders texts by code points, which is the order of their UTF-8 bytes.
        yield from sorted(map(as_listed, shown), key=lambda listed: listed.key)

    def read_control(self, name: str) -> ControlItem | None:
        """Return the control item as it is now."""
        require_name(name)
        with self._lock:
            return self.controls.get(name)

    def write_control(self, item: ControlItem) -> bool:
        """Store the item if it is still at the generation it was read with."""
        require_name(item.name)
        with self._lock:
            stored = self.controls.get(item.name)
            is_current = item.gen == (stored.gen if stored else 0)
            if is_current:
                self.controls[item.name] = as_stored_control(item)
        return is_current

    def list_control(self, prefix: str, start_after: str = "") -> Iterator[ControlItem]:
        """Yield the items as they were when the first one was asked for, in order."""
        with self._lock:
            names = [n for n in self.controls if n.startswith(prefix) and n > start_after]
            found = [self.controls[name] for name in sorted(names)]
        yield from found

    def _generation(self, key: str) -> int:
        return self.records[key].gen if key in self.records else 0
