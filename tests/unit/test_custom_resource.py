"""CloudFormation's protocol: whatever happens, the request is answered, and well."""

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from threading import Event
from typing import Any

import pytest

from handlers.custom_resource import make_handler
from sync_core.errors import ConfigError, DualwayError, Throttled, Unavailable
from sync_core.launch.custom_resource import (
    ANSWER_SECONDS,
    NOT_MADE,
    PAUSES_SECONDS,
    Answer,
    Properties,
    Resource,
    answer_to,
    required,
    send,
)
from sync_core.telemetry import new_logger
from tests.scripted_server import Answer as Reply
from tests.scripted_server import ScriptedServer
from tests.unit.test_handler_worker import Context

STACK = "arn:aws-cn:cloudformation:cn-north-1:111122223333:stack/dualway/6f747e5d"
AMPLE_SECONDS = ANSWER_SECONDS + 60


class Shelf:
    """A resource: a thing with a name, on a shelf; it fails as it was told."""

    def __init__(self, *failures: Exception) -> None:
        self.things: dict[str, str] = {}
        self.formers: list[str | None] = []
        self.failures = list(failures)
        self.calls = 0

    def identify(self, properties: Properties) -> str:
        return required(properties, "Name")

    def make(self, properties: Properties, former: str | None) -> Mapping[str, str]:
        self._fail()
        self.things[self.identify(properties)] = properties.get("Content", "")
        self.formers.append(former)
        return {"Size": str(len(properties.get("Content", "")))}

    def remove(self, identity: str) -> None:
        self._fail()
        self.things.pop(identity, None)

    def _fail(self) -> None:
        self.calls += 1
        if self.failures:
            raise self.failures.pop(0)


def request(kind: str, identity: str | None = None, **properties: str) -> dict[str, Any]:
    event: dict[str, Any] = {
        "RequestType": kind,
        "RequestId": "unique id for this request",
        "ResponseURL": "http://127.0.0.1:1/never",
        "StackId": STACK,
        "LogicalResourceId": "Thing",
        "ResourceType": "Custom::Thing",
        "ResourceProperties": {"ServiceToken": "arn:function", **properties},
    }
    return event | ({"PhysicalResourceId": identity} if identity else {})


def answered(event: dict[str, Any], shelf: Resource, pauses: list[float] | None = None) -> Answer:
    pause = (pauses if pauses is not None else []).append
    return answer_to(event, lambda: shelf, left_seconds=AMPLE_SECONDS, pause=pause)


class TestRequests:
    def test_create_makes_and_tells_the_attributes(self) -> None:
        shelf = Shelf()
        answer = answered(request("Create", Name="a", Content="xyz"), shelf)
        assert answer == Answer("a", {"Size": "3"})
        assert shelf.things == {"a": "xyz"}
        assert shelf.formers == [None]

    def test_update_knows_the_former_identity_and_may_give_another(self) -> None:
        shelf = Shelf()
        answered(request("Create", Name="a"), shelf)
        answer = answered(request("Update", "a", Name="b"), shelf)
        assert answer.identity == "b"
        assert shelf.formers == [None, "a"]
        assert answered(request("Delete", "a", Name="a"), shelf) == Answer("a")
        assert shelf.things == {"b": ""}

    def test_delete_goes_by_the_identity_and_not_by_the_properties(self) -> None:
        shelf = Shelf()
        shelf.things = {"a": "", "b": ""}
        answered(request("Delete", "a", Name="b"), shelf)
        assert shelf.things == {"b": ""}

    def test_what_never_was_made_is_deleted_without_being_touched(self) -> None:
        shelf = Shelf()
        created = answered(request("Create"), shelf)
        assert created.identity == NOT_MADE
        assert "Name" in created.reason("log")
        assert answered(request("Delete", NOT_MADE), shelf) == Answer(NOT_MADE)
        assert shelf.calls == 0

    def test_a_create_that_fails_has_its_identity_so_that_its_delete_cleans_up(self) -> None:
        failed = answered(request("Create", Name="a"), Shelf(ConfigError("make", "a", "no")))
        assert failed.identity == "a"
        assert failed.error is not None

    def test_an_update_with_wrong_properties_keeps_the_former_identity(self) -> None:
        failed = answered(request("Update", "a"), Shelf())
        assert failed.identity == "a"
        assert isinstance(failed.error, ConfigError)

    def test_a_request_that_nobody_knows_is_answered(self) -> None:
        failed = answered(request("Inspect", "a", Name="a"), Shelf())
        assert "'Inspect' is no request" in failed.reason("log")


