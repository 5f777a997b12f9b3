"""What the function is invoked with, and the events of OSS in it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

Event = dict[str, Any]

_OF_ENVELOPE = (("eventName", "type"), ("eventTime", "time"))
"""Where a CloudEvent has what an event of OSS may leave to it (EventBridge documentation, OSS)."""


def read_events(payload: str | bytes) -> list[Event]:
    """Return the events of OSS in what the function is invoked with.

    That is `{"events": [...]}`, an event, a CloudEvent with either as its data, a list of any of
    these, or base64 of any of these. Raises ValueError when it is, or has in it, anything else.
    """
    return list(_events_in(_decoded(payload)))


def name_of(event: Event) -> str:
    """Return an event's name without the `oss:` that triggers and EventBridge write before it."""
    name = str(event["eventName"])
    return name.removeprefix("oss:")


def _decoded(payload: str | bytes) -> Any:
    try:
        found = json.loads(payload)
    except ValueError:
        found = payload
    if not isinstance(found, (str, bytes)):
        return found
    text = found if isinstance(found, str) else found.decode(errors="replace")
    try:
        return json.loads(base64.b64decode("".join(text.split()), validate=True))
    except ValueError:
        raise ValueError("the function was invoked with neither JSON nor base64 of it") from None


def _events_in(found: Any) -> Iterator[Event]:
    if isinstance(found, list):
        for each in found:
            yield from _events_in(each)
    elif isinstance(found, dict) and "events" in found:
        yield from _events_in(found["events"])
    elif isinstance(found, dict) and isinstance(found.get("data"), dict):
        envelope = {name: found[other] for name, other in _OF_ENVELOPE if other in found}
        yield from _events_in({**envelope, **found["data"]})
    elif isinstance(found, dict) and isinstance(found.get("eventName"), str) and "oss" in found:
        yield found
    else:
        has = sorted(found)[:9] if isinstance(found, dict) else type(found).__name__
        raise ValueError(f"the function was invoked with what is no event of OSS: {has}")
