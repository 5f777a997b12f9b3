"""The explored values as production knows them, and back."""

import hashlib
from datetime import UTC, datetime, timedelta
from functools import cache

from sync_core.model import Intent, Lease, ObjectVersion, Pair, SideState, SyncRecord, Waiting
from tests.objects import KEY
from tests.property.one_key_values import Ids, Instance, Record

NOW = datetime(2026, 1, 1, tzinfo=UTC)
"""When everything happens, but for what happens after the grace period."""


@cache
def version_of(instance: Instance) -> ObjectVersion:
    """Return what a store shows: the etag tells the content, and so no metadata edit."""
    data = b"%d" % instance.content
    return ObjectVersion(
        key=KEY,
        etag=f"{instance.content:x}",
        size_bytes=len(data),
        last_modified_at=datetime.fromtimestamp(instance.at, UTC),
        metadata={"edit": str(instance.edit)} if instance.edit else {},
        marker=instance.marker,
        md5=hashlib.md5(data, usedforsecurity=False).hexdigest(),
        tag_count=0,
    )


def instance_of(version: ObjectVersion) -> Instance:
    return Instance(
        int(version.etag, 16),
        int(version.metadata.get("edit", 0)),
        int(version.last_modified_at.timestamp()),
        version.marker,
    )


@cache
def sync_record_of(record: Record) -> SyncRecord:
    return SyncRecord(
        KEY,
        gen=record.generation,
        pair=_pair(record.pair) if record.pair else None,
        intent=Intent(record.intent, None, "", NOW) if record.intent else None,
        lease=Lease("", NOW + timedelta(days=1)) if record.is_leased else None,
        waiting=Waiting(record.waiting, NOW) if record.waiting else None,
    )


def record_of(record: SyncRecord) -> Record:
    pair = record.pair
    ids: Ids | None = None
    if pair is not None:
        ids = (pair.own.id if pair.own else None, pair.peer.id if pair.peer else None)
    return Record(
        record.gen,
        ids,
        record.intent.source_id if record.intent else None,
        record.waiting.snapshot if record.waiting else None,
        record.lease is not None,
    )


def _pair(ids: Ids) -> Pair:
    own, peer = ids
    return Pair(SideState(own) if own else None, SideState(peer) if peer else None)
