"""The marker: one metadata entry on every object that dualway writes; it says where it came from.

    1;pair=1f0c9a7e;kh=0a1b2c3d4e5f;o=a;t=1700000000;e=9e107d9d;src=<16 hex>;pred=<16 hex>|0;
    n=<nonce>;mh=<12 hex>;d=<8 hex>|-<parts>;g=<8 hex>

| field | meaning |
|---|---|
| `pair` | the pair of buckets; another pair's marker is not ours |
| `kh` | hash of the side and the key the object was written to; differs on a copy elsewhere |
| `o`, `t`, `e` | the original's side, LastModified (epoch seconds) and first 8 of its etag |
| `src`, `pred` | instance ids of the source and of the instance that was replaced (0: none) |
| `n` | the write's nonce: the name of this replica, and how a writer knows its own write again |
| `mh` | hash of size, content headers and user metadata as written |
| `d` | first 8 of the etag that the bytes must show (their MD5), or the number of parts |
| `g` | hash of the tags as written: what both sides then agreed on |

A marker is *valid* while the object is what we wrote, *stale* once a user has changed it (a
read-modify-write keeps metadata), and no marker at all on another key, side or pair. Stale markers
still prove that this bucket had seen `src`.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from sync_core.model import ObjectVersion, SitePair

METADATA_NAME = "dualway"
"""Name of the entry: `x-amz-meta-dualway` on S3, `x-oss-meta-dualway` on OSS."""

MAX_BYTES = 200
"""Upper bound of a marker's text, so that little of S3's 2 KB of user metadata is taken."""

_FORMAT = "1"
_FIELDS = ("pair", "kh", "o", "t", "e", "src", "pred", "n", "mh", "d", "g")
_NO_INSTANCE = "0"
_ETAG_DIGITS = 8
_ETAG = re.compile(r"[0-9a-fA-F]{32}(-[0-9]+)?")


@dataclass(frozen=True, slots=True, order=True)
class Stamp:
    """Total order of originals, computed by both stacks from the objects alone: later wins."""

    at: int
    side: str
    etag: str


@dataclass(frozen=True, slots=True)
class Marker:
    """A parsed marker; `replaced_id` None means that the key was free, `digest` "" unknown."""

    pair_id: str
    place_hash: str
    origin: Stamp
    source_id: str
    replaced_id: str | None
    nonce: str
    value_hash: str
    digest: str
    tags_hash: str = ""

    def __str__(self) -> str:
        values = (
            self.pair_id,
            self.place_hash,
            self.origin.side,
            str(self.origin.at),
            self.origin.etag,
            self.source_id,
            self.replaced_id or _NO_INSTANCE,
            self.nonce,
            self.value_hash,
            self.digest,
            self.tags_hash,
        )
        fields = (f"{name}={value}" for name, value in zip(_FIELDS, values, strict=True))
        return ";".join((_FORMAT, *fields))


def parse(text: str) -> Marker | None:
    """Read a marker's text; None when it is none that this version wrote. Never raises."""
    form, _, rest = text.partition(";")
    fields = dict(part.split("=", 1) for part in rest.split(";") if "=" in part)
    if form != _FORMAT or not fields.keys() >= set(_FIELDS) or not fields["t"].isdecimal():
        return None
    return Marker(
        pair_id=fields["pair"],
        place_hash=fields["kh"],
        origin=Stamp(int(fields["t"]), fields["o"], fields["e"]),
        source_id=fields["src"],
        replaced_id=None if fields["pred"] == _NO_INSTANCE else fields["pred"],
        nonce=fields["n"],
        value_hash=fields["mh"],
        digest=fields["d"],
        tags_hash=fields["g"],
    )


def read(version: ObjectVersion, side: str, pair: SitePair) -> Marker | None:
    """Return the marker of an object on `side`, valid or stale; None when it has none of ours."""
    marker = parse(version.marker) if version.marker else None
    if marker is None or marker.pair_id != pair.pair_id:
        return None
    return marker if marker.place_hash == place_hash(side, version.key) else None


def is_valid(marker: Marker, version: ObjectVersion) -> bool:
    """Tell whether the object is still what was written with this marker."""
    return marker.value_hash == value_hash(
        version.size_bytes, version.headers, version.metadata
    ) and _shows_digest(version, marker.digest)


def _shows_digest(version: ObjectVersion, digest: str) -> bool:
    """Compare bytes by what the etag tells: an opaque one (KMS) tells only its number of parts.

    One that is not as S3's are, such as Kodo's, tells nothing.
    """
    shown = _ETAG.fullmatch(version.etag)
    parts = (shown[1] or "") if shown else ""
    if parts or (shown and digest.startswith("-")):
        return not digest or digest == parts
    return digest.startswith("-") or version.md5 is None or version.md5.startswith(digest)


def digest_of(md5: str | None, part_count: int = 0) -> str:
    """Return the field `d` of an object written with this MD5 (hex), or in so many parts."""
    return f"-{part_count}" if part_count else (md5 or "")[:_ETAG_DIGITS]


def place_hash(side: str, key: str) -> str:
    """Hash of where an object was written: 12 hex digits."""
    return _hash(f"{side}/{key}", 12)


def value_hash(size_bytes: int, headers: Mapping[str, str], metadata: Mapping[str, str]) -> str:
    """Hash of what belongs to an object's value beside its bytes: 12 hex digits."""
    value = (size_bytes, sorted(headers.items()), sorted(metadata.items()))
    return _hash(repr(value), 12)


def original_stamp(version: ObjectVersion, side: str) -> Stamp:
    """Return the stamp of an object that is not a replica."""
    etag = version.etag.replace(";", "")[:_ETAG_DIGITS]
    return Stamp(int(version.last_modified_at.timestamp()), side, etag)


def instance_id(version: ObjectVersion, marker: Marker | None) -> str:
    """Return the id of one instance on its own side: 16 hex digits.

    `marker` is its valid marker, if it has one. Ids of the two sides are never compared with each
    other, only with what markers and records say of the same side.
    """
    if version.version_id is not None:
        return version_instance_id(version.version_id)
    if marker is not None:
        return replica_id(marker.nonce)
    value = value_hash(version.size_bytes, version.headers, version.metadata)
    return _hash(f"o:{version.etag}|{int(version.last_modified_at.timestamp())}|{value}", 16)


def version_instance_id(version_id: str) -> str:
    """Return the id of an instance in a versioned bucket."""
    return _hash(f"v:{version_id}", 16)


def replica_id(nonce: str) -> str:
    """Return the id of a valid replica in an unversioned bucket."""
    return _hash(f"n:{nonce}", 16)


def _hash(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:digits]
