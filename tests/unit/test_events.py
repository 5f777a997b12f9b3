"""Queue messages into events: the shapes that are known, and a reason for each that is not."""

import json
from copy import deepcopy
from dataclasses import astuple
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.events import job_body, parse, part_job_body
from sync_core.model import EventKind, ObjectEvent, PartJob

BUCKET = "dualway-cn-media"
EVENTS = Path(__file__).parents[1] / "events"


def load_event(name: str) -> str:
    return (EVENTS / f"{name}.json").read_text(encoding="utf-8")


def record(name: str = "s3_created_put") -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(load_event(name))["Records"][0]
    return loaded


def body_with(path: str, value: object) -> str:
    """Return the golden S3 message with one field, named by a dotted path, set or taken out."""
    changed = deepcopy(record())
    *parents, last = path.split(".")
    container = changed
    for parent in parents:
        container = container[parent]
    if value is MISSING:
        del container[last]
    else:
        container[last] = value
    return json.dumps({"Records": [changed]})


MISSING = object()


def only_event(body: str) -> ObjectEvent:
    parsed = parse(body, bucket=BUCKET)
    assert not parsed.errors
    assert not parsed.jobs
    (event,) = parsed.events
    return event


def only_job(body: str) -> PartJob:
    parsed = parse(body, bucket=BUCKET)
    assert not parsed.errors
    assert not parsed.events
    (job,) = parsed.jobs
    return job


def only_cause(body: str) -> str:
    parsed = parse(body, bucket=BUCKET)
    assert not parsed.events
    assert not parsed.jobs
    (error,) = parsed.errors
    return error.cause


def test_a_notification_record_is_read_whole() -> None:
    assert only_event(load_event("s3_created_put")) == ObjectEvent(
        key="photos/summer 2026/海+sun.jpg",
        kind=EventKind.CREATED,
        name="ObjectCreated:Put",
        principal_id="AWS:AIDAQ3EXAMPLE7DUALWAY",
        sequencer="0069F3A1C27D10B4E5",
        etag="9b2cf535f27731c974343645a3985328",
        version_id=None,
        size_bytes=48211,
        occurred_at=datetime(2026, 11, 20, 8, 15, 30, 123000, tzinfo=UTC),
    )


def test_an_eventbridge_event_is_read_whole_and_its_key_is_not_decoded() -> None:
    assert only_event(load_event("eventbridge_created")) == ObjectEvent(
        key="photos/summer 2026/海+100%.jpg",
        kind=EventKind.CREATED,
        name="Object Created",
        principal_id="111122223333",
        sequencer="617f08299329d189",
        etag="9b2cf535f27731c974343645a3985328",
        version_id="IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
        size_bytes=48211,
        occurred_at=datetime(2026, 11, 20, 8, 15, 30, tzinfo=UTC),
    )


def test_a_job_is_a_hint_and_its_key_is_not_decoded() -> None:
    assert only_event(load_event("job")) == ObjectEvent(
        key="docs/a+b %20.txt", kind=EventKind.HINT, size_bytes=17
    )


def test_a_part_job_is_read_whole_and_is_no_event() -> None:
    assert only_job(load_event("part_job")) == PartJob(
        key="own/videos/a+b %20 汉字.mov", upload_id="VXBsb2FkSWQ.2~x_-KHN0b3Jl", run=42
    )


def test_a_part_job_is_read_from_an_envelope_and_with_further_fields() -> None:
    message = {**json.loads(load_event("part_job")), "size": 17, "from": "a newer release"}
    body = json.dumps({"Type": "Notification", "Message": json.dumps(message)})
    assert only_job(body) == only_job(load_event("part_job"))


@pytest.mark.parametrize("missing", ["upload_id", "run"])
def test_without_its_upload_and_run_it_is_a_job_as_ever(missing: str) -> None:
    message = json.loads(load_event("part_job"))
    del message[missing]
    assert only_event(json.dumps(message)).kind is EventKind.HINT


