"""Reading a worker's log as it grows, and knowing when all is quiet."""

import json
from pathlib import Path
from typing import Any

import pytest

from sync_core.local.observe import (
    QUIET_LOOKS,
    LogFollower,
    Observer,
    Tally,
    WatchedSite,
    wait_until,
)


def line(action: str, **fields: Any) -> str:
    return json.dumps({"action": action, "bucket": "one", "key": "k", **fields}) + "\n"


class Depths:
    """Queues that hold, look after look, what they are given, and then nothing."""

    def __init__(self, *visible: int) -> None:
        self._visible = list(visible)
        self.looks = 0

    def get_queue_attributes(self, **_: Any) -> dict[str, dict[str, str]]:
        self.looks += 1
        visible = self._visible.pop(0) if self._visible else 0
        return {
            "Attributes": {
                "ApproximateNumberOfMessages": str(visible),
                "ApproximateNumberOfMessagesNotVisible": "0",
                "ApproximateNumberOfMessagesDelayed": "0",
            }
        }


def observer_of(log: Path, depths: Depths) -> Observer:
    return Observer({"a": WatchedSite("one", "queue", "dead", log, lambda _service: depths)})


def test_a_line_is_read_once_and_only_when_it_is_whole(tmp_path: Path) -> None:
    log = tmp_path / "log"
    whole = line("object_copied")
    log.write_text(whole + whole[:10])
    follower = LogFollower(log)
    assert [entry["action"] for entry in follower.new_entries()] == ["object_copied"]
    assert list(follower.new_entries()) == []
    with log.open("a") as file:
        file.write(whole[10:])
    assert [entry["action"] for entry in follower.new_entries()] == ["object_copied"]


def test_what_is_no_outcome_is_passed_over(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text('Traceback (most recent\n[1]\n{"_aws": {}}\n\n' + line("skipped"))
    assert [entry["action"] for entry in LogFollower(log).new_entries()] == ["skipped"]


def test_outcomes_are_counted_by_their_bucket(tmp_path: Path) -> None:
    tally = Tally()
    for action in ("object_copied", "object_deleted", "repeated_transfer", "repeated_delete"):
        tally.add(json.loads(line(action)))
    tally.add(json.loads(line("loser_kept", bucket="two")))
    tally.add(json.loads(line("tags_copied")))
    assert (tally.transfers["one"], tally.by_key["k"]) == (3, 2)
    assert (tally.echoes["one"], tally.repeated_transfers["one"]) == (2, 1)
    assert (tally.conflicts["one"], tally.conflicts["two"]) == (0, 1)


def test_all_is_quiet_when_the_queues_have_been_empty_for_a_while(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.touch()
    depths, shown = Depths(2, 0, 1), list[int]()
    observer_of(log, depths).wait_until_quiet(60, lambda found: shown.append(found["a"]))
    assert shown[:4] == [2, 0, 1, 0]
    assert not any(shown[3:])
    assert len(shown[3:]) >= QUIET_LOOKS
    assert depths.looks == len(shown) > 4


def test_what_does_not_become_quiet_says_what_is_left(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.touch()
    with pytest.raises(TimeoutError, match="messages in the queues"):
        observer_of(log, Depths(*[1] * 1000)).wait_until_quiet(0.01)


def test_a_condition_that_stays_false_is_told_with_its_description() -> None:
    with pytest.raises(TimeoutError, match=r"0\.01 seconds; the moon is not full"):
        wait_until(lambda: False, 0.01, lambda: "the moon is not full")
