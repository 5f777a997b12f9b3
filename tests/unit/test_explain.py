"""What a dry run says of a key, and that saying it changes nothing."""

from collections.abc import Callable

import pytest

from sync_core.explain import Explanation, explain
from sync_core.model import ConflictPolicy, listed_id
from tests.two_stacks import GRACE_SECONDS, Kind, TwoStacks

KEY = "k"


def explained(world: TwoStacks, side: str = "a", key: str = KEY) -> Explanation:
    """Return what the stack of a side says; asserts that it only reads."""
    writes, table = world.sync_writes.copy(), dict(world.tables[side].records)
    queued = {each: world.queues[each].bodies() for each in "ab"}
    world.calls.clear()
    found = explain(world.stack(side), key)
    assert world.sync_writes == writes
    assert world.tables[side].records == table
    assert {each: world.queues[each].bodies() for each in "ab"} == queued
    methods = {call.rsplit(".", 1)[1] for call in world.calls}
    assert methods <= {"read", "head", "versions", "head_version"}
    assert found.key == key
    return found


def in_sync(world: TwoStacks) -> None:
    world.put("a", KEY, b"1")
    world.quiesce()


def new(world: TwoStacks) -> None:
    world.put("a", KEY, b"1")


def overwritten(world: TwoStacks) -> None:
    in_sync(world)
    world.put("a", KEY, b"2")


def overwritten_at_b(world: TwoStacks) -> None:
    in_sync(world)
    world.put("b", KEY, b"2")


def deleted(world: TwoStacks) -> None:
    in_sync(world)
    world.delete("a", KEY)


def deleted_at_b(world: TwoStacks) -> None:
    in_sync(world)
    world.delete("b", KEY)


def conflict(world: TwoStacks) -> None:
    world.put("b", KEY, b"1")
    world.put("a", KEY, b"2")


def lost_conflict(world: TwoStacks) -> None:
    world.put("a", KEY, b"1")
    world.put("b", KEY, b"2")


def unacknowledged(world: TwoStacks) -> None:
    world.put("a", KEY, b"1")
    world.deliver("a")


@pytest.mark.parametrize(
    ("arrange", "side", "row", "verdict"),
    [
        (in_sync, "a", 2, "would do nothing: in_sync"),
        (new, "a", 5, "would create it at b"),
        (new, "b", 7, "would do nothing: peer_acts"),
        (overwritten, "a", 8, "would overwrite it at b"),
        (overwritten, "b", 9, "would do nothing: peer_acts"),
        (overwritten_at_b, "b", 8, "would overwrite it at a"),
        (deleted, "a", 6, "would delete it at b"),
        (deleted_at_b, "b", 6, "would delete it at a"),
        (deleted_at_b, "a", 3, "would delete it at a"),
        (conflict, "a", 11, "conflict: would overwrite it at b and keep the loser"),
        (lost_conflict, "a", 11, "would do nothing: peer_wins"),
        (unacknowledged, "b", 2, "would record that both sides agree"),
    ],
)
def test_the_verdict_is_a_sentence(
    arrange: Callable[[TwoStacks], None], side: str, row: int, verdict: str
) -> None:
    world = TwoStacks()
    arrange(world)
    found = explained(world, side)
    assert (found.row, found.verdict) == (row, verdict)


def test_an_open_conflict_is_said_to_be_left_open() -> None:
    world = TwoStacks(Kind(policy=ConflictPolicy.MANUAL))
    conflict(world)
    assert explained(world).verdict == "would do nothing: conflict_left_open"


def test_nothing_at_all_is_both_absent() -> None:
    found = explained(TwoStacks())
    assert (found.row, found.verdict) == (1, "would do nothing: both_absent")
    assert found.evidence == ("a: nothing", "b: nothing", "no pair is recorded")


def test_an_open_intent_is_waited_for_and_told() -> None:
    world = TwoStacks()
    world.put("a", KEY)
    world.running("a")

    def die() -> None:
        raise KeyboardInterrupt

    world.before["a.peer.put_if"] = die
    with pytest.raises(KeyboardInterrupt):
        world.deliver("a")
    found = explained(world)
    assert (found.row, found.verdict) == (4, "would wait for the peer's evidence")
    assert found.evidence[-1] == "our own intent to copy it is open"
    world.pass_time(GRACE_SECONDS)
    assert explained(world).row == 4  # nothing has noted yet since when this has lasted


def test_the_evidence_says_what_is_there_and_what_is_known_of_it() -> None:
    world = TwoStacks()
    in_sync(world)
    own, peer = listed_id(world.head("a", KEY)), listed_id(world.head("b", KEY))
    told = explained(world).evidence
    assert told[:5] == (
        f"a: {own}, written by a user",
        f"b: {peer}, a replica of ours",
        "the instance at a by b: seen, as the objects themselves show",
        "the instance at b by a: seen, as the objects themselves show",
        "both are the same, known by pair",
    )
    assert told[5].startswith("recorded pair: ")


def test_what_only_the_record_knows_and_what_nobody_knows_is_said() -> None:
    world = TwoStacks()
    overwritten_at_b(world)
    assert "the instance at a by b: seen, as our record knows" in explained(world).evidence
    assert "the instance at b by a: not known to have been seen" in explained(world).evidence


def test_a_replica_that_a_user_has_brought_back_is_said_to_be_one() -> None:
    world = TwoStacks()
    in_sync(world)
    world.move("b", KEY, "elsewhere")
    world.quiesce()
    world.move("b", "elsewhere", KEY)
    told = explained(world, "b").evidence
    assert told[0].endswith(", a replica that a user has brought back")


@pytest.mark.parametrize("side", ["a", "b"])
def test_an_archived_object_can_be_explained(side: str) -> None:
    world = TwoStacks()
    new(world)
    world.buckets["a"].archive(KEY)
    assert explained(world, side).row in {5, 7}


def test_an_archived_object_that_only_its_bytes_can_tell_from_another_can_be_explained() -> None:
    world = TwoStacks(Kind(has_opaque_etags=True))
    conflict(world)
    world.buckets["a"].archive(KEY)
    assert explain(world.stack("a"), KEY).verdict


def test_a_key_below_a_prefix_is_asked_for_without_it() -> None:
    world = TwoStacks(Kind(prefixes={"a": "from/", "b": "to/"}))
    world.put("a", "from/k")
    assert explained(world).verdict == "would create it at b"


def test_an_object_that_changes_meanwhile_is_explained_all_the_same() -> None:
    """A dry run of millions of keys beside live traffic must not end at the first such key."""
    world = TwoStacks()
    deleted_at_b(world)
    # The verdict, to delete the own object, rests on two looks at the peer's side.
    world.before["a.own.head"] = lambda: world.put("b", KEY, b"2")
    assert explain(world.stack("a"), KEY).verdict
