"""What becomes of a true conflict under each policy, on both stacks, and what the record notes."""

import pytest

from sync_core.model import Action, ConflictPolicy, NotedConflict, listed_id
from tests.two_stacks import Kind, TwoStacks, other

KEY = "dir/report.txt"
EARLY, LATE = b"early", b"late"
FIRST = pytest.mark.parametrize("first", ["a", "b"])


def in_conflict(
    policy: ConflictPolicy, first: str, versioned: str = "", preferred: str | None = None
) -> TwoStacks:
    """Have a user write at `first`, then one at the other side; both before a stack looks."""
    world = TwoStacks(Kind(policy=policy, preferred_site=preferred, versioned=versioned))
    world.put(first, KEY, EARLY)
    world.put(other(first), KEY, LATE)
    return world


def copies(world: TwoStacks) -> dict[str, bytes]:
    """Return the kept losers, which both sides show."""
    assert world.values("a") == world.values("b")
    return {key: data for key, data in world.contents("a").items() if key != KEY}


def noted(world: TwoStacks, side: str) -> NotedConflict:
    found = world.record(side, KEY).conflict
    assert found is not None
    return found


@FIRST
def test_by_default_the_later_write_wins_and_the_loser_is_kept_beside_it(first: str) -> None:
    world = in_conflict(ConflictPolicy.KEEP_COPY, first)
    early, late = world.head(first, KEY), world.head(other(first), KEY)
    world.quiesce()
    [(kept_key, data)] = copies(world).items()
    assert world.contents("a")[KEY] == LATE
    assert data == EARLY
    note = noted(world, other(first))
    assert (note.winner_side, note.loser_key, note.is_open) == (other(first), kept_key, False)
    assert (note.winner, note.loser) == (listed_id(late), listed_id(early))
    assert world.record(first, KEY).conflict is None


@FIRST
@pytest.mark.parametrize("preferred", ["a", "b"])
def test_the_preferred_sites_object_wins_however_early_it_was_written(
    first: str, preferred: str
) -> None:
    world = in_conflict(ConflictPolicy.PREFER, first, preferred=preferred)
    world.quiesce()
    won = EARLY if preferred == first else LATE
    assert world.contents("a")[KEY] == won
    assert set(copies(world).values()) == {EARLY, LATE} - {won}
    assert noted(world, preferred).winner_side == preferred


@FIRST
def test_a_single_sided_change_is_no_conflict_whichever_site_is_preferred(first: str) -> None:
    world = TwoStacks(Kind(policy=ConflictPolicy.PREFER, preferred_site="a"))
    world.put("a", KEY, b"1")
    world.quiesce()
    world.put(first, KEY, b"2")
    world.quiesce()
    assert copies(world) == {}
    assert world.contents("a") == {KEY: b"2"}


@FIRST
def test_in_a_versioned_bucket_the_overwritten_version_may_be_the_copy(first: str) -> None:
    world = in_conflict(ConflictPolicy.KEEP_VERSION, first, versioned="ab")
    world.quiesce()
    assert copies(world) == {}
    assert world.contents("a") == {KEY: LATE}
    [_, below] = world.users[first].versions(KEY, 10)
    loser = world.users[first].head_version(KEY, below.version_id)
    assert loser is not None
    note = noted(world, other(first))
    assert note.loser == listed_id(loser)
    assert note.loser_key is None
    assert world.actions()[Action.LOSER_KEPT] == 1


@FIRST
def test_in_an_unversioned_bucket_no_version_can_be_kept_so_a_copy_is(first: str) -> None:
    world = in_conflict(ConflictPolicy.KEEP_VERSION, first, versioned=other(first))
    world.quiesce()
    assert list(copies(world).values()) == [EARLY]


