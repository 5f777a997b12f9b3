"""What stands where, as the simulation's account of it has it."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sync_core.model import ObjectVersion
from sync_core.storage.memory_bucket import Stored

Place = tuple[str, str]
"""A side and a key."""


class Value(NamedTuple):
    """All that makes up an object for a user."""

    data: bytes
    headers: tuple[tuple[str, str], ...]
    metadata: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """What a user did to a place: `value` None deleted it."""

    number: int
    place: Place
    value: Value | None
    history: frozenset[int]
    tick: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Shown:
    """What a place shows: its value, and the operations that may be behind it."""

    value: Value
    operations: frozenset[int]
    by_stack: bool
    etag: str
    instance: str
    tick: int
    at: datetime


def value_of(stored: Stored) -> Value:
    """Return what a user can see of an object."""
    version: ObjectVersion = stored.version
    headers, metadata = sorted(version.headers.items()), sorted(version.metadata.items())
    return Value(stored.data, tuple(headers), tuple(metadata))


def other(side: str) -> str:
    """Return the opposite side."""
    return "b" if side == "a" else "a"
