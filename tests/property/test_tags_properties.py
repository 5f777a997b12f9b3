"""What holds of tags whatever both sides show and whatever each stack believes to be agreed."""

from collections.abc import Mapping
from dataclasses import replace

from hypothesis import example, given
from hypothesis import strategies as st

from sync_core.model import Pair
from sync_core.tags import decide_tags, tags_hash
from tests.examples import examples
from tests.two_stacks import TwoStacks

KEY = "k"
MOST_WRITES = 4

names = st.sampled_from(["x", "y"])
tag_sets = st.dictionaries(names, st.sampled_from(["1", "2"]), max_size=2)
agreed_hashes = st.one_of(st.none(), tag_sets.map(tags_hash))
sides = st.sampled_from(["a", "b"])

Tags = Mapping[str, str]


@given(tag_sets, tag_sets, agreed_hashes)
def test_mirrored_tags_give_mirrored_verdicts(a: Tags, b: Tags, agreed: str | None) -> None:
    ours = decide_tags(a, b, agreed, own_is_first=True)
    theirs = decide_tags(b, a, agreed, own_is_first=False)
    assert ours.wanted == theirs.wanted
    assert (ours.own_has_it, ours.peer_has_it) == (theirs.peer_has_it, theirs.own_has_it)


@given(agreed=tag_sets, changed=tag_sets, own_is_first=st.booleans())
def test_a_single_sided_change_is_what_both_should_have(
    agreed: Tags, changed: Tags, *, own_is_first: bool
) -> None:
    before = tags_hash(agreed)
    assert decide_tags(changed, agreed, before, own_is_first=own_is_first).wanted == changed
    assert decide_tags(agreed, changed, before, own_is_first=own_is_first).wanted == changed


@given(own=tag_sets, peer=tag_sets, agreed=agreed_hashes, own_is_first=st.booleans())
def test_what_is_wanted_was_there_and_is_final(
    own: Tags, peer: Tags, agreed: str | None, *, own_is_first: bool
) -> None:
    wanted = decide_tags(own, peer, agreed, own_is_first=own_is_first).wanted
    assert wanted.items() <= own.items() | peer.items()
    for known in (agreed, None, tags_hash(wanted)):
        again = decide_tags(wanted, wanted, known, own_is_first=own_is_first)
        assert again.own_has_it
        assert again.peer_has_it


@given(own=tag_sets, peer=tag_sets, agreed=agreed_hashes, own_is_first=st.booleans())
def test_no_name_is_dropped_unless_a_side_without_it_is_the_only_one_that_changed(
    own: Tags, peer: Tags, agreed: str | None, *, own_is_first: bool
) -> None:
    verdict = decide_tags(own, peer, agreed, own_is_first=own_is_first)
    if agreed not in {tags_hash(own), tags_hash(peer)}:
        assert verdict.wanted.keys() == own.keys() | peer.keys()


def arranged(tags: Mapping[str, Tags], agreed: Mapping[str, str | None]) -> TwoStacks:
    """Return two sides with these tags, whose stacks believe these hashes to be agreed on."""
    world = TwoStacks()
    world.put("a", KEY)
    world.quiesce()
    for side, known in agreed.items():
        record = world.record(side, KEY)
        pair = replace(record.pair or Pair(), tags=known)
        world.tables[side].records[KEY] = replace(record, pair=pair)
    for side, found in tags.items():
        world.tag(side, KEY, **found)
    world.calls.clear()
    return world


def shown(world: TwoStacks) -> list[Tags]:
    return [world.users[side].tags(KEY) or {} for side in "ab"]


def writes(world: TwoStacks) -> int:
    return sum(call.endswith("put_tags") for call in world.calls)


@examples(0.6)
@example(
    tags={"a": {"y": "1"}, "b": {"x": "1"}},
    agreed={"a": tags_hash({"x": "1", "y": "1"}), "b": tags_hash({})},
    order=["b"],
)
@given(
    tags=st.fixed_dictionaries({"a": tag_sets, "b": tag_sets}),
    agreed=st.fixed_dictionaries({"a": agreed_hashes, "b": agreed_hashes}),
    order=st.lists(sides, max_size=6),
)
def test_two_stacks_come_to_the_same_tags_in_few_writes_and_then_write_nothing(
    tags: Mapping[str, Tags],
    agreed: Mapping[str, str | None],
    order: list[str],
) -> None:
    world = arranged(tags, agreed)
    for side in order:
        world.deliver(side)
    world.quiesce()
    at_a, at_b = shown(world)
    assert at_a == at_b
    assert at_a.items() <= tags["a"].items() | tags["b"].items()
    assert writes(world) <= MOST_WRITES
    world.calls.clear()
    for side in "ab":
        world.tag(side, KEY, **at_a)
        world.quiesce()
    assert writes(world) == 0
    assert shown(world) == [at_a, at_a]


@examples(0.6)
@given(
    before=tag_sets, after=tag_sets, changed=sides, order=st.lists(sides, max_size=4), heard=sides
)
def test_a_single_sided_change_is_never_lost(
    before: Tags, after: Tags, changed: str, order: list[str], heard: str
) -> None:
    known = tags_hash(before)
    tags = {side: after if side == changed else before for side in "ab"}
    world = arranged(tags, {"a": known, "b": known})
    world.lose_events("b" if heard == "a" else "a")
    for side in order:
        world.deliver(side)
    world.quiesce()
    assert shown(world) == [after, after]
