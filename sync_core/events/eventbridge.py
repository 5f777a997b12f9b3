"""An S3 event that came through Amazon EventBridge.

Source: Amazon S3 User Guide, "EventBridge event message structure" (event-version 1.1), as of
2026-11. The key stands there as it is; `requester` is an account id or a service, never a user, so
that an echo cannot be told from another write of its account.
"""

from sync_core.events import fields
from sync_core.events.names import kind_of_detail_type
from sync_core.model import ObjectEvent

_SOURCE = "aws.s3"


def is_eventbridge(message: dict[str, object]) -> bool:
    """Tell whether the message has EventBridge's envelope, of whatever source."""
    return "detail-type" in message and "detail" in message


def read_eventbridge(message: dict[str, object], bucket: str) -> ObjectEvent | None:
    """Return the event; None when it is no change of an object's value.

    Raises `MalformedEvent` for anything but an event of S3 about `bucket`.
    """
    if message.get("source") != _SOURCE:
        found = fields.shown(message.get("source"))
        fields.refuse(f"the source of the EventBridge event is {found}, and only {_SOURCE} is read")
    detail = fields.member(message, "detail", "detail")
    name = fields.required_text(message.get("detail-type"), "detail-type")
    kind = kind_of_detail_type(name, detail.get("reason"))
    if kind is None:
        return None
    named = fields.member(detail, "bucket", "detail.bucket").get("name")
    fields.demand_bucket(named, bucket, "detail.bucket.name")
    found_object = fields.member(detail, "object", "detail.object")
    return ObjectEvent(
        key=fields.raw_key(found_object.get("key"), "detail.object.key"),
        kind=kind,
        name=name,
        principal_id=fields.text(detail.get("requester")),
        sequencer=fields.text(found_object.get("sequencer")),
        etag=fields.etag(found_object.get("etag")),
        version_id=fields.version_id(found_object.get("version-id")),
        size_bytes=fields.size_bytes(found_object.get("size")),
        occurred_at=fields.instant(message.get("time")),
    )
