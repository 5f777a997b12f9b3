"""Each proof that a side has seen an instance, in both directions."""

from dataclasses import replace

import pytest

from sync_core.evidence import (
    Evidence,
    Witness,
    facts,
    facts_of,
    only_bytes_can_tell,
    same_value,
    weigh,
)
from sync_core.marker import replica_id
from sync_core.model import Link, ObjectVersion, Pair, SideState, SyncRecord
from tests.objects import AT_A, KEY, instance_id, original, replica

X = original(b"x")
Y = original(b"y")
NOTHING_KNOWN = SyncRecord(KEY)


def recorded(own: ObjectVersion | None, peer: ObjectVersion | None) -> SyncRecord:
    """Return a's record of a pair."""
    return SyncRecord(
        KEY,
        gen=1,
        pair=Pair(
            SideState(instance_id(own, "a")) if own else None,
            SideState(instance_id(peer, "b")) if peer else None,
        ),
    )


def seen(evidence: Evidence) -> tuple[Witness, Witness]:
    return evidence.peer_saw_own, evidence.own_saw_peer


def test_two_originals_have_not_seen_each_other() -> None:
    assert seen(weigh(X, Y, NOTHING_KNOWN, AT_A)) == (Witness.NOBODY, Witness.NOBODY)


def test_a_recorded_pair_proves_privately_what_each_side_saw() -> None:
    assert seen(weigh(X, Y, recorded(X, None), AT_A)) == (Witness.PRIVATE, Witness.NOBODY)
    assert seen(weigh(X, Y, recorded(None, Y), AT_A)) == (Witness.NOBODY, Witness.PRIVATE)


def test_a_valid_replica_proves_publicly_that_its_content_came_from_the_other_side() -> None:
    assert seen(weigh(X, replica(Y, to="b"), NOTHING_KNOWN, AT_A))[1] is Witness.PUBLIC
    assert seen(weigh(replica(Y, to="a"), X, NOTHING_KNOWN, AT_A))[0] is Witness.PUBLIC


def test_a_stale_marker_proves_publicly_that_its_source_was_seen() -> None:
    edited = replace(replica(X, to="b"), metadata={"edited": "yes"})
    assert seen(weigh(X, edited, NOTHING_KNOWN, AT_A)) == (Witness.PUBLIC, Witness.NOBODY)


def test_a_stale_marker_proves_nothing_about_another_source() -> None:
    edited = replace(replica(X, to="b"), metadata={"edited": "yes"})
    assert seen(weigh(Y, edited, NOTHING_KNOWN, AT_A)) == (Witness.NOBODY, Witness.NOBODY)


def test_an_absent_side_is_never_seen() -> None:
    assert seen(weigh(None, Y, recorded(X, Y), AT_A)) == (Witness.NOBODY, Witness.PRIVATE)
    assert seen(weigh(X, None, recorded(X, Y), AT_A)) == (Witness.PRIVATE, Witness.NOBODY)


@pytest.mark.parametrize(
    ("own", "peer", "link"),
    [
        (X, replica(X, to="b"), Link.MARKER),
        (replica(Y, to="a"), Y, Link.MARKER),
        (X, replace(X), Link.CONTENT),
        (X, replica(Y, to="b"), None),
        (X, Y, None),
    ],
)
def test_two_instances_are_linked_by_marker_or_content(
    own: ObjectVersion, peer: ObjectVersion, link: Link | None
) -> None:
    assert weigh(own, peer, NOTHING_KNOWN, AT_A).link is link


def test_etags_are_never_compared_across_sides() -> None:
    assert not same_value(replace(X, md5=None), replace(X, md5=None))


def test_an_etag_of_which_little_is_known_is_the_others_md5_by_no_coincidence() -> None:
    other = replace(X, md5=None, etag=X.etag.upper())
    assert same_value(X, other)
    assert same_value(other, X)
    another = replace(other, etag="F" * 32)
    assert not same_value(X, another)
    assert only_bytes_can_tell(X, another)
    assert only_bytes_can_tell(another, X)


def test_a_full_object_checksum_outranks_the_md5() -> None:
    one, other = replace(X, crc64nvme="1"), replace(X, crc64nvme="2")
    assert not same_value(one, other)


