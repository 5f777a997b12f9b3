"""What a user writes between a stack's look and its write is not lost on a versioned bucket.

If-Match cannot see an edit of the metadata, and some stores do not look at conditions at all.
"""

import pytest

from sync_core.model import Action, NotedConflict, ObjectVersion, listed_id
from sync_core.storage.memory import Versioning
from tests.two_stacks import Kind, TwoStacks

KEY = "dir/report.txt"
VERSIONED = pytest.mark.parametrize("versioned", ["b", "ab"])
OF_STORES = pytest.mark.parametrize("weak", ["", "b", "ab"], ids=["strong", "weak_b", "weak_ab"])


def in_sync(versioned: str, weak: str = "") -> TwoStacks:
    """Return two sides that agree on an object of one byte, the stacks started."""
    world = TwoStacks(Kind(versioned=versioned, weak=weak))
    world.put("a", KEY, b"1")
    world.quiesce()
    world.outcomes.clear()
    return world


def before_request(world: TwoStacks, method: str, happening: object) -> None:
    """Have it happen just before a's stack sends a request to b, conditional or not."""
    name = method if "b" in world.kind.weak else f"{method}_if"
    world.before[f"a.peer.{name}"] = happening  # type: ignore[assignment]


def noted(world: TwoStacks) -> NotedConflict:
    found = world.record("a", KEY).conflict
    assert found is not None
    return found


def kept(world: TwoStacks) -> dict[str, tuple[bytes, dict[str, str], dict[str, str]]]:
    assert world.values("a") == world.values("b")
    return {key: value for key, value in world.values("a").items() if key != KEY}


def test_conditions_that_are_ignored_are_found_out_and_told() -> None:
    world = in_sync("", weak="b")
    [at_a, at_b] = world.told["a"].guarantees
    assert at_a == "guarantee level U at a: all writes are conditional"
    assert at_b.startswith("guarantee level D at b: PUT does not honour If-None-Match and If-Match")


@VERSIONED
@OF_STORES
def test_a_metadata_edit_that_an_overwrite_covers_is_kept_as_a_conflict(
    versioned: str, weak: str
) -> None:
    world = in_sync(versioned, weak)
    before_request(world, "put", lambda: world.edit_metadata("b", KEY, edited="yes"))
    world.put("a", KEY, b"2")
    world.quiesce()
    [(kept_key, (data, metadata, _))] = kept(world).items()
    assert world.contents("b")[KEY] == b"2"
    assert (data, metadata) == (b"1", {"edited": "yes"})
    assert ".conflict-b-" in kept_key
    assert (noted(world).loser_key, noted(world).winner_side) == (kept_key, "a")
    assert world.actions()[Action.LOSER_KEPT] == 1


@pytest.mark.parametrize("key", [KEY, "new"], ids=["overwrite", "create"])
def test_the_note_names_what_slipped_in_as_the_loser(key: str) -> None:
    world = in_sync("b", weak="b")
    slipped: list[ObjectVersion] = []

    def slip_in() -> None:
        world.put("b", key, b"3")
        slipped.append(world.head("b", key))

    before_request(world, "put", slip_in)
    world.put("a", key, b"2")
    world.quiesce()
    note = world.record("a", key).conflict
    assert note is not None
    assert note.loser == listed_id(slipped[0])


@VERSIONED
@OF_STORES
def test_a_metadata_edit_that_a_delete_covers_takes_the_delete_marker_back(
    versioned: str, weak: str
) -> None:
    world = in_sync(versioned, weak)
    before_request(world, "delete", lambda: world.edit_metadata("b", KEY, edited="yes"))
    world.delete("a", KEY)
    world.quiesce()
    assert world.values("a") == world.values("b") == {KEY: (b"1", {"edited": "yes"}, {})}
    assert not any(entry.is_delete_marker for entry in world.users["b"].versions(KEY, 10))
    assert world.actions()[Action.OBJECT_DELETED] == 0


@pytest.mark.parametrize("versioned", ["", "b", "ab"])
def test_other_bytes_that_come_before_a_conditional_overwrite_are_a_conflict(
    versioned: str,
) -> None:
    world = in_sync(versioned)
    before_request(world, "put", lambda: world.put("b", KEY, b"3"))
    world.put("a", KEY, b"2")
    world.quiesce()
    assert set(world.contents("a").values()) == {b"2", b"3"}
    assert world.contents("a")[KEY] == b"3"
    assert len(kept(world)) == 1


