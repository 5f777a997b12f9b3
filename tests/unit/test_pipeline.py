"""What one batch does: which calls it makes, what it writes, how each message is settled."""

import json
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO

import pytest

from sync_core import marker
from sync_core.errors import MalformedEvent, Throttled
from sync_core.events import job_body
from sync_core.model import Action, Lease, SyncRecord
from sync_core.pipeline import Settlement
from sync_core.queues.protocol import Message
from sync_core.storage.memory import MemoryObjectStore
from sync_core.storage.protocol import ObjectWrite
from tests.world import GRACE_SECONDS, World

KEY = "dir/report.txt"


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    assert made.violations == []


def run(world: World, side: str, *bodies: str) -> list[Settlement]:
    """Have one side's pipeline process these messages as one batch."""
    messages = [Message(str(number), body, str(number)) for number, body in enumerate(bodies)]
    world.points.calls.clear()
    return world.pipelines[side].run(messages)


def take(world: World, side: str) -> list[str]:
    """Take all messages from a side's queue."""
    bodies = [queued.body for queued in world.queues[side]]
    world.queues[side].clear()
    return bodies


def sync(world: World, side: str) -> list[Settlement]:
    """Process all that is in a side's queue as one batch."""
    return run(world, side, *take(world, side))


def actions(world: World) -> list[Action]:
    return [outcome.action for outcome in world.reported]


# --- the cost of each path ---


def test_a_new_object_costs_one_get_one_put_one_read_and_two_writes_of_its_record(
    world: World,
) -> None:
    world.put("a", KEY)
    sync(world, "a")
    assert world.points.calls == [
        "records.read",
        "own.get",
        "records.write",
        "peer.put_if",
        "records.write",
    ]
    assert world.values("a") == world.values("b")


def test_ten_new_objects_share_the_calls_to_the_table(world: World) -> None:
    for number in range(10):
        world.put("a", f"k{number}")
    sync(world, "a")
    calls = world.points.calls
    assert [calls.count(f"records.{name}") for name in ("read", "write")] == [1, 2]
    assert calls.count("peer.put_if") == calls.count("own.get") == 10


def test_an_overwrite_costs_one_head_more_since_if_match_cannot_see_a_metadata_edit(
    world: World,
) -> None:
    world.put("a", KEY)
    world.quiesce()
    world.put("a", KEY)
    sync(world, "a")
    assert [call for call in world.points.calls if not call.startswith("records")] == [
        "peer.head",
        "own.get",
        "peer.put_if",
    ]


def test_an_echo_costs_one_head_of_the_own_object_and_a_record_write(world: World) -> None:
    world.put("a", KEY)
    sync(world, "a")
    sync(world, "b")
    assert world.points.calls == ["records.read", "own.head", "records.write"]
    assert actions(world)[-2:] == [Action.REPEATED_TRANSFER, Action.ACKNOWLEDGED]
    assert world.reported[-2].principal_id == "AWS:AIDASYNCb"
    assert world.reported[-2].bucket == "bucket-b"


def test_a_second_delivery_of_an_echo_costs_no_write(world: World) -> None:
    world.put("a", KEY)
    sync(world, "a")
    echoes = take(world, "b")
    run(world, "b", *echoes)
    run(world, "b", *echoes)
    assert world.points.calls == ["records.read", "own.head"]


def test_a_replicated_delete_is_acknowledged_by_a_look_at_both_sides(world: World) -> None:
    world.put("a", KEY)
    world.quiesce()
    world.delete("a", KEY)
    sync(world, "a")
    assert world.values("b") == {}
    sync(world, "b")
    assert world.points.calls == ["records.read", "peer.head", "own.head", "records.write"]
    assert Action.REPEATED_DELETE in actions(world)


def test_all_events_of_one_key_in_a_batch_are_one_evaluation(world: World) -> None:
    for _ in range(5):
        world.put("a", KEY)
    settled = sync(world, "a")
    assert actions(world) == [Action.OBJECT_COPIED]
    assert [settlement.error for settlement in settled] == [None] * 5


# --- echoes that are none ---


