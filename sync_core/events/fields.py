"""What is demanded of the fields of an event: strict for the key, forgiving for all the rest."""

import reprlib
from datetime import UTC, datetime, timedelta
from typing import NoReturn
from urllib.parse import unquote_plus

from sync_core.errors import MalformedEvent
from sync_core.routing import MAX_KEY_BYTES

_SHORT = reprlib.Repr()
_SHORT.maxstring = 200
_SHORT.maxdict = 8
_SHORT.maxlevel = 3
_SHOWN_CHARACTERS = 400

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_SIZE_DIGITS = 18


def refuse(cause: str) -> NoReturn:
    """Raise `MalformedEvent` with this cause, a sentence without its place."""
    raise MalformedEvent("parse", "", cause)


def shown(value: object) -> str:
    """Return the value as it may stand in a reason: one printable line, shortened."""
    text = _SHORT.repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"


def member(container: object, name: str, path: str) -> dict[str, object]:
    """Return the object that stands under `name`; `path` is what the reason calls it."""
    found = container.get(name) if isinstance(container, dict) else None
    if not isinstance(found, dict):
        refuse(f"{path} should be an object and is {shown(found)}")
    return found


def optional_member(container: dict[str, object], name: str) -> dict[str, object]:
    """Return the object that stands under `name`, an empty one where there is none."""
    found = container.get(name)
    return found if isinstance(found, dict) else {}


def required_text(value: object, path: str) -> str:
    """Return a text that an event cannot be without."""
    if not isinstance(value, str) or not value:
        refuse(f"{path} should be a text and is {shown(value)}")
    return value


def demand_bucket(name: object, bucket: str, path: str) -> None:
    """Raise `MalformedEvent` unless the event names the bucket that the queue serves."""
    if required_text(name, path) != bucket:
        refuse(f"it is about bucket {shown(name)}, and this queue serves {bucket!r}")


def raw_key(value: object, path: str) -> str:
    """Return a key that stands in the event as it is."""
    key = required_text(value, path)
    try:
        size_bytes = len(key.encode())
    except UnicodeEncodeError:
        refuse(f"the key {shown(key)} is not valid Unicode: it holds half of a surrogate pair")
    if size_bytes > MAX_KEY_BYTES:
        refuse(f"the key {shown(key)} has {size_bytes} bytes; {MAX_KEY_BYTES} are allowed")
    return key


def form_key(value: object, path: str) -> str:
    """Return a key that stands in the event form-encoded (a space is `+`), decoded.

    Amazon S3 User Guide, "Event message structure": the key is URL-encoded.
    """
    encoded = required_text(value, path)
    try:
        key = unquote_plus(encoded, errors="strict")
    except UnicodeDecodeError:
        refuse(f"the key {shown(encoded)} is not valid UTF-8 once it is decoded")
    return raw_key(key, path)


def text(value: object) -> str | None:
    """Return a text that is there and not empty."""
    return value if isinstance(value, str) and value else None


def etag(value: object) -> str | None:
    """Return an etag without quotes."""
    return text(value.strip('"')) if isinstance(value, str) else None


def version_id(value: object) -> str | None:
    """Return a version id; "null", the version of a bucket without versioning, counts as none."""
    return None if value == "null" else text(value)


def size_bytes(value: object) -> int | None:
    """Return a size that is a whole number, not negative; some stores write it as a text."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value) if len(value) <= _MOST_SIZE_DIGITS else None
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and isinstance(value, int) and value >= 0 else None


def instant(value: object) -> datetime | None:
    """Return an ISO 8601 instant in UTC; None for anything else, also for one without a zone."""
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
        return at.astimezone(UTC) if at is not None and at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def epoch_instant(value: object, ticks_per_second: int) -> datetime | None:
    """Return the instant so many ticks after 1970; None for anything but a whole number."""
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    try:
        return _EPOCH + timedelta(microseconds=value * 1_000_000 // ticks_per_second)
    except OverflowError:
        return None
