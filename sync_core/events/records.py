"""One record of an S3 event notification, of Amazon's or of a store that writes the same.

| eventSource | key | besides |
|---|---|---|
| `aws:s3` | form-encoded | |
| `minio:s3` | form-encoded, with `/` as `%2F` | no size and no etag of a delete |
| `ceph:s3` | as it is | a space in the time; `eTag` or `etag`; the size may be a text |

Sources: Amazon S3 User Guide, "Event message structure" (event versions 2.0 to 2.3), as of 2026-11;
payloads of MinIO and of Ceph RGW ("S3 Bucket Notifications Compatibility").
"""

from collections.abc import Callable
from dataclasses import dataclass

from sync_core.events import fields
from sync_core.events.names import kind_of_ceph_name, kind_of_minio_name, kind_of_name
from sync_core.model import EventKind, ObjectEvent


@dataclass(frozen=True, slots=True)
class _Source:
    """How a store writes a key, and what its names mean."""

    read_key: Callable[[object, str], str]
    kind_of: Callable[[str], EventKind | None]


_SOURCES = {
    "aws:s3": _Source(fields.form_key, kind_of_name),
    "minio:s3": _Source(fields.form_key, kind_of_minio_name),
    "ceph:s3": _Source(fields.raw_key, kind_of_ceph_name),
}


def read_record(record: object, bucket: str) -> ObjectEvent | None:
    """Return the record's event; None when it is no change of an object's value.

    Raises `MalformedEvent` for anything but a record about `bucket`, with a cause that does not
    yet say which record it is.
    """
    if not isinstance(record, dict):
        fields.refuse(f"a record should be an object and is {fields.shown(record)}")
    source = _source(record)
    name = fields.required_text(record.get("eventName"), "eventName")
    kind = source.kind_of(name)
    if kind is None:
        return None
    about = fields.member(record, "s3", "s3")
    named = fields.member(about, "bucket", "s3.bucket").get("name")
    fields.demand_bucket(named, bucket, "s3.bucket.name")
    found = fields.member(about, "object", "s3.object")
    return ObjectEvent(
        key=source.read_key(found.get("key"), "s3.object.key"),
        kind=kind,
        name=name,
        principal_id=fields.text(fields.optional_member(record, "userIdentity").get("principalId")),
        sequencer=fields.text(found.get("sequencer")),
        etag=fields.etag(found.get("eTag")) or fields.etag(found.get("etag")),
        version_id=fields.version_id(found.get("versionId")),
        size_bytes=fields.size_bytes(found.get("size")),
        occurred_at=fields.instant(record.get("eventTime")),
    )


def _source(record: dict[str, object]) -> _Source:
    source = record.get("eventSource")
    if not isinstance(source, str) or source not in _SOURCES:
        known = ", ".join(_SOURCES)
        fields.refuse(
            f"the eventSource is {fields.shown(source)}, and only these are read: {known}"
        )
    return _SOURCES[source]
