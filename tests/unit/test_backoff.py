"""The waits between tries: exponential, capped, spread, and never zero."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.backoff import delay_seconds, visibility_seconds

SPREADS = st.floats(0, 1, exclude_max=True)
COUNTS = st.integers(1, 10_000)


@pytest.mark.parametrize(
    ("receive_count", "shortest", "longest"),
    [(1, 3, 5), (2, 5, 10), (3, 10, 20), (8, 320, 640), (9, 450, 900), (50, 450, 900)],
)
def test_a_failed_delivery_waits_between_half_and_the_whole_of_a_doubling_time(
    receive_count: int, shortest: int, longest: int
) -> None:
    assert visibility_seconds(receive_count, spread=0.0) == shortest
    assert visibility_seconds(receive_count, spread=0.999999) == longest


@pytest.mark.parametrize(("failures", "seconds"), [(1, 0.05), (2, 0.1), (3, 0.2), (9, 1.0)])
def test_a_retry_waits_half_of_a_doubling_time_at_least(failures: int, seconds: float) -> None:
    assert delay_seconds(failures, base_seconds=0.1, cap_seconds=2.0, spread=0.0) == seconds


@given(receive_count=COUNTS, spread=SPREADS, base=st.integers(1, 60), cap=st.integers(1, 43_200))
def test_no_wait_is_zero_or_above_the_cap(
    receive_count: int, spread: float, base: int, cap: int
) -> None:
    seconds = visibility_seconds(receive_count, base_seconds=base, cap_seconds=cap, spread=spread)
    assert 1 <= seconds <= cap


@given(receive_count=COUNTS, spread=SPREADS)
def test_a_later_failure_never_waits_less_at_the_same_spread(
    receive_count: int, spread: float
) -> None:
    earlier = visibility_seconds(receive_count, spread=spread)
    assert visibility_seconds(receive_count + 1, spread=spread) >= earlier


@given(count=COUNTS, low=SPREADS, high=SPREADS)
def test_a_greater_spread_never_waits_less(count: int, low: float, high: float) -> None:
    low, high = sorted((low, high))
    assert visibility_seconds(count, spread=low) <= visibility_seconds(count, spread=high)
