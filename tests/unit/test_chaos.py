"""What chaos decides, and that it does what it decided, without any cloud."""

import threading
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.local.chaos import Chaos, Fate, Rates, decide_fate

NEVER_SECONDS = 3600.0

rates = st.tuples(*[st.floats(0, 0.25)] * 4).map(lambda shares: Rates(*shares))


class TestDecision:
    @given(rates, st.integers(), st.text(), st.integers(min_value=0))
    def test_it_is_the_same_for_the_same_event_and_seed(
        self, drawn: Rates, seed: int, event: str, occurrence: int
    ) -> None:
        again = decide_fate(drawn, seed, event, occurrence)
        assert decide_fate(drawn, seed, event, occurrence) is again

    def test_it_is_known_for_a_given_seed(self) -> None:
        quarter = Rates(drop=0.25, duplicate=0.25, delay=0.25)
        fates = [decide_fate(quarter, 7, "bucket/k ObjectCreated:Put", n) for n in range(6)]
        assert fates == ["drop", "duplicate", "delay", "deliver", "drop", "duplicate"]

    def test_another_seed_decides_otherwise(self) -> None:
        half = Rates(drop=0.5)
        events = [f"k{number}" for number in range(50)]
        decided = {seed: [decide_fate(half, seed, event, 0) for event in events] for seed in (1, 2)}
        assert decided[1] != decided[2]

    def test_each_fate_has_its_share(self) -> None:
        shares = Rates(drop=0.1, duplicate=0.2, delay=0.3, reorder=0.15)
        fates = Counter(decide_fate(shares, 0, f"k{number}", 0) for number in range(4000))
        assert {fate: fates[fate] / 4000 for fate in Fate} == pytest.approx(
            {
                Fate.DROP: 0.1,
                Fate.DUPLICATE: 0.2,
                Fate.DELAY: 0.3,
                Fate.REORDER: 0.15,
                Fate.DELIVER: 0.25,
            },
            abs=0.03,
        )

    @given(st.text(), st.integers())
    def test_without_rates_everything_is_delivered(self, event: str, seed: int) -> None:
        assert decide_fate(Rates(), seed, event, 0) is Fate.DELIVER

    @pytest.mark.parametrize("shares", [{"drop": -0.1}, {"drop": 0.6, "delay": 0.5}])
    def test_impossible_shares_are_refused(self, shares: dict[str, float]) -> None:
        with pytest.raises(ValueError, match="at most 1 together"):
            Rates(**shares)


class TestDelivery:
    def test_a_dropped_event_never_arrives(self) -> None:
        arrived: list[str] = []
        chaos = Chaos(Rates(drop=1))
        chaos.handle("k", lambda: arrived.append("k"))
        assert (arrived, chaos.pending) == ([], 0)
        assert chaos.counts == {Fate.DROP: 1}

    def test_a_duplicated_event_arrives_at_once_and_again(self) -> None:
        arrived, twice = [], threading.Event()

        def deliver() -> None:
            arrived.append("k")
            if len(arrived) == 2:
                twice.set()

        Chaos(Rates(duplicate=1), delay_seconds=0.01).handle("k", deliver)
        assert arrived[:1] == ["k"]
        assert twice.wait(60)

    def test_a_delayed_event_arrives_later(self) -> None:
        arrived = threading.Event()
        chaos = Chaos(Rates(delay=1), delay_seconds=0.01)
        chaos.handle("k", arrived.set)
        assert arrived.wait(60)
        assert chaos.pending == 0

    def test_a_reordered_event_arrives_behind_the_next(self) -> None:
        arrived: list[str] = []
        chaos = Chaos(Rates(reorder=1), delay_seconds=NEVER_SECONDS)
        chaos.handle("first", lambda: arrived.append("first"))
        assert (arrived, chaos.pending) == ([], 1)
        chaos.rates = Rates()
        chaos.handle("second", lambda: arrived.append("second"))
        assert (arrived, chaos.pending) == (["second", "first"], 0)

    def test_a_reordered_event_that_nothing_follows_arrives_late(self) -> None:
        arrived = threading.Event()
        Chaos(Rates(reorder=1), delay_seconds=0.01).handle("k", arrived.set)
        assert arrived.wait(60)

    def test_the_occurrences_of_an_event_have_fates_of_their_own(self) -> None:
        chaos = Chaos(Rates(drop=0.5), seed=3)
        for _ in range(40):
            chaos.handle("k", lambda: None)
        assert set(chaos.counts) == {Fate.DROP, Fate.DELIVER}

    def test_nothing_arrives_after_the_stop(self) -> None:
        arrived: list[str] = []
        chaos = Chaos(Rates(reorder=1), delay_seconds=NEVER_SECONDS)
        chaos.handle("k", lambda: arrived.append("k"))
        chaos.stop()
        chaos.rates = Rates()
        chaos.handle("other", lambda: None)
        assert (arrived, chaos.pending) == ([], 0)
