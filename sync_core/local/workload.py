"""What users do, made up from a seed: the demo's story and the soak's random operations.

Pure: the same seed gives the same operations. Contents are not kept, but made from their own seeds
when they are needed.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

SideName = Literal["a", "b"]
SIDES: tuple[SideName, SideName] = ("a", "b")

LARGE_BYTES = 9 * 1024 * 1024
"""Larger than what goes in one PUT, so that the worker copies it in parts."""

_KIB = 1024


@dataclass(frozen=True, slots=True)
class PutObject:
    """A user writes an object; `headers` are by lower-case HTTP name."""

    side: SideName
    key: str
    size_bytes: int
    content_seed: int
    headers: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    def content(self) -> bytes:
        """Return the object's bytes, different for each `content_seed`."""
        return random.Random(self.content_seed).randbytes(self.size_bytes)  # noqa: S311 - no secret


@dataclass(frozen=True, slots=True)
class EditMetadata:
    """A user adds metadata to an object in place; everything else, also our marker, stays."""

    side: SideName
    key: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DeleteObject:
    """A user deletes an object."""

    side: SideName
    key: str


Operation = PutObject | EditMetadata | DeleteObject


@dataclass(frozen=True, slots=True)
class Story:
    """The demo: `creates` first; once they have arrived, `changes` and `conflicts`.

    No key is changed twice. Each conflict is a pair of writes to one key, one on either side, to be
    made at the same moment.
    """

    creates: tuple[PutObject, ...]
    changes: tuple[Operation, ...]
    conflicts: tuple[tuple[PutObject, PutObject], ...]

    def count(self) -> int:
        """Return the number of operations."""
        return len(self.creates) + len(self.changes) + 2 * len(self.conflicts)