class TestFailures:
    def test_what_is_retryable_is_tried_again(self) -> None:
        pauses: list[float] = []
        shelf = Shelf(Throttled("make", "a", "slow down"), Unavailable("make", "a", "busy"))
        answer = answered(request("Create", Name="a"), shelf, pauses)
        assert answer.error is None
        assert pauses == list(PAUSES_SECONDS)

    def test_three_failures_are_an_answer(self) -> None:
        shelf = Shelf(*(Throttled("make", "a", f"slow down {n}") for n in (1, 2, 3)))
        answer = answered(request("Create", Name="a"), shelf)
        assert answer.reason("L") == "make 'a': slow down 3 (log stream L)"
        assert shelf.calls == 3

    def test_what_no_retry_can_help_is_answered_at_once(self) -> None:
        shelf = Shelf(ConfigError("make", "a", "it is red"))
        assert "it is red" in answered(request("Create", Name="a"), shelf).reason("L")
        assert shelf.calls == 1

    def test_a_defect_is_answered_with_its_kind(self) -> None:
        answer = answered(request("Create", Name="a"), Shelf(ZeroDivisionError("by zero")))
        assert answer.reason("L") == "ZeroDivisionError: by zero (log stream L)"

    def test_what_keeps_the_resource_from_being_reached_is_answered(self) -> None:
        def connect() -> Shelf:
            raise ConfigError("connect", "region", "there is none")

        event = request("Update", "a", Name="b")
        answer = answer_to(event, connect, left_seconds=AMPLE_SECONDS)
        assert answer.identity == "a"
        assert "there is none" in answer.reason("L")

    def test_an_answer_comes_before_the_time_is_up(self) -> None:
        is_over = Event()

        class Hanging(Shelf):
            def make(self, properties: Properties, former: str | None) -> Mapping[str, str]:
                is_over.wait()
                return super().make(properties, former)

        event = request("Create", Name="a")
        answer = answer_to(event, Hanging, left_seconds=ANSWER_SECONDS)
        is_over.set()
        assert answer.identity == "a"
        assert isinstance(answer.error, Unavailable)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Callable[..., ScriptedServer]:
    """Make servers that are reached directly, whatever the shell says."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return ScriptedServer


Served = Callable[..., ScriptedServer]
DONE = Answer("a", {"Size": "3"})


def send_to(server: ScriptedServer, answer: Answer, pauses: list[float] | None = None) -> None:
    event = request("Create", Name="a") | {"ResponseURL": f"{server.url}/answer?Signature=S%2B1"}
    send(event, answer, "L", pause=(pauses if pauses is not None else []).append)


class TestSending:
    def test_an_answer_is_put_as_it_was_signed(self, served: Served) -> None:
        with served(Reply()) as server:
            send_to(server, DONE)
        (seen,) = server.seen
        assert (seen.method, seen.path) == ("PUT", "/answer?Signature=S%2B1")
        assert seen.headers["Content-Type"] == ""
        assert seen.headers["Content-Length"] == str(len(seen.body))
        assert json.loads(seen.body) == {
            "Status": "SUCCESS",
            "Reason": "",
            "PhysicalResourceId": "a",
            "StackId": STACK,
            "RequestId": "unique id for this request",
            "LogicalResourceId": "Thing",
            "Data": {"Size": "3"},
        }

    @pytest.mark.parametrize(
        "text", ["x" * 9000, "文" * 9000, '"' * 9000, "\N{GRINNING FACE}" * 9000, "\udc80" * 9000]
    )
    def test_a_reason_fits_however_long_it_is(self, served: Served, text: str) -> None:
        answer = Answer("bucket/" + "i" * 255, error=ConfigError("make", "a", text))
        with served(Reply()) as server:
            send_to(server, answer)
        body = server.seen[0].body
        assert len(body) <= 4096
        told = json.loads(body)
        assert told["Status"] == "FAILED"
        assert told["Reason"].startswith("make 'a': ")
        assert told["Reason"].endswith("... (log stream L)")

    @pytest.mark.parametrize(
        "lost", [Reply(500), Reply(503), Reply(429), Reply(sends=False)], ids=str
    )
    def test_a_lost_answer_is_sent_again(self, served: Served, lost: Reply) -> None:
        pauses: list[float] = []
        with served(lost, lost, Reply()) as server:
            send_to(server, DONE, pauses)
        assert len(server.seen) == 3
        assert pauses == [1, 2]

    def test_an_answer_that_cannot_be_delivered_fails_the_invocation(self, served: Served) -> None:
        with served(Reply(500)) as server, pytest.raises(Unavailable):
            send_to(server, DONE)
        assert len(server.seen) == 3

    def test_a_refused_answer_is_not_sent_again_and_its_url_not_told(self, served: Served) -> None:
        with served(Reply(403)) as server, pytest.raises(DualwayError) as failure:
            send_to(server, DONE)
        assert len(server.seen) == 1
        assert "403" in str(failure.value)
        assert "Signature" not in str(failure.value)


class Invocation(Context):
    """An invocation that has two minutes."""

    def __init__(self) -> None:
        super().__init__()
        self._log_stream_name = "2026/11/21/[$LATEST]0123456789abcdef"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 120_000


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the handler logs."""
    stream = io.StringIO()
    new_logger(stream=stream)
    yield stream
    new_logger()


