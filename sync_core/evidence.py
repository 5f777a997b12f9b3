"""Which side has already seen what the other side holds: the evidence that `decide` works on.

"The peer saw own" means that the peer's bucket already includes the own side's current instance,
so that whatever the peer holds now (or its absence) is later. Proofs, each for both directions:

    E1  the record's pair names this very instance                    private to this stack
    E2  the instance is a valid replica: it came from the other side  public
    E3  the other side carries a marker, valid or stale, whose `src` is this instance  public

An absent side is never seen; only present instances are. A recorded pair is a fact about the past:
a stale one can miss evidence, never invent it.

A fourth proof is asked for only where our own intent is open and the peer's bucket is versioned:

    E4  the key's history at the peer holds the replica that the intent announced     private

A replica is written once. One that the record says was gone (`SyncRecord.past`), or that shows up
as another version, or with another etag, was *revived*: a user has restored an old version, removed
a delete marker, put a copy back, or changed bytes of which an opaque etag tells nothing. That is a
change like any other, although a stack without that record takes the instance for a replica.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from sync_core.marker import (
    Marker,
    Stamp,
    instance_id,
    is_valid,
    original_stamp,
    place_hash,
    read,
    replica_id,
    value_hash,
)
from sync_core.model import (
    Link,
    NotedConflict,
    ObjectVersion,
    Pair,
    SideState,
    SitePair,
    SyncRecord,
    listed_id,
)
from sync_core.tags import tags_hash


class Witness(IntEnum):
    """Who can know that an instance was seen."""

    NOBODY = 0
    PRIVATE = 1
    PUBLIC = 2


@dataclass(frozen=True, slots=True)
class Facts:
    """One side's current instance, read in the light of its marker.

    `marker` may be stale; `is_replica` says that it is valid and the instance not revived.
    `stamp` is the original's.
    """

    id: str
    marker: Marker | None
    is_replica: bool
    stamp: Stamp
    is_revived: bool = False

    @property
    def replica(self) -> str | None:
        """The `replica_id` of a replica, also of a revived one; None for any other instance."""
        if self.marker is None or not (self.is_replica or self.is_revived):
            return None
        return replica_id(self.marker.nonce)


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that `decide` may know beside the two objects themselves."""

    own: Facts | None
    peer: Facts | None
    link: Link | None
    recorded: bool
    peer_saw_own: Witness
    own_saw_peer: Witness
    intent_open: bool


def facts(version: ObjectVersion, side: str, pair: SitePair) -> Facts:
    """Read one instance on `side` (a site's name) by itself: nothing is revived."""
    return facts_of(version, side, pair, SyncRecord(version.key))


def facts_of(version: ObjectVersion, side: str, pair: SitePair, record: SyncRecord) -> Facts:
    """Read one instance on `side` (a site's name) in the light of what the record knows."""
    marker = read(version, side, pair)
    replica = marker if marker is not None and is_valid(marker, version) else None
    known = _known_at(side, pair, record)
    is_revived = replica is not None and _is_revived(version, replica, known, record.past)
    replica = None if is_revived else replica
    return Facts(
        id=instance_id(version, replica),
        marker=marker,
        is_replica=replica is not None,
        stamp=replica.origin if replica else original_stamp(version, side),
        is_revived=is_revived,
    )


def _is_revived(
    version: ObjectVersion, replica: Marker, known: SideState | None, past: tuple[str, ...]
) -> bool:
    name = replica_id(replica.nonce)
    is_past = name in past
    if known is None:
        return is_past
    if known.id != instance_id(version, replica):
        return is_past or known.replica == name
    has_other_bytes = known.etag is not None and known.etag != version.etag
    return has_other_bytes or (is_past and known.replica is None)


def _known_at(side: str, pair: SitePair, record: SyncRecord) -> SideState | None:
    known = record.pair or Pair()
    return known.own if side == pair.own.name else known.peer


def weigh(
    own: ObjectVersion | None, peer: ObjectVersion | None, record: SyncRecord, pair: SitePair
) -> Evidence:
    """Gather the evidence for one snapshot. Pure; equal inputs give equal evidence."""
    known = record.pair or Pair()
    own_facts, peer_facts = _both_facts(own, peer, record, pair)
    recorded = _is(known.own, own_facts) and _is(known.peer, peer_facts)
    intent = record.intent
    left_own, left_peer = _left_to_users(own, peer, record.conflict)
    return Evidence(
        own=own_facts,
        peer=peer_facts,
        link=_link(own, peer, own_facts, peer_facts, recorded=recorded),
        recorded=recorded,
        peer_saw_own=max(_witness(own_facts, peer_facts, known.own), left_own),
        own_saw_peer=max(_witness(peer_facts, own_facts, known.peer), left_peer),
        intent_open=intent is not None
        and own_facts is not None
        and intent.source_id == own_facts.id,
    )


def _both_facts(
    own: ObjectVersion | None, peer: ObjectVersion | None, record: SyncRecord, pair: SitePair
) -> tuple[Facts | None, Facts | None]:
    """Read both sides' instances; a replica of one may tell that the other one was revived."""
    own_facts = facts_of(own, pair.own.name, pair, record) if own else None
    peer_facts = facts_of(peer, pair.peer.name, pair, record) if peer else None
    return (
        _as_told(own, own_facts, peer_facts, pair.own.name),
        _as_told(peer, peer_facts, own_facts, pair.peer.name),
    )


