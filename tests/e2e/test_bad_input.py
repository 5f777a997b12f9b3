"""Messages that are no events and unusual keys: a reason or a transfer, and calm neighbours."""

import json
from typing import Any

import pytest

from tests.e2e.conftest import Running, eventually

UNUSUAL_KEYS = [
    "k" * 1024,
    "with spaces  and two",
    "plus+plus",
    "percent%41%",
    "quotes\"'`<>&",
    "double//slash",
    "../parent",
    "./here",
    "a/../b/./c",
    "folder/",
    "emoji-😀/汉字/é",
    " leading and trailing ",
    "question?hash#semi;colon",
    "two\nlines\tand a tab",
]


def event(bucket: str, **changes: Any) -> str:
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": bucket}, "object": {"key": "some/key", "size": 1}},
        **changes,
    }
    return json.dumps({"Records": [record]})


def with_key(bucket: str, key: str) -> str:
    return event(bucket, s3={"bucket": {"name": bucket}, "object": {"key": key}})


def bad_bodies(bucket: str) -> dict[str, str]:
    """Return each bad body with a word that its reason must hold."""
    return {
        " ": "empty",
        '{"Records": [{"eventSource"': "not JSON",
        "hello": "not JSON",
        "[1, 2]": "a CloudEvent should be an object",
        '"text"': "no event",
        "{}": "no event",
        '{"Records": []}': "empty",
        event(bucket, eventSource="aws:ec2"): "eventSource",
        event(bucket, eventName="ObjectExploded:Now"): "eventName",
        with_key(bucket, "%ff%fe"): "UTF-8",
        with_key(bucket, "k" * 1025): "1024",
        with_key(bucket, ""): "key",
        event("another-bucket"): "another-bucket",
    }


@pytest.mark.parametrize("side", ["a", "b"])
def test_each_bad_message_gets_its_reason_and_its_neighbours_are_processed(
    running: Running, side: str
) -> None:
    site, other = running.cloud.sites[side], "b" if side == "a" else "a"
    sqs = running.client("sqs", side)
    bad = bad_bodies(site.bucket)
    good = [f"beside/bad/{side}/{number}" for number in range(len(bad))]
    for key, body in zip(good, bad, strict=True):
        running.put(side, key, key.encode())
        sqs.send_message(QueueUrl=site.queue_url, MessageBody=body)
    eventually(
        lambda: all(running.body(other, key) == key.encode() for key in good),
        "a good message was held up",
    )
    reasons: dict[str, str] = {}

    def take_reasons() -> bool:
        answer = sqs.receive_message(
            QueueUrl=site.dead_letter_queue_url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["reason"],
        )
        for message in answer.get("Messages", []):
            reasons[message["Body"]] = message["MessageAttributes"]["reason"]["StringValue"]
            sqs.delete_message(
                QueueUrl=site.dead_letter_queue_url, ReceiptHandle=message["ReceiptHandle"]
            )
        return len(reasons) == len(bad)

    eventually(take_reasons, "a bad message is not in the dead-letter queue")
    for body, word in bad.items():
        assert word in reasons[body]


def test_unusual_keys_are_synchronised_as_they_are(running: Running) -> None:
    for key in UNUSUAL_KEYS:
        running.put("a", key, key.encode())
    eventually(
        lambda: all(running.body("b", key) == key.encode() for key in UNUSUAL_KEYS),
        "a key never came",
    )
    for key in UNUSUAL_KEYS:
        running.delete("b", key)
    eventually(
        lambda: all(running.body("a", key) is None for key in UNUSUAL_KEYS),
        "a delete never came",
    )