def test_an_object_written_by_hand_with_the_dedicated_users_keys_is_a_users_write(
    world: World,
) -> None:
    by_hand = MemoryObjectStore(world.buckets["a"], "AWS:AIDASYNCa")
    world.histories[1] = frozenset({1})
    by_hand.put(ObjectWrite(KEY, 1), BytesIO(b"1"))
    sync(world, "a")
    assert world.values("b")[KEY][0] == b"1"


def test_a_user_who_deletes_a_replica_before_its_echo_was_seen_deletes_the_original(
    world: World,
) -> None:
    world.put("a", KEY)
    sync(world, "a")
    world.delete("b", KEY)
    sync(world, "b")
    assert Action.PEER_NUDGED in actions(world)
    world.quiesce()
    assert world.values("a") == world.values("b") == {}


def test_a_nudge_is_never_answered_by_a_nudge(world: World) -> None:
    world.put("b", KEY)
    run(world, "a", job_body(KEY, from_peer=True))
    assert actions(world) == [Action.SKIPPED]


# --- answers that were lost, processes that died ---


def test_a_put_whose_answer_was_lost_is_recognised_as_our_own(world: World) -> None:
    world.put("a", KEY)
    world.lose_next_answer("b")
    [settlement] = sync(world, "a")
    assert settlement.error is None
    assert actions(world) == [Action.OBJECT_COPIED]
    assert world.records["a"].records[KEY].pair is not None


def test_a_crash_after_the_put_costs_no_second_transfer(world: World) -> None:
    world.put("a", KEY)
    world.interrupt(5, world.crash)
    world.deliver("a")
    assert KEY in world.values("b")
    world.quiesce()
    assert world.sync_writes == 1
    assert world.outcomes[Action.OBJECT_COPIED] == 1


def test_a_crash_before_the_put_waits_for_the_peers_evidence_and_then_creates(
    world: World,
) -> None:
    world.put("a", KEY)
    world.interrupt(4, world.crash)
    world.deliver("a")
    world.pass_time(31)
    [settlement] = sync(world, "a")
    [deferral] = settlement.deferrals
    assert 0 < deferral.delay_seconds <= GRACE_SECONDS
    assert world.values("b") == {}
    world.pass_time(deferral.delay_seconds)
    run(world, "a", job_body(KEY))
    assert KEY in world.values("b")


def test_a_key_that_another_worker_holds_is_deferred(world: World) -> None:
    world.put("a", KEY)
    held = Lease("another", world.now + timedelta(seconds=30))
    world.records["a"].write([SyncRecord(KEY, lease=held)])
    [settlement] = sync(world, "a")
    assert settlement.error is None
    assert [deferral.key for deferral in settlement.deferrals] == [KEY]
    assert world.values("b") == {}


def test_a_lease_that_has_run_out_holds_nobody_up(world: World) -> None:
    world.put("a", KEY)
    held = Lease("another", world.now - timedelta(seconds=1))
    world.records["a"].write([SyncRecord(KEY, lease=held)])
    sync(world, "a")
    assert KEY in world.values("b")
    assert world.records["a"].records[KEY].lease is None


def test_a_worker_that_was_held_up_does_not_finish_a_turn_that_another_one_took(
    world: World,
) -> None:
    world.put("a", KEY)
    world.users["a"].put_tags(KEY, {"team": "blue"})

    def another_workers_turn() -> None:
        world.pass_time(60)
        world.put("a", KEY)
        world.quiesce()
        world.delete("b", KEY)

    body = take(world, "a")
    # The calls are: read the record, get the object, claim, read the tags, put.
    world.interrupt(4, another_workers_turn)
    run(world, "a", *body)
    world.quiesce()
    assert world.values("a") == world.values("b") == {}


# --- conflicts ---


def test_the_loser_of_a_conflict_is_kept_on_both_sides(world: World) -> None:
    world.put("a", KEY)
    world.pass_time(1)
    world.put("b", KEY)
    world.quiesce()
    kept = sorted(world.values("a"))
    assert world.values("a") == world.values("b")
    assert len(kept) == 2
    assert kept[0].startswith("dir/report.conflict-a-")
    assert world.contents("a") == {KEY: 2, kept[0]: 1}


