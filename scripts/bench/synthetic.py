"""The objects and the records of a benchmark, made from their numbers: the same in each process."""

import hashlib

from sync_core.model import ListedObject, ListedRecord

BUCKETS = {"own": "bench-own", "peer": "bench-peer"}
"""The buckets that the servers serve, by side."""

TABLE = "bench-records"

_TEMPLATES = (
    *("photos/{year}/{month:02}/IMG_{number:09}.jpg",) * 8,
    *("logs/service-{day:02}/{year}-{month:02}-{day:02}T{number:09}.json.gz",) * 4,
    *("data/table=orders/year={year}/month={month:02}/part-{number:09}-{digest}.c000.parquet",) * 4,
    "shared documents/{year}/Quarterly report {number} (final).docx",
    "src/c++/{year}/a+b-{number}.cpp",
    "sales/{year}/up 100%/{number}%25.txt",
    "文档/{year}年/报告-{number}.pdf",
)


def keys(count: int) -> list[str]:
    """Return so many keys in order: 30 to 100 bytes long, a fifth of them in need of encoding."""
    return sorted(map(_key, range(count)))


def listed(key: str, side: str) -> ListedObject:
    """Return how one side's listing shows the key's object; both sides differ in the time only."""
    etag = _digest(key)
    second = int(etag[:2], 16) % 60
    day = {"own": 20, "peer": 21}[side]
    return ListedObject(key, etag, int(etag[2:7], 16), f"2026-11-{day}T10:15:{second:02}")


def recorded(key: str) -> ListedRecord:
    """Return the record that accounts for both sides."""
    own, peer = listed(key, "own"), listed(key, "peer")
    # Half of the objects were put by us, of which our answer told no time, half by our peer.
    told = f"{peer.etag}|{peer.size_bytes}|" if len(key) % 2 else ""
    return ListedRecord(key, own.lid, told)


def _key(number: int) -> str:
    template = _TEMPLATES[number % len(_TEMPLATES)]
    return template.format(
        number=number,
        year=2015 + number // 1000 % 12,
        month=number // 100 % 12 + 1,
        day=number % 28 + 1,
        digest=_digest(str(number))[:16],
    )


def _digest(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
