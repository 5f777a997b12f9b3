"""What to do about one key: a pure function of both current objects and the evidence.

| row | own | peer | evidence | verdict |
|---|---|---|---|---|
| 1 | - | - | | both absent: note the tombstone |
| 2 | x | y | recorded pair, marker link, or equal value | in sync: note the pair |
| 3 | x | - | the peer saw own | deleted at the peer: its stack deletes own (we, if only we know) |
| 4 | x | - | our intent for x is open | unsure whether it was written and deleted: wait |
| 5 | x | - | none | create at the peer |
| 6 | - | y | own saw the peer | deleted here: delete at the peer |
| 7 | - | y | none | the peer's stack will create here |
| 8 | x | y | own saw the peer only | own is newer: put at the peer |
| 9 | x | y | the peer saw own only | the peer is newer: its stack puts here (or we, late) |
| 10 | x | y | both | the original wins over a replica; else the superseded one loses; else stamps |
| 11 | x | y | neither | conflict: the later stamp wins, the loser is kept as a copy |

The own stack acts on the peer's side; on its own side only as a *helper*, where the knowledge is
private to it and the peer's stack would never act: rows 3 and 9, and rows 7, 9 and 11 for a replica
at the peer that a user has revived, which an ignorant peer takes for ours. Mirrored inputs give
mirrored verdicts.

One way, to the peer, the own side wins all conflicts, and whatever the table leaves to the peer's
stack or would do on the own side is not done: what users do at the peer stays there, until the own
side changes.
"""

from dataclasses import dataclass

