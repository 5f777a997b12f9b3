"""The Lambda entry point that looks at uploads: what it is asked, answers and logs."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from handlers import multipart
from handlers.multipart import make_handler
from sync_core.errors import ConfigError
from sync_core.watch import Watch
from tests.unit.test_handler_worker import Context
from tests.unit.test_watch import KEY, PARTS, RUN_PARTS, RUNS, SIZE_BYTES, STALL_SECONDS
from tests.unit.test_watch import Bench as Upload


class Bench:
    """A deployment with one shared upload, which is connected to once."""

    def __init__(self) -> None:
        self.upload = Upload()
        self.connections = 0
        self.handler = make_handler(self.connect)

    def connect(self) -> "Bench":
        self.connections += 1
        return self

    def watch(self) -> Watch:
        return self.upload.watch()

    def invoke(self, event: dict[str, Any]) -> dict[str, Any]:
        """Invoke it as the state machine does, which turns answers into JSON and back."""
        answer: dict[str, Any] = json.loads(json.dumps(self.handler(event, Context())))
        return answer

    def first(self) -> dict[str, Any]:
        return self.invoke({"key": KEY, "upload_id": self.upload.upload_id})


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the handler logs."""
    told = io.StringIO()
    (handler,) = multipart.logger.handlers
    assert isinstance(handler, logging.StreamHandler)
    # Not setStream: it would flush the former stream, which the test that made it has closed.
    former, handler.stream = handler.stream, told
    level = multipart.logger.log_level
    # Handlers share one logger in a process.
    multipart.logger.setLevel("INFO")
    yield told
    multipart.logger.setLevel(level)
    handler.stream = former


def test_the_first_look_begins_to_count_the_time(bench: Bench) -> None:
    assert bench.first() == {
        "key": KEY,
        "upload_id": bench.upload.upload_id,
        "status": "under_way",
        "done_bytes": 0,
        "size_bytes": SIZE_BYTES,
        "seen": {"done_parts": 0, "since": bench.upload.now.isoformat()},
        "is_over": False,
    }


def test_an_answer_is_the_next_event_until_the_upload_is_over(bench: Bench) -> None:
    answer = bench.first()
    bench.upload.pass_time(STALL_SECONDS)
    answer = bench.invoke(answer)
    assert (answer["status"], answer["is_over"]) == ("resent", False)
    since = answer["seen"]["since"]
    assert since != bench.upload.now.isoformat()
    for run in range(RUNS):
        bench.upload.count(run)
    answer = bench.invoke(answer)
    assert (answer["status"], answer["done_bytes"]) == ("under_way", SIZE_BYTES)
    assert answer["seen"] == {"done_parts": PARTS, "since": bench.upload.now.isoformat()}
    bench.upload.ledger.end(bench.upload.upload_id, "completed", bench.upload.now)
    answer = bench.invoke(answer)
    assert (answer["status"], answer["is_over"]) == ("over", True)


def test_the_time_goes_on_from_answer_to_answer_until_it_is_out(bench: Bench) -> None:
    bench.upload.count(0)
    answer = bench.first()
    assert answer["seen"]["done_parts"] == RUN_PARTS
    bench.upload.pass_time(24 * 3600)
    answer = bench.invoke(answer)
    assert (answer["status"], answer["is_over"]) == ("timed_out", True)


def test_an_upload_that_nobody_knows_is_over(bench: Bench) -> None:
    answer = bench.invoke({"key": KEY, "upload_id": "another", "seen": None})
    assert (answer["status"], answer["seen"], answer["is_over"]) == ("over", None, True)


def test_every_look_is_logged(bench: Bench, log: io.StringIO) -> None:
    bench.first()
    told = json.loads(log.getvalue())
    assert told["action"] == "upload_watched"
    assert (told["key"], told["upload_id"]) == (KEY, bench.upload.upload_id)
    assert (told["status"], told["done_bytes"], told["size_bytes"]) == (
        "under_way",
        0,
        SIZE_BYTES,
    )


def test_it_connects_once(bench: Bench) -> None:
    bench.first()
    bench.first()
    assert bench.connections == 1


@pytest.mark.parametrize(
    "event", [{}, {"key": KEY}, {"upload_id": "u"}, {"key": "", "upload_id": 1}]
)
def test_an_event_that_names_no_upload_is_refused(bench: Bench, event: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="start the state machine with both"):
        bench.invoke(event)
    assert bench.connections == 0
