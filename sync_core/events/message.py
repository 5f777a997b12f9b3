"""The text of a queue message, taken apart: which shape it has, and what stands in it.

| shape | told by | gives |
|---|---|---|
| S3 event notification | `Records` | an event or an error for each record |
| S3's test message | `Event` is `s3:TestEvent` | nothing |
| SNS envelope | `Type` is `Notification` | what its `Message` gives, which is any other shape |
| EventBridge event | `detail-type`, `detail` | one event or error |
| part job | `upload_id` and `run` beside `key` | a run of parts to send |
| job | `key` | a hint |
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from sync_core.errors import MalformedEvent
from sync_core.events import fields
from sync_core.events.eventbridge import is_eventbridge, read_eventbridge
from sync_core.events.job import is_job, read_job
from sync_core.events.part_job import is_part_job, read_part_job
from sync_core.events.records import read_record
from sync_core.model import ObjectEvent, PartJob

_CONFIRMATIONS = ("SubscriptionConfirmation", "UnsubscribeConfirmation")

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
        message = _load(body, "the body")
        if message.get("Type") == "Notification":
            inner = fields.required_text(message.get("Message"), "Message of the SNS notification")
            message = _load(inner, "the Message of the SNS notification")
        return _read_message(message, bucket)
    except MalformedEvent as error:
        return [error]


def _load(text: str, what: str) -> dict[str, object]:
    if not text.strip():
        fields.refuse(f"{what} is empty")
    message = _decode(text, what)
    if not isinstance(message, dict):
        fields.refuse(f"{what} is JSON but no event: {fields.shown(message)}")
    return message


def _decode(text: str, what: str) -> object:
    try:
        decoded: object = json.loads(text)
    except json.JSONDecodeError as error:
        place = f"character {error.pos} of {len(text)}"
        fields.refuse(f"{what} is not JSON: {error.msg} ({place}): {fields.shown(text)}")
    except (RecursionError, ValueError) as error:
        # Nested too deeply, or a number of more digits than Python reads.
        fields.refuse(f"{what} is not readable: {error}: {fields.shown(text)}")
    return decoded


def _read_message(message: dict[str, object], bucket: str) -> Iterable[_Reading]:
    if "Records" in message:
        return _read_records(message["Records"], bucket)
    if message.get("Event") == "s3:TestEvent":
        return []
    if is_eventbridge(message):
        return [read_eventbridge(message, bucket)]
    if is_part_job(message):
        return [read_part_job(message)]
    if is_job(message):
        return [read_job(message)]
    if message.get("Type") in _CONFIRMATIONS:
        fields.refuse(f"it is an SNS {message['Type']} and no event: open its SubscribeURL")
    return fields.refuse(f"it has the shape of no event that is known: {fields.shown(message)}")


def _read_records(records: object, bucket: str) -> Iterable[_Reading]:
    if not isinstance(records, list):
        fields.refuse(f"Records should be a list and is {fields.shown(records)}")
    if not records:
        fields.refuse("Records is empty, so that there is no event in the message")
    return [_attempt(index, record, bucket) for index, record in enumerate(records)]


def _attempt(index: int, record: object, bucket: str) -> _Reading:
    try:
        return read_record(record, bucket)
    except MalformedEvent as error:
        return MalformedEvent("parse", "", f"Records[{index}]: {error.cause}")
