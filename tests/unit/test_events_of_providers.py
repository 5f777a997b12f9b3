"""Events of stores other than Amazon's: each golden payload, and what must never be misread."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sync_core.events import Parsed, parse
from sync_core.model import EventKind, ObjectEvent

BUCKET = "dualway-cn-media"
COS_BUCKET = "dualway-cn-media-1300000001"
EVENTS = Path(__file__).parents[1] / "events"

CREATED, REMOVED, EXPIRED = EventKind.CREATED, EventKind.REMOVED, EventKind.EXPIRED
TAGGED, HINT = EventKind.TAGGED, EventKind.HINT

AT = datetime(2026, 11, 20, 8, 15, 30, tzinfo=UTC)
KEY = "photos/summer 2026/海+100%.jpg"
ETAG = "9b2cf535f27731c974343645a3985328"

OSS = ObjectEvent(
    key=KEY,
    kind=CREATED,
    name="ObjectCreated:PutObject",
    principal_id="262561392693583141",
    etag=ETAG.upper(),
    size_bytes=48211,
    occurred_at=AT,
)
COS = ObjectEvent(
    key=KEY,
    kind=CREATED,
    name="ObjectCreated:Put",
    principal_id="AKIDEXAMPLEdualway0001",
    etag="eb6cdcfbb0ff3c0e0a1bd0d5b03c1c52",
    size_bytes=2561690,
    occurred_at=AT,
)
KODO = ObjectEvent(
    key=KEY,
    kind=CREATED,
    name="put",
    principal_id="akjFT8jsaYB8kj-90HJJkds",
    size_bytes=48211,
    occurred_at=AT.replace(microsecond=123456),
)
MINIO = ObjectEvent(
    key=KEY,
    kind=CREATED,
    name="s3:ObjectCreated:Put",
    principal_id="DUALWAYACCESSKEY0001",
    sequencer="18A9C0DE12345678",
    etag=ETAG,
    size_bytes=48211,
    occurred_at=AT.replace(microsecond=123000),
)
CEPH = ObjectEvent(
    key=KEY,
    kind=CREATED,
    name="s3:ObjectCreated:Put",
    principal_id="dualway-sync",
    sequencer="5C1C2F6049974614",
    etag=ETAG,
    size_bytes=48211,
    occurred_at=AT.replace(microsecond=330496),
)

GOLDEN: dict[str, tuple[ObjectEvent, ...]] = {
    "oss_created_put": (OSS,),
    "oss_created_multipart": (
        replace(
            OSS,
            key="video/clip.mp4",
            name="ObjectCreated:CompleteMultipartUpload",
            etag="5CA7BBC66F3DD2E7B8EBD8C3F3C0A8E2-70",
            size_bytes=734003200,
        ),
    ),
    "oss_upload_steps": (),
    "oss_abort_multipart": (),
    "oss_removed_delete": (
        replace(
            OSS,
            key="docs/old plan.txt",
            kind=REMOVED,
            name="ObjectRemoved:DeleteObject",
            etag=None,
            size_bytes=0,
        ),
    ),
    "oss_removed_two": tuple(
        replace(OSS, key=key, kind=REMOVED, name="ObjectRemoved:DeleteObjects", size_bytes=0)
        for key in ("a.txt", "b%20+.txt")
    ),
    "oss_cloud_event": (OSS,),
    "oss_cloud_events": (
        replace(OSS, key="a.txt", name="ObjectCreated:CopyObject"),
        replace(OSS, key="c d.txt", kind=REMOVED, name="ObjectRemoved:DeleteObject"),
    ),
    "cos_created_put": (COS,),
    "cos_removed_delete": (
        replace(
            COS,
            key="docs/old plan.txt",
            kind=REMOVED,
            name="ObjectRemove:Delete",
            principal_id=None,
            etag=None,
            size_bytes=0,
        ),
    ),
    "cos_removed_delete_marker": (
        replace(COS, key="docs/plan.txt", kind=REMOVED, name="ObjectRemove:DeleteMarkerCreated"),
    ),
    "cos_restore_begun": (),
    "kodo_put": (KODO,),
    "kodo_move": (
        replace(KODO, key="old/a b.txt", kind=REMOVED, name="move", size_bytes=None),
        replace(KODO, key="new/a+b.txt", name="move"),
    ),
    "kodo_copy": (replace(KODO, key="docs/b.txt", name="copy"),),
    "kodo_delete": (
        replace(KODO, key="docs/old plan.txt", kind=REMOVED, name="delete", size_bytes=None),
    ),
    "kodo_disable": (),
    "kodo_restored": (replace(KODO, key="archive/2019.tar", kind=HINT, name="restore:completed"),),
    "minio_created_put": (MINIO,),
    "minio_removed_delete": (
        replace(
            MINIO,
            key="docs/old plan.txt",
            kind=REMOVED,
            name="s3:ObjectRemoved:Delete",
            etag=None,
            size_bytes=None,
        ),
    ),
    "minio_removed_delete_marker": (
        replace(
            MINIO,
            key="docs/plan.txt",
            kind=REMOVED,
            name="s3:ObjectRemoved:DeleteMarkerCreated",
            etag=None,
            size_bytes=None,
            version_id="c04f6a5e-4c1d-4f43-a6d1-2f4b9a7e0001",
        ),
    ),
    "minio_tagged": (
        replace(
            MINIO,
            key="docs/plan.txt",
            kind=TAGGED,
            name="s3:ObjectCreated:PutTagging",
            size_bytes=12,
        ),
    ),
    "minio_accessed": (),
    "ceph_created_put": (CEPH,),
    "ceph_created_multipart": (
        replace(
            CEPH,
            key="video/clip.mp4",
            name="ObjectCreated:CompleteMultipartUpload",
            size_bytes=734003200,
        ),
    ),
    "ceph_upload_begun": (
        replace(
            CEPH,
            key="video/clip.mp4",
            kind=HINT,
            name="ObjectCreated:Post",
            etag=None,
            size_bytes=0,
        ),
    ),
    "ceph_removed_delete": (
        replace(
            CEPH,
            key="docs/old+plan.txt",
            kind=REMOVED,
            name="ObjectRemoved:Delete",
            etag=None,
            size_bytes=0,
        ),
    ),
    "ceph_upload_expired": (),
}


def load_event(name: str) -> str:
    return (EVENTS / f"{name}.json").read_text(encoding="utf-8")


def bucket_of(payload: str) -> str:
    return COS_BUCKET if payload.startswith("cos_") else BUCKET


def changed(payload: str, *steps: str | int, to: object) -> str:
    """Return a golden message with the field at the end of `steps` set; Kodo's are in `Message`."""
    message: Any = json.loads(load_event(payload))
    inner = json.loads(message["Message"]) if "Message" in message else message
    container = inner
    for step in steps[:-1]:
        container = container[step]
    container[steps[-1]] = to
    return json.dumps({**message, "Message": json.dumps(inner)} if "Message" in message else inner)


