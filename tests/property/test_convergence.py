"""Two stacks, two users, lost time, crashes: both buckets end up the same and no write is lost.

The invariants are those of convergence.md 4.2 that hold without a finder, hence with every event
delivered at least once. A resurrection is looked for only in runs without crash or interruption:
those open the documented windows R1 and R2.
"""

from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sync_core.model import Action
from tests.examples import examples
from tests.world import SIDES, World

# Mostly one key: what can go wrong goes wrong where operations meet.
KEYS = ("k", "k", "k", "dir/ü +%.txt")
sides = st.sampled_from(SIDES)
keys = st.sampled_from(KEYS)
points = st.integers(min_value=1, max_value=9)


class TwoSides(RuleBasedStateMachine):
    """Users and stacks act in any order; at the end everything is delivered."""

    @initialize(seed=st.integers(min_value=0, max_value=2**16))
    def begin(self, seed: int) -> None:
        self.world = World(seed)

    @rule(side=sides, key=keys)
    def put(self, side: str, key: str) -> None:
        self.world.put(side, key)

    @rule(key=keys)
    def put_twins(self, key: str) -> None:
        self.world.put_twins(key)

    @rule(side=sides, key=keys)
    def touch(self, side: str, key: str) -> None:
        self.world.touch(side, key)

    @rule(side=sides, key=keys)
    def edit(self, side: str, key: str) -> None:
        self.world.edit(side, key)

    @rule(side=sides, key=keys)
    def delete(self, side: str, key: str) -> None:
        self.world.delete(side, key)

    @rule(side=sides, limit=st.integers(min_value=1, max_value=10))
    def deliver(self, side: str, limit: int) -> None:
        self.world.deliver(side, limit)

    @rule(side=sides, at=points, by=sides, key=keys, what=st.sampled_from(["put", "delete"]))
    def deliver_while_a_user_acts(self, side: str, at: int, by: str, key: str, what: str) -> None:
        self.world.interruptions += 1
        action = self.world.put if what == "put" else self.world.delete
        self.world.interrupt(at, partial(action, by, key))
        self.world.deliver(side)

    @rule(side=sides, at=points, another=sides)
    def deliver_while_another_worker_delivers(self, side: str, at: int, another: str) -> None:
        self.world.interrupt(at, partial(self.world.deliver, another))
        self.world.deliver(side, 1)
        self.world.points.left = None

    @rule(side=sides, at=points)
    def deliver_and_crash(self, side: str, at: int) -> None:
        self.world.interrupt(at, self.world.crash)
        self.world.deliver(side)
        self.world.points.left = None

    @rule(side=sides, at=st.integers(min_value=0, max_value=50))
    def redeliver(self, side: str, at: int) -> None:
        history = self.world.delivered[side]
        if history:
            self.world.send(side, history[at % len(history)])

    @rule(seconds=st.sampled_from([1, 5, 40, 120]))
    def time_passes(self, seconds: int) -> None:
        self.world.pass_time(seconds)

    @invariant()
    def nothing_was_lost(self) -> None:
        if hasattr(self, "world"):
            assert self.world.violations == []

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        world = self.world
        world.quiesce()
        assert world.violations == []
        assert world.values("a") == world.values("b")
        assert world.dead_letters == []
        self._nothing_more_happens()
        self._every_write_is_accounted_for()
        if not world.crashes and not world.interruptions:
            assert world.resurrected() == []
        bound = 2 * world.user_operations + 2 * world.outcomes[Action.LOSER_KEPT]
        assert world.sync_writes <= bound + world.crashes

    def _nothing_more_happens(self) -> None:
        """A second delivery of the whole history of events changes nothing."""
        writes = self.world.sync_writes
        for side in SIDES:
            for body in list(self.world.delivered[side]):
                self.world.send(side, body)
        self.world.quiesce()
        assert self.world.sync_writes == writes

    def _every_write_is_accounted_for(self) -> None:
        """Each write is current, was seen by a later operation, or is kept as a copy."""
        for number in self.world.unaccounted():
            raise AssertionError(f"write {number} is nowhere")


TestTwoSides = TwoSides.TestCase
TestTwoSides.settings = examples(3, steps=30)
