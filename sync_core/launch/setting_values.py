"""The values in the file of a launch: read as texts, or refused with the place and advice."""

import difflib
from typing import Any

from sync_core.errors import ConfigError

_OPERATION = "read the launch configuration"


def value_of(value: object, where: str) -> str:
    """Return a value as CloudFormation takes it; raises ConfigError where it can be no text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return ",".join(text_of(each, where) for each in value)
    return text_of(value, where)


def text_of(value: Any, where: str) -> str:
    """Return a value that is a text; raises ConfigError for any other."""
    if not isinstance(value, str):
        raise wrong(where, f"is {value!r}: write it in quotes, as a text")
    return value


def unknown(name: str, known: "tuple[str, ...] | list[str]") -> str:
    """Say that a name is not among those that are known, and which it may have been."""
    return f"is unknown{nearest(name, known)}; it may be {listed(known)}"


def nearest(name: str, known: "tuple[str, ...] | list[str]") -> str:
    """Ask whether the most similar name was meant; empty where none is similar."""
    lowered = {each.lower(): each for each in known}
    found = difflib.get_close_matches(name.lower(), lowered, n=1)
    return f" (did you mean {lowered[found[0]]}?)" if found else ""


def listed(names: "tuple[str, ...] | list[str]") -> str:
    """Return names as a person lists them."""
    return ", ".join(names)


def wrong(where: str, cause: str) -> ConfigError:
    """Return the error for a place in the file, with what is to be done there."""
    return ConfigError(_OPERATION, where, cause)
