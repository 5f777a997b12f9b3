"""What becomes of a delivery: deleted, dead-lettered or returned, and what is told of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from sync_core import events
from sync_core.errors import (
    AccessDenied,
    Blocked,
    ConfigError,
    DualwayError,
    MalformedEvent,
    Throttled,
    Unavailable,
    Unexpected,
    WriteConflict,
)
from sync_core.model import Action, Outcome
from sync_core.pipeline import Deferral, Settlement
from sync_core.queues.memory import MemoryQueue
from sync_core.queues.protocol import Message
from sync_core.settle import Settled, run_batch, settle


@dataclass
class Recorder:
    """A reporter that remembers."""

    outcomes: list[Outcome] = field(default_factory=list)
    failures: list[tuple[str, Exception]] = field(default_factory=list)

    def report(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    def report_failure(self, operation: str, error: Exception) -> None:
        self.failures.append((operation, error))

    def flush(self) -> None:
        pass


class WatchedQueue(MemoryQueue):
    """A queue whose clock is turned by hand; it notes each call and refuses some."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, tzinfo=UTC)
        self.calls: list[str] = []
        self.refused: dict[str, DualwayError] = {}
        super().__init__(lambda: self.now, visibility_timeout_seconds=30, max_receive_count=3)

    def deliver(self, *bodies: str) -> list[Message]:
        for body in bodies:
            super().send(body)
        return self.receive(len(bodies), 0)

    def arrivals_after(self, seconds: int) -> list[str]:
        self.now += timedelta(seconds=seconds)
        return [message.body for message in self.receive(10, 0)]

    def delete(self, messages: Sequence[Message]) -> None:
        self._note("delete")
        super().delete(messages)

    def change_visibility(self, messages: Sequence[Message], seconds: int) -> None:
        self._note("change_visibility")
        super().change_visibility(messages, seconds)

    def send(self, body: str, delay_seconds: int = 0) -> None:
        self._note("send")
        super().send(body, delay_seconds)

    def dead_letter(self, message: Message, reason: str) -> None:
        self._note("dead_letter")
        super().dead_letter(message, reason)

    def _note(self, call: str) -> None:
        self.calls.append(call)
        if call in self.refused:
            raise self.refused[call]


@pytest.fixture
def queue() -> WatchedQueue:
    return WatchedQueue()


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


Settle = Callable[..., Settled]


@pytest.fixture(name="settle_all")
def settle_all_fixture(queue: WatchedQueue, recorder: Recorder) -> Settle:
    def settle_all(*settlements: Settlement, deletes_done: bool = True) -> Settled:
        return settle(settlements, queue, recorder, spread=lambda: 0.999, deletes_done=deletes_done)

    return settle_all


def test_what_is_done_is_deleted_in_one_call(queue: WatchedQueue, settle_all: Settle) -> None:
    messages = queue.deliver("one", "two")
    settled = settle_all(*map(Settlement, messages))
    assert settled.done == messages
    assert queue.calls == ["delete"]
    assert queue.arrivals_after(3600) == []


def test_where_the_event_source_deletes_the_queue_is_left_alone(
    queue: WatchedQueue, settle_all: Settle
) -> None:
    settle_all(*map(Settlement, queue.deliver("one")), deletes_done=False)
    assert queue.calls == []


def test_poison_goes_to_the_dead_letter_queue_with_its_reason(
    queue: WatchedQueue, recorder: Recorder, settle_all: Settle
) -> None:
    (message,) = queue.deliver("broken")
    settled = settle_all(Settlement(message, Blocked("get", "ice.tar", "it is archived")))
    assert settled.dead_lettered == [message]
    (letter,) = queue.dead_letters
    assert (letter.body, letter.reason) == ("broken", "get 'ice.tar': it is archived")
    assert recorder.outcomes == [
        Outcome(Action.DEAD_LETTERED, "ice.tar", reason="get 'ice.tar': it is archived")
    ]


@pytest.mark.parametrize(
    "error",
    [
        Throttled("put", "a.txt", "slow down"),
        AccessDenied("put", "a.txt", "the key was rotated"),
        WriteConflict("put", "a.txt", "raced"),
        ConfigError("put", "a.txt", "the bucket is missing"),
    ],
)
def test_what_may_succeed_later_is_delivered_again_after_a_pause(
    queue: WatchedQueue, recorder: Recorder, settle_all: Settle, error: DualwayError
) -> None:
    (message,) = queue.deliver("again")
    settled = settle_all(Settlement(message, error))
    assert settled.returned == [message]
    assert not queue.dead_letters
    assert recorder.outcomes == [Outcome(Action.RETRIED, "a.txt", reason=str(error))]
    assert queue.arrivals_after(4) == []
    assert queue.arrivals_after(1) == ["again"]


def test_the_pause_grows_with_each_delivery(queue: WatchedQueue, settle_all: Settle) -> None:
    error = Throttled("put", "a.txt", "slow down")
    settle_all(*(Settlement(message, error) for message in queue.deliver("again")))
    queue.now += timedelta(seconds=5)
    settle_all(*(Settlement(message, error) for message in queue.receive(10, 0)))
    assert queue.arrivals_after(9) == []
    assert queue.arrivals_after(1) == ["again"]


