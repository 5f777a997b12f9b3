"""One record of an event of Tencent COS, as a trigger of SCF hands it over.

The key stands there as it is, behind `/appid/name/`; the API's name of the bucket is `name-appid`.
Who asked is told by the Authorization header alone: by the SecretId in its `q-ak` or, as in our own
requests, which speak S3, in its `Credential`. Lifecycle rules raise no event. In the
documentation's example a name ends with `*`, as triggers are set up.

Sources: Tencent Cloud, "COS Trigger" of SCF and "Event notifications" of COS, as of 2025;
payloads in public code.
"""

import re

from sync_core.events import fields
from sync_core.events.names import Names, kind_in
from sync_core.model import EventKind, ObjectEvent

_PREFIX = "cos:"

_SECRET_ID = re.compile(r"(?:^|[&\s])(?:q-ak|Credential)=([^&/,\s]+)")
"""Where a signature has it, COS's own or S3's (COS, Request signature; AWS Signature Version 4)."""

_NAMES: Names = {
    "ObjectCreated:Put": EventKind.CREATED,
    "ObjectCreated:Post": EventKind.CREATED,
    "ObjectCreated:Copy": EventKind.CREATED,
    "ObjectCreated:Append": EventKind.CREATED,
    "ObjectCreated:CompleteMultipartUpload": EventKind.CREATED,
    "ObjectCreated:Origin": EventKind.CREATED,
    "ObjectCreated:Replication": EventKind.CREATED,
    "ObjectCreated:*": EventKind.CREATED,
    "ObjectRemove:Delete": EventKind.REMOVED,
    "ObjectRemove:DeleteMarkerCreated": EventKind.REMOVED,
    "ObjectRemove:*": EventKind.REMOVED,
    "ObjectRestore:Completed": EventKind.HINT,
    "ObjectRestore:Post": None,
}


def is_cos_record(record: object) -> bool:
    """Tell whether an entry of `Records` is COS's."""
    return isinstance(record, dict) and "cos" in record


def read_cos_record(record: object, bucket: str) -> ObjectEvent | None:
    """Return the record's event; None when it is no change of an object's value.

    Raises `MalformedEvent` for anything but a record about `bucket`, with a cause that does not
    yet say which record it is.
    """
    event = fields.member(record, "event", "event")
    name = fields.required_text(event.get("eventName"), "event.eventName").removeprefix(_PREFIX)
    kind = kind_in(_NAMES, name, "COS")
    if kind is None:
        return None
    about = fields.member(record, "cos", "cos")
    app_id, bucket_name = _names(fields.member(about, "cosBucket", "cos.cosBucket"))
    fields.demand_bucket(f"{bucket_name}-{app_id}", bucket, "cos.cosBucket.name")
    found = fields.member(about, "cosObject", "cos.cosObject")
    return ObjectEvent(
        key=_key(found.get("key"), f"/{app_id}/{bucket_name}/"),
        kind=kind,
        name=name,
        principal_id=_secret_id(fields.optional_member(event, "requestParameters")),
        etag=fields.etag(fields.optional_member(found, "meta").get("ETag")),
        size_bytes=fields.size_bytes(found.get("size")),
        occurred_at=fields.epoch_instant(event.get("eventTime"), 1),
    )


def _names(named: dict[str, object]) -> tuple[str, str]:
    app_id = named.get("appid")
    if isinstance(app_id, int) and not isinstance(app_id, bool):
        app_id = str(app_id)
    return (
        fields.required_text(app_id, "cos.cosBucket.appid"),
        fields.required_text(named.get("name"), "cos.cosBucket.name"),
    )


def _key(value: object, place: str) -> str:
    path = fields.required_text(value, "cos.cosObject.key")
    if not path.startswith(place):
        fields.refuse(f"cos.cosObject.key is {fields.shown(path)} and does not begin with {place}")
    return fields.raw_key(path.removeprefix(place), f"cos.cosObject.key behind {place}")


def _secret_id(request: dict[str, object]) -> str | None:
    headers = fields.optional_member(request, "requestHeaders").items()
    signed = next((value for name, value in headers if name.lower() == "authorization"), None)
    found = _SECRET_ID.search(signed) if isinstance(signed, str) else None
    return None if found is None else found[1]
