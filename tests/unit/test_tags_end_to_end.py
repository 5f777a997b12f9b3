"""Tags between two stacks: each side's change arrives, echoes end, and nothing is written twice."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sync_core.model import Action, Lease
from sync_core.tags import tags_hash
from tests.two_stacks import TwoStacks, other

KEY = "dir/report.txt"
SIDES = pytest.mark.parametrize("side", ["a", "b"])


@pytest.fixture
def world() -> TwoStacks:
    """Return two sides that agree on an object without tags, and whose stacks both know it."""
    made = TwoStacks()
    made.put("a", KEY)
    made.quiesce()
    made.outcomes.clear()
    return made


def tags(world: TwoStacks, side: str) -> dict[str, str]:
    return world.values(side)[KEY][2]


def assert_both_show(world: TwoStacks, **wanted: str) -> None:
    assert (tags(world, "a"), tags(world, "b")) == (wanted, wanted)


def assert_nothing_is_left_to_do(world: TwoStacks) -> None:
    """Look at the key again on both sides, as after a second delivery of a tag event."""
    writes = world.sync_writes.copy()
    for side in "ab":
        pair = world.record(side, KEY).pair
        assert pair is not None
        assert pair.tags == tags_hash(tags(world, side))
        world.tag(side, KEY, **tags(world, side))
        world.quiesce()
    assert world.sync_writes == writes


@SIDES
def test_a_users_tags_are_put_on_the_other_side_and_nothing_else_is(
    world: TwoStacks, side: str
) -> None:
    world.calls.clear()
    world.tag(side, KEY, team="blue & green", stage="2")
    world.quiesce()
    assert_both_show(world, team="blue & green", stage="2")
    assert [call for call in world.calls if ".put" in call] == [f"{side}.peer.put_tags"]
    assert world.actions()[Action.TAGS_COPIED] == 1
    assert_nothing_is_left_to_do(world)


@SIDES
def test_removed_tags_are_removed_on_the_other_side(world: TwoStacks, side: str) -> None:
    world.tag("a", KEY, team="blue", stage="2")
    world.quiesce()
    world.tag(side, KEY, stage="2")
    world.quiesce()
    assert_both_show(world, stage="2")
    world.tag(side, KEY)
    world.quiesce()
    assert_both_show(world)
    assert_nothing_is_left_to_do(world)


@SIDES
def test_the_echo_of_tags_is_told_and_writes_nothing(world: TwoStacks, side: str) -> None:
    world.tag(side, KEY, team="blue")
    world.deliver(side)
    world.outcomes.clear()
    world.deliver(other(side))
    assert world.actions()[Action.REPEATED_TRANSFER] == 1
    assert world.actions()[Action.TAGS_COPIED] == 0
    assert not world.queues[side].waiting
    assert_both_show(world, team="blue")


def test_different_tags_on_both_sides_are_united(world: TwoStacks) -> None:
    world.tag("a", KEY, team="blue")
    world.tag("b", KEY, stage="2")
    world.quiesce()
    assert_both_show(world, team="blue", stage="2")
    assert_nothing_is_left_to_do(world)


@pytest.mark.parametrize("first", ["a", "b"])
def test_of_one_name_the_value_of_the_first_site_counts_whoever_looks_first(
    world: TwoStacks, first: str
) -> None:
    world.tag("a", KEY, team="blue", here="1")
    world.tag("b", KEY, team="red", there="1")
    world.deliver(first)
    world.quiesce()
    assert_both_show(world, team="blue", here="1", there="1")
    assert_nothing_is_left_to_do(world)


@SIDES
def test_tags_that_were_set_before_the_object_is_copied_go_with_it(side: str) -> None:
    world = TwoStacks()
    world.put(side, KEY)
    world.tag(side, KEY, team="blue")
    world.quiesce()
    assert_both_show(world, team="blue")
    assert world.actions()[Action.TAGS_COPIED] == 0
    world.tag(side, KEY)
    world.quiesce()
    assert_both_show(world)


@SIDES
def test_the_first_change_after_an_unacknowledged_copy_is_measured_by_the_marker(
    side: str,
) -> None:
    world = TwoStacks()
    world.put("a", KEY)
    world.tag("a", KEY, team="blue", stage="2")
    world.deliver("a")
    world.lose_events()
    world.tag(side, KEY, stage="2")
    world.quiesce()
    assert_both_show(world, stage="2")


@SIDES
def test_tags_of_both_sides_are_not_lost_when_the_object_is_overwritten(
    world: TwoStacks, side: str
) -> None:
    world.tag(side, KEY, team="blue")
    world.quiesce()
    world.put(side, KEY, b"2")
    world.tag(side, KEY, team="red")
    world.quiesce()
    assert_both_show(world, team="red")
    assert world.contents("a") == world.contents("b") == {KEY: b"2"}


@SIDES
def test_a_tag_event_of_an_object_that_has_gone_is_harmless(world: TwoStacks, side: str) -> None:
    world.tag(side, KEY, team="blue")
    world.delete(side, KEY)
    world.quiesce()
    assert world.contents("a") == world.contents("b") == {}
    assert world.dead_letters == []


@SIDES
def test_an_object_that_goes_while_its_tags_are_compared_is_looked_at_again(
    world: TwoStacks, side: str
) -> None:
    world.before[f"{side}.peer.tags"] = lambda: world.delete(other(side), KEY)
    world.tag(side, KEY, team="blue")
    world.quiesce()
    assert world.contents("a") == world.contents("b") == {}
    assert world.dead_letters == []


@SIDES
def test_an_object_that_goes_before_its_tags_are_written_is_looked_at_again(
    world: TwoStacks, side: str
) -> None:
    world.before[f"{side}.peer.put_tags"] = lambda: world.delete(other(side), KEY)
    world.tag(side, KEY, team="blue")
    world.quiesce()
    assert world.contents("a") == world.contents("b") == {}
    assert world.dead_letters == []


def test_objects_that_were_there_before_with_different_tags_get_the_union() -> None:
    world = TwoStacks()
    for side, value in (("a", "blue"), ("b", "red")):
        world.put(side, KEY)
        world.tag(side, KEY, team=value, **{side: "1"})
    world.lose_events()
    world.find()
    assert_both_show(world, team="blue", a="1", b="1")


@SIDES
def test_a_tag_removed_from_an_object_that_both_users_wrote_stays_removed(side: str) -> None:
    world = TwoStacks()
    for each in "ab":
        world.put(each, KEY)
        world.tag(each, KEY, team="blue")
    world.lose_events()
    world.find()
    world.tag(side, KEY)
    world.quiesce()
    assert_both_show(world)


@SIDES
def test_tags_changed_while_the_object_is_copied_arrive_as_well(side: str) -> None:
    world = TwoStacks()
    world.put(side, KEY)
    world.tag(side, KEY, team="blue")
    world.before[f"{side}.peer.put_if"] = lambda: world.tag(side, KEY, team="red")
    world.quiesce()
    assert_both_show(world, team="red")


@SIDES
def test_a_user_who_changes_tags_just_after_they_were_copied_is_not_overruled(
    world: TwoStacks, side: str
) -> None:
    world.tag(side, KEY, team="blue")
    world.deliver(side)
    world.tag(other(side), KEY, team="blue", stage="2")
    world.quiesce()
    assert_both_show(world, team="blue", stage="2")
    assert_nothing_is_left_to_do(world)


def test_changes_on_both_sides_after_a_lost_echo_end_with_the_same_tags(world: TwoStacks) -> None:
    world.tag("a", KEY, team="blue", stage="2")
    world.deliver("a")
    world.lose_events("b")
    world.tag("a", KEY, team="blue")
    world.tag("b", KEY, stage="2")
    world.deliver("b")
    world.quiesce()
    assert tags(world, "a") == tags(world, "b")


def test_tags_that_the_peer_put_on_another_object_are_seen_although_the_key_was_held(
    world: TwoStacks,
) -> None:
    """The echo of a tagging has to say what it is about when the key is looked at again."""
    record = world.record("a", KEY)
    held = Lease("another", world.now + timedelta(seconds=30))
    world.tables["a"].write([replace(record, lease=held)])
    world.stack("b").sides.peer.put_tags(KEY, {"team": "blue"})
    world.deliver("a")
    world.pass_time(31)
    world.quiesce()
    assert_both_show(world, team="blue")
