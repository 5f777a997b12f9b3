"""What a stack's write may destroy, and what it may not: judged from what the users have done."""

from tests.property.one_key_rules import Rules
from tests.property.one_key_state import State
from tests.property.one_key_values import Instance, Request, Seen

LOST = "LOST"
"""A user's bytes or metadata were destroyed that the winner's side had not seen, without a copy."""

ABA = "ABA"
"""The same, where the etag could not tell the instance from the one that was decided on (R3)."""

UNDONE = "UNDONE"
"""What a user had brought back was replaced, by nothing that this side had not seen before."""


def loss(
    rules: Rules, state: State, seen: Seen, request: Request, written: Instance | None
) -> str | None:
    """Tell whether `written` in place of the current instance destroys what exists nowhere else.

    It does not if the winner's side had seen it (`seen`), if it is in a copy or in the winner
    itself, or if the bucket keeps a history.
    """
    current = state.objects[request.side]
    if current is None or not _is_unseen(current, seen, written):
        return None
    if current.restored and seen <= state.seen[request.side]:
        return UNDONE
    if _is_kept(state, current) or request.side in rules.versioned:
        return None
    expected = request.expected
    if expected is None or current.is_shown_as(expected):
        return LOST
    return ABA if expected.content == current.content else LOST


def buries(rules: Rules, state: State, seen: Seen, side: int, written: Instance | None) -> bool:
    """Tell whether the write leaves an unseen value in the history only."""
    current = state.objects[side]
    if current is None or side not in rules.versioned:
        return False
    return _is_unseen(current, seen, written) and not _is_kept(state, current)


def _is_unseen(current: Instance, seen: Seen, written: Instance | None) -> bool:
    if current.operation in seen:
        return False
    return written is None or written.value != current.value


def _is_kept(state: State, current: Instance) -> bool:
    return current.value in {copy.value for *_, copy in state.kept}
