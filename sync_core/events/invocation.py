"""What a Lambda function is invoked with that has to do with events, and what is left of it.

| event source | what a forwarder puts into the queue |
|---|---|
| Amazon S3 | each record, in a message of its own |
| Amazon SNS | the text of each notification |
| Amazon EventBridge | the event |

When Lambda gives up, it hands all of that over as `requestPayload` in a record of the invocation
(AWS Lambda Developer Guide, "Capturing records of Lambda asynchronous invocations", 2026).
"""

import json
from collections.abc import Mapping
from typing import Any

from sync_core.events import fields

_PAYLOAD = "requestPayload"


def bodies_of(event: Mapping[str, Any]) -> list[str]:
    """Return the messages to send for what S3, SNS or EventBridge tells.

    Raises `MalformedEvent` for anything else, and then for the event as a whole.
    """
    if "detail-type" in event and "detail" in event:
        return [json.dumps(event)]
    records = event.get("Records")
    if not isinstance(records, list) or not records:
        fields.refuse("it is no event of S3, SNS, EventBridge or SQS: connect the function to one")
    return [_body_of(record) for record in records]


def is_given_up(message: Mapping[str, Any]) -> bool:
    """Tell whether it is Lambda's record of an invocation that failed."""
    return _PAYLOAD in message


def bodies_given_up(message: Mapping[str, Any]) -> list[str]:
    """Return the messages that were not sent then; raises as `bodies_of`."""
    event = message[_PAYLOAD]
    if not isinstance(event, dict):
        fields.refuse(f"{_PAYLOAD} should be an event and is {fields.shown(event)}")
    return bodies_of(event)


def source_of(record: object) -> str | None:
    """Return the source of a record, whose name SNS alone writes with a capital."""
    if not isinstance(record, dict):
        return None
    return record.get("eventSource") or record.get("EventSource")


def _body_of(record: Any) -> str:
    source = source_of(record)
    if source == "aws:s3":
        return json.dumps({"Records": [record]})
    if source != "aws:sns":
        known = "aws:s3, aws:sns or aws:sqs is read"
        fields.refuse(f"a record's event source is {fields.shown(source)}: {known}")
    body = record["Sns"].get("Message") if isinstance(record.get("Sns"), dict) else None
    return fields.required_text(body, "Message of the SNS notification")
