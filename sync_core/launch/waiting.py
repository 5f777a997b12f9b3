"""Waiting for something in an account: often at first, then less so, and never without an end."""

import time
from collections.abc import Callable
from typing import TypeVar

from sync_core.errors import Retryable

Found = TypeVar("Found")

Tell = Callable[[str], None]
"""Takes one line for the person who waits."""

_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 5.0
_GROWTH = 1.5


class Overdue(Retryable):
    """What was waited for did not come within its time; the same command may be run again."""


def wait_for(look: Callable[[], Found | None], within_seconds: float, what: str) -> Found:
    """Return what `look` finds as soon as that is not None.

    Raises `Overdue`, which names `what` was waited for, when it has not come in time; and whatever
    `look` raises.
    """
    deadline = time.monotonic() + within_seconds
    pause_seconds = _FIRST_PAUSE_SECONDS
    while (found := look()) is None:
        left_seconds = deadline - time.monotonic()
        if left_seconds <= 0:
            cause = (
                f"it has not come within {within_seconds:g} seconds; look into it, and run again"
            )
            raise Overdue("wait for", what, cause)
        time.sleep(min(pause_seconds, left_seconds))
        pause_seconds = min(pause_seconds * _GROWTH, _LONGEST_PAUSE_SECONDS)
    return found
