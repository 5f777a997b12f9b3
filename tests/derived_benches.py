"""Benches over stores that are made of another: a part of a bucket, and one without conditions."""

from datetime import UTC, datetime
from itertools import count

from sync_core.model import Capabilities
from sync_core.storage.prefixed import below
from sync_core.storage.protocol import SyncStore
from sync_core.storage.weak import WeakStore
from tests.object_benches import Bench, Raw, put

PREFIX = "data/"
NO_CONDITIONS = Capabilities(
    creates_if_absent=False, replaces_if_match=False, deletes_if_match=False
)


def prefixed_bench(whole: Bench) -> Bench:
    """Give the part of a bucket below a prefix; there are strangers before, on and behind it."""
    for stranger in ("data", PREFIX, "data0"):
        put(whole.store, stranger)

    def raw(key: str) -> Raw | None:
        return whole.raw(PREFIX + key)

    part, missing, paged = (
        below(store, PREFIX) for store in (whole.store, whole.missing, whole.paged)
    )
    return Bench(part, raw, missing, paged, whole.version)


def weak_bench(whole: Bench) -> Bench:
    """Give a store that leaves no condition to the bucket, which should ignore them all."""
    numbers = map(str, count(1))

    def weak(store: SyncStore) -> WeakStore:
        return WeakStore(store, NO_CONDITIONS, lambda: datetime.now(UTC), lambda: next(numbers))

    store, missing, paged = (weak(store) for store in (whole.store, whole.missing, whole.paged))
    return Bench(store, whole.raw, missing, paged, whole.version)