def cause_of(body: str, bucket: str = BUCKET) -> str:
    parsed = parse(body, bucket=bucket)
    assert not parsed.events
    (error,) = parsed.errors
    return error.cause


@pytest.mark.parametrize("payload", GOLDEN)
def test_each_golden_payload_of_a_provider_is_read_whole(payload: str) -> None:
    assert parse(load_event(payload), bucket=bucket_of(payload)) == Parsed(GOLDEN[payload])


@pytest.mark.parametrize("payload", [name for name in GOLDEN if GOLDEN[name]])
def test_an_event_of_another_bucket_is_refused_by_name(payload: str) -> None:
    parsed = parse(load_event(payload), bucket="dualway-elsewhere")
    assert not parsed.events
    assert len(parsed.errors) == len(GOLDEN[payload]) or payload == "kodo_move"
    assert all(
        f"it is about bucket '{bucket_of(payload)}', and this queue serves 'dualway-elsewhere'"
        in error.cause
        for error in parsed.errors
    )


@pytest.mark.parametrize("payload", GOLDEN)
def test_a_payload_may_come_in_base64_or_from_sns_or_both(payload: str) -> None:
    expected, bucket = Parsed(GOLDEN[payload]), bucket_of(payload)
    encoded = base64.b64encode(load_event(payload).encode()).decode()
    in_lines = base64.encodebytes(load_event(payload).encode()).decode()
    for body in (encoded, in_lines, json.dumps(encoded)):
        assert parse(body, bucket=bucket) == expected
        from_sns = json.dumps({"Type": "Notification", "Message": body})
        assert parse(from_sns, bucket=bucket) == expected


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ObjectCreated:PostObject", CREATED),
        ("ObjectCreated:AppendObject", CREATED),
        ("oss:ObjectCreated:CopyObject", CREATED),
        ("oss:ObjectRemoved:DeleteObject", REMOVED),
        ("ObjectModified:UpdateObjectMeta", HINT),
        ("ObjectReplication:ObjectCreated", CREATED),
        ("ObjectReplication:ObjectModified", CREATED),
        ("ObjectReplication:ObjectRemoved", REMOVED),
        ("ObjectCreated:InitiateMultipartUpload", None),
        ("ObjectCreated:UploadPart", None),
        ("ObjectCreated:UploadPartCopy", None),
        ("ObjectCreated:PutSymlink", None),
        ("ObjectDownloaded:GetObject", None),
        ("ObjectRemoved:AbortMultipartUpload", None),
        ("oss:ObjectRemoved:AbortMultipartUpload", None),
    ],
)
def test_a_name_of_oss_means_exactly_this(name: str, kind: EventKind | None) -> None:
    body = changed("oss_created_put", "events", 0, "eventName", to=name)
    parsed = parse(body, bucket=BUCKET)
    assert not parsed.errors
    assert [event.kind for event in parsed.events] == ([kind] if kind else [])