@pytest.mark.parametrize(
    ("field", "value", "cause"),
    [
        ("key", "", "key should be a text and is ''"),
        ("key", "k" * 1025, "the key 'kkk"),
        ("key", "\ud83d", "the key '\\ud83d' is not valid Unicode"),
        ("upload_id", "", "upload_id should be a text and is ''"),
        ("upload_id", 7, "upload_id should be a text and is 7"),
        ("upload_id", None, "upload_id should be a text and is None"),
        ("upload_id", "i" * 1025, "the upload_id 'iii"),
        ("upload_id", "é" * 513, "the upload_id 'ééé"),
        ("upload_id", "half \ud83d", "the upload_id 'half \\ud83d' is none that a store gives"),
        ("upload_id", "two\nlines", "the upload_id 'two\\nlines' is none that a store gives"),
        ("run", -1, "run should be a whole number from 0 on and is -1"),
        ("run", 1.0, "run should be a whole number from 0 on and is 1.0"),
        ("run", "1", "run should be a whole number from 0 on and is '1'"),
        ("run", True, "run should be a whole number from 0 on and is True"),
        ("run", None, "run should be a whole number from 0 on and is None"),
    ],
)
def test_a_malformed_part_job_is_told_why(field: str, value: object, cause: str) -> None:
    message = {**json.loads(load_event("part_job")), field: value}
    assert only_cause(json.dumps(message)).startswith(cause)


@pytest.mark.parametrize("run", [0, 9_999])
def test_a_part_job_of_ours_is_read_as_it_was_written(run: int) -> None:
    key, upload_id = 'a+b %20 "quoted" 🎉/', "i" * 1024
    assert only_job(part_job_body(key, upload_id, run)) == PartJob(key, upload_id, run)


@pytest.mark.parametrize(
    ("payload", "kind", "key"),
    [
        ("s3_created_multipart_versioned", EventKind.CREATED, "video/clip.mp4"),
        ("s3_created_copy_by_root", EventKind.CREATED, "docs/plan.txt"),
        ("s3_removed_delete", EventKind.REMOVED, "docs/old plan.txt"),
        ("s3_removed_delete_marker", EventKind.REMOVED, "docs/plan.txt"),
        ("s3_lifecycle_expired", EventKind.EXPIRED, "logs/2025-11-20.gz"),
        ("s3_tagged", EventKind.TAGGED, "docs/plan.txt"),
        ("s3_restore_completed", EventKind.HINT, "archive/2019.tar"),
        ("sns_s3_created_put", EventKind.CREATED, "photos/summer 2026/海+sun.jpg"),
        ("sns_eventbridge_created", EventKind.CREATED, "photos/summer 2026/海+100%.jpg"),
        ("sns_job", EventKind.HINT, "docs/plan.txt"),
        ("eventbridge_deleted", EventKind.REMOVED, "docs/old plan.txt"),
        ("eventbridge_expired", EventKind.EXPIRED, "logs/2025-11-20.gz"),
        ("eventbridge_tags_deleted", EventKind.TAGGED, "docs/plan.txt"),
        ("job_with_sequencer", EventKind.HINT, "docs/plan.txt"),
    ],
)
def test_each_golden_payload_gives_its_event(payload: str, kind: EventKind, key: str) -> None:
    event = only_event(load_event(payload))
    assert (event.kind, event.key) == (kind, key)


def given_up(event: object) -> str:
    """Return Lambda's record of an invocation that failed."""
    context = {"condition": "RetriesExhausted", "approximateInvokeCount": 3}
    failure = {"errorType": "Unavailable", "errorMessage": "send: no answer"}
    record = {"requestContext": context, "requestPayload": event, "responsePayload": failure}
    return json.dumps({"version": "1.0", **record})


class TestGivenUp:
    """What a forwarder could not send, redriven from the dead-letter queue."""

    def test_each_record_of_s3_is_an_event(self) -> None:
        parsed = parse(given_up(json.loads(load_event("s3_three_records"))), bucket=BUCKET)
        assert [event.key for event in parsed.events] == ["a.txt", "b.txt", "c/d.txt"]

    def test_each_notification_of_sns_is_what_its_text_says(self) -> None:
        texts = [load_event(name) for name in ("s3_tagged", "job")]
        records = [{"EventSource": "aws:sns", "Sns": {"Message": text}} for text in texts]
        parsed = parse(given_up({"Records": records}), bucket=BUCKET)
        assert [event.kind for event in parsed.events] == [EventKind.TAGGED, EventKind.HINT]

    def test_an_event_of_eventbridge_is_itself(self) -> None:
        whole = load_event("eventbridge_deleted")
        assert only_event(given_up(json.loads(whole))) == only_event(whole)

    @pytest.mark.parametrize(
        ("payload", "cause"),
        [
            ("text", "requestPayload should be an event and is 'text'"),
            ({}, "it is no event of S3, SNS, EventBridge or SQS"),
            ({"Records": [{"EventSource": "aws:sns"}]}, "Message of the SNS notification"),
            (
                {"detail-type": "", "detail": {}, "requestPayload": {}},
                "the source of the EventBridge event is None",
            ),
        ],
    )
    def test_anything_else_is_refused_with_the_reason(self, payload: object, cause: str) -> None:
        parsed = parse(given_up(payload), bucket=BUCKET)
        assert not parsed.events
        (error,) = parsed.errors
        assert cause in error.cause


