"""What holds of the count of deletes whatever a journal contains."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sync_core.safety import Admission, DeleteLimits, Entry, Known, Tally, assess

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
LIMITS = DeleteLimits(count=2, percent=25, window_seconds=100, settle_seconds=20)
SEVERITY = [Admission.ALLOWED, Admission.DELAYED, Admission.HELD]


def contents(number: int) -> frozenset[str]:
    """Return the ids that a key's content goes by: some keys share one, one key has none."""
    return frozenset({f"md5 {number % 4}", f"crc {number % 4}"} if number else ())


def entry(number: int, ago: int, *, is_delete: bool) -> Entry:
    return Entry(NOW - timedelta(seconds=ago), is_delete, f"k{number}", contents(number))


numbers, ages = st.integers(0, 9), st.integers(0, 250)
creates = st.builds(entry, numbers, ages, is_delete=st.just(value=False))
entries = st.lists(st.builds(entry, numbers, ages, is_delete=st.booleans()), max_size=30)
knowns = st.builds(
    Known,
    st.integers(0, 20),
    st.none() | ages.map(lambda ago: NOW - timedelta(seconds=ago)),
    st.none() | ages.map(lambda ago: NOW - timedelta(seconds=ago)),
)


def tally(found: Sequence[Entry], known: Known) -> Tally:
    return assess(found, LIMITS, known, NOW)


def severity(found: Sequence[Entry], known: Known) -> int:
    return SEVERITY.index(tally(found, known).admission)


@given(entries, st.randoms(use_true_random=False), knowns)
def test_the_order_of_entries_means_nothing(
    found: list[Entry], chance: random.Random, known: Known
) -> None:
    shuffled = list(found)
    chance.shuffle(shuffled)
    assert tally(shuffled, known) == tally(found, known)


@given(entries, knowns)
def test_an_entry_that_is_read_twice_counts_once(found: list[Entry], known: Known) -> None:
    assert tally(found * 2, known) == tally(found, known)


@given(entries, creates, knowns)
def test_more_creates_never_hold_more(found: list[Entry], more: Entry, known: Known) -> None:
    assert severity([*found, more], known) <= severity(found, known)


@given(entries, knowns)
def test_without_its_creates_a_journal_never_holds_less(found: list[Entry], known: Known) -> None:
    deletes = [each for each in found if each.is_delete]
    assert severity(deletes, known) >= severity(found, known)


@given(entries, knowns)
def test_no_more_is_paid_for_than_was_created(found: list[Entry], known: Known) -> None:
    result = tally(found, known)
    created = {each.key for each in found if not each.is_delete}
    deleted = {each.key for each in found if each.is_delete}
    assert result.renamed <= len(created)
    assert 0 <= result.settled <= result.net <= result.deleted <= len(deleted)


@given(st.sets(numbers), st.integers(0, 99), knowns)
def test_deletes_alone_are_all_counted(keys: set[int], ago: int, known: Known) -> None:
    found = [entry(number, ago, is_delete=True) for number in keys]
    at, approved_until = NOW - timedelta(seconds=ago), known.approved_until
    is_counted = approved_until is None or at > approved_until
    assert tally(found, known).net == (len(keys) if is_counted else 0)