def _as_told(
    version: ObjectVersion | None, found: Facts | None, other: Facts | None, side: str
) -> Facts | None:
    if version is None or found is None or other is None or other.marker is None:
        return found
    plain = instance_id(version, None)
    if not found.is_replica or not other.is_replica or other.marker.source_id != plain:
        return found
    if plain == found.id:
        return found
    return Facts(plain, found.marker, False, original_stamp(version, side), is_revived=True)  # noqa: FBT003 - a field


@dataclass(frozen=True, slots=True)
class Replication:
    """What is put where: `source` in place of `replaced` on the side of site `to`.

    `record` is what the writing stack knows of the key; `tags` go along.
    """

    source: ObjectVersion
    replaced: ObjectVersion | None
    to: str
    record: SyncRecord | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def marker(self, pair: SitePair, nonce: str, digest: str) -> Marker:
        """Return the marker that the replica carries; a replica of a replica keeps the origin."""
        source, record = self.source, self.record or SyncRecord(self.source.key)
        side = next(site.name for site in (pair.own, pair.peer) if site.name != self.to)
        known = facts_of(source, side, pair, record)
        replaced = facts_of(self.replaced, self.to, pair, record) if self.replaced else None
        return Marker(
            pair_id=pair.pair_id,
            place_hash=place_hash(self.to, source.key),
            origin=known.stamp,
            source_id=known.id,
            replaced_id=replaced.id if replaced else None,
            nonce=nonce,
            value_hash=value_hash(source.size_bytes, source.headers, source.metadata),
            digest=digest,
            tags_hash=tags_hash(self.tags),
        )


def same_value(one: ObjectVersion, other: ObjectVersion) -> bool:
    """Tell whether two instances are known to have equal bytes, headers and user metadata.

    False also when nothing comparable is known of the bytes: two etags are never compared across
    sides, only full-object checksums, else MD5s; an etag that is the other's MD5 tells as much.
    """
    return _same_but_for_bytes(one, other) and _same_digest(one, other) is True


def only_bytes_can_tell(one: ObjectVersion, other: ObjectVersion) -> bool:
    """Tell whether two instances are equal in all but their bytes, of which nothing is known."""
    return _same_but_for_bytes(one, other) and _same_digest(one, other) is None


def _same_but_for_bytes(one: ObjectVersion, other: ObjectVersion) -> bool:
    return (one.size_bytes, one.headers, one.metadata) == (
        other.size_bytes,
        other.headers,
        other.metadata,
    )


def _same_digest(one: ObjectVersion, other: ObjectVersion) -> bool | None:
    if one.crc64nvme is not None and other.crc64nvme is not None:
        return one.crc64nvme == other.crc64nvme
    if one.md5 is not None and other.md5 is not None:
        return one.md5 == other.md5
    # An etag of which the store does not say what it is, is the other's MD5 by no coincidence.
    return True if one.md5 == other.etag.lower() or other.md5 == one.etag.lower() else None


def _is(known: SideState | None, current: Facts | None) -> bool:
    return (known.id if known else None) == (current.id if current else None)


def _left_to_users(
    own: ObjectVersion | None, peer: ObjectVersion | None, conflict: NotedConflict | None
) -> tuple[Witness, Witness]:
    """Of two objects that wait for a user to decide, the one that stays was seen by whom acts."""
    if own is None or peer is None or conflict is None or not conflict.is_open:
        return Witness.NOBODY, Witness.NOBODY
    own_stays = listed_id(own) == conflict.winner
    peer_stays = listed_id(peer) == conflict.loser
    if own_stays == peer_stays:
        return Witness.NOBODY, Witness.NOBODY
    seen, unseen = Witness.PRIVATE, Witness.NOBODY
    return (seen, unseen) if own_stays else (unseen, seen)


def _link(
    own: ObjectVersion | None,
    peer: ObjectVersion | None,
    own_facts: Facts | None,
    peer_facts: Facts | None,
    *,
    recorded: bool,
) -> Link | None:
    if own is None or peer is None or own_facts is None or peer_facts is None:
        return None
    if recorded:
        return Link.PAIR
    if _replicates(own_facts, peer_facts) or _replicates(peer_facts, own_facts):
        return Link.MARKER
    return Link.CONTENT if same_value(own, peer) else None


def _replicates(replica: Facts, source: Facts) -> bool:
    return replica.is_replica and replica.marker is not None and _names(replica.marker, source)


def _names(marker: Marker, source: Facts) -> bool:
    return marker.source_id == source.id


def _witness(current: Facts | None, other: Facts | None, known: SideState | None) -> Witness:
    if current is None:
        return Witness.NOBODY
    if current.is_replica:
        return Witness.PUBLIC
    if other is not None and other.marker is not None and _names(other.marker, current):
        return Witness.PUBLIC
    return Witness.PRIVATE if _is(known, current) else Witness.NOBODY
