"""Objects that can never be copied as they are: noted once, so that no finder asks for them."""

from collections.abc import Iterator
from contextlib import contextmanager

from sync_core.draft import Draft
from sync_core.errors import Blocked
from sync_core.model import SkipReason, listed_id
from sync_core.stack import Stack


@contextmanager
def noting_blocked(stack: Stack, draft: Draft) -> Iterator[None]:
    """Note the own instance in the record when what is done inside raises `Blocked`."""
    try:
        yield
    except Blocked:
        own = stack.sides.own.head(draft.key)
        if own is not None:
            draft.change(blocked=listed_id(own))
        raise


def put_aside(stack: Stack, draft: Draft) -> SkipReason:
    """Leave an archived own object, or have it restored; return which of the two.

    The event of its restoration has it looked at again, and so does each finder round until then.
    """
    days = stack.settings.restore_days
    own = stack.sides.own.head(draft.key) if days else None
    if own is None:
        return SkipReason.ARCHIVED
    stack.sides.own.restore(own, days)
    draft.change(blocked=None)
    return SkipReason.RESTORING
