"""How a record changes when both sides are found, or made, to agree, or to be at odds: pure."""

from dataclasses import dataclass, replace
from datetime import datetime

from sync_core.evidence import Evidence, Facts, facts_of
from sync_core.marker import replica_id
from sync_core.model import (
    Conflict,
    Copy,
    Intent,
    NotedConflict,
    ObjectVersion,
    Pair,
    Side,
    SideState,
    SitePair,
    SyncRecord,
    listed_id,
)

NO_PAIR = Pair()
"""The tombstone: both sides are known to have nothing."""

PAST_LIMIT = 8
"""How many replicas of a key a record names: its present one, and those before."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """A pair on which both sides agree, and the nonces of the replicas that are known of it."""

    pair: Pair
    nonces: tuple[str, ...] = ()


def agreed(record: SyncRecord, agreement: Agreement, expires_at: datetime) -> SyncRecord:
    """Return the record once both sides agreed; `expires_at` counts for a tombstone only.

    A conflict that was left open has found its end.
    """
    names = [name for name in map(replica_id, agreement.nonces) if name not in record.past]
    conflict = record.conflict
    return replace(
        record,
        pair=agreement.pair,
        intent=None,
        lease=None,
        waiting=None,
        expires_at=None if agreement.pair.own or agreement.pair.peer else expires_at,
        past=(*record.past, *dict.fromkeys(names))[-PAST_LIMIT:],
        blocked=None,
        conflict=None if conflict is not None and conflict.is_open else conflict,
    )


def as_read(
    own: ObjectVersion | None, peer: ObjectVersion | None, evidence: Evidence, tags: str | None
) -> Agreement:
    """Return the agreement on both sides' instances as they were just read."""
    pair = Pair(_state(own, evidence.own), _state(peer, evidence.peer), tags)
    return Agreement(pair, nonces_of(evidence))


def received(own: ObjectVersion, pair: SitePair, record: SyncRecord) -> Agreement | None:
    """Return the agreement that an own object tells by itself, by its marker; None if it has none.

    The marker of a replica names the peer's instance, so the peer need not be asked.
    """
    seen = facts_of(own, pair.own.name, pair, record)
    if not seen.is_replica or seen.marker is None:
        return None
    tags = seen.marker.tags_hash
    agreed_pair = Pair(_state(own, seen), SideState(seen.marker.source_id), tags)
    return Agreement(agreed_pair, (seen.marker.nonce,))


def is_news(record: SyncRecord, agreement: Agreement) -> bool:
    """Tell whether an echo's agreement is worth recording.

    A known pair is never replaced by one that says less of the same instance.
    """
    known, told = record.pair, agreement.pair.own
    if told is None:
        return known is not None and known != NO_PAIR
    return known is None or known.own is None or known.own.id != told.id


def agreed_tags(record: SyncRecord, evidence: Evidence) -> str | None:
    """Return the hash of the tags on which both sides last agreed; None where that is not known."""
    if evidence.recorded and record.pair is not None:
        return record.pair.tags
    for side in (evidence.own, evidence.peer):
        if side is not None and side.is_replica and side.marker is not None:
            return side.marker.tags_hash
    return None


def nonces_of(evidence: Evidence) -> tuple[str, ...]:
    """Return the nonces of the replicas, revived ones too, that the evidence is about."""
    return tuple(
        side.marker.nonce
        for side in (evidence.own, evidence.peer)
        if side is not None and side.marker is not None and (side.is_replica or side.is_revived)
    )


def intent(evidence: Evidence, to: Side, nonce: str, at: datetime) -> Intent:
    """Return what is noted before an object is put on the `to` side."""
    source, replaced = evidence.own, evidence.peer
    if to is Side.OWN:
        source, replaced = replaced, source
    return Intent(
        source_id=source.id if source else "",
        replaced_id=replaced.id if replaced else None,
        nonce=nonce,
        opened_at=at,
    )


def noted(
    verdict: Copy | Conflict, winner_side: str, kept_key: str | None, at: datetime
) -> NotedConflict:
    """Return the note on a conflict that was settled: the loser is kept, and here."""
    loser = verdict.loser if isinstance(verdict, Conflict) else verdict.replaces
    return NotedConflict(
        at=at,
        winner_side=winner_side,
        winner=listed_id(verdict.source),
        loser=listed_id(loser) if loser else "",
        loser_key=kept_key,
    )


def left_open(
    record: SyncRecord, own: ObjectVersion, peer: ObjectVersion, side: str, at: datetime
) -> SyncRecord:
    """Return the record that notes, once, which two objects wait for a person to decide."""
    note = NotedConflict(at, side, listed_id(own), listed_id(peer), None, is_open=True)
    known = record.conflict
    if known is not None and replace(known, at=at) == note:
        return record
    return replace(record, conflict=note)


def _state(version: ObjectVersion | None, known: Facts | None) -> SideState | None:
    return SideState(known.id, listed_id(version)) if version and known else None