class TestHandler:
    def test_it_answers_every_request_and_connects_once(
        self, served: Served, log: io.StringIO
    ) -> None:
        connected: list[Shelf] = []

        def connect() -> Shelf:
            connected.append(Shelf())
            return connected[-1]

        handler = make_handler(connect)
        with served(Reply()) as server:
            for event in (request("Create", Name="a"), request("Delete", "a", Name="a")):
                handler(event | {"ResponseURL": server.url}, Invocation())
        assert [json.loads(seen.body)["Status"] for seen in server.seen] == ["SUCCESS"] * 2
        assert len(connected) == 1
        assert server.url not in log.getvalue()

    def test_a_failure_is_answered_and_logged_with_its_trace(
        self, served: Served, log: io.StringIO
    ) -> None:
        handler = make_handler(lambda: Shelf(ZeroDivisionError("by zero")))
        with served(Reply()) as server:
            handler(request("Create", Name="a") | {"ResponseURL": server.url}, Invocation())
        told = json.loads(server.seen[0].body)
        assert told["Status"] == "FAILED"
        assert told["Reason"].endswith("(log stream 2026/11/21/[$LATEST]0123456789abcdef)")
        logged = json.loads(log.getvalue().splitlines()[-1])
        assert logged["level"] == "ERROR"
        assert "ZeroDivisionError" in logged["exception"]
        assert logged["physical_id"] == "a"


@pytest.mark.parametrize("name", ["bucket_notification", "dedicated_user"])
def test_importing_a_handler_needs_no_configuration_and_keeps_awscrt_out(name: str) -> None:
    check = (
        f"import os; import handlers.{name} as module; assert callable(module.handler);"
        " assert os.environ['BOTO_DISABLE_CRT'] == 'true'"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", check], env={}, check=True)
