"""One Copy, Conflict or Delete: always conditional on the instance that was decided on.

A refused or unanswered write may have been our own earlier attempt: the nonce in the marker tells.
What comes back is a fact for the record, or an error that says what to do with the message.

| source | how |
|---|---|
| the peer's store can read it, put in one, up to 5 GiB | the store copies it, in one request |
| up to `Settings.one_put_bytes` | one PUT, streamed |
| larger | in parts: see `large`; where the store takes none, one PUT: see `streamed` |
"""

import hashlib
import io
from dataclasses import dataclass

from sync_core import marker
from sync_core.agreement import Kept
from sync_core.checksums import md5_of
from sync_core.claim import Claim, require_lease
from sync_core.copy_task import CopyTask, Sent, open_source
from sync_core.errors import Ambiguous, Archived, Blocked, IntegrityError, PreconditionFailed
from sync_core.large import UnderWay, put_in_parts
from sync_core.losers import keep_overwritten, require_deleted
from sync_core.model import (
    Ability,
    Conflict,
    Copy,
    Delete,
    ObjectVersion,
    Pair,
    Side,
    SyncRecord,
)
from sync_core.stack import Stack
from sync_core.storage.protocol import ObjectReader, Readable
from sync_core.streamed import put_streamed


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy came to: the `pair` to record, and the loser that was kept for it.

    `pair` is None where it could not be seen what became of the copy. `asks_for_tags`: the tags
    have to be compared once more.
    """

    pair: Pair | None
    kept: Kept | None = None
    asks_for_tags: bool = False


def copy_object(
    stack: Stack,
    verdict: Copy | Conflict,
    record: SyncRecord,
    reader: ObjectReader | None,
    claim: Claim,
) -> Copied | UnderWay:
    """Put the source's instance in place of what the verdict says is there.

    `record` holds the lease and the intent that were written for this copy, and `claim` keeps it.
    `reader`, where given, is the source, open; it is closed here. Raises `Stale` when either side
    is no longer as decided on, `Ambiguous` when a write stays unanswered and unseen, and `Archived`
    when the own side's object has to be restored first.
    """
    try:
        sent = _sent(stack, verdict, record, reader, claim)
    except Archived as error:
        if verdict.to is Side.PEER:
            raise
        # It is the peer's own stack that may have the peer's objects restored.
        raise Blocked(error.operation, error.key, error.cause) from error
    if isinstance(sent, UnderWay):
        return sent
    task, done = sent
    kept = keep_overwritten(stack, verdict, done.written.version_id) or done.kept
    return Copied(task.pair(done), kept, done.was_begun_earlier)


def delete_object(stack: Stack, verdict: Delete, record: SyncRecord) -> bool:
    """Delete the instance; False where somebody else did, which is as good.

    `record` holds the lease. Raises `Stale` when another instance has taken the object's place.
    """
    store = stack.sides.store(verdict.at)
    require_lease(stack, record)
    try:
        marker_id = store.delete_if(verdict.instance)
    except (PreconditionFailed, Ambiguous) as error:
        if store.head(verdict.instance.key) is not None:
            raise PreconditionFailed("delete", verdict.instance.key, str(error)) from error
        return isinstance(error, Ambiguous)
    require_deleted(store, verdict.instance, marker_id)
    return True


def _sent(
    stack: Stack,
    verdict: Copy | Conflict,
    record: SyncRecord,
    reader: ObjectReader | None,
    claim: Claim,
) -> tuple[CopyTask, Sent] | UnderWay:
    """Choose the way, and take it."""
    size_bytes = verdict.source.size_bytes
    if verdict.to is Side.PEER and stack.sides.peer_fetches:
        task = _without_reader(stack, verdict, record, reader)
        # A copy in one request would not keep the parts, and with them the etag.
        fits = size_bytes <= task.destination.part_limits.most_copy_bytes
        if fits and "-" not in verdict.source.etag:
            return task, _have_it_copied(task, claim)
    elif size_bytes > stack.settings.one_put_bytes:
        task = _without_reader(stack, verdict, record, reader)
    else:
        with reader or open_source(stack, verdict) as body:
            task = CopyTask(stack, verdict, record, body.version)
            return task, _put(task, body, claim)
    if Ability.HAS_PARTS in task.destination.lacks:
        return task, put_streamed(task, claim)
    sent = put_in_parts(task, claim)
    return sent if isinstance(sent, UnderWay) else (task, sent)


def _without_reader(
    stack: Stack, verdict: Copy | Conflict, record: SyncRecord, reader: ObjectReader | None
) -> CopyTask:
    if reader is not None:
        reader.close()
    return CopyTask(stack, verdict, record, verdict.source)


def _put(task: CopyTask, body: Readable, claim: Claim) -> Sent:
    """Copy in one conditional PUT, streamed where the digest is known beforehand."""
    kept = task.keep_loser(claim)
    md5 = task.source.md5
    if md5 is None:
        data = _read_all(body, task.source)
        md5 = md5_of(data)
        body = io.BytesIO(data)
    write = task.write(md5, marker.digest_of(md5))
    verified = _VerifiedBody(body, task.source, md5)
    claim.require_lease()
    written = task.written(lambda: task.destination.put_if(write, verified, task.replaces))
    return Sent(write, written, kept)


def _have_it_copied(task: CopyTask, claim: Claim) -> Sent:
    """Have the destination's store fetch it, in one conditional request."""
    kept = task.keep_loser(claim)
    source = task.source
    write = task.write(None, marker.digest_of(source.md5))
    claim.require_lease()
    place = task.source_store.place(source.key)
    written = task.written(lambda: task.destination.copy_from(place, source, write, task.replaces))
    return Sent(write, written, kept)


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
