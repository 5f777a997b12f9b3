"""The forwarder: every event as it came, and none lost where the queue does not take it."""

import io
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from moto import mock_aws

from handlers.s3_forwarder import make_handler
from sync_core.errors import (
    ConfigError,
    DualwayError,
    MalformedEvent,
    Poison,
    Throttled,
    Unavailable,
)
from sync_core.events import parse
from sync_core.forwarder import Forwarding, open_queue
from sync_core.queues.urls import region_of
from sync_core.telemetry import new_logger

EVENTS = Path(__file__).parents[1] / "events"
BUCKET = "dualway-cn-media"


def load_event(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


class Context(LambdaContext):
    """What Lambda says of an invocation."""

    def __init__(self) -> None:
        self._function_name = "dualway-forwarder"
        self._memory_limit_in_mb = 256
        self._invoked_function_arn = "arn:aws:lambda:us-west-2:111122223333:function:forwarder"
        self._aws_request_id = "6f747e5d-e9fb-5e6b-9d63-2e9a1d7b0f3b"


@dataclass
class Sent:
    """A queue that keeps what it is given, but for the bodies that have an error of their own."""

    errors: dict[str, DualwayError] = field(default_factory=dict)
    calls: list[list[str]] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)

    def send_many(self, bodies: Sequence[str]) -> None:
        self.calls.append(list(bodies))
        for body in bodies:
            if body in self.errors:
                raise self.errors[body]
        self.bodies += bodies


def sns_event(*messages: str) -> dict[str, Any]:
    """Return what SNS invokes a function with."""
    return {
        "Records": [
            {
                "EventSource": "aws:sns",
                "EventVersion": "1.0",
                "EventSubscriptionArn": "arn:aws:sns:us-east-1:111122223333:events:1",
                "Sns": {"Type": "Notification", "MessageId": "m", "Message": message},
            }
            for message in messages
        ]
    }


def sqs_event(*bodies: str) -> dict[str, Any]:
    """Return what a queue in another region invokes a function with."""
    return {
        "Records": [
            {
                "messageId": f"message-{body}",
                "receiptHandle": f"handle-{body}",
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1"},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-west-1:111122223333:bucket-events",
                "awsRegion": "eu-west-1",
            }
            for body in bodies
        ]
    }


def forward(event: dict[str, Any], queue: Sent) -> dict[str, Any]:
    return make_handler(lambda: queue)(event, Context())


def failures(event: dict[str, Any], queue: Sent) -> list[str]:
    """Return the bodies of the messages that the forwarder wants to have again."""
    answer = forward(event, queue)
    assert set(answer) == {"batchItemFailures"}
    named = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
    return [name.removeprefix("message-") for name in named]


def test_each_record_of_s3_goes_in_a_message_of_its_own_and_unchanged() -> None:
    queue, event = Sent(), load_event("s3_three_records")
    assert forward(event, queue) == {"forwarded": 3}
    assert [json.loads(body) for body in queue.bodies] == [
        {"Records": [record]} for record in event["Records"]
    ]


@pytest.mark.parametrize(
    "payload",
    ["s3_created_put", "s3_removed_delete_marker", "eventbridge_created", "eventbridge_expired"],
)
def test_a_forwarded_event_is_read_as_the_event_itself(payload: str) -> None:
    queue, event = Sent(), load_event(payload)
    forward(event, queue)
    (body,) = queue.bodies
    assert parse(body, bucket=BUCKET) == parse(json.dumps(event), bucket=BUCKET)


def test_the_text_of_each_sns_notification_is_sent_as_it_is() -> None:
    queue, texts = Sent(), ('{"Records":   []}', "no JSON, 汉字")
    assert forward(sns_event(*texts), queue) == {"forwarded": 2}
    assert queue.bodies == list(texts)


def test_an_event_of_eventbridge_is_sent_whole() -> None:
    queue, event = Sent(), load_event("eventbridge_created")
    assert forward(event, queue) == {"forwarded": 1}
    assert [json.loads(body) for body in queue.bodies] == [event]


