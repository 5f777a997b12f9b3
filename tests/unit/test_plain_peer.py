"""A feed to a store that knows bytes only: no conditions, metadata, tags, parts or copies."""

from collections.abc import Callable
from io import BytesIO

import pytest

from sync_core.errors import Throttled
from sync_core.model import Action, Direction, SkipReason
from sync_core.routing import OWN_PREFIX
from sync_core.storage.protocol import ObjectWrite
from tests.two_stacks import Kind, TwoStacks

KEY = "dir/report.txt"
FEED = Kind(direction=Direction.TO_PEER, has_plain_peer=True, one_put_bytes=1000)
WRITES = ("put", "put_if", "delete", "delete_if", "copy_if", "create_multipart_upload")


@pytest.fixture
def world() -> TwoStacks:
    """Return a feed whose peer has what side a has."""
    made = TwoStacks(FEED)
    made.put("a", KEY, b"first", owner="me")
    made.quiesce()
    assert made.read("b", KEY) == b"first"
    made.outcomes.clear()
    made.calls.clear()
    return made


def writes(world: TwoStacks) -> list[str]:
    """Return the calls that have written to the peer, but for those on our own keys."""
    return [call for call in world.calls if call.startswith("a.peer.") and call[7:] in WRITES]


def put_in_parts(world: TwoStacks, side: str, key: str, data: bytes) -> None:
    """A user uploads in two parts, so that no MD5 of the whole is known."""
    user = world.users[side]
    world.pass_time(1)
    upload_id = user.create_multipart_upload(ObjectWrite(key, len(data)))
    half = 5 * 1024**2
    parts = [
        user.upload_part(key, upload_id, number, BytesIO(piece), len(piece))
        for number, piece in enumerate((data[:half], data[half:]), start=1)
    ]
    user.complete_if(key, upload_id, parts, None)


LARGE = bytes(range(256)) * 24 * 1024


def test_creates_overwrites_and_deletes_go_to_the_peer(world: TwoStacks) -> None:
    world.put("a", "new", b"1")
    world.quiesce()
    world.put("a", KEY, b"second")
    world.quiesce()
    assert world.contents("b") == {KEY: b"second", "new": b"1"}
    world.delete("a", "new")
    world.quiesce()
    assert world.contents("b") == {KEY: b"second"}
    assert world.dead_letters == []


def test_neither_metadata_nor_a_marker_nor_tags_go_along(world: TwoStacks) -> None:
    world.tag("a", KEY, team="blue")
    world.edit_metadata("a", KEY, owner="you")
    world.quiesce()
    found = world.head("b", KEY)
    assert (found.metadata, found.marker, found.tag_count) == ({}, None, 0)
    assert writes(world) == []


def test_an_event_that_comes_again_changes_nothing(world: TwoStacks) -> None:
    world.put("a", "new", b"1")
    bodies = world.queues["a"].bodies()
    world.quiesce()
    world.calls.clear()
    world.outcomes.clear()
    for _ in range(2):
        world.queues["a"].send_many(bodies)
        world.quiesce()
    world.find()
    assert writes(world) == []
    assert world.actions() == {Action.SKIPPED: 2}


def test_an_equal_object_that_is_there_already_is_recorded_and_not_sent() -> None:
    world = TwoStacks(FEED)
    world.put("b", KEY, b"same")
    world.put("a", KEY, b"same")
    world.running("a")
    world.calls.clear()
    world.quiesce()
    assert writes(world) == []
    assert world.actions() == {Action.ACKNOWLEDGED: 1}


def test_a_large_object_is_one_put(world: TwoStacks) -> None:
    put_in_parts(world, "a", "large", LARGE)
    world.quiesce()
    assert world.read("b", "large") == LARGE
    assert "-" not in world.head("b", "large").etag
    assert writes(world) == ["a.peer.put"]
    world.find()
    assert writes(world) == ["a.peer.put"]


def test_a_large_object_that_is_there_already_is_compared_and_not_sent() -> None:
    world = TwoStacks(FEED)
    world.put("b", "large", LARGE)
    put_in_parts(world, "a", "large", LARGE)
    world.running("a")
    world.calls.clear()
    world.quiesce()
    assert writes(world) == []
    assert world.actions() == {Action.ACKNOWLEDGED: 1}


def test_nothing_is_kept_for_a_large_object_that_is_archived() -> None:
    world = TwoStacks(FEED)
    world.put("b", "large", LARGE)
    put_in_parts(world, "a", "large", LARGE)
    world.buckets["a"].archive("large")
    world.quiesce()
    assert world.contents("b") == {"large": LARGE}
    assert {each.reason for each in world.outcomes} == {SkipReason.ARCHIVED}
    assert world.dead_letters == []


def test_a_delete_leaves_no_copy_and_the_guarantee_says_so(world: TwoStacks) -> None:
    world.delete("a", KEY)
    world.quiesce()
    assert [listed.key for listed in world.users["b"].list()] == [f"{OWN_PREFIX}sentinel-a"]
    assert "no copy of the object is kept" in world.running("a").guarantees[1]


def test_what_somebody_else_has_put_there_is_kept_beside_ours(world: TwoStacks) -> None:
    world.put("b", KEY, b"theirs")
    world.put("a", KEY, b"second")
    world.quiesce()
    contents = world.contents("b")
    assert contents.pop(KEY) == b"second"
    assert list(contents.values()) == [b"theirs"]


def test_the_finder_makes_good_what_no_event_has_told(world: TwoStacks) -> None:
    world.put("a", KEY, b"second")
    world.put("a", "new", b"1")
    world.lose_events()
    world.find()
    assert world.contents("b") == {KEY: b"second", "new": b"1"}
    world.delete("a", "new")
    world.lose_events()
    world.find()
    assert world.contents("b") == {KEY: b"second"}


def test_a_store_that_is_busy_is_asked_again(world: TwoStacks) -> None:
    world.before["a.peer.put"] = raising(Throttled("put", "new", "429"))
    world.put("a", "new", b"1")
    world.quiesce()
    assert world.contents("b")["new"] == b"1"


def raising(error: Exception) -> Callable[[], object]:
    def fail() -> object:
        raise error

    return fail