@pytest.mark.parametrize(
    "payload",
    [
        "s3_test_event",
        "sns_s3_test_event",
        "s3_acl_changed",
        "eventbridge_acl_updated",
    ],
)
def test_what_is_no_change_of_an_object_gives_neither_event_nor_error(payload: str) -> None:
    parsed = parse(load_event(payload), bucket=BUCKET)
    assert not parsed.events
    assert not parsed.errors


def test_every_record_of_a_message_counts() -> None:
    parsed = parse(load_event("s3_three_records"), bucket=BUCKET)
    assert [(event.kind, event.key) for event in parsed.events] == [
        (EventKind.CREATED, "a.txt"),
        (EventKind.REMOVED, "b.txt"),
        (EventKind.CREATED, "c/d.txt"),
    ]


def test_a_malformed_record_does_not_touch_its_neighbours() -> None:
    message = json.loads(load_event("s3_three_records"))
    message["Records"][1]["eventName"] = "ObjectShredded:Twice"
    parsed = parse(json.dumps(message), bucket=BUCKET)
    assert [event.key for event in parsed.events] == ["a.txt", "c/d.txt"]
    assert [error.cause for error in parsed.errors] == [
        "Records[1]: the eventName 'ObjectShredded:Twice' is none that S3 documents"
    ]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("s3:ObjectCreated:Put", EventKind.CREATED),
        ("ObjectCreated:CompleteMultipartUpload", EventKind.CREATED),
        ("ObjectRemoved:NoOP", EventKind.REMOVED),
        ("s3:ObjectRemoved:DeleteMarkerCreated", EventKind.REMOVED),
        ("LifecycleExpiration:DeleteMarkerCreated", EventKind.EXPIRED),
        ("ObjectTagging:Delete", EventKind.TAGGED),
        ("s3:ObjectRestore:Completed", EventKind.HINT),
    ],
)
def test_an_event_name_counts_with_and_without_its_prefix(name: str, kind: EventKind) -> None:
    assert only_event(body_with("eventName", name)).kind is kind


@pytest.mark.parametrize(
    "name",
    [
        "ObjectRestore:Post",
        "ObjectRestore:Delete",
        "s3:ObjectAcl:Put",
        "ObjectAnnotation:Put",
        "Replication:OperationFailedReplication",
        "s3:Replication:OperationNotTracked",
        "IntelligentTiering",
        "LifecycleTransition",
        "ReducedRedundancyLostObject",
    ],
)
def test_a_documented_name_that_changes_no_value_is_ignored(name: str) -> None:
    parsed = parse(body_with("eventName", name), bucket=BUCKET)
    assert not parsed.events
    assert not parsed.errors


@pytest.mark.parametrize(
    "key",
    [
        "a b+c%d",
        "quo\"te's.txt",
        "a//b",
        "../up.txt",
        "folder/",
        "emoji 🎉.txt",
        "汉字/文件.txt",
        "line\nbreak",
        "k" * 1024,
        "é" * 512,
    ],
)
def test_a_key_that_s3_encoded_is_decoded_exactly(key: str) -> None:
    encoded = quote_plus(key, safe="/")
    assert only_event(body_with("s3.object.key", encoded)).key == key
    assert only_event(json.dumps({"key": key})).key == key


