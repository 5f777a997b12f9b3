"""One key of a batch in hand: whether it is open still, and what is to become of its messages."""

from sync_core.claim import Claim
from sync_core.draft import Draft
from sync_core.errors import DualwayError
from sync_core.gather import Look, close
from sync_core.model import Action, Delete, ObjectEvent
from sync_core.occasion import occasion_of
from sync_core.outcomes import Outcomes
from sync_core.safety import Change, contents_of
from sync_core.stack import Stack


class KeyInHand:
    """The state of one key on its way through a batch; for one thread at a time."""

    def __init__(self, stack: Stack, key: str, events: tuple[ObjectEvent, ...], owner: str) -> None:
        self.key = key
        self.draft = Draft(key)
        self.error: DualwayError | None = None
        self.defer_seconds: int | None = None
        self.is_open = self._is_first = True
        self.created: Change | None = None  # once an object was put where none had been
        self._stack = stack
        self._tags_are_old = False
        self._look: Look | None = None
        self._claim = Claim(stack, self.draft, owner)
        self._say = Outcomes(stack, key, events)
        self._occasion = occasion_of(events, stack.settings.echo_principals)

    @property
    def asks_for_tags(self) -> bool:
        """Tell whether the tags have to be compared, now or when the key is looked at again."""
        occasion = self._occasion
        return occasion.asks_for_tags or occasion.hears_of_tags or self._tags_are_old

    @property
    def has_uploads_to_end(self) -> bool:
        """Tell whether an upload that was under way is in the record no more."""
        return bool(self._claim.uploads_to_end)

    @property
    def wants_to_act(self) -> bool:
        """Tell whether the verdict calls for a write to an object."""
        return self._look is not None

    @property
    def planned_delete(self) -> Change | None:
        """What would be deleted, if that is the verdict."""
        verdict = self._look.verdict if self._look is not None else None
        if not isinstance(verdict, Delete):
            return None
        return Change(self.key, contents_of(verdict.instance), self._stack.now())

    def start_over(self) -> None:
        """Forget what was read: another writer came first."""
        self._drop_look()
        self.draft.forget()
        self.is_open = self.error is None

    def look_again(self) -> None:
        """An object changed between reading and writing; nothing was written, and that is sure."""
        self._drop_look()
        self._claim.withdraw()

    def fail(self, error: DualwayError) -> None:
        """Give the key up for now; the intent stays where the write may have happened."""
        self._drop_look()
        self.error = error
        self._claim.withdraw(error)
        self._close()

    def defer(self, seconds: int, reason: str, row: int | None = None) -> None:
        """Have the key looked at again later."""
        self._say.report(Action.DEFERRED, row=row, reason=reason)
        self.defer_seconds = max(self.defer_seconds or 0, min(seconds, 900))
        self._close()

    def hold_delete(self, delay_seconds: int | None = None) -> None:
        """A guard stands in the way: leave the object, or put the key off for so many seconds."""
        action = Action.DELETE_HELD if delay_seconds is None else Action.DELETE_DELAYED
        self._say.report(action, row=self._require_look().verdict.row)
        self._drop_look()
        if delay_seconds is not None:
            self.defer(delay_seconds, "a rename may be under way")
        self._close()

    def look_at_tags_again(self) -> None:
        """Have the tags compared in a while: those that were copied may be others by now."""
        self._tags_are_old = True
        self.defer_seconds = max(self.defer_seconds or 0, 1)

    def end_uploads(self) -> None:
        """Throw away what was begun to be uploaded, and is neither done nor recorded any more."""
        self._claim.end_uploads()

    def _close(self) -> None:
        self.is_open = False
        if self.draft.record is not None:
            self.draft.change(lease=None)

    def _require_look(self) -> Look:
        if self._look is None:
            raise AssertionError(f"{self.key!r} has no verdict to act upon")
        return self._look

    def _drop_look(self) -> None:
        if self._look is not None:
            close(self._look)
            self._look = None
