"""How many deletes are too many, row by row."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sync_core.safety import (
    Admission,
    DeleteLimits,
    Entry,
    Known,
    Tally,
    assess,
    contents_of,
)
from tests.objects import AT_A, original, replica

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LIMITS = DeleteLimits(count=10, percent=25, window_seconds=3600, settle_seconds=300)
OLD, YOUNG = 600, 10


def entry(key: str, ago: int, contents: Sequence[str], *, is_delete: bool) -> Entry:
    return Entry(NOW - timedelta(seconds=ago), is_delete, key, frozenset(contents))


def deleted(key: str, ago: int = OLD, *contents: str) -> Entry:
    return entry(key, ago, contents, is_delete=True)


def created(key: str, ago: int = OLD, *contents: str) -> Entry:
    return entry(key, ago, contents, is_delete=False)


def many_deleted(count: int, ago: int = OLD) -> list[Entry]:
    return [deleted(f"k{number}", ago, f"content {number}") for number in range(count)]


def tally(entries: Sequence[Entry], known: Known | None = None) -> Tally:
    shuffled = random.Random(7).sample(entries, len(entries))
    return assess(shuffled, LIMITS, known or Known(), NOW)


@pytest.mark.parametrize(
    ("old", "young", "admission"),
    [
        (0, 10, Admission.ALLOWED),
        (10, 0, Admission.ALLOWED),
        (0, 11, Admission.DELAYED),
        (10, 1, Admission.DELAYED),
        (10, 1000, Admission.DELAYED),
        (11, 0, Admission.HELD),
        (11, 5, Admission.HELD),
    ],
)
def test_deletes_up_to_the_limit_pass_and_older_ones_above_it_hold(
    old: int, young: int, admission: Admission
) -> None:
    entries = [*many_deleted(old), *(deleted(f"young {n}", YOUNG) for n in range(young))]
    assert tally(entries).admission is admission


def test_a_delete_that_is_asked_for_again_counts_once_and_is_as_old_as_at_first() -> None:
    found = tally([*many_deleted(11), *many_deleted(11, ago=YOUNG)])
    assert (found.net, found.settled, found.admission) == (11, 11, Admission.HELD)


def test_a_delete_counts_as_long_as_the_window() -> None:
    assert tally(many_deleted(11, ago=3600)).net == 0
    assert tally(many_deleted(11, ago=3599)).net == 11


def test_a_key_that_is_created_again_is_not_deleted() -> None:
    found = tally([*many_deleted(11), created("k3", YOUNG)])
    assert (found.net, found.admission) == (10, Admission.ALLOWED)


def test_a_key_that_is_created_again_and_deleted_is_as_young_as_that() -> None:
    found = tally([deleted("k", 900), created("k", 600), deleted("k", YOUNG)])
    assert (found.net, found.settled) == (1, 0)


def test_a_key_that_is_created_and_then_deleted_counts() -> None:
    entries = [created(f"k{n}", 900, f"content {n}") for n in range(11)]
    assert tally([*entries, *many_deleted(11)]).net == 11


def test_equal_content_does_not_let_new_keys_vanish_uncounted() -> None:
    entries = [created(f"k{n}", 900, "the same") for n in range(11)]
    assert tally([*entries, *(deleted(f"k{n}", OLD, "the same") for n in range(11))]).net == 11


@pytest.mark.parametrize("create_ago", [5, 590, 610, 3900])
def test_a_delete_is_a_rename_if_its_content_was_created_under_another_key(create_ago: int) -> None:
    found = tally([*many_deleted(11), created("new name", create_ago, "content 3")])
    assert (found.renamed, found.net, found.settled) == (1, 10, 10)


def test_one_create_pays_for_one_delete() -> None:
    entries = [deleted(f"k{n}", OLD, "the same") for n in range(5)]
    assert (
        tally([*entries, created("n1", OLD, "the same"), created("n2", OLD, "the same")]).net == 3
    )


def test_a_create_whose_key_is_gone_again_pays_for_nothing() -> None:
    entries = [deleted("k", 900, "x"), created("n", 900, "x"), deleted("n", 600, "x")]
    assert tally(entries).net == 2


def test_a_create_that_brought_a_deleted_key_back_does_not_pay_for_another() -> None:
    entries = [deleted("k", 900, "x"), deleted("other", 900, "x"), created("k", 600, "x")]
    assert tally(entries).net == 1


def test_a_create_pays_for_an_older_delete_first() -> None:
    entries = [deleted("young", YOUNG, "x"), deleted("old", OLD, "x"), created("n", OLD, "x")]
    found = tally(entries)
    assert (found.net, found.settled) == (1, 0)


def test_one_id_in_common_tells_that_contents_are_equal() -> None:
    entries = [deleted("k", OLD, "md5", "crc"), created("n", OLD, "crc", "etag")]
    assert tally(entries).net == 0


def test_ids_that_were_seen_together_name_the_same_content() -> None:
    entries = [deleted("k", OLD, "md5"), created("n", OLD, "crc")]
    assert tally(entries).net == 1
    assert tally([*entries, created("n2", 7000, "md5", "crc"), deleted("n2", 6900)]).net == 1
    assert tally([*entries, created("n3", OLD, "md5", "crc")]).net == 0


def test_unknown_contents_are_equal_to_none() -> None:
    assert tally([deleted("k"), created("n")]).net == 1


def test_the_limit_is_a_share_of_all_keys_where_that_is_more() -> None:
    assert tally([], Known(synced_keys=40)).limit == 10
    assert tally([], Known(synced_keys=1000)).limit == 250


def test_keys_created_since_they_were_counted_are_added() -> None:
    entries = [created(f"n{n}", ago) for n, ago in enumerate([OLD] * 30 + [YOUNG] * 30)]
    assert tally(entries).limit == 15
    counted_at = NOW - timedelta(seconds=300)
    assert tally(entries, Known(100, counted_at)).limit == 32


def test_deletes_up_to_the_end_of_an_approval_are_not_counted() -> None:
    known = Known(approved_until=NOW - timedelta(seconds=300))
    assert tally([*many_deleted(11), deleted("late", 200)], known).net == 1


def test_contents_carry_the_size_and_every_digest_that_is_known() -> None:
    version = replace(original(b"abc"), crc64nvme="AAAA")
    etag = version.etag[:8]
    assert contents_of(version) == {
        f"md5:{version.md5}:3",
        "crc:AAAA:3",
        f"etag:{etag}:3",
    }


def test_a_replica_made_of_other_parts_still_shows_its_originals_content() -> None:
    source = replace(original(b"abc"), etag="0f" * 16 + "-3", md5=None)
    copied = replace(replica(source, "b"), etag="77" * 16 + "-1")
    assert copied.marker is not None
    assert AT_A.pair_id in copied.marker
    assert contents_of(source) & contents_of(copied) == {"etag:0f0f0f0f:3"}
