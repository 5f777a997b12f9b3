"""Attribute values in DynamoDB's own form, and back: pure.

None is a missing attribute; instants are ISO 8601 in UTC with microseconds, except those of the
time to live, which are epoch seconds. What cannot be read raises `KeyError`, `TypeError`,
`ValueError` or `OverflowError`, for the item's reader to translate.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

Value = Mapping[str, Any]
"""One attribute value in DynamoDB's own form, such as `{"S": "text"}`."""

Item = Mapping[str, Value]
"""An item, or the content of a map: attribute values by name."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_Built = TypeVar("_Built")


def present(**values: Value | None) -> dict[str, Value]:
    """Return the attributes that are there."""
    return {name: value for name, value in values.items() if value is not None}


def from_text(text: str | None) -> Value | None:
    """Return the value of a text."""
    return None if text is None else {"S": text}


def to_text(content: Item, name: str) -> str | None:
    """Return an attribute's text."""
    return content[name]["S"] if name in content else None


def from_texts(texts: tuple[str, ...]) -> Value | None:
    """Return the value of some texts; none at all are a missing attribute."""
    return {"L": [{"S": text} for text in texts]} if texts else None


def to_texts(content: Item, name: str) -> tuple[str, ...]:
    """Return an attribute's texts."""
    return tuple(value["S"] for value in content[name]["L"]) if name in content else ()


def from_number(number: int) -> Value:
    """Return the value of a whole number."""
    return {"N": str(number)}


def from_instant(instant: datetime) -> Value:
    """Return the value of an aware instant."""
    return {"S": instant.astimezone(UTC).isoformat()}


def to_instant(value: Value) -> datetime:
    """Return the instant of a value."""
    instant = datetime.fromisoformat(value["S"])
    if instant.tzinfo is None:
        raise ValueError(f"{value['S']} names no zone")
    return instant


def from_expiry(instant: datetime | None) -> Value | None:
    """Return the value of a time to live; a fraction of a second is cut off."""
    return None if instant is None else from_number((instant - _EPOCH) // _SECOND)


def to_expiry(content: Item, name: str) -> datetime | None:
    """Return the instant of an attribute that is a time to live."""
    return _EPOCH + int(content[name]["N"]) * _SECOND if name in content else None


def from_part(part: _Built | None, content: Callable[[_Built], dict[str, Value]]) -> Value | None:
    """Return the map of a part that may be missing."""
    return None if part is None else {"M": content(part)}


def to_part(content: Item, name: str, part: Callable[[Item], _Built]) -> _Built | None:
    """Return the part that an attribute holds as a map."""
    return part(content[name]["M"]) if name in content else None
