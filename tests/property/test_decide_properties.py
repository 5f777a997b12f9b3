"""What holds of `decide` whatever two buckets and two tables contain (see `snapshots`)."""

from hypothesis import given
from hypothesis import strategies as st

from sync_core.evidence import Witness
from sync_core.model import (
    Acknowledge,
    Copy,
    Delete,
    Side,
    Skip,
    SkipReason,
    Unsure,
)
from tests.property.snapshots import Snapshot, effect_of, numbers, snapshots

MAX_ROUNDS = 10

MIRRORED_ROWS = {(1, 1), (2, 2), (3, 6), (6, 3), (5, 7), (7, 5), (8, 9), (9, 8), (10, 10), (11, 11)}


in_any_state = given(snapshot=snapshots, stack=numbers, waited=st.booleans())


@given(snapshots, numbers)
def test_swapped_sides_give_mirrored_evidence(snapshot: Snapshot, knower: int) -> None:
    snapshot.share_knowledge(knower)
    ours, theirs = snapshot.evidence(0), snapshot.evidence(1)
    assert (ours.own, ours.peer) == (theirs.peer, theirs.own)
    assert (ours.link, ours.recorded) == (theirs.link, theirs.recorded)
    assert (ours.peer_saw_own, ours.own_saw_peer) == (theirs.own_saw_peer, theirs.peer_saw_own)


@in_any_state
def test_swapped_sides_give_the_mirrored_verdict(
    snapshot: Snapshot, stack: int, *, waited: bool
) -> None:
    snapshot.share_knowledge(stack)
    ours, theirs = (snapshot.verdict(stack, waited=waited) for stack in (0, 1))
    assert (ours.row, theirs.row) in MIRRORED_ROWS
    effects = [effect_of(0, ours), effect_of(1, theirs)]
    if ours.row in {1, 2}:
        assert effects == [None, None]
    else:
        wanted = [effect for effect in effects if effect is not None]
        assert wanted, "somebody has to act"
        assert wanted[0] == wanted[-1], "both want the same"


@in_any_state
def test_nothing_is_deleted_without_evidence_that_the_deleting_side_had_it(
    snapshot: Snapshot, stack: int, *, waited: bool
) -> None:
    verdict, evidence = snapshot.verdict(stack, waited=waited), snapshot.evidence(stack)
    if isinstance(verdict, Delete) and verdict.at is Side.PEER:
        assert snapshot.objects[stack] is None
        assert evidence.own_saw_peer is not Witness.NOBODY
    elif isinstance(verdict, Delete):
        assert snapshot.objects[1 - stack] is None
        assert evidence.peer_saw_own is Witness.PRIVATE


@in_any_state
def test_nothing_unseen_is_overwritten_unless_the_loser_is_kept(
    snapshot: Snapshot, stack: int, *, waited: bool
) -> None:
    verdict, evidence = snapshot.verdict(stack, waited=waited), snapshot.evidence(stack)
    if isinstance(verdict, Copy) and verdict.replaces is not None:
        at_peer = verdict.to is Side.PEER
        assert evidence.own_saw_peer if at_peer else evidence.peer_saw_own


@in_any_state
def test_a_verdict_is_about_what_is_there(snapshot: Snapshot, stack: int, *, waited: bool) -> None:
    effect = effect_of(stack, snapshot.verdict(stack, waited=waited))
    if effect is not None:
        side, source, replaced = effect
        assert replaced == snapshot.objects[side]
        assert source == snapshot.objects[1 - side]


@in_any_state
def test_a_verdict_that_was_carried_out_leaves_only_records_to_write(
    snapshot: Snapshot, stack: int, *, waited: bool
) -> None:
    verdict = snapshot.verdict(stack, waited=waited)
    if effect_of(stack, verdict) is None and not isinstance(verdict, Acknowledge):
        return
    snapshot.carry_out(stack, verdict)
    assert isinstance(snapshot.verdict(stack), Skip)
    assert isinstance(snapshot.verdict(1 - stack), Acknowledge | Skip)
    assert snapshot.verdict(1 - stack).row in {1, 2}


@given(snapshots, numbers)
def test_verdicts_come_to_an_end_and_both_sides_are_equal(snapshot: Snapshot, first: int) -> None:
    order = (first, 1 - first)
    for _ in range(MAX_ROUNDS):
        verdicts = {stack: snapshot.verdict(stack) for stack in order}
        if all(isinstance(verdict, Skip | Unsure) for verdict in verdicts.values()):
            verdicts = {stack: snapshot.verdict(stack, waited=True) for stack in order}
        if all(isinstance(verdict, Skip) for verdict in verdicts.values()):
            break
        actor = next(stack for stack in order if not isinstance(verdicts[stack], Skip | Unsure))
        snapshot.carry_out(actor, verdicts[actor])
    else:
        raise AssertionError(f"no end: {snapshot}")
    assert snapshot.values[0] == snapshot.values[1]


@in_any_state
def test_one_way_nothing_is_ever_written_here_nor_left_to_the_peers_stack(
    snapshot: Snapshot, stack: int, *, waited: bool
) -> None:
    verdict = snapshot.verdict(stack, waited=waited, is_one_way=True)
    effect = effect_of(stack, verdict)
    if effect is not None:
        assert effect[0] == 1 - stack, "only the peer's side is written to"
    elif isinstance(verdict, Skip):
        assert verdict.reason not in {SkipReason.PEER_ACTS, SkipReason.PEER_WINS}


@in_any_state
def test_one_way_what_goes_to_the_peer_both_ways_goes_there_as_well(
    snapshot: Snapshot, stack: int, *, waited: bool
) -> None:
    both_ways = snapshot.verdict(stack, waited=waited)
    effect = effect_of(stack, both_ways)
    if effect is not None and effect[0] == 1 - stack:
        assert snapshot.verdict(stack, waited=waited, is_one_way=True) == both_ways


@given(snapshots, numbers)
def test_one_way_verdicts_come_to_an_end(snapshot: Snapshot, stack: int) -> None:
    for _ in range(MAX_ROUNDS):
        verdict = snapshot.verdict(stack, waited=True, is_one_way=True)
        if isinstance(verdict, Skip):
            break
        snapshot.carry_out(stack, verdict)
    else:
        raise AssertionError(f"no end: {snapshot}")