@VERSIONED
@pytest.mark.parametrize("weak", ["b", "ab"])
def test_other_bytes_that_an_unconditional_overwrite_covers_are_kept(
    versioned: str, weak: str
) -> None:
    world = in_sync(versioned, weak)
    before_request(world, "put", lambda: world.put("b", KEY, b"3"))
    world.put("a", KEY, b"2")
    world.quiesce()
    assert [data for data, _, _ in kept(world).values()] == [b"3"]
    assert world.contents("a")[KEY] == b"2"


@VERSIONED
@pytest.mark.parametrize("weak", ["b", "ab"])
def test_an_object_that_an_unconditional_create_covers_is_kept(versioned: str, weak: str) -> None:
    world = in_sync(versioned, weak)
    before_request(world, "put", lambda: world.put("b", "new", b"3"))
    world.put("a", "new", b"2")
    slipped = f"{world.now:%Y%m%d}"
    world.quiesce()
    assert world.values("a") == world.values("b")
    [kept_key] = [key for key in world.contents("a") if key not in {KEY, "new"}]
    assert kept_key.startswith(f"new.conflict-b-{slipped}")
    assert world.contents("a")[kept_key] == b"3"


@OF_STORES
def test_an_overwrite_that_nothing_slipped_into_keeps_no_copy(weak: str) -> None:
    world = in_sync("ab", weak)
    for data in (b"2", b"3", b"4"):
        world.put("a", KEY, data)
        world.quiesce()
    assert kept(world) == {}
    assert world.record("a", KEY).conflict is None


@OF_STORES
def test_a_delete_that_nothing_slipped_into_stays(weak: str) -> None:
    world = in_sync("ab", weak)
    world.delete("a", KEY)
    world.quiesce()
    assert world.contents("a") == world.contents("b") == {}


@pytest.mark.parametrize("side", ["a", "b"])
def test_an_object_from_before_versioning_is_overwritten_without_a_conflict(side: str) -> None:
    world = in_sync("")
    turn_versioning_on(world)
    world.put(side, KEY, b"2")
    world.quiesce()
    assert kept(world) == {}
    assert world.contents("a") == {KEY: b"2"}


@pytest.mark.parametrize("side", ["a", "b"])
def test_an_object_from_before_versioning_is_deleted(side: str) -> None:
    world = in_sync("")
    turn_versioning_on(world)
    world.delete(side, KEY)
    world.quiesce()
    assert world.contents("a") == world.contents("b") == {}


def test_an_edit_of_an_object_from_before_versioning_that_an_overwrite_covers_is_kept() -> None:
    world = in_sync("")
    turn_versioning_on(world)
    world.before["a.peer.put_if"] = lambda: world.edit_metadata("b", KEY, edited="yes")
    world.put("a", KEY, b"2")
    world.quiesce()
    assert [value[1] for value in kept(world).values()] == [{"edited": "yes"}]


def test_an_edit_of_an_object_from_before_versioning_that_a_delete_covers_is_not_lost() -> None:
    world = in_sync("")
    turn_versioning_on(world)
    world.before["a.peer.delete_if"] = lambda: world.edit_metadata("b", KEY, edited="yes")
    world.delete("a", KEY)
    world.quiesce()
    assert world.values("a") == world.values("b") == {KEY: (b"1", {"edited": "yes"}, {})}


@pytest.mark.parametrize("side", ["a", "b"])
def test_while_versioning_is_suspended_objects_are_overwritten_and_deleted(side: str) -> None:
    world = in_sync("ab")
    for bucket in world.buckets.values():
        bucket.versioning = Versioning.SUSPENDED
    world.put(side, KEY, b"2")
    world.quiesce()
    assert world.contents("a") == world.contents("b") == {KEY: b"2"}
    world.delete(side, KEY)
    world.quiesce()
    assert world.contents("a") == world.contents("b") == {}


def turn_versioning_on(world: TwoStacks) -> None:
    """Turn it on in both buckets, and have the deployments started anew a day later."""
    world.turn_versioning_on()
    world.pass_time(25 * 3600)
    world.start_again()
    world.quiesce()
    for side in "ab":
        world.running(side)