def test_a_character_that_sqs_does_not_take_is_sent_escaped() -> None:
    queue, event = Sent(), load_event("eventbridge_created")
    event["detail"]["object"]["key"] = "bell \x07 \ufffe \ud800"
    forward(event, queue)
    assert queue.bodies[0].isascii()
    assert queue.bodies[0].isprintable()


def test_the_bodies_of_a_batch_are_sent_as_they_are() -> None:
    queue = Sent()
    assert failures(sqs_event("a", "not json", "c"), queue) == []
    assert queue.bodies == ["a", "not json", "c"]


@pytest.mark.parametrize(
    "event", [load_event("s3_created_put"), load_event("eventbridge_created"), sns_event("text")]
)
@pytest.mark.parametrize("error", [Throttled, Unavailable, ConfigError, Poison])
def test_an_event_that_cannot_be_sent_fails_the_invocation(
    event: dict[str, Any], error: type[DualwayError]
) -> None:
    class Refusing(Sent):
        def send_many(self, bodies: Sequence[str]) -> None:
            raise error("send", "queue", "for a test")

    with pytest.raises(error):
        forward(event, Refusing())


def test_messages_of_a_batch_come_again_with_those_of_the_same_call() -> None:
    bodies = [f"{number:02}" for number in range(25)]
    queue = Sent(errors={"13": Throttled("send", "queue", "slow down")})
    assert failures(sqs_event(*bodies), queue) == bodies[10:20]
    assert queue.bodies == bodies[:10] + bodies[20:]


def test_a_message_that_sqs_never_takes_comes_again_alone() -> None:
    queue = Sent(errors={"b": Poison("send", "queue", "too long")})
    assert failures(sqs_event("a", "b", "c"), queue) == ["b"]
    assert queue.bodies == ["a", "c"]


def test_a_batch_is_not_answered_where_the_queue_does_not_exist() -> None:
    queue = Sent(errors={"a": ConfigError("send", "queue", "it does not exist")})
    with pytest.raises(ConfigError):
        forward(sqs_event("a"), queue)


def test_a_failed_message_is_told_with_its_id_and_cause() -> None:
    log = io.StringIO()
    new_logger(level="INFO", stream=log)
    queue = Sent(errors={"a": Throttled("send", "queue", "slow down")})
    failures(sqs_event("a"), queue)
    told = [json.loads(line) for line in log.getvalue().splitlines()]
    (failed,) = [line for line in told if line["action"] == "forwarding_failed"]
    assert failed["message_ids"] == ["message-a"]
    assert "slow down" in failed["exception"]


@pytest.mark.parametrize(
    ("event", "cause"),
    [
        ({}, "it is no event of S3, SNS, EventBridge or SQS"),
        ({"Records": []}, "it is no event of S3, SNS, EventBridge or SQS"),
        ({"Records": {}}, "it is no event of S3, SNS, EventBridge or SQS"),
        ({"Records": [7]}, "a record's event source is None"),
        ({"Records": [{"eventSource": "aws:kinesis"}]}, "a record's event source is 'aws:kinesis'"),
        ({"Records": [{"EventSource": "aws:sns"}]}, "Message of the SNS notification"),
        (sns_event(""), "Message of the SNS notification should be a text"),
        (
            {"Records": [*load_event("s3_created_put")["Records"], *sqs_event("a")["Records"]]},
            "a record's event source is 'aws:sqs'",
        ),
    ],
)
def test_what_is_no_event_fails_and_sends_nothing(event: dict[str, Any], cause: str) -> None:
    queue = Sent()
    with pytest.raises(MalformedEvent, match=cause.replace(".", r"\.")):
        forward(event, queue)
    assert queue.calls == []


def test_a_container_connects_once() -> None:
    connections = []

    def connect() -> Sent:
        connections.append(1)
        return Sent()

    handler = make_handler(connect)
    handler(sns_event("a"), Context())
    handler(sns_event("b"), Context())
    assert len(connections) == 1


