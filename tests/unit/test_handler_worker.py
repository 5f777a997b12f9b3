"""The Lambda entry point: one batch through the pipeline, answered message by message."""

import io
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from handlers.worker import make_handler
from sync_core.bootstrap import Deployment
from sync_core.config import Config
from sync_core.errors import DualwayError, MalformedEvent, Throttled
from sync_core.model import Site, SitePair
from sync_core.pipeline import Deferral, Settlement
from sync_core.queues.memory import MemoryQueue
from sync_core.queues.protocol import Message
from sync_core.telemetry import Telemetry, new_logger

EVENTS = Path(__file__).parents[1] / "events"
OWN = Site("cn", "dualway-cn-media", "cn-north-1")


def load_event(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


class Context(LambdaContext):
    """What Lambda says of an invocation."""

    def __init__(self) -> None:
        self._function_name = "dualway-worker"
        self._memory_limit_in_mb = 512
        self._invoked_function_arn = "arn:aws-cn:lambda:cn-north-1:111122223333:function:worker"
        self._aws_request_id = "6f747e5d-e9fb-5e6b-9d63-2e9a1d7b0f3b"


@dataclass
class Scripted:
    """A pipeline whose settlements are given, one for each message."""

    script: Sequence[tuple[DualwayError | None, tuple[Deferral, ...]] | Exception]
    runs: int = 0

    def run(self, messages: Sequence[Message]) -> list[Settlement]:
        self.runs += 1
        settlements = []
        for message, step in zip(messages, self.script, strict=False):
            if isinstance(step, Exception):
                raise step
            settlements.append(Settlement(message, *step))
        return settlements


class Bench:
    """A handler on a queue in memory that holds the messages of the golden event."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, tzinfo=UTC)
        self.queue = MemoryQueue(lambda: self.now, visibility_timeout_seconds=180)
        self.pipeline = Scripted([(None, ())] * 3)
        self.log = io.StringIO()
        self.connections = 0
        self.handler = make_handler(self.connect, spread=lambda: 0.5)
        self.event = self.deliver(load_event("lambda_sqs_batch"))

    def deliver(self, event: dict[str, Any]) -> dict[str, Any]:
        """Return the event as Lambda would make it of messages taken from the queue."""
        for record in event["Records"]:
            self.queue.send(record["body"])
        for record, message in zip(event["Records"], self.queue.receive(10, 0), strict=True):
            record["messageId"] = message.message_id
            record["receiptHandle"] = message.receipt_handle
        return event

    def connect(self) -> Deployment:
        self.connections += 1
        config = Config(
            pair=SitePair(OWN, Site("global", "dualway-global-media", "us-west-2")),
            queue_url="https://sqs.example/sync",
            dead_letter_queue_url="https://sqs.example/dead",
            records_table="records",
            peer_secret="peer",
            echo_principal_ids=frozenset({"AIDAEXAMPLE"}),
        )
        telemetry = Telemetry(
            new_logger("test", level="INFO", stream=self.log), site=OWN.name, bucket=OWN.bucket
        )
        return Deployment(config, self.queue, self.pipeline, telemetry)

    def invoke(self) -> list[str]:
        """Return the ids of the messages that the handler wants to have again."""
        answer = self.handler(self.event, Context())
        return [str(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]]

    def message_ids(self) -> list[str]:
        return [record["messageId"] for record in self.event["Records"]]

    def arrivals_after(self, seconds: int) -> list[str]:
        self.now += timedelta(seconds=seconds)
        return [message.body for message in self.queue.receive(10, 0)]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_batch_that_is_done_is_left_to_the_event_source_to_delete(bench: Bench) -> None:
    assert bench.invoke() == []
    assert bench.pipeline.runs == 1
    assert bench.queue.in_flight() == 3


def test_only_what_has_to_come_again_is_answered(bench: Bench) -> None:
    poison = MalformedEvent("parse", "", "the body is not JSON")
    later = Throttled("put", "docs/later.txt", "slow down")
    bench.pipeline.script = [(None, ()), (poison, ()), (later, ())]
    _, dead, again = bench.message_ids()
    assert bench.invoke() == [again]
    assert [letter.source_message_id for letter in bench.queue.dead_letters] == [dead]
    assert bench.queue.dead_letters[0].reason == str(poison)


def test_what_has_to_come_again_comes_after_its_back_off(bench: Bench) -> None:
    later = Throttled("put", "docs/later.txt", "slow down")
    bench.pipeline.script = [(None, ()), (None, ()), (later, ())]
    bench.invoke()
    assert bench.arrivals_after(7) == []
    assert bench.arrivals_after(1) == [bench.event["Records"][2]["body"]]


def test_a_key_that_was_put_off_is_sent_as_a_hint(bench: Bench) -> None:
    bench.pipeline.script = [(None, (Deferral("docs/a.txt", 60),)), (None, ()), (None, ())]
    assert bench.invoke() == []
    assert bench.arrivals_after(60) == ['{"key": "docs/a.txt", "size": 0}']


def test_when_every_message_fails_every_message_is_answered(bench: Bench) -> None:
    outage = Throttled("read", "table", "slow down")
    bench.pipeline.script = [outage]
    assert bench.invoke() == bench.message_ids()


def test_a_defect_returns_the_messages_instead_of_failing_the_invocation(bench: Bench) -> None:
    bench.pipeline.script = [ZeroDivisionError("division by zero")]
    assert bench.invoke() == bench.message_ids()
    assert "ZeroDivisionError" in bench.log.getvalue()


def test_a_container_connects_once(bench: Bench) -> None:
    bench.invoke()
    bench.invoke()
    assert bench.connections == 1


def test_metrics_are_written_at_the_end_of_the_invocation(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    poison = MalformedEvent("parse", "", "the body is not JSON")
    bench.pipeline.script = [(None, ()), (poison, ()), (None, ())]
    bench.invoke()
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    values = {
        name: document[name]
        for document in documents
        for name in ("MessagesReceived", "MessagesDeadLettered")
        if name in document
    }
    assert values == {"MessagesReceived": [3.0], "MessagesDeadLettered": [1]}
    assert {document["Bucket"] for document in documents if "Bucket" in document} == {OWN.bucket}


def test_importing_the_handler_needs_no_configuration_and_keeps_awscrt_out() -> None:
    check = (
        "import os; import handlers.worker as worker; assert callable(worker.handler);"
        " assert os.environ['BOTO_DISABLE_CRT'] == 'true'"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", check], env={}, check=True)
