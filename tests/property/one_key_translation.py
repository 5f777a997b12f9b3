"""The explored values as production knows them, and back."""

import hashlib
from datetime import UTC, datetime, timedelta
from functools import cache

from sync_core.marker import parse, replica_id
from sync_core.model import (
    MODIFIED_FORMAT,
    Intent,
    Lease,
    ListedObject,
    ListedRecord,
    ObjectVersion,
    Pair,
    SideState,
    SyncRecord,
    VersionEntry,
    Waiting,
)
from sync_core.records.stored import as_listed
from sync_core.stack import Settings
from tests.objects import KEY
from tests.property.one_key_values import Instance, Known, Record, Tags

SETTINGS = Settings(frozenset({"AIDASYNC"}))
NULL_VERSION = "null"

_BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
_LEASE = timedelta(seconds=SETTINGS.lease_seconds)
_GRACE = timedelta(seconds=SETTINGS.grace_seconds)


def instant(leases: int, *, waited: bool = False) -> datetime:
    """Return the instant so many leases, and a grace period, from the beginning of the world."""
    return _BEGINNING + leases * _LEASE + (_GRACE if waited else timedelta())


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
        version_id=instance.version,
        md5=hashlib.md5(data, usedforsecurity=False).hexdigest(),
        tag_count=len(instance.tags),
    )


def instance_of(version: ObjectVersion) -> Instance:
    """Return the instance that is shown so, as far as a read tells."""
    return Instance(
        int(version.etag, 16),
        int(version.metadata.get("edit", 0)),
        int(version.last_modified_at.timestamp()),
        version.marker,
        version.version_id,
    )


def entry_of(instance: Instance) -> VersionEntry:
    """Return how a listing of versions shows it."""
    version = version_of(instance)
    return VersionEntry(
        version.version_id or NULL_VERSION,
        not instance.content,
        version.etag,
        version.size_bytes,
        version.last_modified_at,
    )


@cache
def listed_of(instance: Instance) -> ListedObject:
    """Return how a listing shows it."""
    version = version_of(instance)
    modified = version.last_modified_at.strftime(MODIFIED_FORMAT)
    return ListedObject(KEY, version.etag, version.size_bytes, modified)


@cache
def listed_record_of(record: Record) -> ListedRecord:
    """Return how a listing of the table shows it."""
    return as_listed(sync_record_of(record))


def tags_of(tags: Tags) -> dict[str, str]:
    """Return the tags as production knows them."""
    return {str(name): "set" for name in tags}


@cache
def replica_of(text: str) -> str:
    """Return the id of the replica that carries this marker."""
    marker = parse(text)
    return replica_id(marker.nonce) if marker else ""


@cache
def sync_record_of(record: Record) -> SyncRecord:
    """Return the record as production reads it."""
    source, nonce = record.intent or ("", "")
    snapshot, since = record.waiting or ("", 0)
    own, peer, tags = record.pair or (None, None, None)
    return SyncRecord(
        KEY,
        gen=record.generation,
        pair=Pair(_state(own), _state(peer), tags) if record.pair else None,
        intent=Intent(source, None, nonce, _BEGINNING) if record.intent else None,
        lease=Lease("", instant(record.leased_until)) if record.leased_until else None,
        waiting=Waiting(snapshot, instant(since)) if record.waiting else None,
        past=record.past,
    )


def record_of(record: SyncRecord) -> Record:
    """Return the record that production writes, without what nothing is decided by."""
    pair, intent, waiting = record.pair, record.intent, record.waiting
    return Record(
        record.gen,
        (_known(pair.own), _known(pair.peer), pair.tags) if pair else None,
        (intent.source_id, intent.nonce) if intent else None,
        (waiting.snapshot, _leases(waiting.since)) if waiting else None,
        _leases(record.lease.until) if record.lease else 0,
        record.past,
    )


def _leases(at: datetime) -> int:
    return (at - _BEGINNING) // _LEASE


def _state(known: Known | None) -> SideState | None:
    return SideState(*known) if known else None


def _known(state: SideState | None) -> Known | None:
    return (state.id, state.lid, state.replica) if state else None
