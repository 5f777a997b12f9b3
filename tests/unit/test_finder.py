"""What finders make good: whatever no event has told, on either side, without acting themselves."""

from collections.abc import Callable

import pytest

from sync_core.hints import Reason
from tests.two_stacks import Kind, TwoStacks, other

KEY = "dir/report.txt"
SIDES = pytest.mark.parametrize("side", ["a", "b"])


@pytest.fixture
def world() -> TwoStacks:
    return TwoStacks()


def in_sync(world: TwoStacks) -> TwoStacks:
    world.put("a", KEY, b"1")
    world.quiesce()
    world.outcomes.clear()
    return world


def assert_settled(world: TwoStacks) -> None:
    """Ten more rounds on both sides send nothing, and neither do the stacks write anything."""
    world.find()
    writes, records = world.sync_writes.copy(), dict(world.tables["a"].records)
    for report in (each for _ in range(10) for each in world.find()):
        assert report.hinted == {}
        assert report.scanned == report.equal + report.reasons[Reason.NOTHING_THERE]
    assert world.sync_writes == writes
    assert world.tables["a"].records == records
    assert world.dead_letters == []


# --- the first round ---


@SIDES
def test_a_side_that_was_there_before_is_copied_as_a_whole(world: TwoStacks, side: str) -> None:
    for number in range(25):
        world.put(side, f"k{number:02}", b"%d" % number)
    world.lose_events()
    world.find()
    assert world.contents("a") == world.contents("b")
    assert len(world.contents("a")) == 25
    assert world.sync_writes.total() == 25
    assert_settled(world)


def test_two_sides_that_were_there_before_are_united(world: TwoStacks) -> None:
    world.put("a", "only at a", b"1")
    world.put("b", "only at b", b"2")
    world.put("a", "equal", b"3")
    world.put("b", "equal", b"3")
    world.put("a", "different", b"4")
    world.put("b", "different", b"5")
    world.lose_events()
    world.find()
    assert world.contents("a") == world.contents("b")
    assert sorted(world.contents("a").values()) == [b"1", b"2", b"3", b"4", b"5"]
    assert world.contents("a")["different"] == b"5"
    assert world.sync_writes["equal"] == 0
    assert_settled(world)


# --- lost events ---


@SIDES
def test_a_lost_create_is_made_good(world: TwoStacks, side: str) -> None:
    in_sync(world)
    world.put(side, "new", b"2")
    world.lose_events()
    world.find()
    assert world.contents("a") == world.contents("b") == {KEY: b"1", "new": b"2"}
    assert_settled(world)


@SIDES
@pytest.mark.parametrize("data", [b"2", b"22"], ids=["same_size", "other_size"])
def test_a_lost_overwrite_is_made_good(world: TwoStacks, side: str, data: bytes) -> None:
    in_sync(world)
    world.put(side, KEY, data)
    world.lose_events()
    world.find()
    assert world.contents("a") == world.contents("b") == {KEY: data}
    assert_settled(world)


@SIDES
def test_a_lost_edit_of_the_metadata_is_made_good(world: TwoStacks, side: str) -> None:
    in_sync(world)
    world.edit_metadata(side, KEY, edited="yes")
    world.lose_events()
    world.find()
    assert world.values("a") == world.values("b") == {KEY: (b"1", {"edited": "yes"}, {})}
    assert_settled(world)


@SIDES
def test_a_lost_delete_is_made_good_and_nothing_comes_back(world: TwoStacks, side: str) -> None:
    in_sync(world)
    world.delete(side, KEY)
    world.lose_events()
    world.find()
    assert world.contents("a") == world.contents("b") == {}
    assert_settled(world)


@SIDES
def test_a_lost_expiry_is_made_good(world: TwoStacks, side: str) -> None:
    in_sync(world)
    world.buckets[side].expire(KEY)
    world.lose_events()
    world.find()
    assert world.contents("a") == world.contents("b") == {}


@SIDES
def test_a_lost_rename_is_made_good(world: TwoStacks, side: str) -> None:
    in_sync(world)
    world.move(side, KEY, "new name")
    world.lose_events()
    world.find()
    assert world.contents("a") == world.contents("b") == {"new name": b"1"}
    assert_settled(world)