@pytest.mark.parametrize(
    "change", [{"size_bytes": 9}, {"headers": {}}, {"metadata": {"a": "b"}}, {"md5": "0" * 32}]
)
def test_values_differ_by_size_headers_metadata_or_bytes(change: dict[str, object]) -> None:
    assert not same_value(X, replace(X, **change))  # type: ignore[arg-type]


def test_a_last_modified_time_is_no_part_of_the_value() -> None:
    assert same_value(X, replace(X, last_modified_at=Y.last_modified_at))


# --- revived replicas ---

PAST = (replica_id("0" * 16),)
X_AT_B = replica(X, to="b")
Y_AT_B = replica(Y, to="b", nonce="1" * 16)


@pytest.mark.parametrize(
    ("pair", "is_revived"),
    [
        (None, True),
        (Pair(), True),
        (recorded(X, Y_AT_B).pair, True),
        (Pair(None, SideState(PAST[0], replica=PAST[0])), False),
    ],
    ids=["nothing recorded", "a tombstone", "another instance", "this instance"],
)
def test_a_replica_of_the_past_that_shows_up_as_another_instance_was_revived(
    pair: Pair | None, *, is_revived: bool
) -> None:
    found = facts_of(X_AT_B, "b", AT_A, SyncRecord(KEY, pair=pair, past=PAST))
    assert (found.is_revived, found.is_replica) == (is_revived, not is_revived)


def test_a_replica_that_the_record_does_not_know_of_was_not_revived() -> None:
    assert not facts_of(X_AT_B, "b", AT_A, SyncRecord(KEY)).is_revived
    assert not facts_of(Y_AT_B, "b", AT_A, SyncRecord(KEY, past=PAST)).is_revived
    assert not facts(X_AT_B, "b", AT_A).is_revived


def test_only_a_valid_replica_can_be_revived() -> None:
    edited = replace(X_AT_B, metadata={"edited": "yes"})
    assert not facts_of(edited, "b", AT_A, SyncRecord(KEY, past=PAST)).is_revived
    assert not facts_of(X, "b", AT_A, SyncRecord(KEY, past=PAST)).is_revived


def test_a_revived_replica_is_an_instance_of_its_own_with_its_own_stamp() -> None:
    revived = facts_of(X_AT_B, "b", AT_A, SyncRecord(KEY, past=PAST))
    assert revived.id != replica_id("0" * 16)
    assert revived.stamp.at == int(X_AT_B.last_modified_at.timestamp())
    assert revived.stamp.side == "b"


def test_an_old_version_on_top_of_a_versioned_bucket_was_revived() -> None:
    first, second = (replace(X_AT_B, version_id=name) for name in ("1", "2"))
    current = Pair(None, SideState(facts(first, "b", AT_A).id, replica=PAST[0]))
    record = SyncRecord(KEY, pair=current, past=PAST)
    assert not facts_of(first, "b", AT_A, record).is_revived
    assert facts_of(second, "b", AT_A, record).is_revived


def test_a_revived_replica_has_been_seen_by_nobody_and_replicates_nothing() -> None:
    record = replace(recorded(Y, Y_AT_B), past=PAST)
    evidence = weigh(Y, X_AT_B, record, AT_A)
    assert seen(evidence) == (Witness.PRIVATE, Witness.NOBODY)
    assert evidence.link is None


def test_a_revived_replica_of_what_the_other_side_has_is_linked_by_content_alone() -> None:
    tombstone = SyncRecord(KEY, pair=Pair(), past=PAST)
    assert weigh(X, X_AT_B, tombstone, AT_A).link is Link.CONTENT
    opaque = replace(X, md5=None), replace(X_AT_B, md5=None)
    assert weigh(*opaque, tombstone, AT_A).link is None


def test_once_its_pair_is_recorded_a_revived_replica_is_linked_by_that() -> None:
    record = SyncRecord(KEY, pair=Pair(), past=PAST)
    revived = weigh(X, X_AT_B, record, AT_A)
    assert revived.own is not None
    assert revived.peer is not None
    pair = Pair(SideState(revived.own.id), SideState(revived.peer.id))
    known = weigh(X, X_AT_B, replace(record, pair=pair), AT_A)
    assert known.peer is not None
    assert known.recorded
    assert known.link is Link.PAIR