@FIRST
def test_a_conflict_is_left_to_a_person_where_that_is_the_policy(first: str) -> None:
    world = in_conflict(ConflictPolicy.MANUAL, first)
    written = {side: world.contents(side) for side in "ab"}
    world.quiesce()
    assert {side: world.contents(side) for side in "ab"} == written
    assert world.sync_writes[KEY] == 0
    for side in "ab":
        note = noted(world, side)
        assert (note.is_open, note.winner_side, note.loser_key) == (True, side, None)
        assert note.winner == listed_id(world.head(side, KEY))
        assert note.loser == listed_id(world.head(other(side), KEY))


@FIRST
def test_an_open_conflict_is_noted_once_and_stays_as_long_as_nobody_acts(first: str) -> None:
    world = in_conflict(ConflictPolicy.MANUAL, first)
    world.quiesce()
    notes = {side: world.record(side, KEY).conflict for side in "ab"}
    world.pass_time(3600)
    world.find(rounds=2)
    assert {side: world.record(side, KEY).conflict for side in "ab"} == notes
    assert world.sync_writes[KEY] == 0


@FIRST
@pytest.mark.parametrize("deleted", ["a", "b"])
def test_an_open_conflict_ends_when_a_user_deletes_one_of_the_two(first: str, deleted: str) -> None:
    world = in_conflict(ConflictPolicy.MANUAL, first)
    world.quiesce()
    kept = world.contents(other(deleted))
    world.delete(deleted, KEY)
    world.quiesce()
    assert world.contents("a") == world.contents("b") == kept
    assert [world.record(side, KEY).conflict for side in "ab"] == [None, None]


@FIRST
@pytest.mark.parametrize("overwritten", ["a", "b"])
def test_an_open_conflict_ends_when_a_user_overwrites_one_of_the_two(
    first: str, overwritten: str
) -> None:
    world = in_conflict(ConflictPolicy.MANUAL, first)
    world.quiesce()
    world.put(overwritten, KEY, b"decided")
    world.quiesce()
    assert world.contents("a") == world.contents("b") == {KEY: b"decided"}
    assert [world.record(side, KEY).conflict for side in "ab"] == [None, None]


@FIRST
def test_an_open_conflict_ends_when_a_user_writes_the_same_on_both_sides(first: str) -> None:
    world = in_conflict(ConflictPolicy.MANUAL, first)
    world.quiesce()
    world.put(first, KEY, LATE)
    world.quiesce()
    world.find()
    assert world.contents("a") == world.contents("b") == {KEY: LATE}
    assert [world.record(side, KEY).conflict for side in "ab"] == [None, None]


@pytest.mark.parametrize("policy", ConflictPolicy)
@FIRST
def test_whatever_the_policy_nothing_is_lost_and_it_comes_to_an_end(
    policy: ConflictPolicy, first: str
) -> None:
    preferred = "a" if policy is ConflictPolicy.PREFER else None
    world = in_conflict(policy, first, versioned="ab", preferred=preferred)
    world.quiesce()
    writes = world.sync_writes.total()
    world.find(rounds=3)
    assert world.sync_writes.total() == writes
    shown = {
        version.etag
        for side in "ab"
        for key in world.contents(side)
        for version in world.users[side].versions(key, 10)
    }
    assert len(shown) == 2


def test_two_conflicts_of_one_key_are_kept_under_two_names() -> None:
    world = in_conflict(ConflictPolicy.KEEP_COPY, "a")
    world.quiesce()
    world.put("a", KEY, b"early again")
    world.put("b", KEY, b"late again")
    world.quiesce()
    assert sorted(copies(world).values()) == [EARLY, b"early again"]


def test_losers_that_differ_in_metadata_only_are_kept_under_two_names() -> None:
    world = TwoStacks()
    world.put("a", KEY, EARLY, edited="1")
    world.put("b", KEY, LATE)
    taken = world.head("a", KEY)
    world.deliver("b")
    copy_key = next(key for key in world.contents("a") if key != KEY)
    assert taken.etag[:8] in copy_key
    world.quiesce()
    assert world.values("a")[copy_key][1] == {"edited": "1"}
