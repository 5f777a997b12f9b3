"""One record of an S3 event notification.

Source: Amazon S3 User Guide, "Event message structure" (event versions 2.0 to 2.3), as of 2026-11.
"""

from collections.abc import Callable

from sync_core.events import fields
from sync_core.events.names import kind_of_name
from sync_core.model import ObjectEvent

_KEY_READERS: dict[str, Callable[[object, str], str]] = {"aws:s3": fields.form_key}
"""The event sources that are read, and how each of them writes a key."""


def read_record(record: object, bucket: str) -> ObjectEvent | None:
    """Return the record's event; None when it is no change of an object's value.

    Raises `MalformedEvent` for anything but a record about `bucket`, with a cause that does not
    yet say which record it is.
    """
    if not isinstance(record, dict):
        fields.refuse(f"a record should be an object and is {fields.shown(record)}")
    read_key = _key_reader(record)
    name = fields.required_text(record.get("eventName"), "eventName")
    kind = kind_of_name(name)
    if kind is None:
        return None
    about = fields.member(record, "s3", "s3")
    demand_bucket(about, bucket, "s3.bucket")
    found = fields.member(about, "object", "s3.object")
    return ObjectEvent(
        key=read_key(found.get("key"), "s3.object.key"),
        kind=kind,
        name=name,
        principal_id=fields.text(fields.optional_member(record, "userIdentity").get("principalId")),
        sequencer=fields.text(found.get("sequencer")),
        etag=fields.etag(found.get("eTag")),
        version_id=fields.version_id(found.get("versionId")),
        size_bytes=fields.size_bytes(found.get("size")),
        occurred_at=fields.instant(record.get("eventTime")),
    )


def demand_bucket(about: dict[str, object], bucket: str, path: str) -> None:
    """Raise `MalformedEvent` unless the event names the bucket that the queue serves."""
    name = fields.required_text(fields.member(about, "bucket", path).get("name"), f"{path}.name")
    if name != bucket:
        cause = f"it is about bucket {fields.shown(name)}, and this queue serves {bucket!r}"
        fields.refuse(cause)


def _key_reader(record: dict[str, object]) -> Callable[[object, str], str]:
    source = record.get("eventSource")
    if not isinstance(source, str) or source not in _KEY_READERS:
        known = ", ".join(_KEY_READERS)
        fields.refuse(f"the eventSource is {fields.shown(source)}, and only {known} is read")
    return _KEY_READERS[source]
