"""Each proof that a side has seen an instance, in both directions."""

from dataclasses import replace

import pytest

from sync_core.evidence import Evidence, Witness, same_value, weigh
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
