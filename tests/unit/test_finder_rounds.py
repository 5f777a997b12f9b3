"""A round as such: its report, its checkpoints, whose turn it is, and what a guard holds back."""

from datetime import timedelta

import pytest

from sync_core import finder as finder_module
from sync_core.errors import ConfigError, Unavailable
from sync_core.finder import Ended, Finder, FinderReport, last_report
from sync_core.hints import Reason
from sync_core.model import ControlItem
from sync_core.turn import CONTROL
from tests.two_stacks import Kind, TwoStacks


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> TwoStacks:
    """Return a pair whose finders write a checkpoint every three keys; a has eight new keys."""
    monkeypatch.setattr(finder_module, "CHECKPOINT_KEYS", 3)
    return with_new_keys(TwoStacks())


def with_new_keys(world: TwoStacks) -> TwoStacks:
    for number in range(8):
        world.put("a", f"k{number}")
    world.running("a")
    world.lose_events()
    return world


def sent(world: TwoStacks) -> list[str]:
    return [body.split('"')[3] for body in world.queues["a"].bodies()]


def stored(world: TwoStacks) -> FinderReport:
    found = last_report(world.tables["a"].read_control(CONTROL))
    assert found is not None
    return found


def interrupted_after(world: TwoStacks, checkpoints: int) -> FinderReport:
    """Run a round that is told to end at its n-th checkpoint."""
    answers = iter([False] * (checkpoints - 1) + [True])
    return world.finder("a").run(is_ending=lambda: next(answers))


def test_a_report_counts_every_key_by_its_reason(world: TwoStacks) -> None:
    world.find()
    world.put("a", "k0", b"22")
    world.delete("a", "k1")
    world.delete("b", "k2")
    world.edit_metadata("b", "k3", edited="yes")
    world.put("b", "new at b")
    world.lose_events()
    report = world.finder("a").run()
    assert report.reasons == {
        Reason.OWN_CHANGED: 1,
        Reason.GONE_HERE: 1,
        Reason.GONE_AT_PEER: 1,
        Reason.IN_SYNC: 5,  # an edit of the peer's metadata is for the peer's finder to see
        Reason.LEFT_TO_PEER: 1,
    }
    assert (report.scanned, report.equal, report.synced) == (9, 5, 8)
    assert report.hinted == {
        Reason.OWN_CHANGED: 1,
        Reason.GONE_HERE: 1,
        Reason.GONE_AT_PEER: 1,
    }
    assert sorted(sent(world)) == ["k0", "k1", "k2"]


def test_a_report_tells_how_long_it_took(world: TwoStacks) -> None:
    world.before["a.own.list"] = lambda: world.pass_time(4)
    started_at = world.now
    report = world.finder("a").run()
    assert (report.started_at, report.seconds) == (started_at, 4.0)
    assert report.keys_per_second == 2.0
    assert FinderReport(started_at).keys_per_second == 0.0


def test_the_last_report_can_be_read_back(world: TwoStacks) -> None:
    report = world.finder("a").run()
    assert stored(world) == report
    assert report.ended is Ended.COMPLETE
    assert last_report(None) is None
    assert last_report(ControlItem(CONTROL, "")) is None


def test_an_interrupted_round_says_how_far_it_came(world: TwoStacks) -> None:
    report = interrupted_after(world, 2)
    assert (report.ended, report.start_after, report.scanned) == (Ended.INTERRUPTED, "k5", 6)
    assert sent(world) == ["k0", "k1", "k2", "k3", "k4", "k5"]
    assert stored(world) == report


def test_an_interrupted_round_goes_on_behind_its_checkpoint(world: TwoStacks) -> None:
    interrupted_after(world, 2)
    world.lose_events()
    report = world.finder("a").run()
    assert sent(world) == ["k6", "k7"]
    assert (report.ended, report.scanned, report.start_after) == (Ended.COMPLETE, 8, "")
    assert report.hinted == {Reason.NEW: 8}


def test_after_a_complete_round_the_next_begins_at_the_beginning(world: TwoStacks) -> None:
    first = world.finder("a").run()
    world.lose_events()
    world.pass_time(60)
    second = world.finder("a").run()
    assert second.scanned == first.scanned == 8
    assert second.started_at > first.started_at
    assert len(sent(world)) == 8


def test_hints_are_sent_before_the_checkpoint_that_passes_over_them(world: TwoStacks) -> None:
    at_checkpoint: list[list[str]] = []

    def watch_the_checkpoint() -> None:
        world.before["a.records.write_control"] = lambda: at_checkpoint.append(sent(world))

    world.before["a.own.list"] = watch_the_checkpoint
    interrupted_after(world, 1)
    assert at_checkpoint == [["k0", "k1", "k2"]]
    assert stored(world).start_after == "k2"


def test_a_round_that_failed_goes_on_behind_its_last_checkpoint(world: TwoStacks) -> None:
    failing = _failing_after(world, keys=7)
    with pytest.raises(Unavailable):
        failing.run()
    assert stored(world).start_after == "k5"
    world.lose_events()
    world.pass_time(3600)
    report = world.finder("a").run()
    assert sent(world) == ["k6", "k7"]
    assert report.scanned == 8