@pytest.mark.parametrize(
    ("payload", "steps", "name", "cause"),
    [
        (
            "oss_created_put",
            ("events", 0, "eventName"),
            "ObjectRemoved:Whatever",
            "events[0]: the event name 'ObjectRemoved:Whatever' is none that OSS documents",
        ),
        (
            "oss_created_put",
            ("events", 0, "eventName"),
            "ObjectCreated:*",
            "events[0]: the event name 'ObjectCreated:*' is none that OSS documents",
        ),
        (
            "oss_created_put",
            ("events", 0, "eventName"),
            "oss:oss:ObjectCreated:PutObject",
            "events[0]: the event name 'oss:ObjectCreated:PutObject' is none that OSS documents",
        ),
        (
            "cos_created_put",
            ("Records", 0, "event", "eventName"),
            "cos:ObjectRemoved:Delete",
            "Records[0]: the event name 'ObjectRemoved:Delete' is none that COS documents",
        ),
        ("kodo_put", ("event",), "PUT", "the event name 'PUT' is none that Kodo documents"),
        (
            "minio_created_put",
            ("Records", 0, "eventName"),
            "s3:ObjectRemoved:Abort",
            "Records[0]: the event name 'ObjectRemoved:Abort' is none that MinIO documents",
        ),
        (
            "ceph_created_put",
            ("Records", 0, "eventName"),
            "s3:UnknownEvent",
            "Records[0]: the event name 'UnknownEvent' is none that Ceph documents",
        ),
    ],
)
def test_a_name_that_is_not_known_is_refused_and_never_guessed(
    payload: str, steps: tuple[str | int, ...], name: str, cause: str
) -> None:
    assert cause_of(changed(payload, *steps, to=name), bucket_of(payload)) == cause


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("cos:ObjectCreated:Append", CREATED),
        ("cos:ObjectCreated:CompleteMultipartUpload", CREATED),
        ("ObjectCreated:Origin", CREATED),
        ("cos:ObjectCreated:Replication", CREATED),
        ("cos:ObjectRemove:Delete", REMOVED),
        # So it stands in the documentation's own example of an event.
        ("cos:ObjectCreated:*", CREATED),
        ("cos:ObjectRemove:*", REMOVED),
        ("cos:ObjectRestore:Completed", HINT),
    ],
)
def test_a_name_of_cos_means_exactly_this(name: str, kind: EventKind) -> None:
    body = changed("cos_created_put", "Records", 0, "event", "eventName", to=name)
    (event,) = parse(body, bucket=COS_BUCKET).events
    assert event.kind is kind


