"""A feed: changes go from side a to side b, which has no stack, and never the other way."""

from collections import Counter

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sync_core.model import Action, ConflictPolicy, Direction
from sync_core.routing import OWN_PREFIX
from sync_core.storage.memory import ChangeRecord
from tests.examples import examples
from tests.two_stacks import Kind, TwoStacks

FEED = Kind(direction=Direction.TO_PEER)
KEY = "dir/report.txt"


@pytest.fixture
def world() -> TwoStacks:
    """Return a feed whose peer has what side a has."""
    made = TwoStacks(FEED)
    made.put("a", KEY, b"first")
    made.quiesce()
    assert made.read("b", KEY) == b"first"
    made.outcomes.clear()
    return made


def assert_left_alone(world: TwoStacks, row: int) -> None:
    """A round of the finder and its hint come to one look, in which nothing is written."""
    world.find()
    writes, calls = world.sync_writes.copy(), world.calls
    for _ in range(2):
        calls.clear()
        world.outcomes.clear()
        [report] = world.find()
        assert sum(report.hinted.values()) == 1
        assert [(each.action, each.row, each.reason) for each in world.outcomes] == [
            (Action.SKIPPED, row, "one_way")
        ]
        looks = Counter(call for call in calls if call.endswith((".head", ".get", ".write")))
        assert set(looks) <= {"a.peer.head", "a.own.head", "a.own.get", "a.peer.get"}
        assert (looks["a.peer.head"], looks["a.own.head"]) == (1, 1)
    assert world.sync_writes == writes


def test_what_users_do_here_goes_to_the_peer(world: TwoStacks) -> None:
    world.put("a", KEY, b"second")
    world.put("a", "new")
    world.quiesce()
    assert world.contents("b") == {KEY: b"second", "new": b"1"}
    world.tag("a", KEY, team="blue")
    world.delete("a", "new")
    world.quiesce()
    assert world.values("b") == {KEY: (b"second", {}, {"team": "blue"})}


def test_a_change_at_the_peer_stays_there(world: TwoStacks) -> None:
    world.put("b", KEY, b"theirs")
    world.put("b", "theirs alone")
    assert_left_alone(world, 9)
    assert world.contents("a") == {KEY: b"first"}
    assert world.contents("b") == {KEY: b"theirs", "theirs alone": b"1"}


@pytest.mark.parametrize("policy", [ConflictPolicy.KEEP_COPY, ConflictPolicy.KEEP_VERSION])
def test_a_change_at_the_peer_is_overwritten_and_kept_once_it_changes_here(
    policy: ConflictPolicy,
) -> None:
    world = TwoStacks(Kind(direction=Direction.TO_PEER, policy=policy, versioned="b"))
    world.put("a", KEY, b"first")
    world.quiesce()
    world.put("a", KEY, b"second")
    world.put("b", KEY, b"theirs, later")
    theirs = world.head("b", KEY).version_id
    world.quiesce()
    assert world.read("b", KEY) == b"second"
    kept = [key for key in world.contents("b") if ".conflict-" in key]
    if policy is ConflictPolicy.KEEP_COPY:
        assert [world.read("b", key) for key in kept] == [b"theirs, later"]
    else:
        assert kept == []
        assert theirs in {entry.version_id for entry in world.users["b"].versions(KEY, 9)}
    assert world.contents("a") == {KEY: b"second"}


def test_the_loser_that_is_kept_at_the_peer_does_not_come_back(world: TwoStacks) -> None:
    world.put("b", KEY, b"theirs")
    world.put("a", KEY, b"second")
    world.quiesce()
    world.find(rounds=2)
    assert world.contents("a") == {KEY: b"second"}
    assert sorted(world.contents("b").values()) == [b"second", b"theirs"]


def test_what_is_deleted_at_the_peer_is_neither_deleted_here_nor_put_back(
    world: TwoStacks,
) -> None:
    world.delete("b", KEY)
    assert_left_alone(world, 3)
    assert world.contents("a") == {KEY: b"first"}
    assert world.contents("b") == {}


def test_what_is_deleted_at_the_peer_is_put_again_once_it_changes_here(world: TwoStacks) -> None:
    world.delete("b", KEY)
    world.put("a", KEY, b"second")
    world.quiesce()
    assert world.contents("b") == {KEY: b"second"}


def test_what_is_deleted_here_stays_at_the_peer_if_it_was_changed_there(world: TwoStacks) -> None:
    world.put("b", KEY, b"theirs")
    world.delete("a", KEY)
    assert_left_alone(world, 7)
    assert world.contents("b") == {KEY: b"theirs"}


