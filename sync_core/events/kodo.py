"""An event of Qiniu Kodo: JSON as the text of `Message`, one event in a message.

The keys stand there as they are. A copy makes an object under `dest_key`, a move takes it away
from `key` besides, either maybe in another bucket. The `hash` is no etag of the S3 protocol.

Source: Qiniu, "Event notifications" of Kodo, as of 2025.
"""

from sync_core.events import fields
from sync_core.events.decoding import decode
from sync_core.events.names import Names, kind_in
from sync_core.model import EventKind, ObjectEvent

_INNER = "the Message of the Kodo notification"
_NANOSECONDS = 1_000_000_000

_NAMES: Names = {
    "put": EventKind.CREATED,
    "mkfile": EventKind.CREATED,
    "append": EventKind.CREATED,
    "copy": EventKind.CREATED,
    "move": EventKind.REMOVED,
    "delete": EventKind.REMOVED,
    "restore:completed": EventKind.HINT,
    "disable": None,
    "enable": None,
}
"""What a name means for the first of the keys that it concerns."""

_TO_DESTINATION = ("copy", "move")


def is_kodo(message: dict[str, object]) -> bool:
    """Tell whether the message has the shape of a notification of Kodo."""
    return "Message" in message and "Type" not in message


def read_kodo(message: dict[str, object], bucket: str) -> list[ObjectEvent]:
    """Return the events, of which a move has two; none when no object's value has changed.

    What a copy or a move does in another bucket is left out. Raises `MalformedEvent` for anything
    but an event about `bucket`.
    """
    event = _event(message)
    name = fields.required_text(event.get("event"), "event")
    kind = kind_in(_NAMES, name, "Kodo")
    if kind is None:
        return []
    source, destination = event.get("bucket"), event.get("dest_bucket") or event.get("bucket")
    if name not in _TO_DESTINATION or bucket not in (source, destination):
        fields.demand_bucket(source, bucket, "bucket")
    found = []
    if name != "copy" and source == bucket:
        found.append(_read(event, name, "key", kind))
    if name in _TO_DESTINATION and destination == bucket:
        found.append(_read(event, name, "dest_key", EventKind.CREATED))
    return found


def _event(message: dict[str, object]) -> dict[str, object]:
    event = decode(fields.required_text(message.get("Message"), _INNER), _INNER)
    if not isinstance(event, dict):
        fields.refuse(f"{_INNER} should be an object and is {fields.shown(event)}")
    return event


def _read(event: dict[str, object], name: str, path: str, kind: EventKind) -> ObjectEvent:
    return ObjectEvent(
        key=fields.raw_key(event.get(path), path),
        kind=kind,
        name=name,
        # The user_id is left out on purpose: what all ids begin with would count as the id.
        principal_id=fields.text(event.get("access_key")),
        size_bytes=None if kind is EventKind.REMOVED else fields.size_bytes(event.get("fsize")),
        occurred_at=fields.epoch_instant(event.get("time"), _NANOSECONDS),
    )
