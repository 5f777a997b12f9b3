"""What is told of one key while it is evaluated: each outcome, with where and how late."""

from collections.abc import Sequence
from typing import Any

from sync_core.agreement import Kept
from sync_core.model import Action, Conflict, Copy, ObjectEvent, Outcome
from sync_core.occasion import REMOVALS
from sync_core.stack import Stack

_EFFECTS = frozenset({Action.OBJECT_COPIED, Action.OBJECT_DELETED, Action.TAGS_COPIED})


class Outcomes:
    """Reports the outcomes of one key, for its events in hand."""

    def __init__(self, stack: Stack, key: str, events: Sequence[ObjectEvent]) -> None:
        self._stack = stack
        self._key = key
        self._events = events

    def report(self, action: Action, **fields: Any) -> None:
        """Tell one outcome; `fields` are `Outcome`'s, the bucket the own one if not given."""
        bucket = fields.pop("bucket", self._stack.sides.own.bucket)
        if action in _EFFECTS:
            fields["lag_seconds"] = self._lag_seconds()
        self._stack.context.report(Outcome(action, self._key, bucket, **fields))

    def report_echoes(self, echoes: Sequence[ObjectEvent]) -> None:
        """Tell of each event that our own write has raised."""
        for event in echoes:
            removed = event.kind in REMOVALS
            action = Action.REPEATED_DELETE if removed else Action.REPEATED_TRANSFER
            self.report(action, principal_id=event.principal_id)

    def report_copy(self, verdict: Copy | Conflict, kept: Kept | None) -> None:
        """Tell of a copy, and of the loser that was kept for it."""
        bucket = self._stack.sides.store(verdict.to).bucket
        if kept is not None:
            reason = kept.key or "kept as a version"
            self.report(Action.LOSER_KEPT, bucket=bucket, row=verdict.row, reason=reason)
        size_bytes = verdict.source.size_bytes
        self.report(Action.OBJECT_COPIED, bucket=bucket, row=verdict.row, size_bytes=size_bytes)

    def _lag_seconds(self) -> float | None:
        times = [event.occurred_at for event in self._events if event.occurred_at is not None]
        return (self._stack.now() - min(times)).total_seconds() if times else None