def test_tags_at_the_peer_stay_there_and_those_here_win(world: TwoStacks) -> None:
    world.tag("b", KEY, theirs="1", both="b")
    world.tag("a", KEY, ours="1", both="a")
    world.quiesce()
    assert world.values("a")[KEY][2] == {"ours": "1", "both": "a"}
    assert world.values("b")[KEY][2] == {"theirs": "1", "ours": "1", "both": "a"}


def test_equal_objects_with_more_tags_at_the_peer_are_agreed_on_at_once() -> None:
    world = TwoStacks(FEED)
    world.put("a", KEY)
    world.put("b", KEY)
    world.tag("b", KEY, theirs="1")
    world.quiesce()
    [report] = world.find()
    assert report.equal == 1
    assert world.sync_writes.total() == 0


def test_nobody_is_asked_to_look_at_the_peer() -> None:
    world = TwoStacks(FEED)
    world.put("b", KEY, b"theirs")
    world.put("a", KEY, b"ours")
    world.put("b", "late", b"theirs")
    world.put("a", "late", b"ours")
    world.put("b", "late", b"theirs again")
    world.quiesce()
    world.find()
    assert world.actions()[Action.PEER_NUDGED] == 0
    assert world.contents("a") == {KEY: b"ours", "late": b"ours"}


class Feed(RuleBasedStateMachine):
    """Users act on both sides, and one stack on the peer's only."""

    keys = st.sampled_from(["k", "k", "dir/l"])

    @initialize(versioned=st.sampled_from(["", "a", "b", "ab"]), opaque=st.booleans())
    def begin(self, versioned: str, *, opaque: bool) -> None:
        kind = Kind(direction=Direction.TO_PEER, versioned=versioned, has_opaque_etags=opaque)
        self.world = TwoStacks(kind)
        self.world.running("a")
        self.written_by: Counter[str] = Counter()
        self.theirs: set[bytes] = set()
        self.number = 0
        self.world.buckets["a"].listeners.append(self.note)

    def note(self, change: ChangeRecord) -> None:
        if not change.key.startswith(OWN_PREFIX):
            self.written_by[change.principal_id] += 1

    @rule(side=st.sampled_from("ab"), key=keys)
    def put(self, side: str, key: str) -> None:
        self.number += 1
        data = b"%d of %s" % (self.number, side.encode())
        self.forget_theirs(side, key)
        self.world.put(side, key, data)
        if side == "b":
            self.theirs.add(data)

    @rule(side=st.sampled_from("ab"), key=keys)
    def delete(self, side: str, key: str) -> None:
        self.forget_theirs(side, key)
        if self.world.users[side].head(key) is not None:
            self.world.delete(side, key)

    def forget_theirs(self, side: str, key: str) -> None:
        """What a user at the peer writes over himself is his to lose."""
        if side == "b" and self.world.users["b"].head(key) is not None:
            self.theirs.discard(self.world.read("b", key))

    @rule(side=st.sampled_from("ab"), key=keys)
    def edit_metadata(self, side: str, key: str) -> None:
        if self.world.users[side].head(key) is not None:
            self.number += 1
            self.world.edit_metadata(side, key, number=str(self.number))

    @rule(key=keys)
    def tag(self, key: str) -> None:
        if self.world.users["b"].head(key) is not None:
            self.world.tag("b", key, number=str(self.number))

    @rule()
    def lose_events(self) -> None:
        self.world.lose_events()

    @rule()
    def deliver(self) -> None:
        self.world.deliver("a")

    @rule()
    def find(self) -> None:
        self.world.find()

    @invariant()
    def only_users_write_here(self) -> None:
        if hasattr(self, "written_by"):
            assert set(self.written_by) <= {"AWS:AIDAUSERa"}

    @invariant()
    def what_users_wrote_at_the_peer_is_there(self) -> None:
        if hasattr(self, "theirs"):
            assert self.theirs <= set(self.world.contents("b").values())

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.find(rounds=2)
            self.only_users_write_here()
            self.what_users_wrote_at_the_peer_is_there()
            # Nothing is left to do: what differs now was changed at the peer last.
            writes = self.world.sync_writes.copy()
            self.world.find()
            assert self.world.sync_writes == writes
            for key, data in self.world.contents("a").items():
                there = self.world.contents("b").get(key, b" of b")
                assert there == data or there.endswith(b" of b")


TestFeed = Feed.TestCase
TestFeed.settings = examples(0.6, steps=25)