def test_one_messages_fate_is_not_its_neighbours(queue: WatchedQueue, settle_all: Settle) -> None:
    done, poison, later = queue.deliver("done", "poison", "later")
    settled = settle_all(
        Settlement(done),
        Settlement(poison, MalformedEvent("parse", "", "the body is empty")),
        Settlement(later, Unavailable("put", "a", "no answer")),
    )
    assert settled == Settled(done=[done], dead_lettered=[poison], returned=[later])


def test_a_key_that_was_put_off_comes_back_as_a_hint_before_its_message_goes(
    queue: WatchedQueue, settle_all: Settle
) -> None:
    (message,) = queue.deliver("event")
    settle_all(Settlement(message, deferrals=(Deferral("汉 字.txt", 60),)))
    assert queue.calls == ["send", "delete"]
    assert queue.arrivals_after(59) == []
    (body,) = queue.arrivals_after(1)
    (event,) = events.parse(body, bucket="any").events
    assert event.key == "汉 字.txt"


def test_a_key_is_put_off_no_longer_than_the_queue_allows(
    queue: WatchedQueue, settle_all: Settle
) -> None:
    (message,) = queue.deliver("event")
    settle_all(Settlement(message, deferrals=(Deferral("b", 5000),)))
    assert queue.arrivals_after(899) == []
    assert queue.arrivals_after(1) == [events.job_body("b")]


@pytest.mark.parametrize("error", [None, Blocked("get", "a", "archived")])
def test_a_message_whose_hint_was_refused_comes_back(
    queue: WatchedQueue, recorder: Recorder, settle_all: Settle, error: DualwayError | None
) -> None:
    refusal = Unavailable("send", "queue", "no answer")
    queue.refused["send"] = refusal
    (message,) = queue.deliver("event")
    settled = settle_all(Settlement(message, error, (Deferral("a", 60),)))
    assert settled.returned == [message]
    assert ("send a hint", refusal) in recorder.failures
    assert recorder.outcomes[-1].action is Action.RETRIED
    assert recorder.outcomes[-1].key == "a"
    assert queue.arrivals_after(5) == ["event"]


@pytest.mark.parametrize(
    ("call", "error", "operation"),
    [
        ("delete", None, "delete messages"),
        ("dead_letter", Blocked("get", "a", "archived"), "dead-letter a message"),
        ("change_visibility", Throttled("put", "a", "slow down"), "return messages"),
    ],
)
def test_what_the_queue_refuses_is_reported_and_the_message_comes_back(
    queue: WatchedQueue,
    recorder: Recorder,
    settle_all: Settle,
    *,
    call: str,
    error: DualwayError | None,
    operation: str,
) -> None:
    refusal = AccessDenied(call, "queue", "not allowed")
    queue.refused[call] = refusal
    settle_all(*(Settlement(message, error) for message in queue.deliver("event")))
    assert recorder.failures == [(operation, refusal)]
    assert queue.arrivals_after(30) == ["event"]


def test_a_defect_in_one_key_is_told_with_its_cause(
    queue: WatchedQueue, recorder: Recorder, settle_all: Settle
) -> None:
    defect = ZeroDivisionError("division by zero")
    error = Unexpected("evaluate", "a", "ZeroDivisionError: division by zero")
    error.__cause__ = defect
    settle_all(*(Settlement(message, error) for message in queue.deliver("event")))
    assert recorder.failures == [("process a message", defect)]


class Scripted:
    """A pipeline that fails on certain bodies."""

    def __init__(self, **errors: Exception) -> None:
        self.errors = errors
        self.batches: list[list[str]] = []

    def run(self, messages: Sequence[Message]) -> list[Settlement]:
        self.batches.append([message.body for message in messages])
        for message in messages:
            if message.body in self.errors:
                raise self.errors[message.body]
        return [Settlement(message) for message in messages]


def message_of(body: str) -> Message:
    return Message(message_id=body, body=body, receipt_handle=body)


MESSAGES = [message_of(body) for body in ("good", "bad", "fine")]


def test_a_batch_that_runs_is_settled_as_the_pipeline_says(recorder: Recorder) -> None:
    assert run_batch(Scripted(), MESSAGES, recorder) == [Settlement(each) for each in MESSAGES]
    assert not recorder.failures


@pytest.mark.parametrize(
    "outage",
    [Throttled("read", "table", "slow down"), ConfigError("read", "table", "it is missing")],
)
def test_an_outage_returns_the_batch_as_a_whole(recorder: Recorder, outage: DualwayError) -> None:
    pipeline = Scripted(bad=outage)
    settlements = run_batch(pipeline, MESSAGES, recorder)
    assert settlements == [Settlement(each, outage) for each in MESSAGES]
    assert len(pipeline.batches) == 1
    assert recorder.failures == [("run the batch", outage)]


def test_a_defect_takes_no_other_message_with_it(recorder: Recorder) -> None:
    defect = ZeroDivisionError("division by zero")
    good, bad, fine = run_batch(Scripted(bad=defect), MESSAGES, recorder)
    assert (good.error, fine.error) == (None, None)
    assert isinstance(bad.error, Unexpected)
    assert bad.error.__cause__ is defect
    assert recorder.failures == [("run the batch", defect)]


def test_poison_from_the_table_condemns_its_own_message_only(recorder: Recorder) -> None:
    poison = Blocked("read", "bad", "the item is no record")
    settlements = run_batch(Scripted(bad=poison), MESSAGES, recorder)
    assert [each.error for each in settlements] == [None, poison, None]
