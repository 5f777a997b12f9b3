"""Which keys take part, and the names that we give to keys of our own."""

from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from sync_core.model import ObjectVersion
from sync_core.prefix_list import PrefixList

OWN_PREFIX = ".dualway/"
"""Keys of our own (control objects, trash); excluded in both directions."""

MAX_KEY_BYTES = 1024
"""The longest key S3 takes, in bytes of UTF-8 (S3 user guide, Object key naming guidelines)."""

# Less than any store takes that is known: Tencent COS takes 850 bytes (Object overview, Naming
# conventions), and on NetStorage the CP code comes first.
_MAX_MADE_KEY_BYTES = 740

MAX_METADATA_BYTES = 2048
"""User metadata on S3: names and values together (S3 user guide, Working with object metadata)."""

MAX_SUFFIX_BYTES = 32
"""A longer one is no file-name extension, only text behind a dot."""


def is_excluded(
    key: str, patterns: tuple[str, ...] = (), prefixes: PrefixList | None = None
) -> bool:
    """Tell whether the key is never synchronised.

    A pattern is that of a shell (`*.tmp`, `cache/*`, `[0-9]?.log`) and has to match the whole key;
    case counts, and `*` matches slashes too, as in `aws s3 --exclude`. With a list of `prefixes`
    all keys are excluded that it does not cover.
    """
    if key.startswith(OWN_PREFIX):
        return True
    if prefixes is not None and not prefixes.covers(key):
        return True
    return bool(patterns) and any(fnmatchcase(key, pattern) for pattern in patterns)


def longest_key_bytes(*prefixes: str) -> int:
    """Return how long a key that we make up may be behind each of these prefixes, in bytes."""
    return _MAX_MADE_KEY_BYTES - max(len(prefix.encode()) for prefix in prefixes)


def conflict_key(
    loser: ObjectVersion, side: str, suffix: str = "", longest_bytes: int = MAX_KEY_BYTES
) -> str:
    """Return the key under which the loser of a conflict is kept, beside the original.

    `report.txt` becomes `report.conflict-a-20261121T101500Z-9e107d9d.txt`. Equal losers give equal
    names, so that keeping one twice changes nothing; `suffix` tells losers apart that differ in
    metadata only. The stem is cut where the key would get longer than `longest_bytes`.
    """
    trail = "/" if loser.key.endswith("/") else PurePosixPath(loser.key).suffix
    trail = trail if len(trail.encode()) <= MAX_SUFFIX_BYTES else ""
    stem = loser.key.removesuffix(trail) if trail else loser.key
    at = loser.last_modified_at.strftime("%Y%m%dT%H%M%SZ")
    name = "-".join(filter(None, (side, at, loser.etag[:8], suffix[:8])))
    tail = f".conflict-{name}{trail}"
    room = longest_bytes - len(tail.encode())
    return stem.encode()[:room].decode(errors="ignore") + tail
