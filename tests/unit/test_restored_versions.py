"""A user brings back what was there before: restored versions, objects moved away and back.

Each story is told with a restored original (at a, where the user wrote it) and with a restored
replica (at b), the replica's side knowing what it received, or not: its events were lost.
"""

import pytest

from sync_core.model import Action
from tests.two_stacks import GRACE_SECONDS, Kind, TwoStacks

KEY = "dir/report.txt"
BOTH_VERSIONED = Kind(versioned="ab")
SIDES = pytest.mark.parametrize("side", ["a", "b"])
KNOWING = pytest.mark.parametrize("is_ignorant", [False, True], ids=["knowing", "ignorant"])


def written(world: TwoStacks, data: bytes, *, is_ignorant: bool) -> None:
    """Have a's user write and a's stack copy; an ignorant b does not hear of what it received."""
    world.put("a", KEY, data)
    world.deliver("a")
    if is_ignorant:
        world.lose_events("b")
    world.quiesce()


def deleted_everywhere(world: TwoStacks, *, is_ignorant: bool) -> None:
    world.delete("a", KEY)
    world.deliver("a")
    if is_ignorant:
        world.lose_events("b")
    world.quiesce()
    assert world.contents("a") == world.contents("b") == {}


def remove_delete_marker(world: TwoStacks, side: str) -> None:
    """Undelete, as a console does it: the delete marker on top is deleted."""
    [top, *_] = world.users[side].versions(KEY, 1)
    assert top.is_delete_marker
    world.pass_time(1)
    world.users[side].delete_version(KEY, top.version_id)


def copy_old_version_on_top(world: TwoStacks, side: str, back: int = 1) -> None:
    """Restore, as a user does it: an older version is copied onto its own key, metadata and all."""
    objects = [each for each in world.users[side].versions(KEY, 100) if not each.is_delete_marker]
    old = world.users[side].head_version(KEY, objects[back].version_id)
    assert old is not None
    world.pass_time(1)
    world.users[side].copy_with_marker(old, KEY)


def test_the_bench_shows_a_replicas_versions() -> None:
    world = TwoStacks(BOTH_VERSIONED)
    written(world, b"1", is_ignorant=False)
    written(world, b"2", is_ignorant=False)
    assert len(world.users["b"].versions(KEY, 10)) == 2


@SIDES
@KNOWING
def test_a_removed_delete_marker_brings_the_object_back_on_both_sides(
    side: str, *, is_ignorant: bool
) -> None:
    world = TwoStacks(BOTH_VERSIONED)
    written(world, b"1", is_ignorant=is_ignorant)
    deleted_everywhere(world, is_ignorant=is_ignorant)
    remove_delete_marker(world, side)
    world.quiesce()
    assert world.contents("a") == world.contents("b") == {KEY: b"1"}


@SIDES
@KNOWING
def test_an_old_version_copied_on_top_becomes_current_on_both_sides(
    side: str, *, is_ignorant: bool
) -> None:
    world = TwoStacks(BOTH_VERSIONED)
    written(world, b"old", is_ignorant=is_ignorant)
    written(world, b"new", is_ignorant=is_ignorant)
    copy_old_version_on_top(world, side)
    world.quiesce()
    assert world.contents("a") == world.contents("b") == {KEY: b"old"}


@SIDES
@KNOWING
def test_a_deleted_newest_version_uncovers_the_one_below_on_both_sides(
    side: str, *, is_ignorant: bool
) -> None:
    world = TwoStacks(BOTH_VERSIONED)
    written(world, b"old", is_ignorant=is_ignorant)
    written(world, b"new", is_ignorant=is_ignorant)
    [newest, *_] = world.users[side].versions(KEY, 1)
    world.pass_time(1)
    world.users[side].delete_version(KEY, newest.version_id)
    world.quiesce()
    assert world.contents("a") == world.contents("b") == {KEY: b"old"}


