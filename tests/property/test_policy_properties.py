"""What holds of `decide` under the policies to prefer a site and to leave conflicts to a person."""

from hypothesis import given
from hypothesis import strategies as st

from sync_core.decide import Terms, decide
from sync_core.model import Acknowledge, Conflict, Copy, Side, Skip, SkipReason, Unsure, Verdict
from tests.property.snapshots import Snapshot, effect_of, numbers, snapshots

MAX_ROUNDS = 10
LEFT_OPEN = SkipReason.CONFLICT_LEFT_OPEN

preferences = st.sampled_from([None, 0, 1])


def verdict(
    snapshot: Snapshot,
    stack: int,
    preferred: int | None,
    *,
    waited: bool = False,
    is_manual: bool = False,
) -> Verdict:
    """Return a stack's verdict where both prefer the same side, by its number."""
    side = None
    if preferred is not None:
        side = Side.OWN if preferred == stack else Side.PEER
    own, peer = snapshot.objects[stack], snapshot.objects[1 - stack]
    return decide(own, peer, snapshot.evidence(stack), Terms(waited, side, is_manual))


@given(snapshot=snapshots, knower=numbers, preferred=preferences, waited=st.booleans())
def test_both_stacks_of_one_mind_want_the_same(
    snapshot: Snapshot, knower: int, preferred: int | None, *, waited: bool
) -> None:
    snapshot.share_knowledge(knower)
    verdicts = [verdict(snapshot, stack, preferred, waited=waited) for stack in (0, 1)]
    effects = [effect_of(stack, found) for stack, found in enumerate(verdicts)]
    wanted = [effect for effect in effects if effect is not None]
    assert wanted or verdicts[0].row in {1, 2}
    assert all(effect == wanted[0] for effect in wanted)


@given(snapshot=snapshots, stack=numbers, preferred=numbers)
def test_the_preferred_side_never_loses_a_conflict_of_row_11(
    snapshot: Snapshot, stack: int, preferred: int
) -> None:
    found = verdict(snapshot, stack, preferred, waited=True)
    if isinstance(found, Conflict) and found.row == 11:
        assert found.source == snapshot.objects[preferred]


@given(snapshot=snapshots, stack=numbers, preferred=numbers, waited=st.booleans())
def test_a_preference_decides_nothing_but_conflicts(
    snapshot: Snapshot, stack: int, preferred: int, *, waited: bool
) -> None:
    """Row 9 may wait for a peer that would not act, or leave it to one that would."""
    with_one = verdict(snapshot, stack, preferred, waited=waited)
    without = verdict(snapshot, stack, None, waited=waited)
    assert with_one.row == without.row
    if with_one.row not in {9, 10, 11}:
        assert with_one == without


@given(snapshot=snapshots, first=numbers, preferred=preferences)
def test_verdicts_come_to_an_end_whichever_side_is_preferred(
    snapshot: Snapshot, first: int, preferred: int | None
) -> None:
    order = (first, 1 - first)
    for _ in range(MAX_ROUNDS):
        found = {each: verdict(snapshot, each, preferred) for each in order}
        if all(isinstance(each, Skip | Unsure) for each in found.values()):
            found = {each: verdict(snapshot, each, preferred, waited=True) for each in order}
        actors = [each for each in order if not isinstance(found[each], Skip | Unsure)]
        if not actors:
            break
        snapshot.carry_out(actors[0], found[actors[0]])
    else:
        raise AssertionError(f"no end: {snapshot}")
    assert snapshot.values[0] == snapshot.values[1]


@given(snapshot=snapshots, first=numbers)
def test_what_is_left_to_a_person_is_left_alone_by_both_stacks_and_all_else_is_settled(
    snapshot: Snapshot, first: int
) -> None:
    order = (first, 1 - first)
    for _ in range(MAX_ROUNDS):
        found = {each: verdict(snapshot, each, None, waited=True, is_manual=True) for each in order}
        actors = [each for each in order if not isinstance(found[each], Skip | Unsure)]
        if not actors:
            break
        snapshot.carry_out(actors[0], found[actors[0]])
    else:
        raise AssertionError(f"no end: {snapshot}")
    reasons = {each.reason for each in found.values() if isinstance(each, Skip)}
    assert snapshot.values[0] == snapshot.values[1] or reasons == {LEFT_OPEN}


@given(snapshot=snapshots, stack=numbers, waited=st.booleans())
def test_a_person_is_asked_only_where_a_loser_would_be_kept_or_lose(
    snapshot: Snapshot, stack: int, *, waited: bool
) -> None:
    manual = verdict(snapshot, stack, None, waited=waited, is_manual=True)
    usual = verdict(snapshot, stack, None, waited=waited)
    assert manual.row == usual.row
    if isinstance(manual, Skip) and manual.reason is LEFT_OPEN:
        is_loser = isinstance(usual, Skip) and usual.reason is SkipReason.PEER_WINS
        assert is_loser or isinstance(usual, Conflict)
    elif isinstance(usual, Copy | Acknowledge):
        assert manual == usual or manual.row == 9
