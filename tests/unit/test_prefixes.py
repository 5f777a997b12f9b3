"""Prefixes and exclusions: which keys take part, and under which names they go everywhere."""

import json

import pytest

from sync_core.model import Action, ConflictPolicy
from tests.two_stacks import Kind, TwoStacks

PREFIXES = {"a": "from/here/", "b": "to/"}
ONE_SIDED = {"a": "", "b": "mirror/"}
MAPPINGS = pytest.mark.parametrize("prefixes", [PREFIXES, ONE_SIDED], ids=["both", "one"])


def full(world: TwoStacks, side: str, key: str) -> str:
    return world.sites[side].prefix + key


@MAPPINGS
def test_an_object_goes_below_the_other_sides_prefix_and_back(prefixes: dict[str, str]) -> None:
    world = TwoStacks(Kind(prefixes=prefixes))
    world.put("a", full(world, "a", "dir/k"), b"1")
    world.quiesce()
    assert world.read("b", full(world, "b", "dir/k")) == b"1"
    world.put("b", full(world, "b", "dir/k"), b"2")
    world.quiesce()
    assert world.read("a", full(world, "a", "dir/k")) == b"2"
    world.delete("a", full(world, "a", "dir/k"))
    world.quiesce()
    assert world.contents("a") == world.contents("b") == {}
    assert world.actions()[Action.LOSER_KEPT] == 0


@MAPPINGS
def test_messages_carry_the_key_as_it_is_in_the_receivers_bucket(
    prefixes: dict[str, str],
) -> None:
    world = TwoStacks(Kind(prefixes=prefixes))
    for side in "ab":
        world.put(side, full(world, side, side))
    world.lose_events()
    for side in "ab":
        world.finder(side).run()
        [body] = [each for each in world.queues[side].bodies() if "Records" not in each]
        assert json.loads(body)["key"] == full(world, side, side)


@MAPPINGS
def test_a_nudge_carries_the_key_as_it_is_in_the_peers_bucket(prefixes: dict[str, str]) -> None:
    world = TwoStacks(Kind(prefixes=prefixes))
    world.put("a", full(world, "a", "k"), b"early")
    world.put("b", full(world, "b", "k"), b"late")
    world.lose_events("b")
    world.deliver("a")
    [nudge] = [body for body in world.queues["b"].bodies() if "Records" not in body]
    assert json.loads(nudge) == {"key": full(world, "b", "k"), "size": 0, "from": "peer"}
    world.quiesce()
    assert world.contents("a") == world.contents("b")
    assert world.contents("a")["k"] == b"late"


@MAPPINGS
def test_a_deferred_key_comes_back_with_its_prefix(prefixes: dict[str, str]) -> None:
    world = TwoStacks(Kind(prefixes=prefixes))
    world.put("a", full(world, "a", "k"))
    world.before["a.records.write"] = lambda: world.put("a", full(world, "a", "beside"))
    world.running("a")
    [first, *_] = world.deliver("a")
    assert first.error is None
    for deferral in first.deferrals:
        assert deferral.key == full(world, "a", "k")
    world.quiesce()
    assert world.contents("b") == {"k": b"1", "beside": b"1"}


@MAPPINGS
@pytest.mark.parametrize("policy", [ConflictPolicy.KEEP_COPY, ConflictPolicy.KEEP_VERSION])
def test_the_loser_of_a_conflict_is_kept_below_the_prefix(
    prefixes: dict[str, str], policy: ConflictPolicy
) -> None:
    world = TwoStacks(Kind(prefixes=prefixes, policy=policy))
    world.put("a", full(world, "a", "k"), b"early")
    world.put("b", full(world, "b", "k"), b"late")
    world.quiesce()
    assert world.contents("a") == world.contents("b")
    assert sorted(world.contents("a").values()) == [b"early", b"late"]
    for side in "ab":
        keys = [listed.key for listed in world.users[side].list()]
        assert all(key.startswith(world.sites[side].prefix) for key in keys)


def test_keys_beside_the_prefix_take_no_part() -> None:
    world = TwoStacks(Kind(prefixes=PREFIXES))
    for side, key in (("a", "from/k"), ("a", "from/here"), ("a", "k"), ("b", "from/here/k")):
        world.put(side, key)
    world.quiesce()
    reports = world.find()
    assert [report.scanned for report in reports] == [0, 0]
    assert world.outcomes == []
    assert world.sync_writes.total() == 0


def test_the_placeholder_of_the_prefix_itself_takes_no_part() -> None:
    world = TwoStacks(Kind(prefixes=PREFIXES))
    world.put("a", "from/here/", b"")
    world.quiesce()
    assert [report.scanned for report in world.find()] == [0, 0]
    assert world.dead_letters == []


@MAPPINGS
def test_a_folders_placeholder_below_the_prefix_takes_part(prefixes: dict[str, str]) -> None:
    world = TwoStacks(Kind(prefixes=prefixes))
    world.put("a", full(world, "a", "dir/"), b"")
    world.quiesce()
    assert world.contents("b") == {"dir/": b""}


EXCLUDED = Kind(excluded=("*.tmp", "cache/*"))


@pytest.mark.parametrize("key", ["x.tmp", "dir/x.tmp", "cache/x", "cache/", ".dualway/x"])
def test_excluded_keys_are_never_copied_and_never_compared(key: str) -> None:
    world = TwoStacks(EXCLUDED)
    world.put("a", key)
    world.quiesce()
    world.put("b", key, b"other")
    world.quiesce()
    assert [report.scanned for report in world.find()] == [0, 0]
    world.delete("a", key)
    world.quiesce()
    world.find()
    assert world.read("b", key) == b"other"
    assert world.outcomes == []


@pytest.mark.parametrize("key", ["X.TMP", "x.tmp.txt", "dir/cache/x", "cache"])
def test_keys_that_only_look_like_excluded_ones_are_copied(key: str) -> None:
    world = TwoStacks(EXCLUDED)
    world.put("a", key)
    world.quiesce()
    assert world.contents("b") == {key: b"1"}


def test_exclusions_are_about_the_key_behind_the_prefix() -> None:
    world = TwoStacks(Kind(prefixes={"a": "cache/", "b": ""}, excluded=("cache/*",)))
    world.put("a", "cache/x")
    world.put("a", "cache/cache/y")
    world.quiesce()
    assert world.contents("b") == {"x": b"1"}


def test_an_excluded_key_in_a_message_leaves_its_neighbours_alone() -> None:
    world = TwoStacks(EXCLUDED)
    world.put("a", "x.tmp")
    world.put("a", "x.txt")
    settled = world.deliver("a")
    assert [each.error for each in settled] == [None] * len(settled)
    world.quiesce()
    assert world.contents("b") == {"x.txt": b"1"}


def test_a_key_that_is_excluded_later_is_not_deleted_anywhere() -> None:
    world = TwoStacks()
    world.put("a", "x.tmp")
    world.quiesce()
    later = TwoStacks(EXCLUDED)
    later.buckets.update(world.buckets)
    later.users.update(world.users)
    later.tables.update(world.tables)
    later.start_again()
    later.delete("a", "x.tmp")
    later.find()
    assert later.read("b", "x.tmp") == b"1"
