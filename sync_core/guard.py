"""The guard: it stands between deciding on deletes and sending them, for all workers of a stack.

| what is found | reason to hold |
|---|---|
| more net deletes than the limit (see `safety`) | mass_deletion |
| a bucket without its sentinel, or with another (see `sentinel`) | own_bucket..., peer_bucket... |
| sentinels, but no state in the table | records_lost |
| another configuration than the approved one | configuration_changed |
| an operator's word | operator |

A hold stays until an operator approves; it holds deletes and nothing else. All that the guard
knows is in the table: the control item `deletes` (see `holds`) and the journal (see `journal`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from sync_core.errors import Throttled
from sync_core.holds import GuardState, Hold, HoldReason, parse_state
from sync_core.journal import Journal, Kind
from sync_core.model import ControlItem, Side
from sync_core.records.protocol import ControlStore
from sync_core.safety import Admission, Change, DeleteLimits, Known, Tally, assess
from sync_core.sentinel import Sentinels
from sync_core.stack import Sides

ITEM = "deletes"
"""The name of the guard's control item."""

_ATTEMPTS = 10
_STRAYED = {Side.OWN: HoldReason.OWN_BUCKET, Side.PEER: HoldReason.PEER_BUCKET}


class Announcer(Protocol):
    """Where holds and releases are told, once each; safe to use from any thread."""

    def deletes_held(self, reason: str, detail: str) -> None:
        """Tell that from now on deletes are held, and why."""
        ...

    def deletes_released(self, until: datetime) -> None:
        """Tell that an operator has approved deletes up to an instant."""
        ...


@dataclass(frozen=True, slots=True)
class GuardRules:
    """What an operator may set.

    `epoch` is a text that changes with whatever decides which keys take part; None: an operator's
    command, which does not know the workers' one.
    """

    limits: DeleteLimits
    epoch: str | None = None


@dataclass(frozen=True, slots=True)
class GuardParts:
    """What a guard works with; `clock` and `nonce` are as in `stack.Context`."""

    sides: Sides
    table: ControlStore
    clock: Callable[[], datetime]
    nonce: Callable[[], str]


@dataclass(frozen=True, slots=True)
class GuardStatus:
    """What a person or an alarm has to know; `tally` None where nothing was counted for it.

    `approved_until` is in the future, or None. `synced_at` None: no complete round has yet counted
    the keys.
    """

    holds: tuple[Hold, ...]
    approved_until: datetime | None
    synced_keys: int
    synced_at: datetime | None
    tally: Tally | None = None

    @property
    def is_held(self) -> bool:
        """Tell whether deletes are held until an operator approves."""
        return bool(self.holds)


