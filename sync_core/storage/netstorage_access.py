"""What it takes to reach a CP code of Akamai NetStorage, and the secret that says so.

    {"hostname": "example-nsu.akamaihd.net", "username": "<upload account>",
     "key": "<its HTTP API key>", "cpcode": "123456"}

The values are those of NetStorage Groups in Akamai Control Center (Usage API, Get started). A new
key works up to two hours later.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from sync_core.errors import ConfigError

NETSTORAGE = "netstorage"
"""The kind of store, among those of `dialects`."""

_FIELDS = ("hostname", "username", "key", "cpcode")
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOSTNAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_SHAPE = '{"hostname": "...-nsu.akamaihd.net", "username": "...", "key": "...", "cpcode": "..."}'


@dataclass(frozen=True, slots=True)
class NetStorageAccess:
    """An upload account that may use the HTTP API of the storage group at `hostname`.

    `cpcode` is the number that names the group's root directory.
    """

    hostname: str
    username: str
    key: str = field(repr=False)
    cpcode: str


def parse_access(text: str, secret: str) -> NetStorageAccess:
    """Return what the text of the secret named `secret` says.

    Raises `ConfigError`, which says what to correct and never quotes the secret's text.
    """
    found = _fields_of(text, secret)
    missing = [name for name in _FIELDS if not found[name]]
    if missing:
        raise _wrong(secret, f"{', '.join(missing)} is missing or empty: it should be {_SHAPE}")
    if not _HOSTNAME.fullmatch(found["hostname"]):
        advice = "give the HTTP domain name alone, such as example-nsu.akamaihd.net"
        raise _wrong(secret, f"hostname is none: {advice}")
    if not (found["cpcode"].isascii() and found["cpcode"].isdigit()):
        raise _wrong(secret, "cpcode is no number: give the CP code, such as 123456")
    if not _is_header_text(found["username"]):
        raise _wrong(secret, "username has characters that no upload account has")
    return NetStorageAccess(**found)


def _fields_of(text: str, secret: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except ValueError:
        # The cause is left out on purpose: it would quote the secret.
        raise _wrong(secret, f"it is no JSON: it should be {_SHAPE}") from None
    if not isinstance(found, dict):
        raise _wrong(secret, f"it is no JSON object: it should be {_SHAPE}")
    return {name: _text_of(found.get(name)) for name in _FIELDS}


def _text_of(value: Any) -> str:
    """Return a text without the blanks around it; a CP code may be written as a number."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value).strip() if isinstance(value, str) or is_number else ""


def _is_header_text(value: str) -> bool:
    return value.isascii() and value.isprintable() and "," not in value


def _wrong(secret: str, cause: str) -> ConfigError:
    return ConfigError("read secret", secret, cause)
