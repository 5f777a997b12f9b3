"""Compares two sides: the merge of sorted listings, and what differs between two objects.

Keys are ordered by their UTF-8 bytes, as stores list them; a merge holds one entry of each side, or
a run of them.
That order is also the order of code points (RFC 3629, 1), in which Python compares text, so that
no key has to be encoded.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise, repeat
from operator import itemgetter, lt
from typing import Generic, TypeVar

from sync_core.errors import ConfigError
from sync_core.model import ListedObject, ListedRecord, ObjectVersion

RUN_KEYS = 64
"""How many entries of each of the three `merge_in_runs` holds, at most."""

_UNORDERED = "a store that does not list keys by their UTF-8 bytes cannot be compared"

Listed = tuple[ListedObject | None, ListedObject | None]
"""One key as both listings show it; at least one of them does."""

Known = tuple[str, ListedObject | None, ListedObject | None, ListedRecord | None]
"""One key, and all that is known of it without asking: own and peer listing, and the record."""

Shown = str | int | None
"""A value as a side has it; None where it has none."""


def merge(first: Iterable[ListedObject], second: Iterable[ListedObject]) -> Iterator[Listed]:
    """Yield each key of either listing once, in order.

    Raises `ConfigError` when a listing is not in strictly ascending order: a merge of such a
    listing would take present objects for absent ones.
    """
    left, right = _ascending(first), _ascending(second)
    (one_key, one), (other_key, other) = next(left), next(right)
    while one_key is not None or other_key is not None:
        if one_key == other_key:
            yield one, other
            (one_key, one), (other_key, other) = next(left), next(right)
        elif other_key is None or (one_key is not None and one_key < other_key):
            yield one, None
            one_key, one = next(left)
        else:
            yield None, other
            other_key, other = next(right)


def merge_with_records(
    own: Iterable[ListedObject], peer: Iterable[ListedObject], records: Iterable[ListedRecord]
) -> Iterator[Known]:
    """Yield each key that a listing shows or that has a record once, in order.

    Raises `ConfigError` as `merge` does, for any of the three.
    """
    owns, peers, known = iter(own), iter(peer), iter(records)
    one, other, record = next(owns, None), next(peers, None), next(known, None)
    before = ""
    while one is not None or other is not None or record is not None:
        # Nearly all keys of a bucket are in all three: this branch decides what a key costs.
        if one and other and record and one[0] == other[0] == record[0]:
            found: Known = (one[0], one, other, record)
        else:
            found = _first(one, other, record)
        # Where one of the three is out of order, so is what comes out of it.
        if found[0] <= before:
            raise _unordered(found[0], before)
        before = found[0]
        yield found
        one = one if found[1] is None else next(owns, None)
        other = other if found[2] is None else next(peers, None)
        record = record if found[3] is None else next(known, None)


def merge_in_runs(
    own: Iterable[ListedObject], peer: Iterable[ListedObject], records: Iterable[ListedRecord]
) -> Iterator[Sequence[Known]]:
    """Yield what `merge_with_records` does, many keys at a time and in half of the time.

    Raises `ConfigError` as that does, before the run that is out of order. No run is empty.
    """
    owns, peers, known = _Ahead(own), _Ahead(peer), _Ahead(records)
    before = ""
    while run := _next_run(owns, peers, known):
        if run[0][0] <= before:
            raise _unordered(run[0][0], before)
        before = run[-1][0]
        yield run


_Entry = TypeVar("_Entry", ListedObject, ListedRecord)
_key_of = itemgetter(0)


class _Ahead(Generic[_Entry]):
    """What comes next of a listing: RUN_KEYS entries, or all that are left."""

    def __init__(self, listing: Iterable[_Entry]) -> None:
        self._rest: Iterator[_Entry] = iter(listing)
        self._entries: list[_Entry] = []
        self.keys: list[str] = []

    def fill(self) -> None:
        self._entries += islice(self._rest, RUN_KEYS - len(self._entries))
        self.keys = [*map(_key_of, self._entries)]

    def take(self, until: str | None = None) -> list[_Entry]:
        """Hand over the entries up to this key (None: all of them)."""
        count = len(self.keys) if until is None else bisect_right(self.keys, until)
        taken, self._entries = self._entries[:count], self._entries[count:]
        return taken


def _next_run(
    owns: _Ahead[ListedObject], peers: _Ahead[ListedObject], known: _Ahead[ListedRecord]
) -> Sequence[Known]:
    owns.fill()
    peers.fill()
    known.fill()
    if owns.keys == peers.keys == known.keys:
        _require_ascending(owns.keys)
        return list(zip(owns.keys, owns.take(), peers.take(), known.take(), strict=True))
    listings = (owns.keys, peers.keys, known.keys)
    for keys in listings:
        _require_ascending(keys)
    # Behind the last key that one of them holds, its next entry may be the first of all.
    until = min((keys[-1] for keys in listings if len(keys) == RUN_KEYS), default=None)
    return list(merge_with_records(owns.take(until), peers.take(until), known.take(until)))


def _require_ascending(keys: Sequence[str]) -> None:
    if not all(map(lt, keys, islice(keys, 1, None))):
        before, key = next(pair for pair in pairwise(keys) if pair[1] <= pair[0])
        raise _unordered(key, before)


def _first(
    one: ListedObject | None, other: ListedObject | None, record: ListedRecord | None
) -> Known:
    """Return the first key of those that are next, with what is known of it."""
    key = min(head[0] for head in (one, other, record) if head is not None)
    return (
        key,
        one if one is not None and one[0] == key else None,
        other if other is not None and other[0] == key else None,
        record if record is not None and record[0] == key else None,
    )


def _unordered(key: str, before: str) -> ConfigError:
    cause = f"the listing has {key!r} after {before!r}; {_UNORDERED}"
    return ConfigError("compare the listings", key, cause)


def _ascending(
    listing: Iterable[ListedObject],
) -> Iterator[tuple[str, ListedObject] | tuple[None, None]]:
    """Yield each entry with its key, and Nones without end behind the last one."""
    before: str | None = None
    for entry in listing:
        key = entry.key
        if before is not None and key <= before:
            raise _unordered(key, before)
        before = key
        yield key, entry
    yield from repeat((None, None))


@dataclass(frozen=True, slots=True)
class Content:
    """All of an object that belongs to its value; `sha256` is the hex digest of its bytes."""

    version: ObjectVersion
    sha256: str
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which two objects of a key differ, with the value of either side.

    `what` is `presence` (the value is the size, in bytes, of the object that is there), `size`,
    `content`, a header's name, `metadata NAME` or `tag NAME`.
    """

    key: str
    what: str
    first: Shown
    second: Shown


def differences(key: str, first: Content | None, second: Content | None) -> list[Difference]:
    """Return everything in which the two sides differ; an empty list when they are equal.

    Our own marker, etags and times are not compared: they differ between equal objects.
    """
    if first is None or second is None:
        sizes = [None if side is None else side.version.size_bytes for side in (first, second)]
        return [] if first is second else [Difference(key, "presence", sizes[0], sizes[1])]
    values, others = _values(first), _values(second)
    names = [*values, *(name for name in others if name not in values)]
    return [
        Difference(key, name, values.get(name), others.get(name))
        for name in names
        if values.get(name) != others.get(name)
    ]


def _values(content: Content) -> dict[str, Shown]:
    version = content.version
    return {
        "size": version.size_bytes,
        "content": f"sha256 {content.sha256}",
        **version.headers,
        **{f"metadata {name}": value for name, value in sorted(version.metadata.items())},
        **{f"tag {name}": value for name, value in sorted(content.tags.items())},
    }
