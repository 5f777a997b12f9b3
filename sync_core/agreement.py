"""How a record changes when both sides are found, or made, to agree, or to be at odds: pure."""

from dataclasses import dataclass, replace
from datetime import datetime

from sync_core.evidence import Evidence, Facts, facts_of
from sync_core.model import (
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
"""How many replicas of a key that are gone a record names."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The loser of a conflict, and under which key it is kept (None: as a version)."""

    loser: ObjectVersion
    key: str | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """A pair on which both sides agree, and the replicas that were seen to be gone (by name)."""

    pair: Pair
    gone: tuple[str, ...] = ()


def agreed(record: SyncRecord, agreement: Agreement, expires_at: datetime) -> SyncRecord:
    """Return the record once both sides agreed; `expires_at` counts for a tombstone only.

    A conflict that was left open has found its end.
    """
    news = [name for name in agreement.gone if name not in record.past]
    conflict = record.conflict
    return replace(
        record,
        pair=agreement.pair,
        intent=None,
        lease=None,
        waiting=None,
        expires_at=None if agreement.pair.own or agreement.pair.peer else expires_at,
        past=(*record.past, *dict.fromkeys(news))[-PAST_LIMIT:],
        blocked=None,
        conflict=None if conflict is not None and conflict.is_open else conflict,
    )


def as_read(
    own: ObjectVersion | None,
    peer: ObjectVersion | None,
    evidence: Evidence,
    tags: str | None,
    record: SyncRecord,
) -> Agreement:
    """Return the agreement on both sides' instances as they were just read."""
    pair = Pair(_state(own, evidence.own), _state(peer, evidence.peer), tags)
    return Agreement(pair, gone(record, evidence))


def received(own: ObjectVersion, pair: SitePair, record: SyncRecord) -> Agreement | None:
    """Return the agreement that an own object tells by itself, by its marker; None if it has none.

    The marker of a replica names the peer's instance, so the peer need not be asked.
    """
    seen = facts_of(own, pair.own.name, pair, record)
    if not seen.is_replica or seen.marker is None:
        return None
    tags = seen.marker.tags_hash
    agreed_pair = Pair(_state(own, seen), SideState(seen.marker.source_id), tags)
    return Agreement(agreed_pair, _gone(record.pair.own if record.pair else None, seen))


def gone(record: SyncRecord, evidence: Evidence, *replaced: Side) -> tuple[str, ...]:
    """Return the replicas, by name, that are gone: recorded ones that the look did not show.

    And, on the `replaced` sides, those that it did show and that were written over or deleted then.
    """
    known = record.pair or NO_PAIR
    shown = {Side.OWN: evidence.own, Side.PEER: evidence.peer}
    over = [shown[side] for side in replaced]
    return (
        *_gone(known.own, evidence.own),
        *_gone(known.peer, evidence.peer),
        *(each.replica for each in over if each is not None and each.replica is not None),
    )


def _gone(known: SideState | None, current: Facts | None) -> tuple[str, ...]:
    if known is None or known.replica is None:
        return ()
    return () if current is not None and current.id == known.id else (known.replica,)


def is_news(record: SyncRecord, agreement: Agreement) -> bool:
    """Tell whether an echo's agreement is worth recording.

    A known pair is never replaced by one that says less of the same instance.
    """
    known, told = record.pair, agreement.pair.own
    return known is None or known.own is None or told is None or known.own.id != told.id


def says_more(record: SyncRecord, agreement: Agreement) -> bool:
    """Tell whether a record of the same instances should be written anew.

    An intent has to be closed, tags to be noted, and a listing to be told from the record's: an
    instance may have been given another time.
    """
    known = record.pair
    if known is None or record.intent is not None or known.tags != agreement.pair.tags:
        return True
    sides = ((known.own, agreement.pair.own), (known.peer, agreement.pair.peer))
    return any(not _shows(told, before) for before, told in sides)


def _shows(told: SideState | None, known: SideState | None) -> bool:
    if told is None or known is None or told.lid is None:
        return True
    if known.lid is None:
        return False
    return told.lid.startswith(known.lid) if known.lid.endswith("|") else told.lid == known.lid


def agreed_tags(record: SyncRecord, evidence: Evidence) -> str | None:
    """Return the hash of the tags on which both sides last agreed; None where that is not known."""
    if evidence.recorded and record.pair is not None:
        return record.pair.tags
    for side in (evidence.own, evidence.peer):
        if side is not None and side.is_replica and side.marker is not None:
            return side.marker.tags_hash
    return None


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


def noted(source: ObjectVersion, kept: Kept, winner_side: str, at: datetime) -> NotedConflict:
    """Return the note on a conflict that was settled: the loser is kept, and here."""
    return NotedConflict(at, winner_side, listed_id(source), listed_id(kept.loser), kept.key)


def left_open(
    record: SyncRecord,
    own: ObjectVersion | None,
    peer: ObjectVersion | None,
    side: str,
    at: datetime,
) -> SyncRecord:
    """Return the record that notes, once, which two objects wait for a person to decide."""
    if own is None or peer is None:
        raise AssertionError("a conflict has two objects")
    note = NotedConflict(at, side, listed_id(own), listed_id(peer), None, is_open=True)
    known = record.conflict
    if known is not None and replace(known, at=at) == note:
        return record
    return replace(record, conflict=note)


def _state(version: ObjectVersion | None, known: Facts | None) -> SideState | None:
    if version is None or known is None:
        return None
    return SideState(known.id, listed_id(version), known.replica if known.is_replica else None)
