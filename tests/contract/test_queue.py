"""What every queue promises; `Queue`'s docstrings are the specification."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import uuid4

import boto3
import pytest
from moto import mock_aws

from sync_core.errors import ConfigError
from sync_core.local.cloud import LocalCloud
from sync_core.queues.memory import MemoryQueue
from sync_core.queues.protocol import (
    Message,
    Queue,
    QueueCounts,
    SupportsBulkSend,
    SupportsCounts,
)
from sync_core.queues.sqs import SQSQueue

REGION = "us-east-1"
MAX_RECEIVE_COUNT = 3
PATIENCE_SECONDS = 60.0


class BulkQueue(Queue, SupportsBulkSend, SupportsCounts, Protocol):
    """All that a queue can do."""


@dataclass(frozen=True)
class Letter:
    """A message in the dead-letter queue; all but the body is None when SQS itself moved it."""

    body: str
    reason: str | None = None
    source_message_id: str | None = None
    receive_count: int | None = None


@dataclass(frozen=True)
class Bench:
    """A queue, and back doors: what it holds in any state, and what was dead-lettered."""

    queue: BulkQueue
    held: Callable[[], int]
    dead_letters: Callable[[], list[Letter]]


Make = Callable[[int], Bench]
"""Makes a queue with the given visibility timeout in seconds, and MAX_RECEIVE_COUNT."""


@pytest.fixture
def memory() -> Make:
    def make(visibility_timeout_seconds: int) -> Bench:
        queue = MemoryQueue(
            lambda: datetime.now(UTC),
            visibility_timeout_seconds=visibility_timeout_seconds,
            max_receive_count=MAX_RECEIVE_COUNT,
        )

        def dead_letters() -> list[Letter]:
            return [
                Letter(letter.body, letter.reason, letter.source_message_id, letter.receive_count)
                if letter.reason
                else Letter(letter.body)
                for letter in queue.dead_letters
            ]

        return Bench(queue, lambda: queue.depth() + queue.in_flight(), dead_letters)

    return make


@pytest.fixture
def moto() -> Iterator[Make]:
    with mock_aws():
        client = boto3.client("sqs", region_name=REGION)
        yield lambda seconds: sqs_bench(client, seconds)


@pytest.fixture
def cloud(local_cloud: LocalCloud) -> Iterator[Make]:
    client = local_cloud.client("sqs", "a")
    yield lambda seconds: sqs_bench(client, seconds)
    for queue_url in client.list_queues(QueueNamePrefix=PREFIX).get("QueueUrls", []):
        client.delete_queue(QueueUrl=queue_url)


@pytest.fixture(params=["memory", "moto", "cloud"])
def make(request: pytest.FixtureRequest) -> Make:
    """Each backend in turn; one that is not asked for is not started."""
    made: Make = request.getfixturevalue(request.param)
    return made


@pytest.fixture
def bench(make: Make) -> Bench:
    """A queue whose visibility timeout does not pass during a test."""
    return make(60)


PREFIX = "contract-"
STATES = ("", "NotVisible", "Delayed")


def sqs_bench(client: Any, visibility_timeout_seconds: int) -> Bench:
    name = f"{PREFIX}{uuid4().hex[:8]}"
    dead_letter_queue_url = client.create_queue(QueueName=f"{name}-dead-letter")["QueueUrl"]
    arn = client.get_queue_attributes(QueueUrl=dead_letter_queue_url, AttributeNames=["QueueArn"])
    redrive = {
        "deadLetterTargetArn": arn["Attributes"]["QueueArn"],
        "maxReceiveCount": MAX_RECEIVE_COUNT,
    }
    queue_url = client.create_queue(
        QueueName=name,
        Attributes={
            "VisibilityTimeout": str(visibility_timeout_seconds),
            "RedrivePolicy": json.dumps(redrive),
        },
    )["QueueUrl"]

    def held() -> int:
        names = [f"ApproximateNumberOfMessages{state}" for state in STATES]
        answer = client.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def dead_letters() -> list[Letter]:
        answer = client.receive_message(
            QueueUrl=dead_letter_queue_url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
            MessageAttributeNames=["All"],
        )
        return [letter_of(message) for message in answer.get("Messages", [])]

    return Bench(SQSQueue(client, queue_url, dead_letter_queue_url), held, dead_letters)


def letter_of(message: Any) -> Letter:
    values = {
        name: attribute["StringValue"]
        for name, attribute in message.get("MessageAttributes", {}).items()
    }
    receive_count = int(values["receive_count"]) if "receive_count" in values else None
    return Letter(
        message["Body"], values.get("reason"), values.get("source_message_id"), receive_count
    )


def receive_until(queue: Queue, enough: Callable[[list[Message]], bool]) -> list[Message]:
    """Collect messages by long polling until `enough` says so; fails after PATIENCE_SECONDS."""
    received: list[Message] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not enough(received):
        assert time.monotonic() < deadline, f"only {received} arrived"
        received += queue.receive(10, 1)
    return received


def receive_count_of(queue: Queue, count: int) -> list[Message]:
    return receive_until(queue, lambda received: len(received) >= count)


def receive_one(queue: Queue) -> Message:
    (message,) = receive_count_of(queue, 1)
    return message


def any_live(messages: list[Message]) -> bool:
    return any(message.body == "live" for message in messages)


class TestReceiving:
    def test_an_empty_queue_gives_nothing_and_does_not_block(self, bench: Bench) -> None:
        assert bench.queue.receive(10, 0) == []

    def test_a_message_comes_as_it_was_sent(self, bench: Bench) -> None:
        body = json.dumps({"key": "emoji-🪣 é\n\t中"}, ensure_ascii=False)
        bench.queue.send(body)
        message = receive_one(bench.queue)
        assert (message.body, message.receive_count) == (body, 1)
        assert message.message_id
        assert message.receipt_handle

    @pytest.mark.parametrize(("limit", "received"), [(0, 0), (3, 3), (10, 10), (50, 10)])
    def test_never_more_come_than_asked_for_and_never_more_than_ten(
        self, bench: Bench, limit: int, received: int
    ) -> None:
        for n in range(12):
            bench.queue.send(f"message {n}")
        assert len(bench.queue.receive(limit, 0)) == received

    def test_a_message_in_flight_is_not_delivered_to_others(self, bench: Bench) -> None:
        bench.queue.send("m")
        receive_one(bench.queue)
        assert bench.queue.receive(10, 0) == []
        assert bench.held() == 1

    def test_a_message_that_is_not_settled_comes_again_after_the_visibility_timeout(
        self, make: Make
    ) -> None:
        bench = make(1)
        bench.queue.send("m")
        first = receive_one(bench.queue)
        second = receive_one(bench.queue)
        assert second == replace(first, receipt_handle=second.receipt_handle, receive_count=2)
        assert second.receipt_handle != first.receipt_handle

    def test_a_waiting_receiver_is_woken_by_a_message(self, bench: Bench) -> None:
        with ThreadPoolExecutor(1) as pool:
            received = pool.submit(bench.queue.receive, 10, 20)
            bench.queue.send("m")
            assert [message.body for message in received.result(timeout=15)] == ["m"]

    def test_concurrent_receivers_share_the_messages(
        self, request: pytest.FixtureRequest, bench: Bench
    ) -> None:
        if "moto" in request.keywords:
            pytest.skip("moto takes no lock: two threads may both be given a message")
        for n in range(40):
            bench.queue.send(f"message {n}")
        with ThreadPoolExecutor(4) as pool:
            batches = list(pool.map(lambda _: bench.queue.receive(10, 1), range(4)))
        bodies = [message.body for batch in batches for message in batch]
        assert sorted(bodies) == sorted(f"message {n}" for n in range(40))


class TestDelay:
    def test_a_delayed_message_comes_later(self, bench: Bench) -> None:
        sent_at_seconds = time.monotonic()
        bench.queue.send("later", delay_seconds=1)
        assert bench.held() == 1
        assert receive_one(bench.queue).body == "later"
        assert time.monotonic() - sent_at_seconds > 0.95

    @pytest.mark.parametrize("delay_seconds", [-1, 901])
    def test_a_delay_beyond_the_limits_is_a_mistake_of_the_caller(
        self, bench: Bench, delay_seconds: int
    ) -> None:
        with pytest.raises(ValueError, match="0 to 900"):
            bench.queue.send("m", delay_seconds)


class TestSendingMany:
    @pytest.mark.parametrize("count", [0, 1, 10, 25])
    def test_any_number_of_messages_can_be_sent_at_once(self, bench: Bench, count: int) -> None:
        bodies = [f"message {n} 🪣 é\n中" for n in range(count)]
        bench.queue.send_many(bodies)
        assert bench.held() == count
        received = receive_count_of(bench.queue, count)
        assert sorted(message.body for message in received) == sorted(bodies)

    def test_equal_messages_are_each_delivered(self, bench: Bench) -> None:
        bench.queue.send_many(["m"] * 3)
        received = receive_count_of(bench.queue, 3)
        assert [message.body for message in received] == ["m"] * 3
        assert len({message.message_id for message in received}) == 3

    def test_messages_may_be_larger_together_than_one_call_takes(self, bench: Bench) -> None:
        bodies = [str(n) + "é" * 125_000 for n in range(9)]
        bench.queue.send_many(bodies)
        received = receive_count_of(bench.queue, len(bodies))
        assert sorted(message.body for message in received) == bodies


class TestDeleting:
    def test_any_number_of_deliveries_can_be_deleted_at_once(self, bench: Bench) -> None:
        for n in range(25):
            bench.queue.send(f"message {n}")
        bench.queue.delete(receive_count_of(bench.queue, 25))
        assert bench.held() == 0

    def test_nothing_to_delete_is_no_error(self, bench: Bench) -> None:
        bench.queue.delete([])

    def test_a_delivery_that_is_gone_is_no_error(self, bench: Bench) -> None:
        bench.queue.send("m")
        message = receive_one(bench.queue)
        bench.queue.delete([message])
        bench.queue.delete([message])

    def test_a_stale_receipt_handle_is_no_error_and_the_latest_one_counts(
        self, bench: Bench
    ) -> None:
        bench.queue.send("m")
        stale = receive_one(bench.queue)
        bench.queue.change_visibility([stale], 0)
        latest = receive_one(bench.queue)
        bench.queue.delete([stale])
        bench.queue.delete([latest])
        assert bench.held() == 0

    def test_a_bad_receipt_handle_does_not_hold_up_those_beside_it(self, bench: Bench) -> None:
        for n in range(12):
            bench.queue.send(f"message {n}")
        received = receive_count_of(bench.queue, 12)
        garbage = replace(received[0], receipt_handle="no-such-handle")
        bench.queue.delete([garbage, *received])
        assert bench.held() == 0


class TestVisibility:
    def test_a_delivery_can_be_given_back_at_once(self, bench: Bench) -> None:
        bench.queue.send("m")
        first = receive_one(bench.queue)
        bench.queue.change_visibility([first], 0)
        assert receive_one(bench.queue).receive_count == 2

    def test_any_number_can_be_given_back_at_once(self, bench: Bench) -> None:
        for n in range(12):
            bench.queue.send(f"message {n}")
        bench.queue.change_visibility(receive_count_of(bench.queue, 12), 0)
        again = receive_count_of(bench.queue, 12)
        assert {message.receive_count for message in again} == {2}

    def test_a_delivery_can_be_held_longer_than_the_visibility_timeout(self, make: Make) -> None:
        # Longer than a busy machine lies between receiving and holding.
        bench = make(5)
        bench.queue.send("held")
        bench.queue.send("left alone")
        received = receive_count_of(bench.queue, 2)
        held = [message for message in received if message.body == "held"]
        bench.queue.change_visibility(held, 60)
        again = receive_until(bench.queue, lambda messages: len(messages) >= 1)
        assert {message.body for message in again} == {"left alone"}
        bench.queue.delete(held)

    def test_deliveries_that_are_over_are_passed_over(self, bench: Bench) -> None:
        for body in ("gone", "stale", "live"):
            bench.queue.send(body)
        received = {m.body: m for m in receive_count_of(bench.queue, 3)}
        bench.queue.delete([received["gone"]])
        bench.queue.change_visibility([received["stale"]], 0)
        receive_one(bench.queue)
        bench.queue.change_visibility(list(received.values()), 0)
        bodies = {m.body for m in receive_until(bench.queue, any_live)}
        assert "gone" not in bodies

    @pytest.mark.parametrize("seconds", [-1, 43_201])
    def test_a_time_beyond_the_limits_is_a_mistake_of_the_caller(
        self, bench: Bench, seconds: int
    ) -> None:
        with pytest.raises(ValueError, match="0 to 43,200"):
            bench.queue.change_visibility([], seconds)


class TestDeadLetters:
    def test_a_poison_message_is_moved_with_its_reason(self, bench: Bench) -> None:
        bench.queue.send("poison")
        bench.queue.send("good")
        received = {message.body: message for message in receive_count_of(bench.queue, 2)}
        bench.queue.dead_letter(received["poison"], "parse 'k': not JSON 坏")
        assert bench.dead_letters() == [
            Letter("poison", "parse 'k': not JSON 坏", received["poison"].message_id, 1)
        ]
        assert bench.held() == 1

    def test_a_message_delivered_too_often_is_moved_by_itself(self, bench: Bench) -> None:
        bench.queue.send("hopeless")
        for receive_count in range(1, MAX_RECEIVE_COUNT + 1):
            message = receive_one(bench.queue)
            assert message.receive_count == receive_count
            bench.queue.change_visibility([message], 0)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not bench.dead_letters():
            assert bench.queue.receive(10, 0) == []
            assert time.monotonic() < deadline
        assert bench.dead_letters() == [Letter("hopeless")]
        assert bench.held() == 0


class TestCounts:
    def test_a_queue_without_messages_has_none(self, bench: Bench) -> None:
        assert bench.queue.counts() == QueueCounts(waiting=0, in_flight=0, dead_letters=0)

    def test_messages_are_counted_by_where_they_are(self, bench: Bench) -> None:
        for body in ("dead", "taken"):
            bench.queue.send(body)
        received = {message.body: message for message in receive_count_of(bench.queue, 2)}
        bench.queue.dead_letter(received["dead"], "no use")
        for number in range(3):
            bench.queue.send(f"waiting {number}")
        bench.queue.send("later", delay_seconds=900)
        assert bench.queue.counts() == QueueCounts(waiting=4, in_flight=1, dead_letters=1)


class TestMissingQueue:
    @pytest.fixture(params=["moto", "cloud"])
    def missing(self, request: pytest.FixtureRequest) -> SQSQueue:
        if request.param == "cloud":
            client = request.getfixturevalue("local_cloud").client("sqs", "a")
        else:
            request.getfixturevalue("moto")
            client = boto3.client("sqs", region_name=REGION)
        present = client.create_queue(QueueName=f"{PREFIX}{uuid4().hex[:8]}")["QueueUrl"]
        client.delete_queue(QueueUrl=present)
        return SQSQueue(client, present, present)

    def test_a_missing_queue_is_an_error_of_the_deployment(self, missing: SQSQueue) -> None:
        message = Message("id", "body", "handle")
        calls: list[Callable[[], object]] = [
            lambda: missing.receive(1, 0),
            lambda: missing.send("m"),
            lambda: missing.send_many(["m"]),
            lambda: missing.delete([message]),
            lambda: missing.change_visibility([message], 0),
            lambda: missing.dead_letter(message, "reason"),
            missing.counts,
        ]
        for call in calls:
            with pytest.raises(ConfigError):
                call()
