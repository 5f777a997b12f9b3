"""How many deletes are too many: the assessment of what was deleted and created of late.

Deletes are counted by key over a sliding window, net of two things:

| what | rule |
|---|---|
| created again | a key whose latest change is a create is not deleted |
| renamed | a create of a new key that is still there pays for one delete of the same content |

| net deletes | admission |
|---|---|
| at most the limit | ALLOWED |
| above it, but only because of deletes younger than the settle time | DELAYED |
| above it with older ones alone | HELD |

A create may come well before the delete that it pays for (a copy, then a delete), so creates are
looked at for two windows. Contents are named by ids; ids that were ever seen together name the same
content, because the two sides need not know the same ones.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from sync_core import marker
from sync_core.model import ObjectVersion


class Admission(StrEnum):
    """What is to become of a planned delete: send it, ask again soon, or wait for an operator."""

    ALLOWED = "allowed"
    DELAYED = "delayed"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Change:
    """A delete that was planned, or a new key that was created, `at` an instant.

    `contents` are the ids of the content (see `contents_of`); none where it is not known.
    """

    key: str
    contents: frozenset[str]
    at: datetime


@dataclass(frozen=True, slots=True)
class DeleteLimits:
    """How many net deletes a window may have: `count` or `percent` of all keys, if that is more.

    `count` 0 turns the counting off. A delete waits up to `settle_seconds` for the create that
    would make it a rename, once there are more than the limit.
    """

    count: int = 100
    percent: int = 25
    window_seconds: int = 3600
    settle_seconds: int = 300

    @property
    def is_off(self) -> bool:
        """Tell whether deletes are not counted at all."""
        return self.count == 0

    def most(self, keys: int) -> int:
        """Return the most net deletes that are allowed where there are so many keys."""
        return max(self.count, keys * self.percent // 100)


class Entry(NamedTuple):
    """One change in the journal; `key` and `contents` are hashes of it."""

    at: datetime
    is_delete: bool
    key: str
    contents: frozenset[str]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known beside the journal.

    `synced_keys` were counted at `synced_at`; deletes up to `approved_until` are not counted. None
    where it never happened.
    """

    synced_keys: int = 0
    synced_at: datetime | None = None
    approved_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """The deletes of a window, in keys: `settled` of the net ones are past the settle time."""

    deleted: int
    renamed: int
    settled: int
    limit: int

    @property
    def net(self) -> int:
        """The deletes that count."""
        return self.deleted - self.renamed

    @property
    def admission(self) -> Admission:
        """What becomes of the deletes that are asked for now."""
        if self.net <= self.limit:
            return Admission.ALLOWED
        return Admission.DELAYED if self.settled <= self.limit else Admission.HELD


def contents_of(version: ObjectVersion) -> frozenset[str]:
    """Return the ids of an object's content, each of them together with its size.

    An etag is cut to what a marker keeps of it. On its own it may name the same content on one side
    only, but a replica's marker ties it to its original's: so objects made of parts are recognised
    as well, if the copy was made of the same parts.
    """
    ids = {f"etag:{marker.original_stamp(version, '').etag}"}
    if version.md5 is not None:
        ids.add(f"md5:{version.md5}")
    if version.crc64nvme is not None:
        ids.add(f"crc:{version.crc64nvme}")
    origin = marker.parse(version.marker) if version.marker else None
    if origin is not None:
        ids.add(f"etag:{origin.origin.etag}")
    return frozenset(f"{each}:{version.size_bytes}" for each in ids)


def assess(entries: Iterable[Entry], limits: DeleteLimits, known: Known, now: datetime) -> Tally:
    """Count the deletes of the window that ends `now`; the order of the entries means nothing.

    The limit's percentage is of the keys that were counted last and those created since; a renamed
    key is twice among them until they are counted again.
    """
    window = timedelta(seconds=limits.window_seconds)
    since = max(filter(None, (now - window, known.approved_until)))
    keys = _keys(entries, now - 2 * window, since)
    deleted = [key for key in keys if key.deleted_at is not None]
    new = [key for key in keys if key.is_new and not key.is_deleted]
    names = _Names(key.contents for key in keys)
    settled_at = now - timedelta(seconds=limits.settle_seconds)
    old = Counter(names.of(key.contents) for key in deleted if key.is_deleted_by(settled_at))
    paid = Counter(names.of(key.contents) for key in new if key.contents)
    renamed = Counter(names.of(key.contents) for key in deleted) & paid
    counted_at = known.synced_at
    uncounted = [key for key in new if counted_at is None or key.created_at > counted_at]
    return Tally(
        deleted=len(deleted),
        renamed=renamed.total(),
        settled=(old - paid).total(),
        limit=limits.most(known.synced_keys + len(uncounted)),
    )


@dataclass(slots=True)
class _Key:
    """What became of one key: `is_new` if a create came first, `is_deleted` if a delete came last.

    `deleted_at` is when it was first deleted since it was last created, as far as that is in the
    window; a delete that is asked for again grows no younger.
    """

    is_new: bool
    is_deleted: bool
    created_at: datetime
    deleted_at: datetime | None = None
    contents: set[str] = field(default_factory=set)

    def take(self, entry: Entry, since: datetime) -> None:
        """Take in the next entry; contents are those of the latest run of creates or deletes."""
        if entry.is_delete != self.is_deleted:
            self.contents = set()
        if not entry.is_delete:
            self.created_at = entry.at
            self.deleted_at = None
        elif self.deleted_at is None and entry.at > since:
            self.deleted_at = entry.at
        self.is_deleted = entry.is_delete
        self.contents |= entry.contents

    def is_deleted_by(self, instant: datetime) -> bool:
        """Tell whether the delete was asked for at the instant or before."""
        return self.deleted_at is not None and self.deleted_at <= instant


def _keys(entries: Iterable[Entry], horizon: datetime, since: datetime) -> Collection[_Key]:
    """Return what became of each key; where instants are equal, the delete came last."""
    keys: dict[str, _Key] = {}
    for entry in sorted(entries, key=_when):
        if entry.at > horizon:
            if entry.key not in keys:
                is_new = not entry.is_delete
                keys[entry.key] = _Key(is_new, is_deleted=False, created_at=entry.at)
            keys[entry.key].take(entry, since)
    return keys.values()


def _when(entry: Entry) -> tuple[datetime, bool]:
    return entry.at, entry.is_delete


class _Names:
    """One name for each content, however many ids it goes by (a union-find)."""

    def __init__(self, contents: Iterable[Collection[str]]) -> None:
        self._above: dict[str, str] = {}
        for ids in contents:
            first, *others = ids or ("",)
            for each in others:
                self._above[self._top(each)] = self._top(first)

    def of(self, ids: Collection[str]) -> str:
        """Return the content's name; the unknown content's is one that no other has."""
        return self._top(next(iter(ids))) if ids else ""

    def _top(self, each: str) -> str:
        while (above := self._above.get(each, each)) != each:
            self._above[each] = self._above.get(above, above)
            each = above
        return each
