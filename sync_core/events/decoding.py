"""From a text to what its JSON says; some queues hand the JSON over as base64."""

import json
from base64 import b64decode

from sync_core.events import fields


def decode(text: str, what: str) -> object:
    """Return what the JSON says, or the JSON that stands in base64, quoted or not.

    Raises `MalformedEvent` for any other text; `what` is what the reason calls it.
    """
    if not text.strip():
        fields.refuse(f"{what} is empty")
    try:
        decoded: object = json.loads(text)
        encoded = decoded if isinstance(decoded, str) else ""
    except json.JSONDecodeError as error:
        inner = _from_base64(text)
        if inner is not None:
            return decode(inner, f"{what}, in base64,")
        place = f"character {error.pos} of {len(text)}"
        fields.refuse(f"{what} is not JSON: {error.msg} ({place}): {fields.shown(text)}")
    except (RecursionError, ValueError) as error:
        # Nested too deeply, or a number of more digits than Python reads.
        fields.refuse(f"{what} is not readable: {error}: {fields.shown(text)}")
    inner = _from_base64(encoded)
    return decoded if inner is None else decode(inner, f"{what}, in base64,")


def _from_base64(text: str) -> str | None:
    """Return what stands in base64, maybe in lines; None where that is no object and no list."""
    try:
        inner = b64decode("".join(text.split()), validate=True).decode().lstrip()
    except ValueError:
        return None
    return inner if inner.startswith(("{", "[")) else None
