"""One key on its way through a batch: what was read, what is to be written, and what became of it.

An evaluation is used by one thread at a time. `record` is the record as it should be, carrying the
generation it was read with; `is_dirty` says that the table does not hold it yet.
"""

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sync_core.echo import is_echo
from sync_core.errors import Ambiguous, DualwayError
from sync_core.events import PEER_HINT
from sync_core.evidence import Facts, facts
from sync_core.gather import Look, close, look_at
from sync_core.model import (
    Acknowledge,
    Action,
    Conflict,
    Copy,
    Delete,
    EventKind,
    Intent,
    Lease,
    ObjectEvent,
    ObjectVersion,
    Outcome,
    Pair,
    Side,
    SideState,
    Skip,
    SkipReason,
    SyncRecord,
    Unsure,
    listed_id,
)
from sync_core.stack import Stack
from sync_core.transfer import copy_object, delete_object

NO_PAIR = Pair()
_LEFT_TO_PEER = frozenset({SkipReason.PEER_ACTS, SkipReason.PEER_WINS})
_REMOVALS = frozenset({EventKind.REMOVED, EventKind.EXPIRED})
_EFFECTS = frozenset({Action.OBJECT_COPIED, Action.OBJECT_DELETED})


class Evaluation:
    """The evaluation of one key, for all of its events in hand."""

    def __init__(self, stack: Stack, key: str, events: tuple[ObjectEvent, ...], owner: str) -> None:
        self.key = key
        self.record: SyncRecord | None = None
        self.error: DualwayError | None = None
        self.defer_seconds: int | None = None
        self.is_open = True
        self.is_dirty = False
        self._stack = stack
        self._events = events
        self._owner = owner
        self._look: Look | None = None
        self._nonce = ""
        own = stack.settings.echo_principals
        self._echoes = tuple(event for event in events if is_echo(event, own))
        self._is_first = True

    # --- what the pipeline asks and says -------------------------------------------------------

    @property
    def wants_to_act(self) -> bool:
        """Tell whether the verdict calls for a write to an object."""
        return self._look is not None

    def require_record(self) -> SyncRecord:
        """Return the record, which every step after reading has."""
        if self.record is None:
            raise AssertionError(f"the record of {self.key!r} was not read")
        return self.record

    def was_written(self) -> None:
        """Note that the table took the record."""
        record = self.require_record()
        self.record = replace(record, gen=record.gen + 1)
        self.is_dirty = False

    def start_over(self) -> None:
        """Forget what was read: another writer came first."""
        self._drop_look()
        self.record = None
        self.is_dirty = False
        self.is_open = self.error is None

    def look_again(self) -> None:
        """An object changed between reading and writing; nothing was written, and that is sure."""
        self._drop_look()
        if self.record is not None and self.record.intent is not None and self._nonce:
            self._change(intent=None)

    def fail(self, error: DualwayError) -> None:
        """Give the key up for now; the intent stays where the write may have happened."""
        self._drop_look()
        self.error = error
        if self.record is not None and self._nonce and not isinstance(error, Ambiguous):
            self._change(intent=None)
        self._close()

    def defer(self, seconds: int) -> None:
        """Have the key looked at again later."""
        self.defer_seconds = max(self.defer_seconds or 0, min(seconds, 900))
        self._close()

    # --- the steps, each run side by side with those of other keys -------------------------------

    def examine(self) -> None:
        """Read and decide; afterwards the evaluation is closed or wants to act."""
        first, self._is_first = self._is_first, False
        if first:
            self._report_echoes()
            if len(self._echoes) == len(self._events) and self._acknowledge_echo():
                return
        self._dispose(look_at(self._stack, self.require_record(), self._events, first=first))

    def claim(self) -> None:
        """Take the lease and, before an object is put, note the intent."""
        look = self._require_look()
        until = self._stack.in_seconds(self._stack.settings.lease_seconds)
        self._change(lease=Lease(self._owner, until), waiting=None)
        if isinstance(look.verdict, Copy | Conflict):
            self._nonce = self._stack.context.nonce()
            self._change(intent=self._intent(look.verdict))

    def act(self) -> None:
        """Carry the verdict out and note the outcome."""
        look = self._require_look()
        self._look = None
        verdict = look.verdict
        if isinstance(verdict, Copy | Conflict):
            reader = look.reader if verdict.to is Side.PEER else None
            pair = copy_object(self._stack, verdict, self.require_record(), reader)
            self._report_copy(verdict)
            if pair is None:
                self._change(
                    intent=None
                )  # without a marker, only equal content can tell: look again
            else:
                self._agree(pair)
        elif isinstance(verdict, Delete):
            delete_object(self._stack, verdict, self.require_record())
            bucket = self._stack.sides.store(verdict.at).bucket
            self._report(Action.OBJECT_DELETED, bucket=bucket, row=verdict.row)
            self._agree(NO_PAIR)

    # --- inside -----------------------------------------------------------------------------------

    def _dispose(self, look: Look) -> None:
        """Close the evaluation, or keep the look for `act`."""
        verdict = look.verdict
        if isinstance(verdict, Copy | Conflict | Delete):
            self._look = look
            return
        close(look)
        if isinstance(verdict, Skip):
            self._skip(verdict)
        elif isinstance(verdict, Acknowledge):
            self._report(Action.ACKNOWLEDGED, row=verdict.row)
            self._agree(
                Pair(_state(look.own, look.evidence.own), _state(look.peer, look.evidence.peer))
            )
        elif isinstance(verdict, Unsure):
            self._wait(look, verdict)

    def _skip(self, verdict: Skip) -> None:
        self._report(Action.SKIPPED, row=verdict.row, reason=verdict.reason)
        nudge = self._stack.context.nudge
        from_peer = all(event.name == PEER_HINT for event in self._events)
        if verdict.reason in _LEFT_TO_PEER and nudge is not None and not from_peer:
            nudge(self.key)
            self._report(Action.PEER_NUDGED, row=verdict.row)
        self._close()

    def _wait(self, look: Look, verdict: Unsure) -> None:
        waiting = look.waiting
        if waiting is None:
            raise AssertionError("an unsure verdict says since when")
        if self.require_record().waiting != waiting:
            self._change(waiting=waiting)
        elapsed = self._stack.now() - waiting.since
        left = timedelta(seconds=self._stack.settings.grace_seconds) - elapsed
        self._report(Action.DEFERRED, row=verdict.row, reason="waits for the peer's evidence")
        self.defer(math.ceil(left.total_seconds()))

    def _acknowledge_echo(self) -> bool:
        """Record what our own side received, from one HEAD; False where more has to be read.

        The replica's marker names the peer's instance, so the peer need not be asked.
        """
        own = self._stack.sides.own.head(self.key)
        known = self.require_record().pair
        if own is None:
            if not all(event.kind in _REMOVALS for event in self._events):
                return False
            self._acknowledge(NO_PAIR, is_news=known is not None and known != NO_PAIR)
            return True
        pair = self._stack.sides.pair
        seen = facts(own, pair.own.name, pair)
        if not seen.is_replica or seen.marker is None:
            return False
        is_news = known is None or known.own is None or known.own.id != seen.id
        self._acknowledge(
            Pair(_state(own, seen), SideState(seen.marker.source_id)), is_news=is_news
        )
        return True

    def _acknowledge(self, pair: Pair, *, is_news: bool) -> None:
        """Never replace a known pair by one that says less of the same instance."""
        if not is_news:
            self._report(Action.SKIPPED, reason=SkipReason.IN_SYNC)
            self._close()
            return
        self._report(Action.ACKNOWLEDGED)
        self._agree(pair)

    def _agree(self, pair: Pair) -> None:
        """Both sides agreed on this pair: record it, and be done."""
        lifetime = self._stack.settings.tombstone_seconds
        expires_at = self._stack.in_seconds(lifetime) if pair == NO_PAIR else None
        self._change(pair=pair, intent=None, lease=None, waiting=None, expires_at=expires_at)
        self._close()

    def _intent(self, verdict: Copy | Conflict) -> Intent:
        evidence = self._require_look().evidence
        source, replaced = evidence.own, evidence.peer
        if verdict.to is Side.OWN:
            source, replaced = replaced, source
        return Intent(
            source_id=source.id if source else "",
            replaced_id=replaced.id if replaced else None,
            nonce=self._nonce,
            opened_at=self._stack.now(),
        )

    def _change(self, **fields: Any) -> None:
        self.record = replace(self.require_record(), **fields)
        self.is_dirty = True

    def _close(self) -> None:
        self.is_open = False
        if self.record is not None and self.record.lease is not None:
            self._change(lease=None)

    def _require_look(self) -> Look:
        if self._look is None:
            raise AssertionError(f"{self.key!r} has no verdict to act upon")
        return self._look

    def _drop_look(self) -> None:
        if self._look is not None:
            close(self._look)
            self._look = None

    def _report_echoes(self) -> None:
        for event in self._echoes:
            removed = event.kind in _REMOVALS
            self._report(
                Action.REPEATED_DELETE if removed else Action.REPEATED_TRANSFER,
                principal_id=event.principal_id,
            )

    def _report_copy(self, verdict: Copy | Conflict) -> None:
        bucket = self._stack.sides.store(verdict.to).bucket
        if isinstance(verdict, Conflict):
            self._report(Action.LOSER_KEPT, bucket=bucket, row=verdict.row)
        size_bytes = verdict.source.size_bytes
        self._report(Action.OBJECT_COPIED, bucket=bucket, row=verdict.row, size_bytes=size_bytes)

    def _report(self, action: Action, **fields: Any) -> None:
        bucket = fields.pop("bucket", self._stack.sides.own.bucket)
        if action in _EFFECTS:
            fields["lag_seconds"] = self._lag_seconds()
        self._stack.context.report(Outcome(action, self.key, bucket, **fields))

    def _lag_seconds(self) -> float | None:
        times = [event.occurred_at for event in self._events if event.occurred_at is not None]
        return (self._stack.now() - min(times)).total_seconds() if times else None


def _state(version: ObjectVersion | None, known: Facts | None) -> SideState | None:
    return SideState(known.id, listed_id(version)) if version and known else None
