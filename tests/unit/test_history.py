"""E4: where our own write may or may not have happened, a versioned peer's history tells."""

from dataclasses import replace

import pytest

from sync_core.evidence import Witness
from sync_core.gather import Look, look_at
from sync_core.model import Conflict, Copy, Delete, Side, Unsure
from tests.two_stacks import GRACE_SECONDS, Kind, TwoStacks

KEY = "k"


def with_open_intent(versioned: str, *, is_written: bool) -> TwoStacks:
    """Return a pair whose stack at a died while it copied a new object."""
    return die_while_copying(TwoStacks(Kind(versioned=versioned)), is_written=is_written)


def die_while_copying(world: TwoStacks, *, is_written: bool) -> TwoStacks:
    """Have a's worker die, before it has put the object at b or before it has recorded it.

    Nothing is heard of it at b.
    """
    world.put("a", KEY, b"1")
    world.running("a")

    def die() -> None:
        raise KeyboardInterrupt

    def die_at_the_next_write() -> None:
        world.before["a.records.write"] = die

    world.before["a.peer.put_if"] = die_at_the_next_write if is_written else die
    with pytest.raises(KeyboardInterrupt):
        world.deliver("a")
    assert (KEY in world.contents("b")) is is_written
    assert world.record("a", KEY).intent is not None
    world.lose_events()
    world.pass_time(600)
    return world


def look(world: TwoStacks) -> Look:
    return look_at(world.running("a").stack, world.record("a", KEY), (), first=False)


def test_an_announced_replica_in_the_history_proves_that_a_user_deleted_it() -> None:
    world = with_open_intent("b", is_written=True)
    world.delete("b", KEY)
    found = look(world)
    assert isinstance(found.verdict, Delete)
    assert (found.verdict.row, found.verdict.at) == (3, Side.OWN)
    assert found.evidence.peer_saw_own is Witness.PRIVATE
    assert not found.evidence.intent_open


def test_a_history_without_it_proves_that_nothing_was_written() -> None:
    found = look(with_open_intent("b", is_written=False))
    assert found.verdict == Copy(5, found.own, None)  # type: ignore[arg-type]
    assert found.evidence.peer_saw_own is Witness.NOBODY


def test_an_announced_replica_below_a_users_write_proves_that_he_had_seen_it() -> None:
    world = with_open_intent("b", is_written=True)
    world.put("b", KEY, b"2")
    found = look(world)
    assert found.verdict.row == 9
    assert found.evidence.peer_saw_own is Witness.PRIVATE


def test_a_users_write_over_nothing_of_ours_is_a_conflict_at_once() -> None:
    world = with_open_intent("b", is_written=False)
    world.put("b", KEY, b"2")
    world.put("a", KEY, b"3")
    record = world.record("a", KEY)
    assert record.intent is not None
    opened = replace(record.intent, source_id=_own_id(world))
    world.tables["a"].records[KEY] = replace(record, intent=opened)
    found = look(world)
    assert isinstance(found.verdict, Conflict)
    assert found.verdict.row == 11


def _own_id(world: TwoStacks) -> str:
    found = look(world).evidence.own
    assert found is not None
    return found.id


@pytest.mark.parametrize("is_written", [False, True])
def test_without_versions_there_is_nothing_to_do_but_to_wait(*, is_written: bool) -> None:
    world = with_open_intent("", is_written=is_written)
    if is_written:
        world.delete("b", KEY)
    found = look(world)
    assert isinstance(found.verdict, Unsure)
    assert found.waiting is not None


def test_a_version_of_another_size_is_not_looked_at() -> None:
    world = with_open_intent("b", is_written=False)
    world.put("b", KEY, b"22")
    world.delete("b", KEY)
    world.calls.clear()
    assert look(world).verdict.row == 5
    assert "a.peer.head_version" not in world.calls


def test_an_earlier_replica_of_the_same_size_proves_nothing() -> None:
    world = TwoStacks(Kind(versioned="b"))
    world.put("a", KEY, b"0")
    world.quiesce()
    world.delete("a", KEY)
    world.quiesce()
    found = look(die_while_copying(world, is_written=False))
    assert found.verdict.row == 5
    assert "a.peer.head_version" in world.calls


def test_the_history_is_asked_only_while_the_intent_is_open() -> None:
    world = TwoStacks(Kind(versioned="b"))
    world.put("a", KEY, b"1")
    world.quiesce()
    world.delete("b", KEY)
    world.running("a")
    world.calls.clear()
    look(world)
    assert "a.peer.versions" not in world.calls


@pytest.mark.parametrize("versioned", ["", "b", "ab"])
def test_a_worker_that_died_after_its_write_never_brings_back_what_a_user_deleted(
    versioned: str,
) -> None:
    world = with_open_intent(versioned, is_written=True)
    if versioned:
        world.delete("b", KEY)
        world.lose_events()
    world.find(rounds=2)
    world.pass_time(GRACE_SECONDS)
    world.find()
    assert world.contents("a") == world.contents("b") == ({} if versioned else {KEY: b"1"})
