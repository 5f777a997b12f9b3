"""One copy under way: what is written, how it is known again, and what is recorded of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from sync_core import marker
from sync_core.agreement import Kept
from sync_core.claim import Claim
from sync_core.errors import Ambiguous, PreconditionFailed
from sync_core.evidence import Replication, facts_of
from sync_core.losers import keep_loser
from sync_core.marker import METADATA_NAME
from sync_core.model import (
    Ability,
    Conflict,
    Copy,
    ObjectVersion,
    Pair,
    Side,
    SideState,
    SyncRecord,
    listed_id,
    written_id,
)
from sync_core.routing import MAX_METADATA_BYTES
from sync_core.stack import Stack
from sync_core.storage.protocol import ObjectReader, ObjectWrite, Written
from sync_core.storage.sync_store import SyncStore
from sync_core.tags import tags_hash


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent, and what the store said of it; `kept` is the loser that was kept for it.

    `was_begun_earlier`: the source's tags may be others by now than those that were sent.
    """

    write: ObjectWrite
    written: Written
    kept: Kept | None = None
    was_begun_earlier: bool = False


@dataclass(frozen=True, slots=True)
class CopyTask:
    """The copy that a verdict asks for; `source` is the instance as it was read last.

    `record` holds the lease and the intent that were written for it. To make one raises
    `PreconditionFailed` when the source is another instance than the verdict's.
    """

    stack: Stack
    verdict: Copy | Conflict
    record: SyncRecord
    source: ObjectVersion

    def __post_init__(self) -> None:
        side = self.source_side
        if self._id(self.source, side) != self._id(self.verdict.source, side):
            raise PreconditionFailed(
                "read", self.source.key, "the source changed since the verdict"
            )

    @property
    def source_side(self) -> Side:
        """Where it is copied from."""
        return source_side(self.verdict)

    @property
    def source_store(self) -> SyncStore:
        """The store it is copied from."""
        return self.stack.sides.store(self.source_side)

    @property
    def destination(self) -> SyncStore:
        """The store it is copied to."""
        return self.stack.sides.store(self.verdict.to)

    @property
    def replaces(self) -> ObjectVersion | None:
        """What it takes the place of."""
        verdict = self.verdict
        return verdict.loser if isinstance(verdict, Conflict) else verdict.replaces

    @property
    def _nonce(self) -> str:
        return self.record.intent.nonce if self.record.intent else ""

    def write(self, md5: str | None, digest: str) -> ObjectWrite:
        """Return the object to be written, with its marker; `digest` is the marker's field `d`."""
        source = self.source
        tags = (self.source_store.tags(source.key) or {}) if source.tag_count != 0 else {}
        write = ObjectWrite(
            key=source.key,
            size_bytes=source.size_bytes,
            headers=source.headers,
            metadata=source.metadata,
            tags=tags,
            md5=md5,
            crc64nvme=source.crc64nvme,
            # A store refuses a retention that is over.
            lock=source.lock.in_force_at(self.stack.now()) if source.lock else None,
            modified_at=source.last_modified_at,
        )
        to = self.stack.sides.site_name(self.verdict.to)
        replication = Replication(source, self.replaces, to, self.record, tags)
        text = str(replication.marker(self.stack.sides.pair, self._nonce, digest))
        keeps_metadata = Ability.KEEPS_METADATA not in self.destination.lacks
        return replace(write, marker=text) if keeps_metadata and _has_room(write, text) else write

    def keep_loser(self, claim: Claim) -> Kept | None:
        """Keep what loses to the source, see `losers.keep_loser`; None where nothing loses.

        To copy a giant one takes hours, for which the lease is renewed.
        """
        verdict = self.verdict
        if not isinstance(verdict, Conflict):
            return None
        keep = partial(keep_loser, self.stack, verdict)
        is_large = verdict.loser.size_bytes > self.stack.settings.one_put_bytes
        return claim.kept_during(keep) if is_large else keep()

    def require_unchanged(self) -> None:
        """Raise `PreconditionFailed` unless both sides are still as decided on."""
        sides, key = self.stack.sides, self.source.key
        for side, expected in ((self.verdict.to, self.replaces), (self.source_side, self.source)):
            current = sides.store(side).head(key)
            if self._id(current, side) != self._id(expected, side):
                raise PreconditionFailed("complete", key, f"the {side.value} side has changed")

    def written(self, request: Callable[[], Written]) -> Written:
        """Return what a conditional request has written.

        One that is refused or unanswered may have been our own earlier attempt; raises its error
        unless our write is there, and nobody has changed it since.
        """
        try:
            return request()
        except (PreconditionFailed, Ambiguous):
            found = self._own_write()
            if found is None:
                raise
            return found

    def _own_write(self) -> Written | None:
        sides = self.stack.sides
        current = self.destination.head(self.source.key)
        if current is not None:
            found = marker.read(current, sides.site_name(self.verdict.to), sides.pair)
            is_ours = found is not None and found.nonce == self._nonce
            if found is not None and is_ours and marker.is_valid(found, current):
                return Written(current.etag, current.version_id)
        return None

    def pair(self, sent: Sent) -> Pair | None:
        """Return what both sides agree on now; None where that could not be seen."""
        replica = self._replica(sent)
        if replica is None:
            return None
        original = self._state(self.source, self.source_side)
        tags = self._tags_as_sent() if sent.was_begun_earlier else tags_hash(sent.write.tags)
        if self.source_side is Side.OWN:
            return Pair(original, replica, tags)
        return Pair(replica, original, tags)

    def _tags_as_sent(self) -> str | None:
        """Return the hash of the tags that an upload was begun with; None where nothing tells."""
        sides = self.stack.sides
        current = self.destination.head(self.source.key)
        if current is None:
            return None
        found = marker.read(current, sides.site_name(self.verdict.to), sides.pair)
        return found.tags_hash if found is not None and found.nonce == self._nonce else None

    def _id(self, version: ObjectVersion | None, side: Side) -> str | None:
        sides = self.stack.sides
        if version is None:
            return None
        return facts_of(version, sides.site_name(side), sides.pair, self.record).id

    def _replica(self, sent: Sent) -> SideState | None:
        shown = written_id(sent.written.etag, sent.write.size_bytes)
        name = marker.replica_id(self._nonce) if sent.write.marker is not None else None
        version_id = sent.written.version_id
        if version_id is not None:
            return SideState(marker.version_instance_id(version_id), shown, name)
        if name is not None:
            return SideState(name, shown, name)
        # Nothing on the object tells where it came from: only the record can, if it is still there.
        current = self.destination.head(self.source.key)
        if current is None or current.etag != sent.written.etag:
            return None
        return self._state(current, self.verdict.to)

    def _state(self, version: ObjectVersion, side: Side) -> SideState:
        sides = self.stack.sides
        known = facts_of(version, sides.site_name(side), sides.pair, self.record)
        return SideState(known.id, listed_id(version), known.replica if known.is_replica else None)


def source_side(verdict: Copy | Conflict) -> Side:
    """Return where a verdict has something copied from."""
    return Side.OWN if verdict.to is Side.PEER else Side.PEER


def open_source(stack: Stack, verdict: Copy | Conflict) -> ObjectReader:
    """Open what is copied, as it was decided on; raises `PreconditionFailed` when it is gone."""
    key, etag = verdict.source.key, verdict.source.etag
    reader = stack.sides.store(source_side(verdict)).get(key, etag=etag)
    if reader is None:
        raise PreconditionFailed("read", key, "the source is gone")
    return reader


def _has_room(write: ObjectWrite, text: str) -> bool:
    entries = {**write.metadata, METADATA_NAME: text}
    used = sum(len(name.encode()) + len(value.encode()) for name, value in entries.items())
    return used <= MAX_METADATA_BYTES
