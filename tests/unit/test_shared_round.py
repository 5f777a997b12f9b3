"""A round that several processes run together: the same as a whole one, whoever fails meanwhile."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from sync_core import finder as finder_module
from sync_core import shared_round as shared_round_module
from sync_core.errors import ConfigError, RangesFailed, Unavailable
from sync_core.events import job_body
from sync_core.finder import Ended, FinderReport, last_report
from sync_core.hints import Reason
from sync_core.shared_round import BOUNDARIES, SharedRound
from sync_core.turn import CONTROL, TURN_SECONDS
from tests.two_stacks import Kind, TwoStacks

CHECKPOINT_KEYS = 3
FOLDERS = ("a", "b", "c", "d")
KEYS = 28


@pytest.fixture(autouse=True)
def short_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (finder_module, shared_round_module):
        monkeypatch.setattr(module, "CHECKPOINT_KEYS", CHECKPOINT_KEYS)


@pytest.fixture
def world() -> TwoStacks:
    return changed(TwoStacks())


def changed(world: TwoStacks) -> TwoStacks:
    """Return a pair that is in sync but for one thing of each kind in each folder of a."""
    prefix = world.sites["a"].prefix
    for folder in FOLDERS:
        for number in range(6):
            world.put("a", f"{prefix}{folder}/k{number}")
    world.quiesce()
    for folder in FOLDERS:
        world.put("a", f"{prefix}{folder}/k0", b"22")
        world.put("a", f"{prefix}{folder}/new")
        world.delete("a", f"{prefix}{folder}/k1")
        world.delete("b", f"{world.sites['b'].prefix}{folder}/k2")
    world.lose_events()
    world.pass_time(1)
    return world


def sent(world: TwoStacks) -> list[str]:
    return sorted(json.loads(body)["key"] for body in world.queues["a"].bodies())


def shared(world: TwoStacks) -> SharedRound:
    """Return the calls as another process has them."""
    return world.running("a").shared_round(world.queues["a"])


def planned(world: TwoStacks, round_id: str = "round", parallelism: int = 4) -> list[Any]:
    states = shared(world).plan(round_id, 1, parallelism)
    assert states is not None
    return [json.loads(json.dumps(state)) for state in states]


def compared(world: TwoStacks, state: Any, *, ends: bool = False) -> dict[str, Any]:
    """Compare a range to its end, each checkpoint's rest in a call of its own if `ends`."""
    while not state["is_done"]:
        state = json.loads(json.dumps(shared(world).compare("round", state, lambda: ends)))
    return dict(state)


def reported(world: TwoStacks, states: Sequence[Any]) -> FinderReport:
    return shared(world).report("round", states, lambda _: None)


def stored(world: TwoStacks) -> FinderReport:
    found = last_report(world.tables["a"].read_control(CONTROL))
    assert found is not None
    return found


# --- the same as a whole round ---


@pytest.mark.parametrize("parallelism", [1, 2, 3, 4, 40])
@pytest.mark.parametrize("ends", [False, True], ids=["at_once", "bit_by_bit"])
@pytest.mark.parametrize(
    "prefixes", [{"a": "", "b": ""}, {"a": "from/", "b": "to/"}], ids=["whole", "below"]
)
def test_it_sees_and_sends_what_a_whole_round_does(
    parallelism: int, *, ends: bool, prefixes: dict[str, str]
) -> None:
    world = changed(TwoStacks(Kind(prefixes=prefixes)))
    whole = world.finder("a").run()
    asked_for = sent(world)
    world.lose_events()
    states = planned(world, parallelism=parallelism)
    assert len(states) == min(parallelism, len(FOLDERS) + 1)
    report = reported(world, [compared(world, state, ends=ends) for state in reversed(states)])
    assert (report.reasons, report.ended) == (whole.reasons, Ended.COMPLETE)
    assert report.scanned == KEYS
    assert sent(world) == asked_for
    assert len(asked_for) == 4 * len(FOLDERS)


def test_its_ranges_make_good_what_a_whole_round_would(world: TwoStacks) -> None:
    reported(world, [compared(world, state) for state in planned(world)])
    world.quiesce()
    world.find()
    assert world.contents("a") == world.contents("b")
    assert len(world.contents("a")) == 5 * len(FOLDERS)


