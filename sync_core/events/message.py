"""The text of a queue message, taken apart: which shape it has, and what stands in it.

| shape | told by | gives |
|---|---|---|
| S3 event notification, also MinIO's and Ceph's | `Records` | an event or error for each record |
| COS event | `Records`, each with `cos` | the same |
| S3's test message | `Event` is `s3:TestEvent` | nothing |
| SNS envelope | `Type` is `Notification` | what its `Message` gives, which is any other shape |
| what a forwarder in Lambda has given up | `requestPayload` | what its messages would have given |
| EventBridge event | `detail-type`, `detail` | one event or error |
| OSS event | `events` | an event or error for each |
| CloudEvent with an OSS event | `specversion`, `data` | one event or error |
| several CloudEvents | a list | an event or error for each |
| part job | `upload_id` and `run` beside `key` | a run of parts to send |
| job | `key` | a hint |
| Kodo event | `Message` and no `Type` | an event, or two of a move; or an error |
| Data Transfer Hub's part job | `bodyRange` | an error: its upload is not one of ours |

Each of them may come as base64. An event that changes no object's value gives nothing.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sync_core.errors import MalformedEvent
from sync_core.events import fields
from sync_core.events.cos import is_cos_record, read_cos_record
from sync_core.events.decoding import decode
from sync_core.events.eventbridge import is_eventbridge, read_eventbridge
from sync_core.events.invocation import bodies_given_up, is_given_up
from sync_core.events.job import is_job, read_job
from sync_core.events.kodo import is_kodo, read_kodo
from sync_core.events.oss import is_cloud_event, is_oss, read_cloud_event, read_oss_record
from sync_core.events.part_job import is_part_job, read_part_job
from sync_core.events.records import read_record
from sync_core.model import ObjectEvent, PartJob

_CONFIRMATIONS = ("SubscriptionConfirmation", "UnsubscribeConfirmation")

_Message = dict[str, object]
_Reading = ObjectEvent | PartJob | MalformedEvent | None


@dataclass(frozen=True, slots=True)
class Parsed:
    """What one message says: the events that could be read, and an error for each that could not.

    `jobs` are runs of parts to send. All empty: the message is none of our business (a test
    message, a change of an ACL).
    """

    events: tuple[ObjectEvent, ...] = ()
    errors: tuple[MalformedEvent, ...] = ()
    jobs: tuple[PartJob, ...] = ()


def parse(body: str, *, bucket: str) -> Parsed:
    """Read the body of a message from the queue that serves `bucket`.

    Raises nothing: each error names what is wrong, where, and what was found instead.
    """
    readings = list(_read(body, bucket))
    return Parsed(
        events=tuple(reading for reading in readings if isinstance(reading, ObjectEvent)),
        errors=tuple(reading for reading in readings if isinstance(reading, MalformedEvent)),
        jobs=tuple(reading for reading in readings if isinstance(reading, PartJob)),
    )


def _read(body: str, bucket: str) -> Iterable[_Reading]:
    try:
        message = _opened(body)
        if isinstance(message, dict) and is_given_up(message):
            bodies = bodies_given_up(message)
            return [each for inner in bodies for each in _read_one(_opened(inner), bucket)]
        return _read_one(message, bucket)
    except MalformedEvent as error:
        return [error]


def _opened(body: str) -> _Message | list[object]:
    message = _load(body, "the body")
    if isinstance(message, dict) and message.get("Type") == "Notification":
        inner = fields.required_text(message.get("Message"), "Message of the SNS notification")
        return _load(inner, "the Message of the SNS notification")
    return message


def _read_one(message: _Message | list[object], bucket: str) -> Iterable[_Reading]:
    if isinstance(message, list):
        return _read_each("", message, bucket, read_cloud_event)
    return _read_message(message, bucket)


def _load(text: str, what: str) -> _Message | list[object]:
    message = decode(text, what)
    if not isinstance(message, dict | list) or message == []:
        fields.refuse(f"{what} is JSON but no event: {fields.shown(message)}")
    return message


def _read_message(message: _Message, bucket: str) -> Iterable[_Reading]:
    for has_shape, read in _SHAPES:
        if has_shape(message):
            return read(message, bucket)
    if message.get("Type") in _CONFIRMATIONS:
        fields.refuse(f"it is an SNS {message['Type']} and no event: open its SubscribeURL")
    if "bodyRange" in message:
        advice = 'a job {"key": ..., "size": ...} has the whole object copied'
        fields.refuse(f"it is a part of an upload that Data Transfer Hub has begun: {advice}")
    return fields.refuse(f"it has the shape of no event that is known: {fields.shown(message)}")


_SHAPES: tuple[
    tuple[Callable[[_Message], bool], Callable[[_Message, str], Iterable[_Reading]]], ...
] = (
    (
        lambda message: "Records" in message,
        lambda message, bucket: _read_each("Records", message["Records"], bucket, _read_record),
    ),
    (lambda message: message.get("Event") == "s3:TestEvent", lambda _message, _bucket: []),
    (is_eventbridge, lambda message, bucket: [read_eventbridge(message, bucket)]),
    (
        is_oss,
        lambda message, bucket: _read_each("events", message["events"], bucket, read_oss_record),
    ),
    (is_cloud_event, lambda message, bucket: [read_cloud_event(message, bucket)]),
    (is_part_job, lambda message, _bucket: [read_part_job(message)]),
    (is_job, lambda message, _bucket: [read_job(message)]),
    (is_kodo, read_kodo),
)
"""How each shape is told and read; the first that a message has counts."""


def _read_record(record: object, bucket: str) -> ObjectEvent | None:
    return (read_cos_record if is_cos_record(record) else read_record)(record, bucket)


def _read_each(
    name: str, entries: object, bucket: str, read: Callable[[object, str], ObjectEvent | None]
) -> Iterable[_Reading]:
    if not isinstance(entries, list):
        fields.refuse(f"{name} should be a list and is {fields.shown(entries)}")
    if not entries:
        fields.refuse(f"{name} is empty, so that there is no event in the message")

    def attempt(index: int, entry: object) -> _Reading:
        try:
            return read(entry, bucket)
        except MalformedEvent as error:
            return MalformedEvent("parse", "", f"{name}[{index}]: {error.cause}")

    return [attempt(index, entry) for index, entry in enumerate(entries)]
