"""Guards between two stacks: what is held, put off and let through, and that nothing is lost."""

import pytest

from sync_core.model import Action
from sync_core.safety import DeleteLimits
from tests.two_stacks import GRACE_SECONDS, Kind, TwoStacks

LIMITS = DeleteLimits(count=3, percent=0, window_seconds=3600, settle_seconds=300)
NO_PATIENCE = DeleteLimits(count=3, percent=0, window_seconds=3600, settle_seconds=0)
KEYS = [f"k{number}" for number in range(6)]
SIDES = pytest.mark.parametrize("side", ["a", "b"])


def in_sync(limits: DeleteLimits, versioned: str = "") -> TwoStacks:
    """Return a pair in which six objects were copied long ago."""
    world = TwoStacks(Kind(limits=limits, versioned=versioned))
    for number, key in enumerate(KEYS):
        world.put("a", key, b"%d" % number)
    world.quiesce()
    world.find()
    world.pass_time(24 * 3600)
    world.outcomes.clear()
    return world


def delete(world: TwoStacks, side: str, count: int) -> None:
    for key in KEYS[:count]:
        world.delete(side, key)


@SIDES
def test_as_many_deletes_as_the_limit_pass(side: str) -> None:
    world = in_sync(NO_PATIENCE)
    delete(world, side, 3)
    world.quiesce()
    assert sorted(world.contents("a")) == sorted(world.contents("b")) == KEYS[3:]


@SIDES
def test_more_deletes_than_the_limit_are_held_until_somebody_approves(side: str) -> None:
    world = in_sync(NO_PATIENCE)
    untouched = "b" if side == "a" else "a"
    delete(world, side, 5)
    world.quiesce()
    assert sorted(world.contents(untouched)) == KEYS
    assert world.told[side].held == ["mass_deletion"]
    assert world.actions()[Action.DELETE_HELD] == 5
    assert world.actions()[Action.OBJECT_DELETED] == 0
    world.running(side).guard.approve(seconds=3600)
    world.find(rounds=2)
    assert world.contents("a") == world.contents("b") == {"k5": b"5"}


@SIDES
def test_creates_and_changes_pass_while_deletes_are_held(side: str) -> None:
    world = in_sync(NO_PATIENCE)
    delete(world, side, 5)
    world.quiesce()
    world.put(side, "new", b"new")
    world.put(side, "k5", b"changed")
    world.quiesce()
    for each in "ab":
        assert world.contents(each)["new"] == b"new"
        assert world.contents(each)["k5"] == b"changed"


@SIDES
def test_a_held_delete_does_not_bring_the_object_back(side: str) -> None:
    world = in_sync(NO_PATIENCE)
    delete(world, side, 5)
    world.quiesce()
    world.find(rounds=3)
    assert list(world.contents(side)) == ["k5"]


@SIDES
def test_a_key_written_again_while_its_delete_is_held_is_copied(side: str) -> None:
    world = in_sync(NO_PATIENCE)
    delete(world, side, 5)
    world.quiesce()
    world.put(side, "k0", b"again")
    world.quiesce()
    assert [world.contents(each)["k0"] for each in "ab"] == [b"again"] * 2


@SIDES
def test_deletes_that_may_be_renames_are_put_off_and_pass_once_the_creates_are_seen(
    side: str,
) -> None:
    world = in_sync(LIMITS)
    delete(world, side, 5)
    world.deliver(side)
    assert world.actions()[Action.DELETE_DELAYED] == 5
    assert world.told[side].held == []
    for number in range(5):
        world.put(side, f"renamed {number}", b"%d" % number)
    world.quiesce()
    wanted = sorted(["k5", *(f"renamed {number}" for number in range(5))])
    assert sorted(world.contents("a")) == sorted(world.contents("b")) == wanted
    assert world.told[side].held == []


@SIDES
def test_deletes_that_were_put_off_and_are_no_renames_are_held_in_the_end(side: str) -> None:
    world = in_sync(LIMITS)
    untouched = "b" if side == "a" else "a"
    delete(world, side, 5)
    [settlement, *_] = world.deliver(side)
    assert [each.delay_seconds for each in settlement.deferrals] == [GRACE_SECONDS]
    world.quiesce(200)
    assert sorted(world.contents(untouched)) == KEYS
    assert "mass_deletion" in world.told[side].held


@SIDES
def test_a_mass_of_overwrites_is_no_mass_of_deletes(side: str) -> None:
    world = in_sync(NO_PATIENCE, versioned="ab")
    for key in KEYS:
        world.put(side, key, b"changed")
    world.quiesce()
    assert world.told[side].held == []
    assert set(world.contents("a").values()) == set(world.contents("b").values()) == {b"changed"}


@SIDES
def test_an_emptied_bucket_deletes_nothing_at_the_other_side(side: str) -> None:
    world = in_sync(DeleteLimits(count=0))
    untouched = "b" if side == "a" else "a"
    for listed in list(world.users[side].list()):
        world.users[side].delete(listed.key)
    world.quiesce()
    world.find()
    assert sorted(world.contents(untouched)) == KEYS
    assert any("emptied" in reason for reason in world.told[side].held)


@SIDES
def test_a_lifecycle_expiry_is_a_delete_like_any_other(side: str) -> None:
    world = in_sync(NO_PATIENCE, versioned="b")
    for key in KEYS[:2]:
        world.buckets[side].expire(key)
    world.quiesce()
    assert sorted(world.contents("a")) == sorted(world.contents("b")) == KEYS[2:]
    assert world.actions()[Action.OBJECT_DELETED] == 2


@SIDES
def test_a_mass_of_expiries_is_held(side: str) -> None:
    world = in_sync(NO_PATIENCE)
    untouched = "b" if side == "a" else "a"
    for key in KEYS[:5]:
        world.buckets[side].expire(key)
    world.quiesce()
    assert sorted(world.contents(untouched)) == KEYS
    assert world.told[side].held == ["mass_deletion"]


def test_deletes_under_a_hold_that_happened_on_both_sides_are_only_noted() -> None:
    world = in_sync(NO_PATIENCE)
    world.running("a").guard.hold()
    world.running("b").guard.hold()
    for side in "ab":
        world.delete(side, "k0")
    world.quiesce()
    assert world.record("a", "k0").pair is not None
    assert world.actions()[Action.DELETE_HELD] == 0
