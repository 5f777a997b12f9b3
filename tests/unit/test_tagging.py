"""What is read of both sides' tags, and which stack is to act on what it finds."""

from collections.abc import Mapping

import pytest

from sync_core.errors import PreconditionFailed
from sync_core.events import PEER_HINT
from sync_core.gather import Look, look_at
from sync_core.model import CopyTags, EventKind, ObjectEvent, Side, Skip, SkipReason
from sync_core.occasion import Occasion, occasion_of
from sync_core.stack import Stack
from sync_core.tagging import look_at_tags, tags_agreed
from sync_core.tags import tags_hash
from tests.two_stacks import TwoStacks, other

KEY = "k"
BLUE, RED = {"team": "blue"}, {"team": "red"}
NONE: Mapping[str, str] = {}
LEFT_TO_PEER = Skip(2, SkipReason.PEER_ACTS)


def occasion(kind: EventKind, name: str = "", by: str = "AIDAUSER") -> Occasion:
    event = ObjectEvent(KEY, kind, name, principal_id=by)
    return occasion_of([event], frozenset({"AIDASYNC"}))


BY_USER = occasion(EventKind.TAGGED)
BY_PEER = occasion(EventKind.TAGGED, by="AIDASYNC")
ASKED_BY_PEER = occasion(EventKind.HINT, PEER_HINT)


@pytest.fixture
def world() -> TwoStacks:
    """Return two sides that agree on an object without tags."""
    made = TwoStacks()
    made.put("a", KEY)
    made.quiesce()
    return made


def found(
    world: TwoStacks,
    own: Mapping[str, str],
    peer: Mapping[str, str],
    agreed: Mapping[str, str] | None,
    *,
    side: str = "a",
    why: Occasion = BY_USER,
) -> Look | str:
    """Return what the stack of `side` makes of these tags."""
    world.tag(side, KEY, **own)
    world.tag(other(side), KEY, **peer)
    stack, look = looked(world, side)
    known = None if agreed is None else tags_hash(agreed)
    return look_at_tags(stack, look, known, why)


def looked(world: TwoStacks, side: str = "a") -> tuple[Stack, Look]:
    stack, record = world.stack(side), world.record(side, KEY)
    return stack, look_at(stack, record, (), first=False)


def is_left_to_peer(look: Look | str) -> bool:
    return isinstance(look, Look) and look.verdict == LEFT_TO_PEER


def copy_of(look: Look | str) -> CopyTags:
    assert isinstance(look, Look)
    assert isinstance(look.verdict, CopyTags)
    return look.verdict


@pytest.mark.parametrize("agreed", [None, NONE, BLUE, RED])
def test_equal_tags_are_agreed_on_whatever_was_known(
    world: TwoStacks, agreed: Mapping[str, str] | None
) -> None:
    assert found(world, BLUE, BLUE, agreed) == tags_hash(BLUE)


def test_what_the_own_side_changed_is_to_be_put_at_the_peer(world: TwoStacks) -> None:
    verdict = copy_of(found(world, BLUE, NONE, NONE))
    assert (verdict.tags, verdict.is_agreed) == (BLUE, True)
    assert verdict.instance.last_modified_at == world.head("b", KEY).last_modified_at
    assert tags_agreed(verdict) == tags_hash(BLUE)


def test_what_the_peer_changed_is_left_to_the_peers_stack(world: TwoStacks) -> None:
    assert is_left_to_peer(found(world, NONE, BLUE, NONE))


def test_what_the_peer_has_put_here_and_changed_since_is_left_to_the_peers_stack(
    world: TwoStacks,
) -> None:
    """Without the echo's word it would look like a change of ours, and undo the peer's."""
    assert is_left_to_peer(found(world, BLUE, NONE, NONE, why=BY_PEER))


def test_what_both_changed_is_put_at_the_peer_and_is_not_agreed_on_before_the_peer_did_so(
    world: TwoStacks,
) -> None:
    verdict = copy_of(found(world, {"here": "1"}, {"there": "1"}, NONE))
    assert verdict.tags == {"here": "1", "there": "1"}
    assert not verdict.is_agreed
    assert tags_agreed(verdict) is None


@pytest.mark.parametrize("side", ["a", "b"])
def test_of_two_values_that_of_the_site_with_the_first_name_counts(
    world: TwoStacks, side: str
) -> None:
    own, peer = (BLUE, RED) if side == "a" else (RED, BLUE)
    result = found(world, own, peer, NONE, side=side)
    if side == "a":
        assert copy_of(result).tags == BLUE
    else:
        assert is_left_to_peer(result)


def test_two_stacks_that_leave_it_to_each_other_end_with_the_union(world: TwoStacks) -> None:
    """Each believes that the other side has changed: what they believe is of no use."""
    verdict = copy_of(found(world, BLUE, {"stage": "2"}, BLUE, why=ASKED_BY_PEER))
    assert verdict.tags == {"team": "blue", "stage": "2"}


def test_what_is_missing_here_is_put_here_where_the_peer_takes_us_for_the_one_to_act(
    world: TwoStacks,
) -> None:
    verdict = copy_of(found(world, NONE, BLUE, NONE, why=ASKED_BY_PEER))
    assert (verdict.at, verdict.tags, verdict.is_agreed) == (Side.OWN, BLUE, True)


def test_what_is_missing_at_the_peer_is_put_there_although_the_peer_seems_to_have_changed(
    world: TwoStacks,
) -> None:
    verdict = copy_of(found(world, BLUE, NONE, BLUE, why=ASKED_BY_PEER))
    assert (verdict.at, verdict.tags) == (Side.PEER, BLUE)


@pytest.mark.parametrize("gone", ["a", "b"])
def test_an_object_that_goes_meanwhile_is_to_be_looked_at_again(
    world: TwoStacks, gone: str
) -> None:
    stack, look = looked(world)
    world.delete(gone, KEY)
    with pytest.raises(PreconditionFailed, match="the object is gone"):
        look_at_tags(stack, look, None, BY_USER)


@pytest.mark.parametrize("changed", ["a", "b"])
def test_tags_of_an_object_that_came_after_the_look_are_put_nowhere(
    world: TwoStacks, changed: str
) -> None:
    stack, look = looked(world)
    world.put(changed, KEY, b"2")
    world.tag(changed, KEY, **BLUE)
    with pytest.raises(PreconditionFailed, match="object changed"):
        look_at_tags(stack, look, tags_hash(NONE), BY_USER)