@SIDES
@KNOWING
def test_an_old_version_copied_on_top_of_a_delete_comes_back_on_both_sides(
    side: str, *, is_ignorant: bool
) -> None:
    world = TwoStacks(BOTH_VERSIONED)
    written(world, b"1", is_ignorant=is_ignorant)
    deleted_everywhere(world, is_ignorant=is_ignorant)
    copy_old_version_on_top(world, side, back=0)
    world.quiesce()
    assert world.contents("a") == world.contents("b") == {KEY: b"1"}


@KNOWING
def test_a_restored_replica_is_copied_like_any_change_although_its_events_are_lost(
    *, is_ignorant: bool
) -> None:
    world = TwoStacks(BOTH_VERSIONED)
    written(world, b"old", is_ignorant=is_ignorant)
    written(world, b"new", is_ignorant=is_ignorant)
    copy_old_version_on_top(world, "b")
    world.lose_events()
    world.find(rounds=2)
    assert world.contents("a") == world.contents("b") == {KEY: b"old"}


def test_a_replica_copied_onto_itself_is_no_change_of_its_value() -> None:
    world = TwoStacks(BOTH_VERSIONED)
    written(world, b"1", is_ignorant=False)
    copy_old_version_on_top(world, "b", back=0)
    world.quiesce()
    assert world.contents("a") == world.contents("b") == {KEY: b"1"}
    assert world.actions()[Action.LOSER_KEPT] == 0


def test_a_noncurrent_version_deleted_for_good_has_no_effect() -> None:
    world = TwoStacks(BOTH_VERSIONED)
    written(world, b"old", is_ignorant=False)
    written(world, b"new", is_ignorant=False)
    writes = world.sync_writes[KEY]
    world.users["a"].delete_version(KEY, world.users["a"].versions(KEY, 2)[1].version_id)
    world.quiesce()
    assert world.contents("a") == world.contents("b") == {KEY: b"new"}
    assert world.sync_writes[KEY] == writes


def test_a_delete_of_an_absent_key_in_a_versioned_bucket_does_not_go_back_and_forth() -> None:
    world = TwoStacks(BOTH_VERSIONED)
    world.users["a"].delete(KEY)
    world.quiesce()
    assert world.sync_writes[KEY] == 0


@SIDES
@KNOWING
def test_an_unversioned_object_moved_away_and_back_is_there_on_both_sides(
    side: str, *, is_ignorant: bool
) -> None:
    world = TwoStacks()
    written(world, b"1", is_ignorant=is_ignorant)
    world.move(side, KEY, "elsewhere")
    world.quiesce()
    assert world.contents("a") == world.contents("b") == {"elsewhere": b"1"}
    world.move(side, "elsewhere", KEY)
    world.quiesce()
    assert world.contents("a") == world.contents("b") == {KEY: b"1"}


@SIDES
def test_an_object_moved_away_and_back_at_once_is_still_in_sync(side: str) -> None:
    world = TwoStacks()
    written(world, b"1", is_ignorant=False)
    writes = world.sync_writes[KEY]
    world.move(side, KEY, "elsewhere")
    world.move(side, "elsewhere", KEY)
    world.quiesce()
    assert world.contents("a") == world.contents("b") == {KEY: b"1"}
    assert world.sync_writes[KEY] - writes <= 1


def test_what_an_ignorant_stack_takes_for_a_replica_comes_back_after_the_grace_period() -> None:
    world = TwoStacks(BOTH_VERSIONED)
    written(world, b"1", is_ignorant=True)
    deleted_everywhere(world, is_ignorant=True)
    remove_delete_marker(world, "b")
    restored_at = world.now
    world.quiesce()
    assert world.contents("a") == {KEY: b"1"}
    assert (world.now - restored_at).total_seconds() >= GRACE_SECONDS


def test_a_restored_replica_and_a_newer_original_are_a_conflict_in_which_nothing_is_lost() -> None:
    world = TwoStacks(BOTH_VERSIONED)
    written(world, b"old", is_ignorant=False)
    written(world, b"new", is_ignorant=False)
    copy_old_version_on_top(world, "b")
    world.put("a", KEY, b"newest")
    world.quiesce()
    assert world.contents("a") == world.contents("b")
    assert set(world.contents("a").values()) == {b"old", b"newest"}