def test_a_key_that_both_users_deleted_unheard_becomes_a_tombstone(world: TwoStacks) -> None:
    in_sync(world)
    for side in "ab":
        world.delete(side, KEY)
    world.lose_events()
    reports = world.find()
    assert [report.hinted for report in reports] == [{Reason.GONE_ON_BOTH_SIDES: 1}] * 2
    assert world.sync_writes[KEY] == 1
    assert_settled(world)


@SIDES
def test_a_change_and_a_delete_that_both_were_lost_end_with_the_change(
    world: TwoStacks, side: str
) -> None:
    in_sync(world)
    world.put(side, KEY, b"2")
    world.delete(other(side), KEY)
    world.lose_events()
    world.find()
    assert world.contents("a") == world.contents("b") == {KEY: b"2"}
    assert_settled(world)


def test_changes_on_both_sides_that_were_lost_are_a_conflict(world: TwoStacks) -> None:
    in_sync(world)
    world.put("b", KEY, b"2")
    world.put("a", KEY, b"3")
    world.lose_events()
    world.find()
    assert world.contents("a") == world.contents("b")
    assert sorted(world.contents("a").values()) == [b"2", b"3"]
    assert_settled(world)


VERSIONED = pytest.mark.parametrize("versioned", ["", "a", "b", "ab"])


def without_echo(versioned: str) -> TwoStacks:
    """Return a pair in which a's object was copied and b's stack did not hear of it."""
    world = TwoStacks(Kind(versioned=versioned))
    world.put("a", KEY, b"1")
    world.deliver("a")
    world.lose_events()
    return world


@VERSIONED
@pytest.mark.parametrize(
    ("side", "change"),
    [
        ("a", lambda world: world.put("a", KEY, b"2")),
        *[(side, lambda world, at=side: world.edit_metadata(at, KEY, by=at)) for side in "ab"],
        *[(side, lambda world, at=side: world.delete(at, KEY)) for side in "ab"],
    ],
    ids=["overwrite_a", "edit_a", "edit_b", "delete_a", "delete_b"],
)
def test_a_change_is_made_good_although_no_echo_was_ever_heard(
    versioned: str, side: str, change: Callable[[TwoStacks], None]
) -> None:
    world = without_echo(versioned)
    change(world)
    wanted = world.values(side)
    world.lose_events()
    world.find(rounds=2)
    assert world.values("a") == world.values("b") == wanted
    assert_settled(world)


@VERSIONED
def test_a_replica_overwritten_unheard_that_was_never_acknowledged_may_be_kept_as_a_loser(
    versioned: str,
) -> None:
    world = without_echo(versioned)
    world.put("b", KEY, b"2")
    world.lose_events()
    world.find(rounds=2)
    assert world.contents("a") == world.contents("b")
    assert world.contents("a")[KEY] == b"2"
    assert set(world.contents("a").values()) <= {b"1", b"2"}
    assert_settled(world)


def test_a_replica_that_was_never_acknowledged_is_acknowledged(world: TwoStacks) -> None:
    world.put("a", KEY)
    world.deliver("a")
    world.lose_events()
    assert KEY not in world.tables["b"].records
    reports = world.find()
    assert [report.hinted for report in reports] == [{}, {Reason.UNRECORDED: 1}]
    pair = world.record("b", KEY).pair
    assert pair is not None
    assert pair.own is not None
    assert world.sync_writes[KEY] == 1
    assert_settled(world)


def test_a_key_whose_worker_died_is_finished(world: TwoStacks) -> None:
    world.put("a", KEY)
    world.running("a")

    def die() -> None:
        raise KeyboardInterrupt

    world.before["a.peer.put_if"] = die
    with pytest.raises(KeyboardInterrupt):
        world.deliver("a")
    world.lose_events()
    world.pass_time(600)
    assert world.find()[0].hinted == {Reason.UNFINISHED: 1}
    assert world.contents("b") == {KEY: b"1"}
    assert_settled(world)