@pytest.mark.parametrize(
    ("queue_url", "region"),
    [
        ("https://sqs.us-west-2.amazonaws.com/111122223333/sync", "us-west-2"),
        ("https://sqs.cn-north-1.amazonaws.com.cn/111122223333/sync", "cn-north-1"),
        ("https://sqs.us-gov-west-1.amazonaws.com/111122223333/sync", "us-gov-west-1"),
        ("https://sqs-fips.us-east-1.amazonaws.com/111122223333/sync", "us-east-1"),
        ("https://sqs.eu-west-1.api.aws/111122223333/sync", "eu-west-1"),
        ("https://ap-southeast-2.queue.amazonaws.com/111122223333/sync", "ap-southeast-2"),
        ("https://vpce-0a1-b2.sqs.us-east-1.vpce.amazonaws.com/111122223333/q", "us-east-1"),
        ("http://127.0.0.1:4566/111122223333/sqs.us-west-2.amazonaws.com", None),
        ("https://queue.amazonaws.com/111122223333/sync", None),
        ("http://localhost/sync", None),
        ("", None),
    ],
)
def test_the_region_stands_in_the_queues_url(queue_url: str, region: str | None) -> None:
    assert region_of(queue_url) == region


def test_the_queues_url_is_all_that_has_to_be_set() -> None:
    queue_url = "https://sqs.cn-north-1.amazonaws.com.cn/111122223333/sync"
    # AWS_REGION is the function's own, and the queue may be elsewhere.
    environ = {"DUALWAY_QUEUE_URL": queue_url, "AWS_REGION": "cn-northwest-1"}
    assert Forwarding.from_environment(environ) == Forwarding(queue_url, "cn-north-1")


@pytest.mark.parametrize(
    ("environ", "cause"),
    [
        ({}, "DUALWAY_QUEUE_URL is not set"),
        ({"DUALWAY_QUEUE_URL": "sync"}, "DUALWAY_QUEUE_URL is 'sync': give a URL"),
        ({"DUALWAY_QUEUE_URL": "http://localhost/sync"}, "DUALWAY_QUEUE_URL names no region"),
        (
            {"DUALWAY_QUEUE_URL": "http://localhost/q", "DUALWAY_LOG_LEVEL": "LOUD"},
            "DUALWAY_LOG_LEVEL is 'LOUD'",
        ),
    ],
)
def test_a_wrong_setting_is_told_before_anything_is_sent(
    environ: dict[str, str], cause: str
) -> None:
    with pytest.raises(ConfigError, match=cause):
        Forwarding.from_environment(environ)


@pytest.fixture
def site_queue(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A queue of moto's, in another region than the one that the function is told of."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        sqs = boto3.client("sqs", region_name="eu-central-1")
        queue_url = sqs.create_queue(QueueName="sync")["QueueUrl"]
        yield queue_url, sqs


def test_more_events_than_one_call_takes_arrive_in_the_queue(site_queue: Any) -> None:
    queue_url, sqs = site_queue
    (record,) = load_event("s3_created_put")["Records"]
    event = {"Records": [{**record, "eventTime": f"2026-11-20T08:15:{n:02}Z"} for n in range(23)]}
    forwarding = Forwarding.from_environment({"DUALWAY_QUEUE_URL": queue_url})
    assert forwarding.region == "eu-central-1"
    make_handler(lambda: open_queue(forwarding))(event, Context())
    arrived: list[str] = []
    while len(arrived) < 23:
        answer = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10)
        found = [message["Body"] for message in answer["Messages"]]
        arrived += found
    assert sorted(arrived) == sorted(json.dumps({"Records": [one]}) for one in event["Records"])


def test_a_queue_that_is_gone_fails_the_invocation(site_queue: Any) -> None:
    queue_url, sqs = site_queue
    sqs.delete_queue(QueueUrl=queue_url)
    forwarding = Forwarding.from_environment({"DUALWAY_QUEUE_URL": queue_url})
    with pytest.raises(ConfigError):
        make_handler(lambda: open_queue(forwarding))(load_event("s3_created_put"), Context())


def test_importing_the_handler_needs_no_configuration_and_keeps_awscrt_out() -> None:
    check = (
        "import os; import handlers.s3_forwarder as forwarder; assert callable(forwarder.handler);"
        " assert os.environ['BOTO_DISABLE_CRT'] == 'true'"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", check], env={}, check=True)
