"""Reads variables one by one and collects what is wrong with them, in words for an operator."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

from sync_core.errors import ConfigError

_Value = TypeVar("_Value")


@dataclass(slots=True)
class Variables:
    """Variables by name, and what has been found wrong in them so far.

    A blank one counts as not set. What is wrong is not raised at once: a stand-in or the default
    is returned, and `raise_complaints` tells everything together.
    """

    values: Mapping[str, str]
    complaints: dict[str, str] = field(default_factory=dict)

    def required(self, name: str, read: Callable[[str], _Value], stand_in: _Value) -> _Value:
        """Return what `read` (which raises `ValueError` with advice) makes of the variable."""
        if not self.values.get(name, "").strip():
            self.complain(name, "is not set: take its value from the outputs of the site's stack")
        return self.optional(name, read, stand_in)

    def optional(self, name: str, read: Callable[[str], _Value], default: _Value) -> _Value:
        """Return what `read` makes of the variable, or the default where it is not set."""
        value = self.values.get(name, "").strip()
        try:
            return read(value) if value else default
        except ValueError as error:
            self.complain(name, f"is {value!r}: {error}")
            return default

    def complain(self, name: str, cause: str) -> None:
        """Note what is wrong with a variable; the first complaint about it counts."""
        self.complaints.setdefault(name, f"{name} {cause}")

    def raise_complaints(self) -> None:
        """Raise `ConfigError` that names every variable with which something is wrong."""
        if self.complaints:
            names, causes = ", ".join(self.complaints), "; ".join(self.complaints.values())
            raise ConfigError("read the environment", names, causes)


def patterns(value: str) -> tuple[str, ...]:
    """Return the entries of a list with commas."""
    return tuple(pattern.strip() for pattern in value.split(",") if pattern.strip())


def url(value: str) -> str:
    """Return an HTTP URL."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError("give a URL that begins with https:// or http://")
    return value


def principal_ids(value: str) -> frozenset[str]:
    """Return the ids of a list with commas."""
    ids = frozenset(patterns(value))
    if not ids:
        raise ValueError("give at least one id, such as the dedicated user's AIDA...")
    return ids


def role_arn(value: str) -> str:
    """Return the ARN of a role."""
    if not re.fullmatch(r"arn:[a-z-]+:iam::\d{12}:role/\S+", value):
        raise ValueError("give a role's ARN, such as the output WorkerRoleArn")
    return value


def whole(least: int, most: int) -> Callable[[str], int]:
    """Return a reader of whole numbers in a range."""

    def read(value: str) -> int:
        if not (value.isascii() and value.isdigit()) or not least <= int(value) <= most:
            raise ValueError(f"give a whole number from {least} to {most}")
        return int(value)

    return read


def one_of(*choices: str) -> Callable[[str], str]:
    """Return a reader of one of these words."""

    def read(value: str) -> str:
        if value not in choices:
            raise ValueError(f"give one of {', '.join(choices)}")
        return value

    return read


def yes_or_no(value: str) -> bool:
    """Return what `true` or `false` says."""
    return one_of("true", "false")(value) == "true"


def log_level(value: str) -> str:
    """Return the name of a log level, in capitals."""
    return one_of("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")(value.upper())
