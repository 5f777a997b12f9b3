"""Why a key is looked at: what its events in hand have in common. Pure; never part of a verdict."""

from collections.abc import Sequence
from dataclasses import dataclass

from sync_core.echo import is_echo
from sync_core.events import PEER_HINT
from sync_core.model import EventKind, ObjectEvent

REMOVALS = frozenset({EventKind.REMOVED, EventKind.EXPIRED})


@dataclass(frozen=True, slots=True)
class Occasion:
    """All events of one key in a batch; `echoes` are those that our own principals have caused."""

    events: tuple[ObjectEvent, ...]
    echoes: tuple[ObjectEvent, ...]

    @property
    def is_from_peer(self) -> bool:
        """Tell whether it was the peer's stack alone that asked: it takes us for the one to act."""
        return all(event.name == PEER_HINT for event in self.events)

    @property
    def is_receipt(self) -> bool:
        """Tell whether the own object may be all that has to be read: our peer has put it."""
        only_echoes = len(self.echoes) == len(self.events)
        removed = all(event.kind in REMOVALS for event in self.events)
        return only_echoes and not removed and not self.hears_of_tags

    @property
    def hears_of_tags(self) -> bool:
        """Tell whether tags were changed, be it by our peer."""
        return any(event.kind is EventKind.TAGGED for event in self.events)

    @property
    def asks_for_tags(self) -> bool:
        """Tell whether tags may have to be copied: a user has changed them, or the peer asks."""
        tagged = [event for event in self.events if event.kind is EventKind.TAGGED]
        return self.is_from_peer or any(event not in self.echoes for event in tagged)


def occasion_of(events: Sequence[ObjectEvent], own_principals: frozenset[str]) -> Occasion:
    """Sort the events of one key."""
    echoes = tuple(event for event in events if is_echo(event, own_principals))
    return Occasion(tuple(events), echoes)