@pytest.mark.parametrize(
    ("path", "value", "field", "expected"),
    [
        ("userIdentity", MISSING, "principal_id", None),
        ("userIdentity", "AIDA", "principal_id", None),
        ("userIdentity.principalId", "", "principal_id", None),
        ("userIdentity.principalId", 7, "principal_id", None),
        ("s3.object.sequencer", MISSING, "sequencer", None),
        ("s3.object.size", MISSING, "size_bytes", None),
        ("s3.object.size", "12", "size_bytes", 12),
        ("s3.object.size", "-1", "size_bytes", None),
        ("s3.object.size", "\u0661", "size_bytes", None),
        ("s3.object.size", "9" * 5_000, "size_bytes", None),
        ("s3.object.size", True, "size_bytes", None),
        ("s3.object.size", -1, "size_bytes", None),
        ("s3.object.size", 0, "size_bytes", 0),
        ("s3.object.eTag", '"0cc175b9"', "etag", "0cc175b9"),
        ("s3.object.eTag", '""', "etag", None),
        ("s3.object.versionId", "null", "version_id", None),
        ("s3.object.versionId", "3HL4", "version_id", "3HL4"),
        ("eventTime", "yesterday", "occurred_at", None),
        ("eventTime", "2026-11-20T08:15:30", "occurred_at", None),
        ("eventTime", "0001-01-01T00:00:00+23:00", "occurred_at", None),
        ("eventTime", 1700000000, "occurred_at", None),
        (
            "eventTime",
            "2026-11-20T16:15:30+08:00",
            "occurred_at",
            datetime(2026, 11, 20, 8, 15, 30, tzinfo=UTC),
        ),
    ],
)
def test_an_odd_optional_field_never_costs_the_event(
    path: str, value: object, field: str, expected: object
) -> None:
    assert getattr(only_event(body_with(path, value)), field) == expected


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ("", "the body is empty"),
        (" \n", "the body is empty"),
        (
            '{"Records": [{"eventVer',
            "the body is not JSON: Unterminated string starting at (character 14 of 23)",
        ),
        ("not json", "the body is not JSON: Expecting value (character 0 of 8)"),
        ("[" * 100_000, "the body is not readable: maximum recursion depth exceeded"),
        ("9" * 5_000, "the body is not readable: Exceeds the limit"),
        ("[]", "the body is JSON but no event: []"),
        ("17", "the body is JSON but no event: 17"),
        ("null", "the body is JSON but no event: None"),
        ('"text"', "the body is JSON but no event: 'text'"),
        ('{"hello": "world"}', "it has the shape of no event that is known: {'hello': 'world'}"),
        ('{"objectKey": "big", "partNumber": 3}', "it has the shape of no event that is known"),
        ('{"Records": []}', "Records is empty, so that there is no event in the message"),
        ('{"Records": {}}', "Records should be a list and is {}"),
        ('{"Records": [7]}', "Records[0]: a record should be an object and is 7"),
        (
            '{"Records": [{}]}',
            "Records[0]: the eventSource is None, and only these are read: aws:s3",
        ),
        ('{"key": 7}', "key should be a text and is 7"),
        ('{"key": ""}', "key should be a text and is ''"),
        ('{"key": "\\ud83d"}', "the key '\\ud83d' is not valid Unicode"),
        ('{"Type": "Notification"}', "Message of the SNS notification should be a text"),
        (
            '{"Type": "Notification", "Message": "hello"}',
            "the Message of the SNS notification is not JSON: Expecting value (character 0",
        ),
        (
            load_event("sns_subscription_confirmation"),
            "it is an SNS SubscriptionConfirmation and no event: open its SubscribeURL",
        ),
        (
            '{"source": "aws.ec2", "detail-type": "State Change", "detail": {}}',
            "the source of the EventBridge event is 'aws.ec2', and only aws.s3 is read",
        ),
        (
            '{"source": "aws.s3", "detail-type": "Object Painted", "detail": {}}',
            "the detail-type 'Object Painted' is none that S3 documents",
        ),
        (
            '{"source": "aws.s3", "detail-type": "Object Created", "detail": 1}',
            "detail should be an object and is 1",
        ),
        (
            load_event("eventbridge_created").replace(f'"{BUCKET}"', '"elsewhere"'),
            f"it is about bucket 'elsewhere', and this queue serves '{BUCKET}'",
        ),
    ],
)
def test_a_message_that_is_no_event_is_told_why(body: str, cause: str) -> None:
    assert only_cause(body).startswith(cause)


