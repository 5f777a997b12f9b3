"""How long to wait before the next try: exponential, spread out, and pure.

The wait before try n + 1 lies between half and the whole of `base * 2**(n - 1)`, never above the
cap: the half that is always waited keeps a hot retry off the service, the other half keeps callers
that failed together from coming back together ("equal jitter": AWS Architecture Blog, "Exponential
Backoff And Jitter", 2015). The randomness is the caller's argument `spread`, in [0, 1).
"""

import math

# Beyond this many doublings every sensible cap is long reached; it keeps the power small.
_MOST_DOUBLINGS = 30


def delay_seconds(
    failures: int, *, base_seconds: float, cap_seconds: float, spread: float
) -> float:
    """Return the wait after the `failures`-th failure in a row, counted from 1."""
    doublings = min(failures - 1, _MOST_DOUBLINGS)
    ceiling_seconds = min(cap_seconds, base_seconds * 2.0**doublings)
    return ceiling_seconds * (1 + spread) / 2


def visibility_seconds(
    receive_count: int, *, base_seconds: int = 5, cap_seconds: int = 900, spread: float
) -> int:
    """Return after how many seconds a message that failed is to be delivered again.

    `receive_count` is that of the failed delivery and starts at 1. The result is rounded up to
    whole seconds, as a queue counts them; keep `cap_seconds` at or below SQS's 43,200 (12 hours).
    """
    delay = delay_seconds(
        receive_count, base_seconds=base_seconds, cap_seconds=cap_seconds, spread=spread
    )
    return math.ceil(delay)