@pytest.mark.parametrize("name", ["ObjectCreated:Put", "s3:ObjectCreated:Put"])
@pytest.mark.parametrize("payload", ["minio_created_put", "ceph_created_put"])
def test_a_store_that_writes_as_s3_does_may_leave_the_prefix_out(payload: str, name: str) -> None:
    body = changed(payload, "Records", 0, "eventName", to=name)
    (event,) = parse(body, bucket=BUCKET).events
    assert (event.kind, event.key) == (CREATED, KEY)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ObjectSynced:Create", CREATED),
        ("Replication:Delete", REMOVED),
        ("ObjectLifecycle:Expiration:Current", EXPIRED),
        ("LifecycleExpiration:Delete", EXPIRED),
        ("ObjectLifecycle:Expiration:NonCurrent", None),
        ("ObjectLifecycle:Expiration:AbortMultipartUpload", None),
    ],
)
def test_a_name_of_ceph_means_exactly_this(name: str, kind: EventKind | None) -> None:
    body = changed("ceph_created_put", "Records", 0, "eventName", to=f"s3:{name}")
    parsed = parse(body, bucket=BUCKET)
    assert not parsed.errors
    assert [event.kind for event in parsed.events] == ([kind] if kind else [])


@pytest.mark.parametrize("key", ["a%20b", "a+b", "%", "100%25", "/leading", "line\nbreak", "汉+字"])
def test_a_key_that_is_not_encoded_is_never_decoded(key: str) -> None:
    bodies = [
        (changed("oss_created_put", "events", 0, "oss", "object", "key", to=key), BUCKET),
        (changed("ceph_created_put", "Records", 0, "s3", "object", "key", to=key), BUCKET),
        (changed("kodo_put", "key", to=key), BUCKET),
        (
            changed(
                "cos_created_put",
                *("Records", 0, "cos", "cosObject", "key"),
                to=f"/1300000001/{BUCKET}/{key}",
            ),
            COS_BUCKET,
        ),
    ]
    for body, bucket in bodies:
        (event,) = parse(body, bucket=bucket).events
        assert event.key == key


@pytest.mark.parametrize(
    ("path", "cause"),
    [
        ("docs/plan.txt", "is 'docs/plan.txt' and does not begin with /1300000001/"),
        ("/1300000002/dualway-cn-media/a.txt", "does not begin with /1300000001/"),
        ("/1300000001/dualway-cn-media/", "cos.cosObject.key behind /1300000001/"),
    ],
)
def test_a_path_of_cos_without_its_place_or_its_key_is_refused(path: str, cause: str) -> None:
    body = changed("cos_created_put", "Records", 0, "cos", "cosObject", "key", to=path)
    assert cause in cause_of(body, COS_BUCKET)


@pytest.mark.parametrize(
    ("headers", "principal_id"),
    [
        ({"authorization": "q-sign-algorithm=sha1&q-ak=AKID1&q-signature=0=="}, "AKID1"),
        ({"Authorization": "q-ak=AKID2"}, "AKID2"),
        (
            {
                "Authorization": "AWS4-HMAC-SHA256 Credential=AKID4/20261121/ap-shanghai/s3/"
                "aws4_request, SignedHeaders=host;x-amz-date, Signature=00"
            },
            "AKID4",
        ),
        ({"Authorization": "AWS4-HMAC-SHA256 Credential=, SignedHeaders=host"}, None),
        ({"Authorization": "q-sign-algorithm=sha1&q-ak="}, None),
        ({"Authorization": "Example"}, None),
        ({"Authorization": 7}, None),
        ({"X-Other": "q-ak=AKID3"}, None),
        (None, None),
    ],
)
def test_who_asked_cos_is_the_secret_id_of_the_signature(
    headers: object, principal_id: str | None
) -> None:
    steps = ("Records", 0, "event", "requestParameters", "requestHeaders")
    (event,) = parse(changed("cos_created_put", *steps, to=headers), bucket=COS_BUCKET).events
    assert event.principal_id == principal_id


