"""Compares two buckets object by object, down to bytes, headers, metadata and tags.

It trusts neither records nor markers nor etags: both listings are merged, and of every key both
objects are read. Memory stays the same however many objects there are.
"""

import hashlib
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Protocol

from sync_core.compare import Content, Difference, differences, merge
from sync_core.model import ListedObject
from sync_core.routing import is_excluded
from sync_core.storage.protocol import ObjectReader, ObjectStore, SupportsTags

CHUNK_BYTES = 1024 * 1024


class ComparedStore(ObjectStore, SupportsTags, Protocol):
    """What a side must be able to do to be compared."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One key after its comparison: the size on each side (None: absent), and what differs."""

    key: str
    sizes_bytes: tuple[int | None, int | None]
    differences: tuple[Difference, ...] = ()


def compare_stores(
    first: ComparedStore, second: ComparedStore, executor: Executor, *, at_once: int = 8
) -> Iterator[Compared]:
    """Yield every key of either bucket in order, `at_once` of them being read side by side.

    Keys that are never synchronised are left out. An object that vanishes while it is read counts
    as absent. Raises the stores' errors, and `ConfigError` when a listing is out of order.
    """
    keys = (_key(listed) for listed in merge(first.list(), second.list()))
    pending: deque[Future[Compared]] = deque()
    try:
        for key in keys:
            if is_excluded(key):
                continue
            pending.append(executor.submit(compare_key, key, first, second))
            if len(pending) >= at_once:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()


def compare_key(key: str, first: ComparedStore, second: ComparedStore) -> Compared:
    """Read both objects of one key, whole, and compare them."""
    one, other = _read(first, key), _read(second, key)
    sizes_bytes = (_size_bytes(one), _size_bytes(other))
    return Compared(key, sizes_bytes, tuple(differences(key, one, other)))


def _key(listed: tuple[ListedObject | None, ListedObject | None]) -> str:
    entry = listed[0] or listed[1]
    if entry is None:
        raise AssertionError("a merge yields no key that neither listing has")
    return entry.key


def _size_bytes(content: Content | None) -> int | None:
    return None if content is None else content.version.size_bytes


def _read(store: ComparedStore, key: str) -> Content | None:
    reader = store.get(key)
    if reader is None:
        return None
    with reader:
        sha256 = _digest(reader)
    # Asked for even where the object claims to have none: the claim needs a permission of its own.
    tags: Mapping[str, str] | None = store.tags(key)
    return None if tags is None else Content(reader.version, sha256, tags)


def _digest(reader: ObjectReader) -> str:
    digest = hashlib.sha256()
    while chunk := reader.read(CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()
