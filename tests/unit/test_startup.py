"""What a deployment does before its first work, once, and again when it has failed."""

from collections.abc import Callable

import pytest

from sync_core.errors import AccessDenied, Blocked, ConfigError, Unavailable
from sync_core.events import job_body
from sync_core.finder import Ended
from sync_core.model import GuaranteeLevel, Side
from sync_core.queues.protocol import Message
from sync_core.safety import DeleteLimits
from sync_core.storage.weak import WeakStore
from tests.two_stacks import Kind, TwoStacks


def deliver(world: TwoStacks, key: str) -> None:
    world.startups["a"].run([Message("1", job_body(key), "1")])


def raising(error: Exception) -> Callable[[], None]:
    def refuse() -> None:
        raise error

    return refuse


def test_nothing_is_asked_before_there_is_work() -> None:
    assert TwoStacks().calls == []


def test_it_starts_once_and_then_only_works() -> None:
    world = TwoStacks()
    started = world.running("a")
    world.calls.clear()
    assert world.running("a") is started
    assert world.calls == []


def test_what_both_stores_can_do_is_told_once() -> None:
    world = TwoStacks(Kind(versioned="b", weak="a"))
    running = world.running("a")
    world.running("a")
    levels = [sentence.split(":")[0] for sentence in world.told["a"].guarantees]
    assert levels == ["guarantee level D at a", "guarantee level V at b"]
    assert running.guarantees == tuple(world.told["a"].guarantees)


def test_a_store_without_conditions_is_strengthened_and_another_is_left_as_it_is() -> None:
    world = TwoStacks(Kind(versioned="b", weak="a"))
    sides = world.running("a").stack.sides
    assert isinstance(sides.own, WeakStore)
    assert not isinstance(sides.peer, WeakStore)
    assert sides.capabilities(Side.OWN).level is GuaranteeLevel.DEGRADED
    assert sides.capabilities(Side.PEER).is_versioned


def test_nothing_is_left_of_the_trials_but_the_sentinels() -> None:
    world = TwoStacks(Kind(versioned="ab", weak="b"))
    world.running("a")
    for side in "ab":
        assert [listed.key for listed in world.users[side].list()] == [".dualway/sentinel-a"]


def test_sentinels_are_planted_below_the_prefixes() -> None:
    world = TwoStacks(Kind(prefixes={"a": "from/", "b": "to/"}))
    world.running("a")
    assert [listed.key for listed in world.users["b"].list()] == ["to/.dualway/sentinel-a"]


def test_what_one_worker_has_found_out_the_next_one_recalls() -> None:
    world = TwoStacks()
    world.running("a")
    world.start_again()
    world.calls.clear()
    world.running("a")
    assert not [call for call in world.calls if ".put" in call or ".delete" in call]
    assert world.told["a"].held == []


@pytest.mark.parametrize("call", ["a.own.put_if", "a.peer.put_if", "a.records.read_control"])
@pytest.mark.parametrize(
    "error",
    [
        Unavailable("head", "", "no answer"),
        AccessDenied("head", "", "403"),
    ],
)
def test_a_start_that_failed_is_tried_again_with_the_next_work(call: str, error: Exception) -> None:
    world = TwoStacks()
    world.put("a", "k")
    world.before[call] = raising(error)
    with pytest.raises(type(error)):
        deliver(world, "k")
    assert world.contents("b") == {}
    deliver(world, "k")
    assert world.contents("b") == {"k": b"1"}
    assert world.told["a"].held == []


def test_a_store_that_takes_no_object_is_a_wrong_configuration_and_blocks_no_message() -> None:
    world = TwoStacks()
    world.put("a", "k")
    world.before["a.peer.put"] = raising(Blocked("put", "k", "no such key of KMS"))
    with pytest.raises(ConfigError) as caught:
        deliver(world, "k")
    assert caught.value.key == "bucket bucket-b"
    assert caught.value.cause == (
        "no such key of KMS; check the bucket, and the options for writing"
    )


def test_both_sides_may_start_in_any_order_and_hold_nothing() -> None:
    for order in ("ab", "ba"):
        world = TwoStacks(Kind(limits=DeleteLimits()))
        for side in order:
            world.running(side)
        world.start_again()
        for side in order:
            world.running(side)
        assert [world.told[side].held for side in "ab"] == [[], []]


def test_a_complete_round_tells_the_guard_how_many_keys_there_are() -> None:
    world = TwoStacks()
    for number in range(5):
        world.put("a", f"k{number}")
    world.quiesce()
    world.find()
    status = world.running("a").guard.status()
    assert (status.synced_keys, status.synced_at) == (5, world.now)


def test_an_interrupted_round_tells_the_guard_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync_core.finder.CHECKPOINT_KEYS", 1)
    world = TwoStacks()
    for number in range(2):
        world.put("a", f"k{number}")
    report = world.startups["a"].find(world.queues["a"], lambda: True)
    assert report.ended is Ended.INTERRUPTED
    assert world.running("a").guard.status().synced_at is None


def test_a_round_verifies_the_guards_first() -> None:
    world = TwoStacks()
    world.put("a", "k")
    world.quiesce()
    for listed in list(world.users["b"].list()):
        world.users["b"].delete(listed.key)
    world.lose_events()
    report = world.startups["a"].find(world.queues["a"], lambda: False)
    assert report.deletes_are_held
    assert world.told["a"].held == ["peer_bucket_emptied_or_recreated"]
    assert not world.queues["a"].waiting


def test_a_bucket_that_is_not_there_at_all_is_an_error_and_no_absence() -> None:
    world = TwoStacks()
    world.put("a", "k")
    world.quiesce()
    world.buckets["b"].remove()
    with pytest.raises(ConfigError):
        world.startups["a"].find(world.queues["a"], lambda: False)