@pytest.mark.parametrize(
    ("name", "bucket", "dest_bucket", "expected"),
    [
        ("move", BUCKET, BUCKET, [(REMOVED, "from"), (CREATED, "to")]),
        ("move", BUCKET, "", [(REMOVED, "from"), (CREATED, "to")]),
        ("move", BUCKET, "elsewhere", [(REMOVED, "from")]),
        ("move", "elsewhere", BUCKET, [(CREATED, "to")]),
        ("copy", BUCKET, BUCKET, [(CREATED, "to")]),
        ("copy", BUCKET, "elsewhere", []),
        ("copy", "elsewhere", BUCKET, [(CREATED, "to")]),
        ("put", BUCKET, "elsewhere", [(CREATED, "from")]),
        ("enable", BUCKET, BUCKET, []),
        ("disable", BUCKET, BUCKET, []),
    ],
)
def test_what_kodo_copies_or_moves_concerns_the_keys_of_this_bucket(
    name: str, bucket: str, dest_bucket: str, expected: list[tuple[EventKind, str]]
) -> None:
    inner = json.loads(json.loads(load_event("kodo_put"))["Message"])
    places = {"bucket": bucket, "key": "from", "dest_bucket": dest_bucket, "dest_key": "to"}
    body = json.dumps({"Message": json.dumps({**inner, "event": name, **places})})
    parsed = parse(body, bucket=BUCKET)
    assert not parsed.errors
    assert [(event.kind, event.key) for event in parsed.events] == expected


@pytest.mark.parametrize("name", ["put", "delete", "move", "copy"])
def test_what_kodo_does_between_other_buckets_is_refused(name: str) -> None:
    inner = json.loads(json.loads(load_event("kodo_move"))["Message"])
    places = {"event": name, "bucket": "elsewhere", "dest_bucket": "another"}
    body = json.dumps({"Message": json.dumps({**inner, **places})})
    assert cause_of(body).startswith("it is about bucket 'elsewhere', and this queue serves")


def test_a_malformed_event_does_not_touch_its_neighbours() -> None:
    message = json.loads(load_event("oss_cloud_events"))
    message[0]["source"] = "acs.ecs"
    message[1] = 7
    parsed = parse(json.dumps(message), bucket=BUCKET)
    assert [event.key for event in parsed.events] == ["c d.txt"]
    assert [error.cause for error in parsed.errors] == [
        "[0]: the source of the CloudEvent is 'acs.ecs', and only acs.oss is read",
        "[1]: a CloudEvent should be an object and is 7",
    ]


def test_the_envelope_of_a_cloud_event_stands_in_for_a_missing_name_and_time() -> None:
    message = json.loads(load_event("oss_cloud_event"))
    del message["data"]["eventName"], message["data"]["eventTime"]
    assert parse(json.dumps(message), bucket=BUCKET).events == (OSS,)


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ('{"events": []}', "events is empty, so that there is no event in the message"),
        ('{"events": {}}', "events should be a list and is {}"),
        ('{"events": [7]}', "events[0]: a record should be an object and is 7"),
        ('{"events": [{}]}', "events[0]: eventName should be a text and is None"),
        ("[7]", "[0]: a CloudEvent should be an object and is 7"),
        ('{"specversion": "1.0", "data": {}}', "the source of the CloudEvent is None"),
        ('{"Records": [{"cos": {}}]}', "Records[0]: event should be an object and is None"),
        ('{"Message": 7}', "the Message of the Kodo notification should be a text and is 7"),
        ('{"Message": "hello!"}', "the Message of the Kodo notification is not JSON"),
        ('{"Message": "[1]"}', "the Message of the Kodo notification should be an object"),
        ('{"Message": "{}"}', "event should be a text and is None"),
        (base64.b64encode(b"no JSON").decode(), "the body is not JSON"),
        (base64.b64encode(b"{no JSON").decode(), "the body, in base64, is not JSON"),
        (base64.b64encode(b"{\xff}").decode(), "the body is not JSON"),
        (
            load_event("hub_part_job"),
            "it is a part of an upload that Data Transfer Hub has begun: a job",
        ),
    ],
)
def test_a_message_that_is_no_event_of_a_provider_is_told_why(body: str, cause: str) -> None:
    assert cause_of(body).startswith(cause)


@pytest.mark.parametrize("value", [None, True, "1795162530", 1e9, 10**30, -(10**30)])
def test_an_odd_time_never_costs_the_event(value: object) -> None:
    for body, bucket in (
        (changed("cos_created_put", "Records", 0, "event", "eventTime", to=value), COS_BUCKET),
        (changed("kodo_put", "time", to=value), BUCKET),
        (changed("oss_created_put", "events", 0, "eventTime", to=value), BUCKET),
    ):
        (event,) = parse(body, bucket=bucket).events
        assert event.occurred_at is None
