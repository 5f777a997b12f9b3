"""Compares two sides: the merge of two sorted listings, and what differs between two objects.

Keys are ordered by their UTF-8 bytes, as stores list them; a merge holds one entry of each side.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sync_core.errors import ConfigError
from sync_core.model import ListedObject, ObjectVersion

_UNORDERED = "a store that does not list keys by their UTF-8 bytes cannot be compared"

Listed = tuple[ListedObject | None, ListedObject | None]
"""One key as both listings show it; at least one of them does."""

Shown = str | int | None
"""A value as a side has it; None where it has none."""


def merge(first: Iterable[ListedObject], second: Iterable[ListedObject]) -> Iterator[Listed]:
    """Yield each key of either listing once, in order.

    Raises `ConfigError` when a listing is not in strictly ascending order: a merge of such a
    listing would take present objects for absent ones.
    """
    left, right = _ascending(first), _ascending(second)
    one, other = next(left, None), next(right, None)
    while one is not None or other is not None:
        order = _compare(one, other)
        yield (one if order <= 0 else None, other if order >= 0 else None)
        one = next(left, None) if order <= 0 else one
        other = next(right, None) if order >= 0 else other


def _compare(one: ListedObject | None, other: ListedObject | None) -> int:
    """Return which comes first: -1 the one, 1 the other, 0 both."""
    if one is None or other is None:
        return 1 if one is None else -1
    left, right = one.key.encode(), other.key.encode()
    return (left > right) - (left < right)


def _ascending(listing: Iterable[ListedObject]) -> Iterator[ListedObject]:
    before: str | None = None
    for entry in listing:
        if before is not None and entry.key.encode() <= before.encode():
            cause = f"the listing has {entry.key!r} after {before!r}; {_UNORDERED}"
            raise ConfigError("compare the listings", entry.key, cause)
        before = entry.key
        yield entry


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