from sync_core.evidence import Evidence, Facts, Witness
from sync_core.model import (
    Acknowledge,
    Conflict,
    Copy,
    Delete,
    ObjectVersion,
    Side,
    Skip,
    SkipReason,
    Unsure,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a verdict depends on beside the snapshot.

    `waited`: this snapshot has lasted for the grace period, so that rows 4 and 11 stop waiting for
    evidence about our own open intent, and the helpers may act. `preferred`: the side that wins
    true conflicts; None: the later stamp does. `is_manual`: a person decides them. `is_one_way`:
    the own side is never written to, and wins.
    """

    waited: bool = False
    preferred: Side | None = None
    is_manual: bool = False
    is_one_way: bool = False


def decide(
    own: ObjectVersion | None,
    peer: ObjectVersion | None,
    evidence: Evidence,
    terms: Terms = Terms(),
) -> Verdict:
    """Return the verdict on one snapshot. Both stacks of a pair have to prefer the same site."""
    verdict = _by_the_table(own, peer, evidence, terms)
    return _to_the_peer_only(verdict) if terms.is_one_way else verdict


def _to_the_peer_only(verdict: Verdict) -> Verdict:
    match verdict:
        case (
            Skip(row=row, reason=SkipReason.PEER_ACTS | SkipReason.PEER_WINS)
            | Copy(row=row, to=Side.OWN)
            | Conflict(row=row, to=Side.OWN)
            | Delete(row=row, at=Side.OWN)
            | Unsure(row=7 | 9 as row)  # it waits to help on the own side
        ):
            return Skip(row, SkipReason.ONE_WAY)
    return verdict


def _by_the_table(
    own: ObjectVersion | None, peer: ObjectVersion | None, evidence: Evidence, terms: Terms
) -> Verdict:
    if own is None and peer is None:
        return Skip(1, SkipReason.BOTH_ABSENT) if evidence.recorded else Acknowledge(1, None)
    if own is None:
        return _own_is_absent(peer, evidence, terms)
    if peer is None:
        return _peer_is_absent(own, evidence, terms)
    return _both_are_present(own, peer, evidence, terms)


def _own_is_absent(peer: ObjectVersion | None, evidence: Evidence, terms: Terms) -> Verdict:
    if peer is None or evidence.peer is None:
        raise AssertionError("rows 6 and 7 have an object at the peer")
    if evidence.own_saw_peer:
        return Delete(6, peer)
    if evidence.peer.is_revived:
        return Copy(7, peer, None, to=Side.OWN) if terms.waited else Unsure(7)
    return Skip(7, SkipReason.PEER_ACTS)


def _peer_is_absent(own: ObjectVersion, evidence: Evidence, terms: Terms) -> Verdict:
    if evidence.peer_saw_own is Witness.PRIVATE:
        return Delete(3, own, at=Side.OWN)
    if evidence.peer_saw_own:
        return Skip(3, SkipReason.PEER_ACTS)
    if evidence.intent_open and not terms.waited:
        return Unsure(4)
    return Copy(5, own, None)


def _both_are_present(
    own: ObjectVersion, peer: ObjectVersion, evidence: Evidence, terms: Terms
) -> Verdict:
    if evidence.link is not None:
        return Skip(2, SkipReason.IN_SYNC) if evidence.recorded else Acknowledge(2, evidence.link)
    if evidence.own_saw_peer and evidence.peer_saw_own:
        return _both_were_seen(own, peer, evidence, terms)
    if evidence.own_saw_peer:
        return Copy(8, own, peer)
    if evidence.peer_saw_own:
        return _peer_is_newer(own, peer, evidence, terms)
    if evidence.intent_open and not terms.waited:
        return Unsure(11)
    return _true_conflict(11, own, peer, evidence, terms)


def _peer_is_newer(
    own: ObjectVersion, peer: ObjectVersion, evidence: Evidence, terms: Terms
) -> Verdict:
    """Row 9. An ignorant peer sees a conflict: it acts if its own object wins it."""
    own_facts, peer_facts = _both(evidence)
    knows = evidence.peer_saw_own is Witness.PUBLIC
    acts = knows or (not terms.is_manual and not _own_wins(own_facts, peer_facts, terms))
    if acts and not peer_facts.is_revived:
        return Skip(9, SkipReason.PEER_ACTS)
    return Copy(9, peer, own, to=Side.OWN) if terms.waited else Unsure(9)


def _both_were_seen(
    own: ObjectVersion, peer: ObjectVersion, evidence: Evidence, terms: Terms
) -> Verdict:
    """Row 10. With two replicas, the one whose source was overwritten unseen is superseded."""
    own_facts, peer_facts = _both(evidence)
    if own_facts.is_replica != peer_facts.is_replica:
        if own_facts.is_replica:
            return Skip(10, SkipReason.PEER_WINS)
        return Copy(10, own, peer)
    if own_facts.is_replica and own_facts.marker and peer_facts.marker:
        own_superseded = peer_facts.marker.replaced_id != own_facts.marker.source_id
        peer_superseded = own_facts.marker.replaced_id != peer_facts.marker.source_id
        if own_superseded != peer_superseded:
            wins = peer_superseded
            return Conflict(10, own, peer) if wins else Skip(10, SkipReason.PEER_WINS)
    return _true_conflict(10, own, peer, evidence, terms)


def _true_conflict(
    row: int, own: ObjectVersion, peer: ObjectVersion, evidence: Evidence, terms: Terms
) -> Verdict:
    own_facts, peer_facts = _both(evidence)
    if terms.is_manual:
        return Skip(row, SkipReason.CONFLICT_LEFT_OPEN)
    if _own_wins(own_facts, peer_facts, terms):
        return Conflict(row, own, peer)
    if peer_facts.is_revived:
        return Conflict(row, peer, own, to=Side.OWN) if terms.waited else Unsure(row)
    return Skip(row, SkipReason.PEER_WINS)


def _own_wins(own: Facts, peer: Facts, terms: Terms) -> bool:
    if terms.is_one_way:
        return True
    if terms.preferred is not None:
        return terms.preferred is Side.OWN
    return own.stamp > peer.stamp


def _both(evidence: Evidence) -> tuple[Facts, Facts]:
    if evidence.own is None or evidence.peer is None:
        raise AssertionError("rows 8 to 11 have two objects")
    return evidence.own, evidence.peer
