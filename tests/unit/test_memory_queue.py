"""What the queue in memory promises beyond the contract: its clock and its read access."""

from datetime import UTC, datetime, timedelta

import pytest

from sync_core.queues.memory import DeadLetter, MemoryQueue


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> MemoryQueue:
    return MemoryQueue(clock, visibility_timeout_seconds=30, max_receive_count=2)


def test_a_delivery_becomes_visible_exactly_when_its_time_is_over(
    queue: MemoryQueue, clock: Clock
) -> None:
    queue.send("m")
    queue.receive(1, 0)
    clock.advance(29.999)
    assert queue.receive(1, 0) == []
    clock.advance(0.001)
    assert [message.receive_count for message in queue.receive(1, 0)] == [2]


def test_a_delayed_message_waits_for_the_clock(queue: MemoryQueue, clock: Clock) -> None:
    queue.send("m", delay_seconds=900)
    clock.advance(899)
    assert queue.receive(1, 0) == []
    clock.advance(1)
    assert len(queue.receive(1, 0)) == 1


def test_messages_sent_together_come_in_their_order(queue: MemoryQueue) -> None:
    queue.send_many(["a", "b", "c"])
    assert [message.body for message in queue.receive(10, 0)] == ["a", "b", "c"]


def test_a_wait_on_a_clock_that_stands_still_ends_in_real_time(queue: MemoryQueue) -> None:
    queue.send("m", delay_seconds=900)
    assert queue.receive(1, 0.05) == []


def test_a_spent_message_goes_to_the_dead_letters_without_a_reason(
    queue: MemoryQueue, clock: Clock
) -> None:
    queue.send("m")
    for _ in range(2):
        assert len(queue.receive(1, 0)) == 1
        clock.advance(30)
    assert queue.receive(1, 0) == []
    assert queue.dead_letters == [DeadLetter("message-1", "m", 2)]
    assert (queue.depth(), queue.in_flight()) == (0, 0)


def test_a_stale_delivery_neither_deletes_nor_hides_the_message(
    queue: MemoryQueue, clock: Clock
) -> None:
    queue.send("m")
    (stale,) = queue.receive(1, 0)
    clock.advance(30)
    (latest,) = queue.receive(1, 0)
    queue.delete([stale])
    queue.change_visibility([stale], 0)
    assert queue.in_flight() == 1
    queue.delete([latest])
    assert queue.in_flight() == 0


def test_an_expired_delivery_can_still_be_deleted_but_not_extended(
    queue: MemoryQueue, clock: Clock
) -> None:
    queue.send("m")
    (message,) = queue.receive(1, 0)
    clock.advance(30)
    queue.change_visibility([message], 60)
    assert queue.depth() == 1
    queue.delete([message])
    assert queue.depth() == 0


def test_depth_and_in_flight_add_up_to_all_that_is_not_settled(
    queue: MemoryQueue, clock: Clock
) -> None:
    for body in ("a", "b", "c"):
        queue.send(body)
    queue.send("delayed", delay_seconds=60)
    queue.receive(2, 0)
    assert (queue.depth(), queue.in_flight()) == (2, 2)
    clock.advance(30)
    assert (queue.depth(), queue.in_flight()) == (4, 0)