def test_its_report_is_the_last_one_and_tells_the_time_since_it_was_planned(
    world: TwoStacks,
) -> None:
    started_at = world.now
    states = planned(world)
    world.pass_time(40)
    told: list[FinderReport] = []
    ends = [compared(world, state) for state in states]
    report = shared(world).report("round", ends, told.append)
    assert (report.started_at, report.seconds) == (started_at, 40.0)
    assert told == [report] == [stored(world)]


def test_it_tells_the_guard_how_many_keys_there_are(world: TwoStacks) -> None:
    report = reported(world, [compared(world, state) for state in planned(world)])
    status = world.running("a").guard.status()
    assert (status.synced_keys, status.synced_at) == (report.synced, world.now)


def test_deletes_that_are_held_when_it_is_planned_are_counted_and_not_sent(
    world: TwoStacks,
) -> None:
    world.running("a").guard.hold()
    report = reported(world, [compared(world, state) for state in planned(world)])
    assert report.reasons[Reason.DELETE_HELD] == 2 * len(FOLDERS)
    assert report.deletes_are_held
    assert not any(key.endswith(("k1", "k2")) for key in sent(world))


def test_planning_verifies_the_guards(world: TwoStacks) -> None:
    world.running("a")
    for listed in list(world.users["b"].list(".dualway/")):
        world.users["b"].delete(listed.key)
    assert all(state["deletes_are_held"] for state in planned(world))
    assert world.told["a"].held == ["peer_bucket_emptied_or_recreated"]


def test_keys_beside_the_list_of_prefixes_are_not_compared() -> None:
    world = TwoStacks(Kind(prefix_list="list.txt"))
    for side in "ab":
        world.put(side, "list.txt", b"b/\nc/k")
    report_of_all = reported_of(changed(world))
    assert report_of_all.scanned == 7 + 6
    assert {key[0] for key in sent(world)} == {"b", "c"}


def reported_of(world: TwoStacks) -> FinderReport:
    return reported(world, [compared(world, state) for state in planned(world)])


def test_what_live_traffic_does_between_and_within_the_ranges_disturbs_nobody(
    world: TwoStacks,
) -> None:
    ends = []
    for number, state in enumerate(planned(world)):
        world.put("a", f"{FOLDERS[number % 4]}/live")
        world.before["a.records.list"] = world.quiesce
        ends.append(compared(world, state, ends=True))
        world.delete("b", f"{FOLDERS[number % 4]}/k4")
    assert reported(world, ends).ended is Ended.COMPLETE
    world.quiesce()
    world.find(rounds=2)
    assert world.contents("a") == world.contents("b")
    assert sum(key.endswith("live") for key in world.contents("b")) == len(FOLDERS)
    assert world.dead_letters == []


# --- where it is divided ---


def ends_of(states: Sequence[Any]) -> list[str | None]:
    return [state["until"] for state in states]


def test_a_first_round_is_divided_between_folders_of_both_sides() -> None:
    world = TwoStacks()
    for side, key in (("a", "a/x/1"), ("a", "c/x/1"), ("b", "b/x/1"), ("b", "flat"), ("a", "c/y")):
        world.put(side, key)
    for depth, ends in ((1, ["a/", "b/", "c/"]), (2, ["a/x/", "b/x/", "c/x/"]), (3, []), (0, [])):
        states = shared(world).plan("round", depth, 40)
        assert states is not None
        assert ends_of(states) == [*ends, None]


def test_looking_for_folders_skips_what_is_in_them_and_ends_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = TwoStacks()
    world.running("a")
    for number in range(20):
        for name in ("x", "y", "z"):
            world.put("a", f"{number:02}/{name}")
    monkeypatch.setattr(shared_round_module, "MOST_LOOKUPS", 10)
    world.calls.clear()
    assert len(planned(world, parallelism=40)) == 10
    looks = Counter(call for call in world.calls if call.endswith(".list"))
    assert looks == {"a.own.list": 10}


