"""Whose turn it is to compare: one round at a time among all of a stack's processes.

The control item `CONTROL` holds what the latest round has noted, and whose turn it is until when.
An owner is a process, or a round that many processes run together. A turn that was not renewed for
`TURN_SECONDS` is free.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sync_core.errors import ConfigError, DualwayError
from sync_core.model import ControlItem
from sync_core.stack import Stack

CONTROL = "finder"
"""Name of the control item that holds the turn, the checkpoint and the last report."""

TURN_SECONDS = 900
"""So long a silent owner keeps the turn."""

_RENEWAL_SECONDS = 60

Noted = Mapping[str, Any]
"""What an owner notes of its round, as JSON has it."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What is in the table: `owner` "" where nobody has the turn, `by` whoever noted it last."""

    noted: Noted
    owner: str
    by: str
    until: datetime


class Turn:
    """One owner's turn. Methods raise what the table raises."""

    def __init__(self, stack: Stack, owner: str) -> None:
        self._stack = stack
        self._owner = owner
        self._item = ControlItem(CONTROL, "")

    def look(self) -> Noted | None:
        """Return what was noted last (empty: nothing ever was); None while it is another's turn."""
        found = self._read()
        if found is None:
            return {}
        is_free = found.owner in {"", self._owner} or found.until <= self._stack.now()
        return found.noted if is_free else None

    def note(self, noted: Noted) -> bool:
        """Take the turn, or keep it, and note this; False: another owner came first."""
        return self._write(noted, self._owner)

    def keep(self, noted: Noted) -> None:
        """As `note`; raises `ConfigError` when the round was taken over meanwhile."""
        if not self.note(noted):
            raise _taken_over()

    def renew(self) -> None:
        """Keep the turn as one of many processes of its owner; raises `ConfigError` as `keep`.

        A race that is lost to another process of the same owner is as good as won.
        """
        found = self._mine_now()
        renewed_at = found.until - timedelta(seconds=TURN_SECONDS)
        if self._stack.now() < renewed_at + timedelta(seconds=_RENEWAL_SECONDS):
            return
        if not self._write(found.noted, self._owner):
            self._mine_now()

    def noted(self) -> Noted:
        """Return what the owner has noted, whether or not it has ended its turn.

        Raises `ConfigError` when another owner has noted anything since.
        """
        found = self._read()
        if found is None or found.by != self._owner:
            raise _taken_over()
        return found.noted

    def end(self, noted: Noted) -> None:
        """Note this and leave the turn to whoever comes next."""
        self._write(noted, "")

    def release(self) -> None:
        """Leave the turn to whoever comes next, with what was noted last.

        Where not even that can be noted, it waits until this turn is over.
        """
        if self._item.text:
            with suppress(DualwayError):
                self._write(_parsed(self._item.text).noted, "")

    def _mine_now(self) -> _Found:
        found = self._read()
        if found is None or found.owner != self._owner:
            raise _taken_over()
        return found

    def _read(self) -> _Found | None:
        self._item = self._stack.records.read_control(CONTROL) or ControlItem(CONTROL, "")
        return _parsed(self._item.text) if self._item.text else None

    def _write(self, noted: Noted, owner: str) -> bool:
        until = self._stack.in_seconds(TURN_SECONDS).isoformat()
        values = {**noted, "owner": owner, "by": self._owner, "until": until}
        item = replace(self._item, text=json.dumps(values))
        if not self._stack.records.write_control(item):
            return False
        self._item = replace(item, gen=item.gen + 1)
        return True


def noted_in(item: ControlItem) -> Noted:
    """Return what was noted in the control item `CONTROL`; empty where nothing was."""
    return _parsed(item.text).noted if item.text else {}


def _parsed(text: str) -> _Found:
    values = json.loads(text)
    owner, until = values.pop("owner"), datetime.fromisoformat(values.pop("until"))
    return _Found(values, owner, values.pop("by", owner), until)


def _taken_over() -> ConfigError:
    cause = "another finder has taken the round over; this one was silent for too long"
    return ConfigError("find", CONTROL, cause)
