"""Objects for tests: users' originals and our replicas, as the two stores would show them."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

from sync_core import marker
from sync_core.evidence import Replication, facts
from sync_core.model import ObjectVersion, Site, SitePair

KEY = "report.txt"
AT_A = SitePair(own=Site("a", "bucket-a", "cn-north-1"), peer=Site("b", "bucket-b", "us-west-2"))
AT_B = SitePair(own=AT_A.peer, peer=AT_A.own)


def original(
    data: bytes = b"x", at: int = 1_700_000_000, metadata: dict[str, str] | None = None
) -> ObjectVersion:
    """Return an object that a user wrote at second `at`."""
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return ObjectVersion(
        key=KEY,
        etag=md5,
        size_bytes=len(data),
        last_modified_at=datetime.fromtimestamp(at, UTC),
        headers={"content-type": "text/plain"},
        metadata=metadata or {},
        md5=md5,
    )


def replica(
    source: ObjectVersion,
    to: str,
    nonce: str = "0" * 16,
    replaced: ObjectVersion | None = None,
    at: int = 1_800_000_000,
) -> ObjectVersion:
    """Return the replica of `source` as dualway writes it on side `to` in place of `replaced`."""
    digest = marker.digest_of(source.md5)
    text = Replication(source, replaced, to).marker(AT_A, nonce, digest)
    return replace(source, marker=str(text), last_modified_at=datetime.fromtimestamp(at, UTC))


def instance_id(version: ObjectVersion, side: str) -> str:
    """Return the instance's id on `side`."""
    return facts(version, side, AT_A).id
