"""An event of Aliyun OSS: `{"events": [...]}`, or one record as `data` of a CloudEvent.

A trigger of Function Compute and a notification by way of SMQ have the first form, EventBridge the
second. The key stands there as it is; the etag is in capitals; there is neither a version nor a
sequencer. Names are known exactly and never by how they begin: there is one event for each part of
an upload, and an upload that was given up is told of as `ObjectRemoved`.

Sources: Aliyun, "OSS event notifications", "Configure OSS triggers" and "OSS events" of
EventBridge, as of 2025-11.
"""

from sync_core.events import fields
from sync_core.events.names import Names, kind_in
from sync_core.model import EventKind, ObjectEvent

_PREFIX = "oss:"
_CLOUD_EVENT_SOURCE = "acs.oss"

_NAMES: Names = {
    "ObjectCreated:PutObject": EventKind.CREATED,
    "ObjectCreated:PostObject": EventKind.CREATED,
    "ObjectCreated:CopyObject": EventKind.CREATED,
    "ObjectCreated:AppendObject": EventKind.CREATED,
    "ObjectCreated:CompleteMultipartUpload": EventKind.CREATED,
    "ObjectReplication:ObjectCreated": EventKind.CREATED,
    "ObjectReplication:ObjectModified": EventKind.CREATED,
    "ObjectModified:UpdateObjectMeta": EventKind.HINT,
    "ObjectRemoved:DeleteObject": EventKind.REMOVED,
    "ObjectRemoved:DeleteObjects": EventKind.REMOVED,
    "ObjectReplication:ObjectRemoved": EventKind.REMOVED,
    # What stands under the key stays as it was.
    "ObjectCreated:InitiateMultipartUpload": None,
    "ObjectCreated:UploadPart": None,
    "ObjectCreated:UploadPartCopy": None,
    "ObjectRemoved:AbortMultipartUpload": None,
    "ObjectDownloaded:GetObject": None,
    # A link has no content of its own.
    "ObjectCreated:PutSymlink": None,
}


def is_oss(message: dict[str, object]) -> bool:
    """Tell whether the message has the shape of OSS's own notification."""
    return "events" in message


def is_cloud_event(message: dict[str, object]) -> bool:
    """Tell whether the message has the envelope of CloudEvents, of whatever source."""
    return "specversion" in message and "data" in message


def read_cloud_event(message: object, bucket: str) -> ObjectEvent | None:
    """Return the event in a CloudEvent; None and `MalformedEvent` as in `read_oss_record`."""
    if not isinstance(message, dict):
        fields.refuse(f"a CloudEvent should be an object and is {fields.shown(message)}")
    source = message.get("source")
    if source != _CLOUD_EVENT_SOURCE:
        only = f"and only {_CLOUD_EVENT_SOURCE} is read"
        fields.refuse(f"the source of the CloudEvent is {fields.shown(source)}, {only}")
    data = fields.member(message, "data", "data")
    envelope = {"eventName": message.get("type"), "eventTime": message.get("time")}
    return read_oss_record({**envelope, **data}, bucket)


def read_oss_record(record: object, bucket: str) -> ObjectEvent | None:
    """Return the record's event; None when it is no change of an object's value.

    Raises `MalformedEvent` for anything but a record about `bucket`, with a cause that does not
    yet say which record it is.
    """
    if not isinstance(record, dict):
        fields.refuse(f"a record should be an object and is {fields.shown(record)}")
    name = fields.required_text(record.get("eventName"), "eventName").removeprefix(_PREFIX)
    kind = kind_in(_NAMES, name, "OSS")
    if kind is None:
        return None
    about = fields.member(record, "oss", "oss")
    named = fields.member(about, "bucket", "oss.bucket").get("name")
    fields.demand_bucket(named, bucket, "oss.bucket.name")
    found = fields.member(about, "object", "oss.object")
    return ObjectEvent(
        key=fields.raw_key(found.get("key"), "oss.object.key"),
        kind=kind,
        name=name,
        principal_id=fields.text(fields.optional_member(record, "userIdentity").get("principalId")),
        etag=fields.etag(found.get("eTag")),
        size_bytes=fields.size_bytes(found.get("size")),
        occurred_at=fields.instant(record.get("eventTime")),
    )
