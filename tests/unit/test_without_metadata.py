"""Two stacks that copy bytes and tags, and neither headers nor user metadata."""

from io import BytesIO

import pytest

from sync_core.model import Action
from sync_core.storage.protocol import ObjectWrite
from tests.two_stacks import Kind, TwoStacks

KEY = "dir/report.txt"
KINDS = pytest.mark.parametrize("versioned", ["", "ab"])
OPAQUE = pytest.mark.parametrize("opaque", [False, True], ids=["md5", "kms"])


def bare(versioned: str = "", *, opaque: bool = False) -> TwoStacks:
    return TwoStacks(Kind(versioned=versioned, has_metadata=False, has_opaque_etags=opaque))


@OPAQUE
@KINDS
def test_bytes_and_tags_are_copied_and_nothing_else(versioned: str, *, opaque: bool) -> None:
    world = bare(versioned, opaque=opaque)
    world.put("a", KEY, b"data", owner="me")
    world.tag("a", KEY, team="blue")
    world.quiesce()
    copied = world.head("b", KEY)
    # S3 names a type where none was given (API reference, GetObject, Content-Type).
    assert copied.headers == {"content-type": "binary/octet-stream"}
    assert (copied.metadata, world.read("b", KEY)) == ({}, b"data")
    assert copied.marker is not None
    assert world.users["b"].tags(KEY) == {"team": "blue"}


@OPAQUE
@KINDS
def test_an_object_in_parts_is_copied_without_them(versioned: str, *, opaque: bool) -> None:
    kind = Kind(versioned=versioned, has_metadata=False, has_opaque_etags=opaque, one_put_bytes=100)
    world = TwoStacks(kind)
    world.put("a", KEY, b"x" * 200, owner="me")
    world.quiesce()
    assert world.head("b", KEY).metadata == {}
    assert world.read("b", KEY) == b"x" * 200
    assert [report.equal for report in world.find(rounds=2)] == [1, 1]


@OPAQUE
@KINDS
def test_what_was_written_goes_back_and_forth_and_comes_to_rest(
    versioned: str, *, opaque: bool
) -> None:
    world = bare(versioned, opaque=opaque)
    for number, side in enumerate("abba"):
        world.put(side, KEY, b"%d" % number, owner=side)
        world.quiesce()
    assert world.contents("a") == world.contents("b") == {KEY: b"3"}
    assert world.actions()[Action.LOSER_KEPT] == 0
    world.delete("b", KEY)
    world.quiesce()
    assert world.contents("a") == world.contents("b") == {}


@KINDS
@pytest.mark.parametrize("side", ["a", "b"])
def test_an_edit_of_the_metadata_changes_nothing_on_the_other_side(
    versioned: str, side: str
) -> None:
    world = bare(versioned)
    world.put("a", KEY, b"data")
    world.quiesce()
    other = "b" if side == "a" else "a"
    before = world.head(other, KEY)
    world.edit_metadata(side, KEY, owner="me")
    world.quiesce()
    world.find(rounds=2)
    after = world.head(other, KEY)
    assert (after.headers, after.metadata) == (before.headers, before.metadata)
    assert world.read(other, KEY) == b"data"
    assert [report.equal for report in world.find()] == [1, 1]


def test_equal_bytes_with_other_headers_are_the_same() -> None:
    world = bare()
    world.put("a", KEY, b"data", owner="a")
    world.put("b", KEY, b"data", owner="b")
    world.quiesce()
    assert world.sync_writes.total() == 0
    assert [report.equal for report in world.find()] == [1, 1]


@OPAQUE
@KINDS
def test_the_loser_of_a_conflict_keeps_what_it_has(versioned: str, *, opaque: bool) -> None:
    world = bare(versioned, opaque=opaque)
    world.put("a", KEY, b"first", owner="me")
    world.quiesce()
    # Edited in place on both sides: the one at b has our marker and metadata of its own.
    world.pass_time(1)
    current = world.head("b", KEY)
    edited = ObjectWrite(KEY, 4, {"content-type": "a/b"}, {"owner": "b"}, current.marker)
    world.users["b"].put(edited, BytesIO(b"lost"))
    world.put("a", KEY, b"wins", owner="a")
    world.quiesce()
    [kept] = [key for key in world.contents("b") if ".conflict-" in key]
    assert world.read("b", kept) == b"lost"
    loser = world.head("b", kept)
    assert (loser.headers, loser.metadata) == ({"content-type": "a/b"}, {"owner": "b"})
    assert loser.marker is None
    assert world.contents("a") == world.contents("b")