def test_a_round_that_failed_can_be_taken_up_at_once(world: TwoStacks) -> None:
    with pytest.raises(Unavailable):
        _failing_after(world, keys=7).run()
    assert world.finder("a").run().ended is Ended.COMPLETE


def _failing_after(world: TwoStacks, keys: int) -> Finder:
    """Return a finder that sends its hints to a queue that fails once so many were compared."""

    class Failing:
        def send_many(self, bodies: list[str]) -> None:
            if len(sent(world)) + len(bodies) > keys:
                raise Unavailable("send", "", "no answer")
            world.queues["a"].send_many(bodies)

    return world.running("a").finder(Failing())  # type: ignore[arg-type]


# --- whose turn it is ---


def test_a_second_finder_is_told_that_the_first_is_busy(world: TwoStacks) -> None:
    second: list[FinderReport] = []
    world.before["a.own.list"] = lambda: second.append(world.finder("a").run())
    first = world.finder("a").run()
    assert [report.ended for report in second] == [Ended.BUSY]
    assert second[0].scanned == 0
    assert first.ended is Ended.COMPLETE
    assert len(sent(world)) == 8


def test_both_sides_finders_may_run_at_once(world: TwoStacks) -> None:
    other: list[FinderReport] = []
    world.before["a.own.list"] = lambda: other.append(world.finder("b").run())
    assert world.finder("a").run().ended is Ended.COMPLETE
    assert [report.ended for report in other] == [Ended.COMPLETE]


def test_the_round_of_a_finder_that_died_is_taken_over_after_its_turn(world: TwoStacks) -> None:
    def die() -> None:
        raise KeyboardInterrupt

    world.before["a.own.list"] = die
    with pytest.raises(KeyboardInterrupt):
        world.finder("a").run()
    world.pass_time(3600)
    assert world.finder("a").run().ended is Ended.COMPLETE
    assert len(sent(world)) == 8


def test_a_finder_that_was_silent_for_too_long_gives_up(world: TwoStacks) -> None:
    taken: list[FinderReport] = []

    def be_silent() -> None:
        world.pass_time(3600)
        taken.append(world.finder("a").run())

    world.before["a.own.list"] = be_silent
    with pytest.raises(ConfigError, match="another finder has taken the round over"):
        world.finder("a").run()
    assert [report.ended for report in taken] == [Ended.COMPLETE]
    assert stored(world).ended is Ended.COMPLETE


def test_a_checkpoint_keeps_the_round_for_its_finder(world: TwoStacks) -> None:
    endings: list[Ended] = []

    def look_in() -> bool:
        world.now += timedelta(minutes=10)
        endings.append(world.finder("a").run().ended)
        return False

    assert world.finder("a").run(is_ending=look_in).ended is Ended.COMPLETE
    assert endings == [Ended.BUSY] * 2


# --- deletes that are held ---


def held(world: TwoStacks) -> TwoStacks:
    """Hold a's deletes, after one at either side was missed, together with a change."""
    world.find()
    world.running("a").guard.hold()
    world.delete("a", "k1")
    world.delete("b", "k2")
    world.put("a", "k3", b"22")
    world.lose_events()
    return world


def test_held_deletes_are_counted_and_not_sent(world: TwoStacks) -> None:
    report = held(world).finder("a").run()
    assert report.reasons[Reason.DELETE_HELD] == 2
    assert report.hinted == {Reason.OWN_CHANGED: 1}
    assert sent(world) == ["k3"]
    assert report.deletes_are_held
    assert report.synced == 8


def test_that_deletes_are_held_is_read_back_with_the_report(world: TwoStacks) -> None:
    held(world).finder("a").run()
    assert stored(world).deletes_are_held


def test_approved_deletes_are_sent_by_the_next_round(world: TwoStacks) -> None:
    held(world).find()
    assert "k1" in world.contents("b")
    world.running("a").guard.approve(seconds=3600)
    world.find()
    assert world.contents("a") == world.contents("b")
    assert {"k1", "k2"} & world.contents("a").keys() == set()


def test_a_key_that_both_sides_lost_is_no_delete_to_be_held(world: TwoStacks) -> None:
    held(world)
    world.delete("b", "k1")
    world.lose_events()
    assert world.finder("a").run().hinted[Reason.GONE_ON_BOTH_SIDES] == 1


def test_a_round_below_a_prefix_goes_on_behind_the_key_without_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(finder_module, "CHECKPOINT_KEYS", 2)
    world = TwoStacks(Kind(prefixes={"a": "from/", "b": "to/"}))
    for number in range(3):
        world.put("a", f"from/k{number}")
    world.running("a")
    world.lose_events()
    assert interrupted_after(world, 1).start_after == "k1"
    assert world.finder("a").run().scanned == 3
    assert sent(world) == ["from/k0", "from/k1", "from/k2"]
