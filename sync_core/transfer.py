"""One Copy, Conflict or Delete: always conditional on the instance that was decided on.

A refused or unanswered write may have been our own earlier attempt: the nonce in the marker tells.
What comes back is a fact for the record, or an error that says what to do with the message.
"""

import hashlib
import io
from dataclasses import dataclass, replace

from sync_core import marker
from sync_core.agreement import Kept
from sync_core.errors import Ambiguous, IntegrityError, LeaseLost, PreconditionFailed
from sync_core.evidence import Replication, facts_of
from sync_core.losers import keep_loser, keep_overwritten, require_deleted
from sync_core.marker import METADATA_NAME
from sync_core.model import (
    Conflict,
    Copy,
    Delete,
    ObjectVersion,
    Pair,
    Side,
    SideState,
    SyncRecord,
    listed_id,
    written_id,
)
from sync_core.multipart import copy_in_parts
from sync_core.parts import part_sizes
from sync_core.routing import MAX_METADATA_BYTES
from sync_core.stack import Stack
from sync_core.storage.protocol import ObjectReader, ObjectWrite, Readable, Written
from sync_core.tags import tags_hash


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy came to: the `pair` to record, and the loser that was kept for it.

    `pair` is None where it could not be seen what became of the copy.
    """

    pair: Pair | None
    kept: Kept | None = None


def copy_object(
    stack: Stack, verdict: Copy | Conflict, record: SyncRecord, reader: ObjectReader | None
) -> Copied:
    """Put the source's instance in place of what the verdict says is there.

    `record` holds the lease and the intent that were written for this copy. `reader`, where given,
    is the source, open; it is closed here. Raises `Stale` when either side is no longer as decided
    on, and `Ambiguous` when a write stays unanswered and unseen.
    """
    with reader or _open_source(stack, verdict) as body:
        task = _Task(stack, verdict, record, body.version)
        kept = keep_loser(stack, verdict) if isinstance(verdict, Conflict) else None
        if body.version.size_bytes > stack.settings.one_put_bytes:
            body.close()
            written = task.put_in_parts()
        else:
            written = task.put(body)
        kept = keep_overwritten(stack, verdict, written.version_id) or kept
        return Copied(task.pair(written), kept)


def delete_object(stack: Stack, verdict: Delete, record: SyncRecord) -> bool:
    """Delete the instance; False where somebody else did, which is as good.

    `record` holds the lease. Raises `Stale` when another instance has taken the object's place.
    """
    store = stack.sides.store(verdict.at)
    _require_lease(stack, record)
    try:
        marker_id = store.delete_if(verdict.instance)
    except (PreconditionFailed, Ambiguous) as error:
        if store.head(verdict.instance.key) is not None:
            raise PreconditionFailed("delete", verdict.instance.key, str(error)) from error
        return isinstance(error, Ambiguous)
    require_deleted(store, verdict.instance, marker_id)
    return True


def _require_lease(stack: Stack, record: SyncRecord) -> None:
    """A worker that was held up must not finish a turn that another one has taken meanwhile.

    `If-None-Match: *` alone would let it: it cannot tell a key that was never written from one
    that was written and deleted.
    """
    if record.lease is None or record.lease.until <= stack.now():
        raise LeaseLost("write", record.key, "the lease ran out before the write")


def _source_side(verdict: Copy | Conflict) -> Side:
    return Side.OWN if verdict.to is Side.PEER else Side.PEER


def _open_source(stack: Stack, verdict: Copy | Conflict) -> ObjectReader:
    key, etag = verdict.source.key, verdict.source.etag
    reader = stack.sides.store(_source_side(verdict)).get(key, etag=etag)
    if reader is None:
        raise PreconditionFailed("read", key, "the source is gone")
    return reader


@dataclass(frozen=True, slots=True)
class _Task:
    """One copy under way. `source` is the instance as the open reader shows it."""

    stack: Stack
    verdict: Copy | Conflict
    record: SyncRecord
    source: ObjectVersion

    def __post_init__(self) -> None:
        side = _source_side(self.verdict)
        if self._id(self.source, side) != self._id(self.verdict.source, side):
            raise PreconditionFailed(
                "read", self.source.key, "the source changed since the verdict"
            )

    @property
    def _nonce(self) -> str:
        return self.record.intent.nonce if self.record.intent else ""

    @property
    def _replaces(self) -> ObjectVersion | None:
        verdict = self.verdict
        return verdict.loser if isinstance(verdict, Conflict) else verdict.replaces

    def put(self, body: Readable) -> "_Sent":
        """Copy in one conditional PUT, streamed where the digest is known beforehand."""
        md5 = self.source.md5
        if md5 is None:
            data = _read_all(body, self.source)
            md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
            body = io.BytesIO(data)
        write = self._write(md5, marker.digest_of(md5))
        verified = _VerifiedBody(body, self.source, md5)
        destination = self.stack.sides.store(self.verdict.to)
        _require_lease(self.stack, self.record)
        try:
            written = destination.put_if(write, verified, self._replaces)
        except (PreconditionFailed, Ambiguous):
            found = self._find_own_write()
            if found is None:
                raise
            written = found
        return _Sent(write, written)

    def put_in_parts(self) -> "_Sent":
        """Copy in parts; just before completing, both sides must still be as decided on."""
        part_count = len(part_sizes(self.source.size_bytes))
        write = self._write(None, marker.digest_of(None, part_count))
        source = self.stack.sides.store(_source_side(self.verdict))
        destination = self.stack.sides.store(self.verdict.to)
        try:
            written = copy_in_parts(
                source, destination, self.source, write, self._replaces, self._check
            )
        except (PreconditionFailed, Ambiguous):
            found = self._find_own_write()
            if found is None:
                raise
            written = found
        return _Sent(write, written)

    def _check(self) -> None:
        sides, key = self.stack.sides, self.source.key
        source_side = _source_side(self.verdict)
        for side, expected in ((self.verdict.to, self._replaces), (source_side, self.source)):
            current = sides.store(side).head(key)
            if self._id(current, side) != self._id(expected, side):
                raise PreconditionFailed("complete", key, f"the {side.value} side has changed")

    def _id(self, version: ObjectVersion | None, side: Side) -> str | None:
        sides = self.stack.sides
        if version is None:
            return None
        return facts_of(version, sides.site_name(side), sides.pair, self.record).id

    def _write(self, md5: str | None, digest: str) -> ObjectWrite:
        source = self.source
        store = self.stack.sides.store(_source_side(self.verdict))
        tags = (store.tags(source.key) or {}) if source.tag_count != 0 else {}
        write = ObjectWrite(
            key=source.key,
            size_bytes=source.size_bytes,
            headers=source.headers,
            metadata=source.metadata,
            tags=tags,
            md5=md5,
            crc64nvme=source.crc64nvme,
        )
        to = self.stack.sides.site_name(self.verdict.to)
        replication = Replication(source, self._replaces, to, self.record, tags)
        text = str(replication.marker(self.stack.sides.pair, self._nonce, digest))
        return replace(write, marker=text) if _has_room(write, text) else write

    def _find_own_write(self) -> Written | None:
        """Return our own write, if it is there after all and nobody has changed it since."""
        sides = self.stack.sides
        current = sides.store(self.verdict.to).head(self.source.key)
        if current is not None:
            found = marker.read(current, sides.site_name(self.verdict.to), sides.pair)
            is_ours = found is not None and found.nonce == self._nonce
            if found is not None and is_ours and marker.is_valid(found, current):
                return Written(current.etag, current.version_id)
        return None

    def pair(self, sent: "_Sent") -> Pair | None:
        """Return what both sides agree on now; None where that could not be seen."""
        replica = self._replica(sent)
        if replica is None:
            return None
        side = _source_side(self.verdict)
        original = self._state(self.source, side)
        tags = tags_hash(sent.write.tags)
        if side is Side.OWN:
            return Pair(original, replica, tags)
        return Pair(replica, original, tags)

    def _replica(self, sent: "_Sent") -> SideState | None:
        shown = written_id(sent.written.etag, sent.write.size_bytes)
        name = marker.replica_id(self._nonce) if sent.write.marker is not None else None
        if sent.version_id is not None:
            return SideState(marker.version_instance_id(sent.version_id), shown, name)
        if name is not None:
            return SideState(name, shown, name)
        # Nothing on the object tells where it came from: only the record can, if it is still there.
        current = self.stack.sides.store(self.verdict.to).head(self.source.key)
        if current is None or current.etag != sent.written.etag:
            return None
        return self._state(current, self.verdict.to)

    def _state(self, version: ObjectVersion, side: Side) -> SideState:
        sides = self.stack.sides
        known = facts_of(version, sides.site_name(side), sides.pair, self.record)
        return SideState(known.id, listed_id(version), known.replica if known.is_replica else None)


@dataclass(frozen=True, slots=True)
class _Sent:
    """What was sent, and what the store said of it."""

    write: ObjectWrite
    written: Written

    @property
    def version_id(self) -> str | None:
        return self.written.version_id


def _has_room(write: ObjectWrite, text: str) -> bool:
    entries = {**write.metadata, METADATA_NAME: text}
    used = sum(len(name.encode()) + len(value.encode()) for name, value in entries.items())
    return used <= MAX_METADATA_BYTES


def _read_all(body: Readable, source: ObjectVersion) -> bytes:
    data = body.read(source.size_bytes + 1)
    if len(data) != source.size_bytes:
        raise IntegrityError("read", source.key, f"{len(data)} of {source.size_bytes} bytes came")
    return data


class _VerifiedBody:
    """A body that withholds its last bytes when they are not those that the source declared."""

    def __init__(self, body: Readable, source: ObjectVersion, md5: str) -> None:
        self._body = body
        self._key = source.key
        self._left_bytes = source.size_bytes
        self._expected = md5
        self._digest = hashlib.md5(usedforsecurity=False)

    def read(self, amount: int = -1, /) -> bytes:
        chunk = self._body.read(amount)
        self._digest.update(chunk)
        self._left_bytes -= len(chunk)
        if self._left_bytes == 0 and self._digest.hexdigest() != self._expected:
            cause = f"MD5 {self._digest.hexdigest()} came instead of {self._expected}"
            raise IntegrityError("read", self._key, cause)
        return chunk
