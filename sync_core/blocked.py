"""Objects that can never be copied as they are: noted once, so that no finder asks for them."""

from collections.abc import Iterator
from contextlib import contextmanager

from sync_core.draft import Draft
from sync_core.errors import Blocked
from sync_core.model import listed_id
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