def test_keys_that_are_in_no_folder_are_passed_over_many_at_a_time() -> None:
    world = TwoStacks()
    world.running("a")
    for number in range(50):
        world.put("a", f"flat{number:02}")
    world.put("a", "folder/k")
    world.calls.clear()
    assert ends_of(planned(world)) == ["folder/", None]
    assert len([call for call in world.calls if call == "a.own.list"]) <= 3


def test_a_later_round_is_divided_where_equally_many_keys_were(world: TwoStacks) -> None:
    reported(world, [compared(world, state) for state in planned(world, parallelism=1)])
    world.lose_events()
    states = planned(world, parallelism=3)
    sizes = [sum(compared(world, state)["reasons"].values()) for state in states]
    assert sum(sizes) == KEYS
    assert max(sizes) - min(sizes) <= CHECKPOINT_KEYS + 1
    assert not {state["until"] for state in states} & {f"{folder}/" for folder in FOLDERS}


def test_rounds_in_many_ranges_keep_dividing_into_as_many(world: TwoStacks) -> None:
    counts = []
    for _ in range(4):
        states = planned(world, parallelism=6)
        counts.append(len(states))
        reported(world, [compared(world, state) for state in states])
    assert counts == [5, 6, 6, 6]


def test_a_round_that_failed_leaves_the_boundaries_as_they_were(world: TwoStacks) -> None:
    with pytest.raises(RangesFailed):
        reported(world, with_failure([compared(world, state) for state in planned(world)]))
    assert world.tables["a"].read_control(BOUNDARIES) is None


# --- failures ---


def with_failure(states: Sequence[Any]) -> list[Any]:
    cause = json.dumps({"errorMessage": "list '': no answer", "errorType": "Unavailable"})
    failure = {"Error": "Unavailable", "Cause": cause}
    return [*states[:1], {**states[1], "failure": failure}, *states[2:]]


def test_a_range_that_failed_is_told_and_named(world: TwoStacks) -> None:
    states = planned(world)
    ends = [compared(world, state) for state in states]
    told: list[FinderReport] = []
    with pytest.raises(RangesFailed) as failed:
        shared(world).report("round", with_failure([ends[0], states[1], *ends[2:]]), told.append)
    assert failed.value.cause == (
        "1 of 4 ranges failed: range 1 ('a/' to 'b/'): Unavailable: list '': no answer; "
        "the next round compares all keys again"
    )
    assert [report.ended for report in told] == [Ended.INTERRUPTED]
    assert told[0].scanned == KEYS - 7
    assert world.running("a").guard.status().synced_at is None


def test_a_failure_that_says_nothing_readable_is_told_as_it_is(world: TwoStacks) -> None:
    [state] = planned(world, parallelism=1)
    failure = {"Error": "States.Timeout", "Cause": "x" * 1000}
    with pytest.raises(RangesFailed, match=r"range 0 \('' to the end\): States.Timeout: x{300};"):
        reported(world, [{**state, "failure": failure}])


def test_after_a_round_that_failed_the_next_one_of_any_kind_begins_at_once(
    world: TwoStacks,
) -> None:
    ends = with_failure([compared(world, state) for state in planned(world)])
    with pytest.raises(RangesFailed):
        reported(world, ends)
    world.pass_time(10)
    report = world.finder("a").run()
    assert (report.ended, report.scanned, report.seconds) == (Ended.COMPLETE, KEYS, 0.0)
    assert len(planned(world, "another")) == 4


def test_a_range_that_is_compared_again_after_a_failure_counts_nothing_twice(
    world: TwoStacks,
) -> None:
    state = planned(world, parallelism=1)[0]
    state = shared(world).compare("round", state, lambda: True)

    class Failing:
        def send_many(self, _bodies: Sequence[str]) -> None:
            raise Unavailable("send", "", "no answer")

    with pytest.raises(Unavailable):
        world.running("a").shared_round(Failing()).compare("round", state, lambda: False)
    assert reported(world, [compared(world, state)]).scanned == KEYS


def test_a_plan_that_failed_leaves_the_turn_to_whoever_comes_next(world: TwoStacks) -> None:
    def refuse() -> None:
        raise Unavailable("list", "", "no answer")

    world.running("a")
    world.before["a.peer.list"] = refuse
    with pytest.raises(Unavailable):
        shared(world).plan("round", 1, 4)
    assert len(planned(world, "another")) == 4