def tell_story(object_count: int, seed: int) -> Story:
    """Return a story of `object_count` objects (at least 20): about half on each side.

    Of these, a quarter is overwritten, a tenth gets other metadata, an eighth is deleted, each on
    either side; of every twentieth both sides write something new at once.
    """
    if object_count < MIN_OBJECTS:
        raise ValueError(f"a story needs at least {MIN_OBJECTS} objects, not {object_count}")
    author = _Author(seed)
    creates = tuple(author.put(key, number) for number, key in enumerate(_keys(object_count)))
    keys = [create.key for create in creates]
    author.random.shuffle(keys)
    overwritten, rest = _split(keys, object_count // 4)
    edited, rest = _split(rest, object_count // 10)
    deleted, rest = _split(rest, object_count // 8)
    contested, _ = _split(rest, object_count // 20)
    changes: list[Operation] = [
        *(author.put(key) for key in overwritten),
        *(author.edit(key) for key in edited),
        *(DeleteObject(author.side(), key) for key in deleted),
    ]
    author.random.shuffle(changes)
    conflicts = tuple((author.put(key, side="a"), author.put(key, side="b")) for key in contested)
    return Story(creates, tuple(changes), conflicts)


def random_operations(side: SideName, count: int, key_count: int, seed: int) -> Iterator[Operation]:
    """Yield what one user does on one side: puts (two thirds), metadata edits and deletes.

    Users of both sides who are given the same `key_count` work on the same keys.
    """
    author = _Author(f"{seed}/{side}")
    keys = list(_keys(key_count))
    for _ in range(count):
        key = author.random.choice(keys)
        drawn = author.random.random()
        if drawn < 2 / 3:
            yield author.put(key, side=side, largest_bytes=16 * _KIB)
        elif drawn < 4 / 5:
            yield EditMetadata(side, key, author.metadata())
        else:
            yield DeleteObject(side, key)


MIN_OBJECTS = 20

_PATTERNS = (
    "photos/2026/img-{n:04d}.jpg",
    "reports/quarter {n} final draft.pdf",
    "reports/1+1=2, a+b ({n}).txt",
    "100%/50%25 of {n}%.csv",
    "double//slash///{n}.bin",
    "folders/{n}/",
    "déjà vu/übersicht-{n}.txt",
    "中文/报告-{n}.json",
    "emoji 🚀/👍🏽-{n}.bin",
    'quotes/it\'s "{n}".md',
    "../parent/./{n}",
    "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/{n}.log.gz",
    "no-extension-{n}",
    "query?x={n}&y=#;$@!~*.html",
    " leading and trailing space {n} ",
    "back\\slash\\{n}.dat",
)
_LONGEST_KEY = "long/" + "k" * 1019
_TYPES = ("text/plain; charset=utf-8", "application/json", "image/jpeg", "application/octet-stream")
_HEADERS = {
    "content-encoding": ("gzip", "br", "identity"),
    "content-language": ("de", "zh-CN", "en, fr"),
    "content-disposition": ("inline", 'attachment; filename="a b+c.txt"'),
    "cache-control": ("no-store", "public, max-age=31536000, immutable"),
    "expires": ("Wed, 21 Oct 2026 07:28:00 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"),
}
_METADATA = {
    "author": ("Ada Lovelace", "zhang-wei"),
    "purpose": ("backup; nightly", "50% off + more", "a=b&c"),
    "checked-by": ("nobody", ""),
}
_TAGS = {
    "project": ("dual way", "übersee", "a+b=c"),
    "retention": ("30d", "10y"),
    "Confidential": ("yes", "no"),
}
_SIZES = (
    (10, 0, 0),
    (45, 1, 2 * _KIB),
    (30, 2 * _KIB, 64 * _KIB),
    (12, 64 * _KIB, 512 * _KIB),
    (3, 512 * _KIB, 3 * _KIB * _KIB),
)
"""Weight, least and most bytes."""


class _Author:
    """Makes up operations."""

    def __init__(self, seed: int | str) -> None:
        # A text seeds the generator by its bytes, so the result is the same in every process.
        self.random = random.Random(str(seed))  # noqa: S311 - no secret

    def side(self) -> SideName:
        return self.random.choice(SIDES)

    def put(
        self,
        key: str,
        number: int | None = None,
        *,
        side: SideName | None = None,
        largest_bytes: int = LARGE_BYTES,
    ) -> PutObject:
        """Object number 0 is a large one and has everything that an object can have."""
        has_all = number == 0
        size_bytes = LARGE_BYTES if has_all else min(self._size_bytes(), largest_bytes)
        share = 1.0 if has_all else self.random.choice((0.0, 0.3, 1.0))
        return PutObject(
            side=side or self.side(),
            key=key,
            size_bytes=size_bytes,
            content_seed=self.random.getrandbits(48),
            headers={"content-type": self.random.choice(_TYPES), **self._some(_HEADERS, share)},
            metadata=self._some(_METADATA, share),
            tags=self._some(_TAGS, share),
        )

    def edit(self, key: str) -> EditMetadata:
        return EditMetadata(self.side(), key, self.metadata())

    def metadata(self) -> Mapping[str, str]:
        return {"edited": f"{self.random.getrandbits(32):08x}"}

    def _size_bytes(self) -> int:
        weights = [weight for weight, _, _ in _SIZES]
        _, least, most = self.random.choices(_SIZES, weights)[0]
        return self.random.randint(least, most)

    def _some(self, choices: Mapping[str, tuple[str, ...]], share: float) -> dict[str, str]:
        return {
            name: self.random.choice(values)
            for name, values in choices.items()
            if self.random.random() < share
        }


def _keys(count: int) -> Iterator[str]:
    """Yield distinct keys, every pattern in turn, one of them as long as S3 allows."""
    yield _LONGEST_KEY
    for number in range(count - 1):
        yield _PATTERNS[number % len(_PATTERNS)].format(n=number)


def _split(keys: list[str], count: int) -> tuple[list[str], list[str]]:
    return keys[:count], keys[count:]