@pytest.mark.parametrize(
    ("path", "value", "cause"),
    [
        ("eventSource", "aws:sqs", "the eventSource is 'aws:sqs', and only these are read: aws:s3"),
        (
            "eventSource",
            ["aws:s3"],
            "the eventSource is ['aws:s3'], and only these are read: aws:s3",
        ),
        ("eventName", "Bogus", "the eventName 'Bogus' is none that S3 documents"),
        ("eventName", "ObjectCreated", "the eventName 'ObjectCreated' is none"),
        ("eventName", MISSING, "eventName should be a text and is None"),
        ("s3", MISSING, "s3 should be an object and is None"),
        ("s3.bucket", MISSING, "s3.bucket should be an object and is None"),
        ("s3.bucket.name", MISSING, "s3.bucket.name should be a text and is None"),
        (
            "s3.bucket.name",
            "elsewhere",
            f"it is about bucket 'elsewhere', and this queue serves '{BUCKET}'",
        ),
        ("s3.object", None, "s3.object should be an object and is None"),
        ("s3.object.key", MISSING, "s3.object.key should be a text and is None"),
        ("s3.object.key", "", "s3.object.key should be a text and is ''"),
        ("s3.object.key", "a%FFb", "the key 'a%FFb' is not valid UTF-8 once it is decoded"),
        ("s3.object.key", "%ED%A0%80", "the key '%ED%A0%80' is not valid UTF-8"),
        ("s3.object.key", "k" * 1025, "the key 'kkk"),
        ("s3.object.key", quote_plus("é" * 513), "the key 'ééé"),
    ],
)
def test_a_malformed_record_is_told_where_and_why(path: str, value: object, cause: str) -> None:
    assert only_cause(body_with(path, value)).startswith(f"Records[0]: {cause}")


def test_a_key_that_is_too_long_is_told_by_how_much() -> None:
    cause = only_cause(json.dumps({"key": "é" * 513}))
    assert cause.endswith("has 1026 bytes; 1024 are allowed")


def test_a_reason_stays_short_whatever_was_sent() -> None:
    for body in ("x" * 200_000, json.dumps({"a" * 50_000: "b" * 50_000}), '{"key":"' + "k" * 9999):
        assert len(only_cause(body)) < 1_000


def test_a_job_of_ours_is_read_as_the_hint_that_it_was_written_as() -> None:
    key = 'a+b %20 "quoted" 🎉/'
    assert only_event(job_body(key)).key == key


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.text() | json_values.map(json.dumps))
def test_no_text_is_lost_without_a_word(body: str) -> None:
    parsed = parse(body, bucket=BUCKET)
    assert parsed.events or parsed.errors or parsed.jobs


@given(
    st.fixed_dictionaries(
        {
            "key": st.text() | json_values,
            "upload_id": st.text(min_size=1) | json_values,
            "run": st.integers() | json_values,
        }
    )
)
def test_a_part_job_with_anything_in_it_gives_a_part_job_or_an_error(
    message: dict[str, object],
) -> None:
    parsed = parse(json.dumps(message), bucket=BUCKET)
    assert not parsed.events
    assert len(parsed.jobs) + len(parsed.errors) == 1
    assert all(job == only_job(part_job_body(*astuple(job))) for job in parsed.jobs)


PATHS = [
    ("Records",),
    ("Records", 0),
    ("Records", 0, "eventSource"),
    ("Records", 0, "eventName"),
    ("Records", 0, "eventTime"),
    ("Records", 0, "userIdentity"),
    ("Records", 0, "userIdentity", "principalId"),
    ("Records", 0, "s3"),
    ("Records", 0, "s3", "bucket"),
    ("Records", 0, "s3", "bucket", "name"),
    ("Records", 0, "s3", "object"),
    ("Records", 0, "s3", "object", "key"),
    ("Records", 0, "s3", "object", "size"),
    ("Records", 0, "s3", "object", "eTag"),
    ("Records", 0, "s3", "object", "versionId"),
]


@given(path=st.sampled_from(PATHS), value=json_values, wrapped=st.booleans())
def test_a_notification_with_anything_anywhere_gives_an_event_or_an_error(
    path: tuple[Any, ...], value: object, *, wrapped: bool
) -> None:
    message: Any = json.loads(load_event("s3_created_put"))
    container = message
    for step in path[:-1]:
        container = container[step]
    container[path[-1]] = value
    body = json.dumps(message)
    if wrapped:
        body = json.dumps({"Type": "Notification", "Message": body})
    parsed = parse(body, bucket=BUCKET)
    assert parsed.events or parsed.errors
    assert all(str(error) for error in parsed.errors)
