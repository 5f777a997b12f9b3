"""The trigger of the local OSS: the package that is built, invoked as Function Compute does it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.oss.client import abort, oss_client
from tests.oss.server import OssServer, oss_server
from tests.oss.trigger import EVERY_EVENT, listed_events, trigger
from tests.scripted_server import Answer, ScriptedServer

BUCKET = "media"
KEY = "photos/a b+%20é中.jpg"
UPLOAD_STEPS = [
    "ObjectCreated:InitiateMultipartUpload",
    "ObjectCreated:UploadPart",
    "ObjectRemoved:AbortMultipartUpload",
]
SENT = Answer(body=b'{"Successful": [{"Id": "0"}]}')
NOT_SENT = Answer(500)


@pytest.fixture(scope="module")
def server() -> Iterator[OssServer]:
    with oss_server() as started:
        yield started


@pytest.fixture(scope="module")
def oss(server: OssServer) -> Iterator[Any]:
    with oss_client(server, server.new_user()) as client:
        yield client


def environment(queue: ScriptedServer) -> dict[str, str]:
    key = {"AWS_KEY_ID": "AKIDEXAMPLE", "AWS_KEY_SECRET": "secret"}
    where = {"QUEUE_URL": f"{queue.url}/1/q", "REGION_NAME": "us-west-2"}
    return {**where, **key, "TIMEOUT_SECONDS": "60"}


def test_the_package_sends_what_its_trigger_lets_through(
    server: OssServer, oss: Any, tmp_path: Path
) -> None:
    with (
        ScriptedServer(SENT) as queue,
        trigger(tmp_path, environment(queue), listed_events()) as running,
    ):
        server.new_bucket(BUCKET, running.take)
        oss.put_object(Bucket=BUCKET, Key=KEY, Body=b"data")
        abort(oss, BUCKET, KEY)
        running.drain()
    assert [event["eventName"] for event in running.taken[1:]] == UPLOAD_STEPS
    assert [outcome for _, outcome in running.invoked] == [{"done": "1 of 1 events sent"}]
    (seen,) = queue.seen
    (entry,) = json.loads(seen.body)["Entries"]
    assert json.loads(entry["MessageBody"]) == {"events": running.taken[:1]}


def test_a_trigger_that_asks_for_everything_sends_no_more(
    server: OssServer, oss: Any, tmp_path: Path
) -> None:
    with (
        ScriptedServer(SENT) as queue,
        trigger(tmp_path, environment(queue), EVERY_EVENT) as running,
    ):
        server.new_bucket(BUCKET, running.take)
        abort(oss, BUCKET, KEY)
        oss.put_object(Bucket=BUCKET, Key=KEY, Body=b"data")
        running.drain()
    assert [outcome["done"] for _, outcome in running.invoked] == [
        *["0 of 1 events sent"] * 3,
        "1 of 1 events sent",
    ]


def test_what_fails_is_invoked_again(server: OssServer, oss: Any, tmp_path: Path) -> None:
    with (
        ScriptedServer(NOT_SENT, NOT_SENT, SENT) as queue,
        trigger(tmp_path, environment(queue), listed_events()) as running,
    ):
        server.new_bucket(BUCKET, running.take)
        oss.put_object(Bucket=BUCKET, Key=KEY, Body=b"data")
        running.drain()
    assert [set(outcome) for _, outcome in running.invoked] == [{"error"}, {"error"}, {"done"}]
    assert running.failed == []


def test_what_fails_nine_times_is_given_up(server: OssServer, oss: Any, tmp_path: Path) -> None:
    with (
        ScriptedServer(NOT_SENT) as queue,
        trigger(tmp_path, environment(queue), listed_events()) as running,
    ):
        server.new_bucket(BUCKET, running.take)
        oss.put_object(Bucket=BUCKET, Key=KEY, Body=b"data")
        running.drain()
    assert len(running.invoked) == 9
    assert running.failed == running.taken
