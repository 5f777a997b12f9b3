"""The queue on SQS against scripted answers: exact requests, partial failures, refusals."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import (
    BotoCoreError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from botocore.stub import Stubber

from sync_core.errors import (
    AccessDenied,
    ConfigError,
    DualwayError,
    Poison,
    Throttled,
    Unavailable,
)
from sync_core.queues.protocol import Message
from sync_core.queues.sqs import EMPTY_BODY, LONGEST_REASON_CHARACTERS, SQSQueue

QUEUE_URL = "https://sqs.example/1/queue"
DEAD_LETTER_QUEUE_URL = "https://sqs.example/1/dead-letter"


class Bench:
    """A queue whose client gives only scripted answers, in order."""

    def __init__(self) -> None:
        self.client: Any = boto3.client(
            "sqs",
            region_name="us-east-1",
            aws_access_key_id="id",
            aws_secret_access_key="secret",
        )
        self.stub = Stubber(self.client)
        self.pauses_seconds: list[float] = []
        self.queue = SQSQueue(
            self.client,
            QUEUE_URL,
            DEAD_LETTER_QUEUE_URL,
            randomness=random.Random(7),
            pause=self.pauses_seconds.append,
        )


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    with bench.stub:
        yield bench
    bench.stub.assert_no_pending_responses()
    bench.client.close()


def messages(count: int) -> list[Message]:
    return [Message(f"id-{n}", "body", f"handle-{n}") for n in range(count)]


def failed(entry_id: str, code: str, *, sender_fault: bool) -> dict[str, Any]:
    return {"Id": entry_id, "Code": code, "Message": "no", "SenderFault": sender_fault}


def answer(*failures: dict[str, Any]) -> dict[str, Any]:
    return {"Successful": [], "Failed": list(failures)}


def entries(*numbers: int) -> list[dict[str, Any]]:
    """The entries of a batch for messages with these numbers."""
    return [{"Id": str(n % 10), "ReceiptHandle": f"handle-{n}"} for n in numbers]


def expect_delete(bench: Bench, *numbers: int, answers: dict[str, Any]) -> None:
    request = {"QueueUrl": QUEUE_URL, "Entries": entries(*numbers)}
    bench.stub.add_response("delete_message_batch", answers, request)


class TestReceiving:
    @pytest.mark.parametrize(
        ("limit", "wait_seconds", "asked", "waited"),
        [(1, 0, 1, 0), (10, 20, 10, 20), (99, 60, 10, 20), (5, 0.2, 5, 1)],
    )
    def test_limits_and_waits_are_given_as_sqs_takes_them(
        self, bench: Bench, limit: int, wait_seconds: float, asked: int, waited: int
    ) -> None:
        request = {
            "QueueUrl": QUEUE_URL,
            "MaxNumberOfMessages": asked,
            "WaitTimeSeconds": waited,
            "MessageSystemAttributeNames": ["ApproximateReceiveCount"],
        }
        received = {
            "MessageId": "id",
            "ReceiptHandle": "handle",
            "Body": "body",
            "Attributes": {"ApproximateReceiveCount": "7"},
        }
        bench.stub.add_response("receive_message", {"Messages": [received]}, request)
        expected = Message("id", "body", "handle", receive_count=7)
        assert bench.queue.receive(limit, wait_seconds) == [expected]

    def test_asking_for_no_messages_takes_no_call(self, bench: Bench) -> None:
        assert bench.queue.receive(0, 20) == []


class TestBatches:
    def test_deletes_go_ten_in_a_call(self, bench: Bench) -> None:
        for numbers in (range(10), range(10, 20), range(20, 25)):
            expect_delete(bench, *numbers, answers=answer())
        bench.queue.delete(messages(25))

    def test_visibility_changes_go_ten_in_a_call(self, bench: Bench) -> None:
        for numbers in (range(10), range(10, 11)):
            changes = [{**entry, "VisibilityTimeout": 30} for entry in entries(*numbers)]
            request = {"QueueUrl": QUEUE_URL, "Entries": changes}
            bench.stub.add_response("change_message_visibility_batch", answer(), request)
        bench.queue.change_visibility(messages(11), 30)

    @pytest.mark.parametrize(
        "code",
        [
            "ReceiptHandleIsInvalid",
            "InvalidParameterValue",
            "MessageNotInflight",
            "AWS.SimpleQueueService.MessageNotInflight",
        ],
    )
    def test_a_delivery_that_is_over_is_no_error(self, bench: Bench, code: str) -> None:
        expect_delete(bench, 0, 1, answers=answer(failed("1", code, sender_fault=True)))
        bench.queue.delete(messages(2))
        assert bench.pauses_seconds == []

    def test_only_what_failed_is_sent_again(self, bench: Bench) -> None:
        busy = failed("1", "InternalError", sender_fault=False)
        over = failed("0", "ReceiptHandleIsInvalid", sender_fault=True)
        expect_delete(bench, 0, 1, 2, answers=answer(over, busy))
        expect_delete(bench, 1, answers=answer(busy))
        expect_delete(bench, 1, answers=answer())
        bench.queue.delete(messages(3))
        assert len(bench.pauses_seconds) == 2

    @pytest.mark.parametrize(
        ("code", "expected"), [("RequestThrottled", Throttled), ("InternalError", Unavailable)]
    )
    def test_what_keeps_failing_is_raised_in_the_end(
        self, bench: Bench, code: str, expected: type[DualwayError]
    ) -> None:
        for _ in range(4):
            expect_delete(bench, 0, answers=answer(failed("0", code, sender_fault=False)))
        with pytest.raises(expected, match=code):
            bench.queue.delete(messages(1))
        assert bench.pauses_seconds == sorted(bench.pauses_seconds)

    @pytest.mark.parametrize(
        ("code", "expected"), [("KmsAccessDenied", AccessDenied), ("InvalidIdFormat", Poison)]
    )
    def test_our_own_fault_is_raised_at_once(
        self, bench: Bench, code: str, expected: type[DualwayError]
    ) -> None:
        expect_delete(bench, 0, 1, answers=answer(failed("1", code, sender_fault=True)))
        with pytest.raises(expected, match=code):
            bench.queue.delete(messages(2))


class TestSendingMany:
    def expect(self, bench: Bench, bodies: dict[str, str], *failures: dict[str, Any]) -> None:
        """Expect a call with these bodies, by the ids of their entries."""
        sent = [{"Id": entry_id, "MessageBody": body} for entry_id, body in bodies.items()]
        request = {"QueueUrl": QUEUE_URL, "Entries": sent}
        bench.stub.add_response("send_message_batch", answer(*failures), request)

    def test_messages_go_ten_in_a_call(self, bench: Bench) -> None:
        bodies = [f"body {n}" for n in range(25)]
        for start in (0, 10, 20):
            batch = bodies[start : start + 10]
            self.expect(bench, {str(n): body for n, body in enumerate(batch)})
        bench.queue.send_many(bodies)

    def test_no_messages_take_no_call(self, bench: Bench) -> None:
        bench.queue.send_many([])

    def test_a_call_takes_as_many_bytes_as_sqs_does(self, bench: Bench) -> None:
        half, more = "é" * 65_536, "x" * 131_073
        self.expect(bench, {"0": half, "1": half})
        self.expect(bench, {"0": half})
        self.expect(bench, {"0": more, "1": "y"})
        bench.queue.send_many([half, half, half, more, "y"])

    def test_a_message_that_is_too_large_is_left_for_sqs_to_refuse(self, bench: Bench) -> None:
        self.expect(bench, {"0": "small"})
        bench.stub.add_client_error("send_message_batch", "BatchRequestTooLong", "no", 400)
        with pytest.raises(Poison, match="BatchRequestTooLong"):
            bench.queue.send_many(["small", "x" * 2_000_000, "never sent"])

    def test_only_what_failed_is_sent_again(self, bench: Bench) -> None:
        busy = failed("1", "InternalError", sender_fault=False)
        self.expect(bench, {"0": "a", "1": "b", "2": "c"}, busy)
        self.expect(bench, {"1": "b"}, busy)
        self.expect(bench, {"1": "b"})
        bench.queue.send_many(["a", "b", "c"])
        assert len(bench.pauses_seconds) == 2

    @pytest.mark.parametrize(
        ("code", "expected"), [("RequestThrottled", Throttled), ("InternalError", Unavailable)]
    )
    def test_what_keeps_failing_is_raised_in_the_end(
        self, bench: Bench, code: str, expected: type[DualwayError]
    ) -> None:
        for _ in range(4):
            self.expect(bench, {"0": "a"}, failed("0", code, sender_fault=False))
        with pytest.raises(expected, match=code):
            bench.queue.send_many(["a"])

    @pytest.mark.parametrize("code", ["InvalidMessageContents", "InvalidParameterValue"])
    def test_our_own_fault_is_raised_at_once(self, bench: Bench, code: str) -> None:
        self.expect(bench, {"0": "a", "1": "\x00"}, failed("1", code, sender_fault=True))
        with pytest.raises(Poison, match=code):
            bench.queue.send_many(["a", "\x00"])
        assert bench.pauses_seconds == []


class TestDeadLetters:
    def expect(self, bench: Bench, body: str, reason: str) -> None:
        request = {
            "QueueUrl": DEAD_LETTER_QUEUE_URL,
            "MessageBody": body,
            "MessageAttributes": {
                "reason": {"DataType": "String", "StringValue": reason},
                "source_message_id": {"DataType": "String", "StringValue": "id"},
                "receive_count": {"DataType": "Number", "StringValue": "4"},
            },
        }
        sent = {"MessageId": "another", "MD5OfMessageBody": "0"}
        bench.stub.add_response("send_message", sent, request)
        deletion = {"QueueUrl": QUEUE_URL, "Entries": [{"Id": "0", "ReceiptHandle": "handle"}]}
        bench.stub.add_response("delete_message_batch", answer(), deletion)

    def test_the_message_is_put_there_before_it_is_deleted_here(self, bench: Bench) -> None:
        self.expect(bench, '{"key": "k"}', "parse 'k': wrong")
        message = Message("id", '{"key": "k"}', "handle", receive_count=4)
        bench.queue.dead_letter(message, "parse 'k': wrong")

    def test_a_message_that_could_not_be_put_there_is_not_deleted(self, bench: Bench) -> None:
        bench.stub.add_client_error("send_message", "AccessDenied", http_status_code=403)
        with pytest.raises(AccessDenied, match="dead-letter"):
            bench.queue.dead_letter(messages(1)[0], "reason")

    def test_an_empty_body_is_named_as_such(self, bench: Bench) -> None:
        self.expect(bench, EMPTY_BODY, "empty")
        bench.queue.dead_letter(Message("id", "", "handle", receive_count=4), "empty")

    @pytest.mark.parametrize(
        ("reason", "sent"),
        [
            ("", "no reason was given"),
            ("a\x00b\x1bc\ufffe\ud800", "a\ufffdb\ufffdc\ufffd\ufffd"),
            ("tab\tline\r\n end \U0001fab3", "tab\tline\r\n end \U0001fab3"),
            ("x" * LONGEST_REASON_CHARACTERS, "x" * LONGEST_REASON_CHARACTERS),
            ("x" * 5000, "x" * (LONGEST_REASON_CHARACTERS - 1) + "…"),
        ],
        ids=["empty", "forbidden characters", "allowed characters", "longest", "too long"],
    )
    def test_a_reason_is_made_fit_for_sqs(self, bench: Bench, reason: str, sent: str) -> None:
        self.expect(bench, "body", sent)
        bench.queue.dead_letter(Message("id", "body", "handle", receive_count=4), reason)


class TestRefusals:
    @pytest.mark.parametrize(
        ("code", "status", "expected"),
        [
            ("AWS.SimpleQueueService.NonExistentQueue", 400, ConfigError),
            ("QueueDoesNotExist", 400, ConfigError),
            ("RequestThrottled", 403, Throttled),
            ("OverLimit", 403, Throttled),
            ("ThrottlingException", 400, Throttled),
            ("AccessDenied", 403, AccessDenied),
            ("InvalidClientTokenId", 403, AccessDenied),
            ("ExpiredToken", 400, AccessDenied),
            ("SomethingNew", 403, AccessDenied),
            ("InternalError", 500, Unavailable),
            ("ServiceUnavailable", 503, Unavailable),
            ("InvalidMessageContents", 400, Poison),
        ],
    )
    def test_each_refusal_has_one_meaning_for_every_call(
        self, bench: Bench, code: str, status: int, expected: type[DualwayError]
    ) -> None:
        calls: list[tuple[str, Callable[[], object]]] = [
            ("receive_message", lambda: bench.queue.receive(1, 0)),
            ("send_message", lambda: bench.queue.send("m")),
            ("send_message_batch", lambda: bench.queue.send_many(["m"])),
            ("delete_message_batch", lambda: bench.queue.delete(messages(1))),
            (
                "change_message_visibility_batch",
                lambda: bench.queue.change_visibility(messages(1), 0),
            ),
        ]
        for operation, call in calls:
            bench.stub.add_client_error(operation, code, "no", http_status_code=status)
            with pytest.raises(expected, match=QUEUE_URL) as caught:
                call()
            assert type(caught.value) is expected

    @pytest.mark.parametrize(
        ("error", "expected"),
        [
            (ReadTimeoutError(endpoint_url=QUEUE_URL), Unavailable),
            (EndpointConnectionError(endpoint_url=QUEUE_URL), Unavailable),
            (NoCredentialsError(), AccessDenied),
        ],
        ids=lambda value: getattr(value, "__name__", type(value).__name__),
    )
    def test_no_answer_and_no_credentials_are_told_apart(
        self, bench: Bench, error: BotoCoreError, expected: type[DualwayError]
    ) -> None:
        def fail(**_: object) -> None:
            raise error

        # The first event of a call: the stub, which comes later, never sees it.
        bench.client.meta.events.register("provide-client-params.sqs.*", fail)
        with pytest.raises(expected) as caught:
            bench.queue.send("m")
        assert caught.value.__cause__ is error
