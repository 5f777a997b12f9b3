"""Whatever a queue delivers is read, or refused with a reason; and no key is changed on its way."""

import base64
import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.errors import MalformedEvent
from sync_core.events import parse
from sync_core.model import EventKind, ObjectEvent, PartJob
from sync_core.routing import MAX_KEY_BYTES
from tests.examples import examples

BUCKET = "dualway-cn-media"
COS_BUCKET = "dualway-cn-media-1300000001"
EVENTS = Path(__file__).parents[1] / "events"
GOLDEN = {path.stem: json.loads(path.read_text("utf-8")) for path in EVENTS.glob("*.json")}

Step = str | int
Steps = tuple[Step, ...]

json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)

keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300).filter(
    lambda key: len(key.encode()) <= MAX_KEY_BYTES
)


def places_in(value: Any, above: Steps = ()) -> Iterator[Steps]:
    """Yield the way to every value within a message."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for step, found in inside:
        yield (*above, step)
        if isinstance(found, dict | list):
            yield from places_in(found, (*above, step))


def opened(message: Any) -> Any:
    """Return a copy in which JSON that stands in a text is no text any more."""
    if isinstance(message, dict) and isinstance(message.get("Message"), str):
        try:
            return {**message, "Message": json.loads(message["Message"])}
        except ValueError:
            return deepcopy(message)
    return deepcopy(message)


def closed(message: Any) -> Any:
    """Undo `opened`."""
    if isinstance(message, dict) and isinstance(message.get("Message"), dict):
        return {**message, "Message": json.dumps(message["Message"])}
    return message


MUTABLE = [(name, steps) for name in sorted(GOLDEN) for steps in places_in(opened(GOLDEN[name]))]


def plain(body: str) -> str:
    return body


def in_base64(body: str) -> str:
    return base64.b64encode(body.encode()).decode()


def from_sns(body: str) -> str:
    return json.dumps({"Type": "Notification", "Message": body})


WRAPPINGS: list[Callable[[str], str]] = [
    plain,
    in_base64,
    from_sns,
    lambda body: from_sns(in_base64(body)),
    lambda body: body[: len(body) // 2],
    lambda body: f"[{body}]",
    lambda body: f'{{"Records": [{body}]}}',
    lambda body: f'{{"events": [{body}]}}',
]


def assert_read_or_refused(body: str, bucket: str = BUCKET) -> None:
    parsed = parse(body, bucket=bucket)
    assert all(isinstance(event, ObjectEvent) for event in parsed.events)
    assert all(isinstance(job, PartJob) for job in parsed.jobs)
    assert all(isinstance(error, MalformedEvent) and error.cause for error in parsed.errors)
    for key in [event.key for event in parsed.events] + [job.key for job in parsed.jobs]:
        assert 0 < len(key.encode()) <= MAX_KEY_BYTES
    assert all(len(error.cause) < 1_000 for error in parsed.errors)


@examples(4)
@given(
    place=st.sampled_from(MUTABLE),
    value=json_values,
    is_taken_out=st.booleans(),
    wrap=st.sampled_from(WRAPPINGS),
    bucket=st.sampled_from([BUCKET, COS_BUCKET]),
)
def test_a_golden_message_with_anything_anywhere_is_read_or_refused(
    *,
    place: tuple[str, Steps],
    value: object,
    is_taken_out: bool,
    wrap: Callable[[str], str],
    bucket: str,
) -> None:
    name, (*above, last) = place
    message = opened(GOLDEN[name])
    container = message
    for step in above:
        container = container[step]
    if is_taken_out:
        del container[last]
    else:
        container[last] = value
    assert_read_or_refused(wrap(json.dumps(closed(message))), bucket)


@given(
    one=st.sampled_from(sorted(GOLDEN)),
    other=st.sampled_from(sorted(GOLDEN)),
    wrap=st.sampled_from(WRAPPINGS),
)
def test_two_golden_messages_in_one_are_read_or_refused(
    one: str, other: str, wrap: Callable[[str], str]
) -> None:
    both = [message for message in (GOLDEN[one], GOLDEN[other]) if isinstance(message, dict)]
    mixed: dict[str, object] = {}
    for message in both:
        mixed |= message
    assert_read_or_refused(wrap(json.dumps(mixed)))


SHAPES = ["Records", "events", "Message", "Type", "specversion", "data", "detail", "detail-type"]
SHAPES += ["key", "upload_id", "run", "bodyRange", "Event", "source", "cos", "oss", "s3", "event"]

messages = st.dictionaries(
    st.sampled_from(SHAPES),
    json_values | st.lists(st.dictionaries(st.sampled_from(SHAPES), json_values), max_size=3),
)


@given(st.text() | (json_values | messages).map(json.dumps), st.sampled_from(WRAPPINGS))
def test_any_text_is_read_or_refused(text: str, wrap: Callable[[str], str]) -> None:
    try:
        body = wrap(text)
    except UnicodeEncodeError:
        body = text
    assert_read_or_refused(body)


@given(st.binary())
def test_any_bytes_in_base64_are_read_or_refused(content: bytes) -> None:
    assert_read_or_refused(base64.b64encode(content).decode())


def with_key(name: str, steps: Steps, written: Callable[[str], str]) -> Callable[[str], str]:
    """Return what makes, of a key, the golden message about it in the store's own writing."""

    def body_of(key: str) -> str:
        message = opened(GOLDEN[name])
        container = message
        for step in steps[:-1]:
            container = container[step]
        container[steps[-1]] = written(key)
        return json.dumps(closed(message))

    return body_of


