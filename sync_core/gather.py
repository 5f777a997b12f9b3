"""Read what is known of one key, at the least cost that the verdict allows, and decide.

Destination first and source last: an own side read too early could be stale beside a fresh
replica, and a stale "absent" beside one is a wrong delete. A key that nobody knows yet takes the
optimistic path: its own object is opened at once and the peer is taken to be absent, which the
conditional PUT then proves or refutes. Where our own earlier write may or may not have happened,
the history of a versioned peer tells (E4), without waiting.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from sync_core import marker
from sync_core.decide import decide
from sync_core.errors import Blocked, PreconditionFailed
from sync_core.evidence import Evidence, Witness, only_bytes_can_tell, weigh
from sync_core.model import (
    Acknowledge,
    EventKind,
    Link,
    ObjectEvent,
    ObjectVersion,
    Side,
    SyncRecord,
    Unsure,
    Verdict,
    Waiting,
)
from sync_core.stack import Stack
from sync_core.standing import stands
from sync_core.storage.protocol import ObjectReader

_CONFLICTS = frozenset({10, 11})
_ROWS_OF_INTENTS = frozenset({4, 5, 11})
_CHUNK_BYTES = 1024 * 1024

HISTORY_LIMIT = 100
"""How many versions of a key are looked through for an announced replica: one page."""


@dataclass(frozen=True, slots=True)
class Look:
    """One snapshot of a key and the verdict on it.

    `reader`, where it is set, is the own object, open: whoever takes the look closes it.
    `waiting` is what to note in the record when the verdict is to wait. `upload_stands`: the upload
    of the record's intent was neither completed nor aborted.
    """

    own: ObjectVersion | None
    peer: ObjectVersion | None
    evidence: Evidence
    verdict: Verdict
    waiting: Waiting | None = None
    reader: ObjectReader | None = None
    upload_stands: bool = False


def look_at(
    stack: Stack, record: SyncRecord, events: tuple[ObjectEvent, ...], *, first: bool
) -> Look:
    """Read both sides as far as is needed and return the verdict.

    Only a `first` look may take the peer to be absent: a later one comes after a refusal. Raises
    `PreconditionFailed` when a side changed between two reads that have to agree.
    """
    is_large = _is_large(stack, events)
    if first and not is_large and _is_plainly_new(record, events):
        look = _take_peer_for_absent(stack, record)
        if look is not None:
            return look
    open_own = not is_large and _expects_to_copy(record, events)
    look = _read_both(stack, record, open_own=open_own)
    if not _needs_second_read(look.verdict):
        return look
    close(look)
    if stack.sides.peer.head(record.key) != look.peer:
        raise PreconditionFailed("read", record.key, "the peer's object changed between two reads")
    return replace(look, reader=None)


def close(look: Look) -> None:
    """Give the open own object back, where there is one."""
    if look.reader is not None:
        look.reader.close()


def grace_left_seconds(stack: Stack, waiting: Waiting) -> int:
    """Return how much of the grace period is left, in seconds, rounded up."""
    waited_seconds = (stack.now() - waiting.since).total_seconds()
    return math.ceil(stack.settings.grace_seconds - waited_seconds)


def _is_plainly_new(record: SyncRecord, events: tuple[ObjectEvent, ...]) -> bool:
    known = record.pair is not None and (record.pair.own or record.pair.peer)
    created = any(event.kind in {EventKind.CREATED, EventKind.HINT} for event in events)
    return created and not known and record.intent is None


def _expects_to_copy(record: SyncRecord, events: tuple[ObjectEvent, ...]) -> bool:
    """Guess whether a GET serves better than a HEAD: a matter of cost only."""
    known = record.pair.own if record.pair else None
    lid = known.lid if known and known.lid else ""
    return any(
        event.kind is EventKind.CREATED and not (event.etag and lid.startswith(event.etag))
        for event in events
    )


def _is_large(stack: Stack, events: tuple[ObjectEvent, ...]) -> bool:
    """Guess whether it will be copied in parts, each of which is opened by itself."""
    return any((event.size_bytes or 0) > stack.settings.one_put_bytes for event in events)


def _take_peer_for_absent(stack: Stack, record: SyncRecord) -> Look | None:
    """Return a look for row 5, or None where the own object does not allow it.

    It does not where it is large: what the peer may refuse in the end would have been sent.
    """
    reader = stack.sides.own.get(record.key)
    if reader is None:
        return None
    is_large = reader.version.size_bytes > stack.settings.one_put_bytes
    if is_large or reader.version.marker is not None:
        reader.close()
        return None
    look = _judge(stack, record, reader.version, None)
    return replace(look, reader=reader)


def _read_both(stack: Stack, record: SyncRecord, *, open_own: bool) -> Look:
    peer = stack.sides.peer.head(record.key)
    if not open_own or peer is None:
        return _judge(stack, record, stack.sides.own.head(record.key), peer)
    reader = stack.sides.own.get(record.key)
    look = _judge(stack, record, reader.version if reader else None, peer)
    return replace(look, reader=reader)


def _judge(
    stack: Stack, record: SyncRecord, own: ObjectVersion | None, peer: ObjectVersion | None
) -> Look:
    evidence = weigh(own, peer, record, stack.sides.pair)
    upload_stands = evidence.intent_open and _upload_stands(stack, record)
    if upload_stands:
        evidence = replace(evidence, intent_open=False)
    waiting = _waiting(stack, record, evidence)
    waited = grace_left_seconds(stack, waiting) <= 0
    terms = stack.settings.terms(stack.sides.pair, waited=waited)
    verdict = decide(own, peer, evidence, terms)
    if evidence.intent_open and verdict.row in _ROWS_OF_INTENTS:
        evidence = _with_history(stack, record, own, evidence)
        verdict = decide(own, peer, evidence, terms)
    # To read both costs less than to keep a loser that is none.
    if verdict.row in _CONFLICTS and own and peer and _are_same(stack, own, peer):
        evidence = replace(evidence, link=Link.CONTENT)
        verdict = decide(own, peer, evidence, terms)
    noted = waiting if isinstance(verdict, Unsure) else None
    return Look(own, peer, evidence, verdict, noted, upload_stands=upload_stands)


def _upload_stands(stack: Stack, record: SyncRecord) -> bool:
    """Tell whether the intent is an upload under way: then what it announces has not happened."""
    found = record.intent
    return (
        found is not None
        and found.upload_id is not None
        and stands(stack, record.key, found.upload_id)
    )


def _are_same(stack: Stack, own: ObjectVersion, peer: ObjectVersion) -> bool:
    """Read both instances, side by side, where nothing else can tell that they are equal."""
    if not only_bytes_can_tell(own, peer):
        return False
    try:
        one = stack.sides.own.get(own.key, etag=own.etag)
        other = stack.sides.peer.get(peer.key, etag=peer.etag)
    except Blocked:
        return False  # One of them is archived: nothing will be copied from or over it.
    if one is None or other is None:
        raise PreconditionFailed("read", own.key, "an object is gone")
    with one, other:
        while chunk := one.read(_CHUNK_BYTES):
            if other.read(len(chunk)) != chunk:
                return False
        return True


def _with_history(
    stack: Stack, record: SyncRecord, own: ObjectVersion | None, evidence: Evidence
) -> Evidence:
    """Find out in the peer's history whether the open intent was carried out (E4)."""
    if own is None or record.intent is None:
        return evidence
    nonce = record.intent.nonce
    for version in _history(stack, own):
        found = marker.read(version, stack.sides.pair.peer.name, stack.sides.pair)
        if found is not None and found.nonce == nonce:
            return replace(evidence, peer_saw_own=Witness.PRIVATE, intent_open=False)
    is_whole = stack.sides.capabilities(Side.PEER).is_versioned
    return replace(evidence, intent_open=False) if is_whole else evidence


def _history(stack: Stack, own: ObjectVersion) -> Iterator[ObjectVersion]:
    """Yield the peer's versions that may be replicas of `own`: those of its size."""
    for entry in stack.sides.peer.versions(own.key, HISTORY_LIMIT):
        if not entry.is_delete_marker and entry.size_bytes == own.size_bytes:
            version = stack.sides.peer.head_version(own.key, entry.version_id)
            if version is not None:
                yield version


def _waiting(stack: Stack, record: SyncRecord, evidence: Evidence) -> Waiting:
    own_id = evidence.own.id if evidence.own else "-"
    peer_id = evidence.peer.id if evidence.peer else "-"
    snapshot = f"{own_id}:{peer_id}"
    if record.waiting is not None and record.waiting.snapshot == snapshot:
        return record.waiting
    return Waiting(snapshot, stack.now())


def _needs_second_read(verdict: Verdict) -> bool:
    """Tell whether the verdict rests on both sides at one instant, not on the destination alone."""
    if isinstance(verdict, Acknowledge):
        return verdict.link is Link.CONTENT
    return getattr(verdict, "to", None) is Side.OWN or getattr(verdict, "at", None) is Side.OWN