def test_the_kept_loser_is_a_users_object_without_our_marker(world: World) -> None:
    world.put("a", KEY)
    world.quiesce()
    world.edit("b", KEY)
    world.put("a", KEY)
    world.deliver("b")
    world.quiesce()
    assert world.values("a") == world.values("b")
    copies = [key for key in world.values("a") if ".conflict-" in key]
    for side in ("a", "b"):
        heads = [world.users[side].head(key) for key in copies]
        assert all(head is not None for head in heads)


def test_equal_objects_written_on_both_sides_are_no_conflict(world: World) -> None:
    world.put_twins(KEY)
    world.quiesce()
    assert list(world.values("a")) == [KEY]
    assert world.sync_writes == 0


# --- messages ---


def test_a_poison_message_leaves_its_neighbours_alone(world: World) -> None:
    world.put("a", KEY)
    good = take(world, "a")
    first, second, third = run(world, "a", "{", *good, "[]")
    assert isinstance(first.error, MalformedEvent)
    assert second.error is None
    assert isinstance(third.error, MalformedEvent)
    assert KEY in world.values("b")


def test_a_good_record_beside_a_bad_one_in_one_message_is_processed(world: World) -> None:
    world.put("a", KEY)
    [body] = take(world, "a")
    records = json.loads(body)["Records"]
    [settlement] = run(world, "a", json.dumps({"Records": [*records, {"eventSource": "x"}]}))
    assert isinstance(settlement.error, MalformedEvent)
    assert KEY in world.values("b")


def test_an_error_of_one_key_leaves_its_neighbours_alone(world: World) -> None:
    world.put("a", "good")
    world.put("a", "bad")
    world.fail_puts("b", "bad", Throttled("put", "bad", "slow down"))
    good, bad = sync(world, "a")
    assert good.error is None
    assert isinstance(bad.error, Throttled)
    assert list(world.values("b")) == ["good"]
    record = world.records["a"].records["bad"]
    assert record.intent is None
    assert record.lease is None


def test_a_defect_of_ours_is_retried_and_leaves_its_neighbours_alone(world: World) -> None:
    world.put("a", "good")
    world.put("a", "bad")
    world.fail_puts("b", "bad", ZeroDivisionError("a defect"))
    good, bad = sync(world, "a")
    assert good.error is None
    assert bad.error is not None
    assert bad.error.retryable
    assert "a defect" in str(bad.error)


def test_our_own_prefix_is_never_synchronised(world: World) -> None:
    world.put("a", ".dualway/control")
    [settlement] = sync(world, "a")
    assert settlement == Settlement(settlement.message)
    assert world.points.calls == []


# --- what is carried along ---


def test_an_object_whose_metadata_leaves_no_room_is_synced_without_a_marker(world: World) -> None:
    store = world.users["a"]
    store.put(ObjectWrite(KEY, 1, metadata={"full": "x" * 2000}), BytesIO(b"1"))
    world.histories[1] = frozenset({1})
    world.quiesce()
    assert world.values("a") == world.values("b")
    head = world.users["b"].head(KEY)
    assert head is not None
    assert head.marker is None
    assert world.sync_writes == 1


def test_tags_go_with_the_object(world: World) -> None:
    write = ObjectWrite(KEY, 1, tags={"team": "blue & green"})
    world.users["a"].put(write, BytesIO(b"1"))
    world.histories[1] = frozenset({1})
    sync(world, "a")
    assert world.users["b"].tags(KEY) == {"team": "blue & green"}


def test_a_large_object_goes_in_parts(world: World) -> None:
    data = b" " * (9 * 1024 * 1024) + b"1"
    world.users["a"].put(ObjectWrite(KEY, len(data)), BytesIO(data))
    world.histories[1] = frozenset({1})
    world.quiesce()
    assert world.read("b", KEY) == data
    head = world.users["b"].head(KEY)
    assert head is not None
    assert head.etag.endswith("-2")
    assert marker.parse(head.marker or "") is not None
    assert world.sync_writes == 1
