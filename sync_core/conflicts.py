"""The conflicts that a stack's records tell of, settled or left open."""

from collections.abc import Iterator
from itertools import islice

from sync_core.model import NotedConflict
from sync_core.records.protocol import RecordStore

_AT_ONCE = 100


def noted_conflicts(
    records: RecordStore, start_after: str = ""
) -> Iterator[tuple[str, NotedConflict]]:
    """Yield each key, in order, whose record notes a conflict, with its latest one.

    Only the stack that settled a conflict has noted it; one left open is noted by both. The whole
    table is looked through, in memory that does not depend on its size.
    """
    keys = (listed.key for listed in records.list(start_after) if listed.has_conflict)
    while some := list(islice(keys, _AT_ONCE)):
        found = records.read(some)
        for key in some:
            conflict = found[key].conflict if key in found else None
            if conflict is not None:
                yield key, conflict