S3_KEY: Steps = ("Records", 0, "s3", "object", "key")
OSS_KEY: Steps = ("oss", "object", "key")

WRITERS: dict[str, tuple[str, Callable[[str], str]]] = {
    "Amazon S3": (
        BUCKET,
        with_key("s3_created_put", S3_KEY, lambda key: quote_plus(key, safe="/*-._")),
    ),
    "Amazon S3 in an Amazon event bus": (
        BUCKET,
        with_key("eventbridge_created", ("detail", "object", "key"), plain),
    ),
    "MinIO": (BUCKET, with_key("minio_created_put", S3_KEY, quote_plus)),
    "MinIO with a space as %20": (
        BUCKET,
        with_key("minio_created_put", S3_KEY, lambda key: quote(key, safe="")),
    ),
    "Ceph": (BUCKET, with_key("ceph_created_put", S3_KEY, plain)),
    "OSS": (BUCKET, with_key("oss_created_put", ("events", 0, *OSS_KEY), plain)),
    "OSS in a CloudEvent": (BUCKET, with_key("oss_cloud_event", ("data", *OSS_KEY), plain)),
    "COS": (
        COS_BUCKET,
        with_key(
            "cos_created_put",
            ("Records", 0, "cos", "cosObject", "key"),
            lambda key: f"/1300000001/{BUCKET}/{key}",
        ),
    ),
    "Kodo": (BUCKET, with_key("kodo_put", ("Message", "key"), plain)),
    "Kodo, the key that is made": (
        BUCKET,
        with_key("kodo_copy", ("Message", "dest_key"), plain),
    ),
    "a job": (BUCKET, with_key("job", ("key",), plain)),
}


@pytest.mark.parametrize("store", WRITERS)
@given(key=keys)
def test_a_key_survives_the_way_a_store_writes_it(store: str, key: str) -> None:
    bucket, body_of = WRITERS[store]
    parsed = parse(body_of(key), bucket=bucket)
    assert not parsed.errors
    (event,) = parsed.events
    assert event.key == key
    assert event.kind in (EventKind.CREATED, EventKind.HINT)


REMOVALS = {
    "oss_removed_delete": ("events", 0, "eventName"),
    "cos_removed_delete": ("Records", 0, "event", "eventName"),
    "kodo_delete": ("Message", "event"),
    "minio_removed_delete": ("Records", 0, "eventName"),
    "ceph_removed_delete": ("Records", 0, "eventName"),
}
REMOVING_NAMES = frozenset(
    {
        *("ObjectRemoved:DeleteObject", "ObjectRemoved:DeleteObjects"),
        *("ObjectReplication:ObjectRemoved", "ObjectRemove:Delete", "ObjectRemove:*"),
        *("ObjectRemove:DeleteMarkerCreated", "delete", "ObjectRemoved:Delete"),
        *("ObjectRemoved:DeleteMarkerCreated", "ObjectRemoved:DeleteAllVersions"),
        *("ObjectRemoved:NoOP", "ObjectSynced:Delete", "ObjectSynced:DeletionMarkerCreated"),
        *("Replication:Delete", "Replication:DeletionMarkerCreated"),
    }
)
near_names = st.builds(
    lambda family, action: f"{family}{action}",
    st.sampled_from(["", "s3:", "oss:", "cos:", "ObjectRemoved:", "ObjectRemove:", "s3:ObjectRe"]),
    st.sampled_from(["*", "Delete", "DeleteObject", "AbortMultipartUpload", "delete", "moved:"])
    | st.text(max_size=12),
)


@given(payload=st.sampled_from(sorted(REMOVALS)), name=near_names)
def test_nothing_but_a_documented_removal_is_read_as_one(payload: str, name: str) -> None:
    bucket = COS_BUCKET if payload.startswith("cos_") else BUCKET
    body = with_key(payload, REMOVALS[payload], lambda _key: name)("")
    for event in parse(body, bucket=bucket).events:
        if event.kind is EventKind.REMOVED:
            assert event.name.removeprefix("s3:") in REMOVING_NAMES
