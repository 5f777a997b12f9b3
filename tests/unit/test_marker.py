"""What a marker says, when it is valid, stale, or none of ours."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core import marker
from sync_core.evidence import facts
from sync_core.model import ObjectVersion, Site, SitePair
from tests.objects import AT_A, AT_B, original, replica

SOURCE = original(b"x", metadata={"owner": "ann"})
REPLICA = replica(SOURCE, to="b", nonce="0123456789abcdef")


def test_a_marker_reads_back_as_it_was_written() -> None:
    found = marker.read(REPLICA, "b", AT_A)
    assert found is not None
    assert str(found) == REPLICA.marker
    assert found.nonce == "0123456789abcdef"
    assert found.source_id == facts(SOURCE, "a", AT_A).id
    assert found.replaced_id is None


def test_a_marker_fits_into_its_share_of_the_metadata() -> None:
    pair = SitePair(own=Site("a" * 16, "x" * 63, "r"), peer=Site("b" * 16, "y" * 63, "r"))
    longest = marker.Marker(
        pair_id=pair.pair_id,
        place_hash=marker.place_hash("b" * 16, "k" * 1024),
        origin=marker.Stamp(99_999_999_999, "a" * 16, "e" * 8),
        source_id="f" * 16,
        replaced_id="f" * 16,
        nonce="f" * 16,
        value_hash="f" * 12,
        digest="-10000",
    )
    assert len(str(longest).encode()) <= marker.MAX_BYTES


def test_both_stacks_read_the_same_marker() -> None:
    assert marker.read(REPLICA, "b", AT_A) == marker.read(REPLICA, "b", AT_B)


def test_an_untouched_replica_is_valid() -> None:
    assert facts(REPLICA, "b", AT_A).is_replica


@pytest.mark.parametrize(
    "changed",
    [
        replace(REPLICA, metadata={"owner": "bob"}),
        replace(REPLICA, headers={"content-type": "text/html"}),
        replace(REPLICA, size_bytes=2),
        replace(REPLICA, etag="0" * 32, md5="0" * 32),
        replace(REPLICA, etag="0" * 32 + "-1", md5=None),
    ],
    ids=[
        "other metadata",
        "other headers",
        "another size",
        "other bytes of the same size",
        "other bytes of the same size, written in parts",
    ],
)
def test_a_replica_that_a_user_changed_is_stale_but_still_names_its_source(
    changed: ObjectVersion,
) -> None:
    known = facts(changed, "b", AT_A)
    assert not known.is_replica
    assert known.marker is not None
    assert known.marker.source_id == facts(SOURCE, "a", AT_A).id


def test_an_opaque_etag_does_not_make_a_replica_stale() -> None:
    encrypted = replace(REPLICA, etag="7" * 32, md5=None)
    assert facts(encrypted, "b", AT_A).is_replica


def test_a_replica_written_in_parts_shows_as_many_parts() -> None:
    text = str(replace(marker.parse(REPLICA.marker or ""), digest="-3"))  # type: ignore[type-var]
    in_parts = replace(REPLICA, marker=text, etag="0" * 32 + "-3", md5=None)
    assert facts(in_parts, "b", AT_A).is_replica
    assert not facts(replace(in_parts, etag="0" * 32 + "-2"), "b", AT_A).is_replica
    assert not facts(replace(in_parts, etag="0" * 32, md5="0" * 32), "b", AT_A).is_replica


@pytest.mark.parametrize("digest", ["9e107d9d", "-3", "-8", ""])
@pytest.mark.parametrize("etag", ["FrUHIqhkDDd77-8AtiDcOa94YIeM", "lrUHIqhkDDd778AtiDcOa94YIe-8"])
def test_an_etag_of_a_stores_own_kind_tells_nothing(etag: str, digest: str) -> None:
    text = str(replace(marker.parse(REPLICA.marker or ""), digest=digest))  # type: ignore[type-var]
    elsewhere = replace(REPLICA, marker=text, etag=etag, md5=None)
    assert facts(elsewhere, "b", AT_A).is_replica


@pytest.mark.parametrize(
    ("version", "side", "pair"),
    [
        (replace(REPLICA, key="copy.txt"), "b", AT_A),
        (REPLICA, "a", AT_A),
        (REPLICA, "b", replace(AT_A, peer=Site("b", "another-bucket", "us-west-2"))),
        (SOURCE, "a", AT_A),
        (replace(SOURCE, marker="hello"), "a", AT_A),
        (replace(SOURCE, marker="2;pair=x"), "a", AT_A),
    ],
    ids=["another key", "another side", "another pair", "no marker", "some text", "a later form"],
)
def test_a_marker_of_another_place_is_ignored(
    version: ObjectVersion, side: str, pair: SitePair
) -> None:
    assert marker.read(version, side, pair) is None


@given(st.text())
def test_no_text_makes_the_parser_raise(text: str) -> None:
    parsed = marker.parse(text)
    assert parsed is None or marker.parse(str(parsed)) == parsed


def test_a_replica_of_a_replica_keeps_the_origins_stamp() -> None:
    again = replica(REPLICA, to="a", nonce="1" * 16)
    assert facts(again, "a", AT_A).stamp == facts(SOURCE, "a", AT_A).stamp


def test_ids_tell_instances_apart() -> None:
    versions = [
        SOURCE,
        replace(SOURCE, etag="1" * 32),
        replace(SOURCE, metadata={}),
        replace(SOURCE, last_modified_at=REPLICA.last_modified_at),
        replace(SOURCE, version_id="v1"),
        replace(SOURCE, version_id="v2"),
    ]
    assert len({facts(version, "a", AT_A).id for version in versions}) == len(versions)


def test_a_replicas_id_is_its_nonce_whenever_it_is_read() -> None:
    later = replace(REPLICA, last_modified_at=SOURCE.last_modified_at)
    assert facts(REPLICA, "b", AT_A).id == facts(later, "b", AT_A).id
    assert facts(REPLICA, "b", AT_A).id == marker.replica_id("0123456789abcdef")
