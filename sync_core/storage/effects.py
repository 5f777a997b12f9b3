"""What a request that got no answer may have done, whichever store it was sent to."""

from collections.abc import Callable

from sync_core.errors import Ambiguous, DualwayError, Unavailable


def never() -> bool:
    """Say of a request that it cannot have had an effect: a read, or one that may be repeated."""
    return False


def always() -> bool:
    """Say of a request that it may have had its effect as soon as it was sent."""
    return True


def unanswered(may_have_effect: Callable[[], bool]) -> type[DualwayError]:
    """Return the kind of error that a missing answer is; it is asked once the request failed."""
    return Ambiguous if may_have_effect() else Unavailable
