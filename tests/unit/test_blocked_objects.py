"""Objects that no retry can copy: told once, noted, left alone, and copied when they can be."""

import pytest

from sync_core.finder import FinderReport
from sync_core.hints import Reason
from sync_core.model import Action, SkipReason, listed_id
from tests.two_stacks import Kind, TwoStacks

KEY = "dir/report.txt"
PREFIXES = [{"a": "", "b": ""}, {"a": "from/here/", "b": "to/"}]
LONG = "x" * 1024


def archived(prefixes: dict[str, str], restore_days: int = 0) -> TwoStacks:
    """Return a pair of which a's object was archived before it could be copied."""
    world = TwoStacks(Kind(prefixes=prefixes, restore_days=restore_days))
    world.put("a", prefixes["a"] + KEY)
    world.buckets["a"].archive(prefixes["a"] + KEY)
    return world


@pytest.mark.parametrize("prefixes", PREFIXES)
def test_an_archived_object_is_left_alone_for_that_reason(prefixes: dict[str, str]) -> None:
    world = archived(prefixes)
    world.quiesce()
    told = [(each.key, each.reason) for each in world.outcomes if each.action is Action.SKIPPED]
    assert told == [(KEY, SkipReason.ARCHIVED)]
    assert world.dead_letters == []
    assert world.contents("b") == {}


@pytest.mark.parametrize("prefixes", PREFIXES)
def test_it_is_noted_so_that_no_finder_asks_for_it_again(prefixes: dict[str, str]) -> None:
    world = archived(prefixes)
    world.quiesce()
    record = world.record("a", KEY)
    assert record.blocked == listed_id(world.head("a", prefixes["a"] + KEY))
    assert (record.intent, record.lease) == (None, None)
    at_a = world.find(rounds=3)[0]
    assert at_a.reasons == {Reason.BLOCKED: 1}
    assert world.dead_letters == []


@pytest.mark.parametrize("prefixes", PREFIXES)
def test_it_is_copied_once_it_is_restored(prefixes: dict[str, str]) -> None:
    world = archived(prefixes)
    world.quiesce()
    world.buckets["a"].restore(prefixes["a"] + KEY)
    world.quiesce()
    assert world.contents("b") == {KEY: b"1"}
    assert world.record("a", KEY).blocked is None
    assert world.find()[0].reasons == {Reason.IN_SYNC: 1}


def test_where_archived_objects_are_wanted_they_are_restored_and_then_copied() -> None:
    world = archived(PREFIXES[0], restore_days=7)
    world.quiesce()
    told = [each.reason for each in world.outcomes if each.action is Action.SKIPPED]
    assert told == [SkipReason.RESTORING]
    assert world.calls.count("a.own.restore") == 1
    world.buckets["a"].restore(KEY)
    world.quiesce()
    assert world.contents("b") == {KEY: b"1"}


def test_a_restoration_whose_event_was_lost_is_found() -> None:
    world = archived(PREFIXES[0], restore_days=7)
    world.quiesce()
    assert world.find()[0].reasons == {Reason.NEW: 1}
    world.buckets["a"].restore(KEY)
    world.lose_events()
    world.find()
    assert world.contents("b") == {KEY: b"1"}


def test_an_archived_object_that_a_user_overwrites_is_copied() -> None:
    world = archived(PREFIXES[0])
    world.quiesce()
    world.put("a", KEY, b"2")
    world.quiesce()
    assert world.contents("b") == {KEY: b"2"}
    assert world.record("a", KEY).blocked is None


def test_an_archived_object_that_a_user_overwrites_unheard_is_found() -> None:
    world = archived(PREFIXES[0])
    world.quiesce()
    world.put("a", KEY, b"2")
    world.lose_events()
    world.find()
    assert world.contents("b") == {KEY: b"2"}


def test_an_archived_object_whose_event_was_lost_is_told_by_the_first_round_only() -> None:
    world = archived(PREFIXES[0])
    world.lose_events()
    reports = [world.find()[0] for _ in range(3)]
    assert [report.reasons for report in reports] == [
        {Reason.NEW: 1},
        {Reason.BLOCKED: 1},
        {Reason.BLOCKED: 1},
    ]
    assert world.dead_letters == []


def test_an_overwrite_that_was_archived_leaves_the_peers_object_alone() -> None:
    world = TwoStacks()
    world.put("a", KEY, b"1")
    world.quiesce()
    world.put("a", KEY, b"2")
    world.buckets["a"].archive(KEY)
    world.quiesce()
    assert world.dead_letters == []
    assert world.find()[0].reasons == {Reason.BLOCKED: 1}
    world.buckets["a"].restore(KEY)
    world.quiesce()
    assert world.contents("b") == {KEY: b"2"}


def test_an_object_in_sync_may_be_archived() -> None:
    world = TwoStacks()
    world.put("a", KEY, b"1")
    world.quiesce()
    world.buckets["a"].archive(KEY)
    reports: list[FinderReport] = world.find(rounds=2)
    assert [report.reasons for report in reports] == [{Reason.IN_SYNC: 1}] * 2
    assert world.dead_letters == []


@pytest.mark.parametrize("side", ["a", "b"])
def test_an_archived_object_is_deleted_with_its_counterpart(side: str) -> None:
    world = TwoStacks()
    world.put("a", KEY, b"1")
    world.quiesce()
    world.buckets["a"].archive(KEY)
    world.delete(side, KEY)
    world.quiesce()
    assert world.contents("b") == {}
    assert world.users["a"].head(KEY) is None


def test_a_key_that_is_too_long_behind_the_peers_prefix_is_blocked() -> None:
    world = TwoStacks(Kind(prefixes={"a": "", "b": "to/"}))
    world.put("a", LONG)
    world.quiesce()
    assert len(world.dead_letters) == 1
    assert world.record("a", LONG).blocked == listed_id(world.head("a", LONG))
    assert world.find(rounds=2)[0].reasons == {Reason.BLOCKED: 1}
    assert len(world.dead_letters) == 1


def test_its_neighbours_in_the_batch_are_copied() -> None:
    world = archived(PREFIXES[0])
    world.put("a", "beside")
    world.quiesce()
    assert world.contents("b") == {"beside": b"1"}
    assert world.actions()[Action.OBJECT_COPIED] == 1


@pytest.mark.parametrize(
    "kind",
    [
        Kind(),
        Kind(has_opaque_etags=True),
        Kind(one_put_bytes=0),
        Kind(has_opaque_etags=True, versioned="ab"),
    ],
    ids=["md5", "opaque", "parts", "versioned"],
)
def test_an_object_whose_metadata_leaves_no_room_for_the_marker_is_copied_once(
    kind: Kind,
) -> None:
    world = TwoStacks(kind)
    world.put("a", KEY, note="x" * 2000)
    world.quiesce(20)
    world.find(rounds=2)
    assert world.values("a") == world.values("b")
    assert list(world.contents("a")) == [KEY]
    assert world.sync_writes == {KEY: 1}
