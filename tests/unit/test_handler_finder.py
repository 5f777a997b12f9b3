"""The Lambda entry point of the finder: a round's tasks, or as much of one as there is time for."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from handlers.finder import LEFT_MILLISECONDS, make_handler
from sync_core import finder as finder_module
from sync_core.config import Config
from sync_core.errors import ConfigError, RangesFailed
from sync_core.finder import FinderReport
from sync_core.model import Site, SitePair
from sync_core.orphans import end_orphans
from sync_core.shared_round import SharedRound
from sync_core.telemetry import Telemetry, new_logger
from tests.two_stacks import TwoStacks
from tests.unit.test_handler_worker import Context


class AmpleTime(Context):
    """An invocation with much time left."""

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return LEFT_MILLISECONDS


class LittleTime(Context):
    """An invocation that will end soon."""

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return LEFT_MILLISECONDS - 1


CONFIG = Config(
    pair=SitePair(Site("a", "bucket-a", "cn-north-1"), Site("b", "bucket-b", "us-west-2")),
    queue_url="https://queue",
    dead_letter_queue_url="https://dead-letters",
    records_table="records",
    peer_secret="secret",
    echo_principal_ids=frozenset({"AIDAX"}),
    finder_depth=1,
    finder_parallelism=2,
)


class Bench:
    """Side a of two stacks that has three folders with a new key each, and is connected to once."""

    def __init__(self) -> None:
        self.world = TwoStacks()
        for folder in ("x", "y", "z"):
            self.world.put("a", f"{folder}/k")
        self.world.running("a")
        self.world.lose_events()
        self.log = io.StringIO()
        self.connections = 0
        logger = new_logger("test-finder", level="INFO", stream=self.log)
        self.telemetry = Telemetry(logger, site="a", bucket="bucket-a", metrics_stream=self.log)
        self.config = CONFIG
        self.handler = make_handler(self.connect)

    def connect(self) -> "Bench":
        self.connections += 1
        return self

    def find(self, is_ending: Callable[[], bool]) -> FinderReport:
        return self.world.startups["a"].find(self.world.queues["a"], is_ending)

    def abort_orphans(self) -> None:
        end_orphans(self.world.running("a").stack, days=7)

    def shared_round(self) -> SharedRound:
        return self.world.running("a").shared_round(self.world.queues["a"])

    def invoke(self, event: dict[str, Any], context: Context) -> dict[str, Any]:
        """Invoke it as Lambda does, which turns answers into JSON and back."""
        answer: dict[str, Any] = json.loads(json.dumps(self.handler(event, context)))
        return answer

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(finder_module, "CHECKPOINT_KEYS", 1)
    return Bench()


def test_a_round_that_has_time_is_completed_and_told(bench: Bench) -> None:
    answer = bench.invoke({}, AmpleTime())
    assert answer == {"ended": "complete", "scanned": 3, "hinted": {"new": 3}}
    told = bench.told()
    assert told[0]["action"] == "finder_complete"
    assert any(line.get("KeysCompared") == [3] for line in told)


def test_a_test_event_of_the_console_runs_a_whole_round(bench: Bench) -> None:
    assert bench.invoke({"key1": "value1"}, AmpleTime())["ended"] == "complete"


def test_a_round_is_interrupted_before_the_invocation_ends(bench: Bench) -> None:
    assert bench.invoke({}, LittleTime()) == {
        "ended": "interrupted",
        "scanned": 1,
        "hinted": {"new": 1},
    }


def test_it_connects_once(bench: Bench) -> None:
    bench.invoke({}, AmpleTime())
    bench.invoke({}, AmpleTime())
    assert bench.connections == 1


def test_the_tasks_of_a_round_compare_all_and_tell_it(bench: Bench) -> None:
    planned = bench.invoke({"task": "plan", "round": "the round"}, AmpleTime())
    assert (planned["round"], planned["is_busy"]) == ("the round", False)
    assert [(keys["after"], keys["until"]) for keys in planned["ranges"]] == [
        ("", "y/"),
        ("y/", None),
    ]
    ends = []
    for keys in planned["ranges"]:
        state = {"task": "compare", "round": "the round", "range": keys}
        state = bench.invoke(state, AmpleTime())
        assert state["is_done"]
        ends.append(state)
    answer = bench.invoke({"task": "report", "round": "the round", "ranges": ends}, AmpleTime())
    assert answer == {"ended": "complete", "scanned": 3, "hinted": {"new": 3}}
    assert [line["action"] for line in bench.told() if "action" in line] == ["finder_complete"]


def test_a_range_is_left_to_the_next_invocation_in_the_shape_in_which_it_came(
    bench: Bench,
) -> None:
    planned = bench.invoke({"task": "plan", "round": "r"}, AmpleTime())
    state = {"task": "compare", "round": "r", "range": planned["ranges"][1]}
    state = bench.invoke(state, LittleTime())
    assert (state["is_done"], state["range"]["after"]) == (False, "y/k")
    state = bench.invoke(state, AmpleTime())
    assert (state["is_done"], state["range"]["reasons"]) == (True, {"new": 2})


def test_a_second_round_is_told_that_the_first_is_busy(bench: Bench) -> None:
    bench.invoke({"task": "plan", "round": "first"}, AmpleTime())
    answer = bench.invoke({"task": "plan", "round": "second"}, AmpleTime())
    assert answer == {"round": "second", "ranges": [], "is_busy": True}
    assert bench.invoke({}, AmpleTime())["ended"] == "busy"


def test_a_round_without_a_name_is_named_after_its_invocation(bench: Bench) -> None:
    context = AmpleTime()
    assert bench.invoke({"task": "plan"}, context)["round"] == context.aws_request_id


def test_a_range_that_failed_fails_the_report_after_it_was_told(bench: Bench) -> None:
    planned = bench.invoke({"task": "plan", "round": "r"}, AmpleTime())
    failure = {"Error": "Unavailable", "Cause": '{"errorMessage": "no answer"}'}
    ends = [{"range": keys, "failed": True, "failure": failure} for keys in planned["ranges"]]
    with pytest.raises(RangesFailed, match=r"2 of 2 ranges failed: .* no answer"):
        bench.invoke({"task": "report", "round": "r", "ranges": ends}, AmpleTime())
    assert bench.told()[0]["action"] == "finder_interrupted"
    assert not any("FinderRounds" in line for line in bench.told())


@pytest.mark.parametrize("task", ["other", "", 1])
def test_a_task_that_is_none_of_them_is_refused(bench: Bench, task: object) -> None:
    with pytest.raises(ConfigError, match="no such task: give plan, compare, report, or none"):
        bench.invoke({"task": task}, AmpleTime())
    assert bench.connections == 0