@pytest.mark.parametrize("failing", [False, True])
def test_a_report_may_be_repeated(world: TwoStacks, *, failing: bool) -> None:
    ends = [compared(world, state) for state in planned(world)]
    ends = with_failure(ends) if failing else ends
    for _ in range(2):
        if failing:
            with pytest.raises(RangesFailed):
                reported(world, ends)
        else:
            assert reported(world, ends).scanned == KEYS


def test_a_plan_may_be_repeated(world: TwoStacks) -> None:
    assert planned(world) == planned(world)


# --- whose turn it is ---


def test_while_another_finder_is_at_work_there_is_no_plan(world: TwoStacks) -> None:
    plans: list[object] = []
    world.before["a.own.list"] = lambda: plans.append(shared(world).plan("round", 0, 4))
    assert world.finder("a").run().ended is Ended.COMPLETE
    assert plans == [None]


def test_while_it_runs_every_other_finder_is_told_that_it_is_busy(world: TwoStacks) -> None:
    states = planned(world)
    assert shared(world).plan("another", 0, 4) is None
    assert world.finder("a").run().ended is Ended.BUSY
    assert reported(world, [compared(world, state) for state in states]).scanned == KEYS
    assert world.finder("a").run().ended is Ended.COMPLETE


def test_every_range_keeps_the_turn_for_all_of_them(world: TwoStacks) -> None:
    first, *_ = planned(world, parallelism=2)
    for _ in range(3):
        world.pass_time(TURN_SECONDS - 1)
        first = shared(world).compare("round", first, lambda: True)
        assert shared(world).plan("another", 0, 4) is None


def test_the_turn_is_renewed_once_a_minute_at_most(world: TwoStacks) -> None:
    state = planned(world, parallelism=1)[0]
    seconds = iter([0, 30, 40, 0, 0, 0, 0, 0, 0])

    def later() -> bool:
        world.pass_time(next(seconds))
        return False

    world.calls.clear()
    shared(world).compare("round", state, later)
    assert world.calls.count("a.records.write_control") == 1


def test_a_race_to_renew_that_another_range_has_won_is_fine(world: TwoStacks) -> None:
    first, second = planned(world, parallelism=2)
    world.pass_time(120)
    world.before["a.records.write_control"] = lambda: shared(world).compare(
        "round", second, lambda: True
    )
    assert compared(world, first)["is_done"]


def test_a_round_that_was_silent_for_too_long_is_taken_over_and_gives_up(world: TwoStacks) -> None:
    first, *rest = planned(world)
    end = compared(world, first)
    world.pass_time(TURN_SECONDS)
    assert len(planned(world, "another")) == 4
    asked_for = sent(world)
    with pytest.raises(ConfigError, match="another finder has taken the round over"):
        compared(world, rest[0])
    with pytest.raises(ConfigError, match="another finder has taken the round over"):
        reported(world, [end, *rest])
    assert sent(world) == asked_for


def test_a_range_that_is_taken_over_within_a_call_gives_up_at_its_checkpoint(
    world: TwoStacks,
) -> None:
    def be_silent() -> Iterator[bool]:
        world.pass_time(TURN_SECONDS)
        planned(world, "another")
        while True:
            yield False

    silent = be_silent()
    state = planned(world, parallelism=1)[0]
    with pytest.raises(ConfigError, match="taken the round over"):
        shared(world).compare("round", state, lambda: next(silent))


def test_a_silent_round_that_nobody_has_taken_over_goes_on(world: TwoStacks) -> None:
    states = planned(world)
    world.pass_time(10 * TURN_SECONDS)
    assert reported(world, [compared(world, state) for state in states]).scanned == KEYS


def test_an_interrupted_whole_round_is_not_gone_on_with(world: TwoStacks) -> None:
    assert world.finder("a").run(is_ending=lambda: True).ended is Ended.INTERRUPTED
    world.lose_events()
    assert reported(world, [compared(world, state) for state in planned(world)]).scanned == KEYS
    assert job_body("a/new") in world.queues["a"].bodies()