class Guard:
    """Admits deletes or holds them; safe to share between threads.

    Methods raise the errors of the table and of both stores; `ConfigError` where a bucket is not
    there at all. After an error nothing may be deleted.
    """

    def __init__(self, parts: GuardParts, rules: GuardRules, announcer: Announcer) -> None:
        self._parts = parts
        self._rules = rules
        self._announcer = announcer
        self._sentinels = Sentinels(parts.sides)
        span = timedelta(seconds=2 * rules.limits.window_seconds)
        self._journal = Journal(parts.table, span, parts.clock, parts.nonce)

    def admit(self, deletes: Sequence[Change]) -> Mapping[str, Admission]:
        """Return, by key, what is to become of the deletes that a batch has planned.

        Call it once for each batch, before any of them is sent.
        """
        if not deletes:
            return {}
        admission = self._admission(self._verified(), deletes)
        return {each.key: admission for each in deletes}

    def note_created(self, created: Sequence[Change]) -> None:
        """Note the keys that a batch has created: one of them may turn a delete into a rename."""
        if created and not self._rules.limits.is_off:
            self._journal.append(Kind.CREATED, created)

    def begin(self) -> GuardStatus:
        """Plant the sentinels at the first start, verify them and the configuration ever after."""
        return self._status(self._verified())

    def status(self) -> GuardStatus:
        """Return what is held and counted; reads the table only, and writes nothing."""
        item = self._parts.table.read_control(ITEM)
        state = GuardState("") if item is None else parse_state(item.text)
        return replace(self._status(state), tally=self._assess(state, *Kind))

    def approve(self, *, seconds: int) -> None:
        """Release what is held, plant missing sentinels, and count no delete for so many seconds.

        Raises `Stale` when the sentinels change meanwhile: approve again.
        """
        self._verified()

        def release(state: GuardState) -> GuardState:
            self._sentinels.replant(state.uuid)
            return state.released(self._parts.clock() + timedelta(seconds=seconds))

        self._update(release)

    def hold(self) -> None:
        """Hold deletes until somebody approves."""
        now, detail = self._parts.clock(), "an operator has asked for it"
        self._update(lambda state: state.held(HoldReason.OPERATOR, now, detail))

    def note_synced(self, keys: int) -> None:
        """Note how many keys a complete round has found in sync."""
        now = self._parts.clock()
        self._update(lambda state: replace(state, synced_keys=keys, synced_at=now))

    # --- the count ------------------------------------------------------------------------------

    def _admission(self, state: GuardState, deletes: Sequence[Change]) -> Admission:
        if state.holds:
            return Admission.HELD
        if self._rules.limits.is_off or state.is_approved(self._parts.clock()):
            return Admission.ALLOWED
        self._journal.append(Kind.DELETED, deletes)
        # Without the creates there is never less to hold, and they are far more to read.
        tally = self._assess(state, Kind.DELETED)
        if tally.admission is not Admission.ALLOWED:
            tally = self._assess(state, *Kind)
        return self._latched(tally) if tally.admission is Admission.HELD else tally.admission

    def _assess(self, state: GuardState, *kinds: Kind) -> Tally:
        known = Known(state.synced_keys, state.synced_at, state.approved_until)
        entries = self._journal.entries(*kinds)
        return assess(entries, self._rules.limits, known, self._parts.clock())

    def _latched(self, tally: Tally) -> Admission:
        now = self._parts.clock()
        seconds = self._rules.limits.window_seconds
        detail = f"{tally.net} deletes within {seconds} seconds; the limit is {tally.limit}"

        def latch(state: GuardState) -> GuardState:
            if state.is_approved(now):
                return state
            return state.held(HoldReason.MASS_DELETION, now, detail)

        return Admission.HELD if self._update(latch)[1].holds else Admission.DELAYED

    # --- the state ------------------------------------------------------------------------------

    def _verified(self) -> GuardState:
        """Check, until there is nothing left to note, and return the state."""
        before, after = self._update(self._check)
        while before != after:
            before, after = self._update(self._check)
        return after

    def _check(self, state: GuardState) -> GuardState:
        if not state.is_planted:
            self._sentinels.plant(state.uuid)
            return replace(state, is_planted=True)
        now = self._parts.clock()
        for side in self._sentinels.strays(state.uuid):
            bucket = self._parts.sides.store(side).bucket
            detail = f"the bucket {bucket} was emptied or made again: it lost {self._sentinels.key}"
            state = state.held(_STRAYED[side], now, detail)
        epoch = self._rules.epoch
        return state if epoch is None else state.configured(epoch, now)

    def _first(self) -> GuardState:
        """Return the state of a stack that has none: new, or one whose table was lost."""
        found = self._sentinels.found()
        numbers = set(found) - {""}
        uuid = numbers.pop() if len(numbers) == 1 else self._parts.nonce()
        state = GuardState(uuid, self._rules.epoch, is_planted=bool(found))
        if found:
            detail = f"the table was lost or made again: it does not know {self._sentinels.key}"
            state = state.held(HoldReason.RECORDS_LOST, self._parts.clock(), detail)
        return state

    def _update(self, change: Callable[[GuardState], GuardState]) -> tuple[GuardState, GuardState]:
        """Change the state, on the condition that it is still the one that was read.

        `change` may look at the buckets and is called again when another worker came first. Returns
        the state before and after.
        """
        table = self._parts.table
        for _ in range(_ATTEMPTS):
            item = table.read_control(ITEM)
            if item is None:
                first = self._first()
                if table.write_control(ControlItem(ITEM, first.text())):
                    self._announce((), first)
                continue
            before = parse_state(item.text)
            after = change(before)
            if after == before:
                return before, after
            if table.write_control(replace(item, text=after.text())):
                self._announce(before.holds, after)
                return before, after
        raise Throttled("update the guard's state", ITEM, "other workers kept coming first")

    def _announce(self, before: tuple[Hold, ...], after: GuardState) -> None:
        for hold in after.holds:
            if hold not in before:
                self._announcer.deletes_held(hold.reason.value, hold.detail)
        if before and not after.holds and after.approved_until is not None:
            self._announcer.deletes_released(after.approved_until)

    def _status(self, state: GuardState) -> GuardStatus:
        approved_until = state.approved_until if state.is_approved(self._parts.clock()) else None
        return GuardStatus(state.holds, approved_until, state.synced_keys, state.synced_at)
