"""What a finder round does not do: act, disturb live traffic, or ask for the same key for ever."""

import pytest

from sync_core.errors import Ambiguous
from sync_core.finder import Ended
from sync_core.hints import Reason
from sync_core.model import Action
from tests.two_stacks import Kind, TwoStacks

KEY = "dir/report.txt"


@pytest.fixture
def world() -> TwoStacks:
    return TwoStacks()


def in_sync(world: TwoStacks) -> TwoStacks:
    world.put("a", KEY, b"1")
    world.quiesce()
    world.outcomes.clear()
    return world


def test_a_round_writes_to_no_bucket_and_to_no_record(world: TwoStacks) -> None:
    in_sync(world)
    world.put("a", "new")
    world.delete("b", KEY)
    world.lose_events()
    finder = world.finder("a")
    contents = [world.values(side) for side in "ab"]
    records = dict(world.tables["a"].records)
    world.calls.clear()
    finder.run()
    assert [world.values(side) for side in "ab"] == contents
    assert world.tables["a"].records == records
    writing = {call for call in world.calls if "list" not in call and "_control" not in call}
    assert writing == set()


def test_a_round_beside_its_own_messages_sends_them_again_and_that_is_harmless(
    world: TwoStacks,
) -> None:
    world.put("a", KEY)
    world.finder("a").run()
    world.finder("a").run()
    world.quiesce()
    assert world.contents("b") == {KEY: b"1"}
    assert world.sync_writes[KEY] == 1


def test_what_is_only_at_the_peer_is_left_to_the_peers_finder(world: TwoStacks) -> None:
    world.put("b", KEY)
    world.lose_events()
    report = world.finder("a").run()
    assert (report.reasons, report.hinted) == ({Reason.LEFT_TO_PEER: 1}, {})
    assert report.ended is Ended.COMPLETE
    assert not [body for body in world.queues["a"].bodies() if "Records" not in body]


def test_our_own_keys_are_not_compared(world: TwoStacks) -> None:
    world.put("a", ".dualway/left behind")
    assert [report.scanned for report in world.find()] == [0, 0]
    assert world.actions()[Action.OBJECT_COPIED] == 0


@pytest.mark.parametrize("versioned", ["", "a"])
def test_a_replica_that_was_copied_onto_itself_is_asked_for_once(versioned: str) -> None:
    """As a user does who changes the storage class of a whole bucket."""
    world = in_sync(TwoStacks(Kind(versioned=versioned)))
    world.pass_time(10)
    world.users["b"].copy_with_marker(world.head("b", KEY), KEY)
    world.quiesce()
    world.find()
    assert [report.hinted for report in world.find()] == [{}, {}]


def test_a_key_that_was_deleted_while_it_was_unknown_whether_it_was_copied_is_asked_for_once(
    world: TwoStacks,
) -> None:
    world.put("a", KEY)
    world.running("a")

    def lose_the_answer() -> None:
        raise Ambiguous("put", KEY, "no answer came")

    world.before["a.peer.put_if"] = lose_the_answer
    world.deliver("a")
    world.delete("a", KEY)
    world.quiesce()
    world.find()
    assert [report.hinted for report in world.find()] == [{}, {}]
    assert world.record("a", KEY).intent is None


@pytest.mark.parametrize("versioned", ["", "b", "ab"])
def test_an_original_that_was_copied_onto_itself_is_asked_for_once(versioned: str) -> None:
    world = in_sync(TwoStacks(Kind(versioned=versioned)))
    world.pass_time(10)
    world.users["a"].copy_with_marker(world.head("a", KEY), KEY)
    world.lose_events()
    world.find()
    assert [report.hinted for report in world.find()] == [{}, {}]
    assert world.actions()[Action.OBJECT_COPIED] == 0
