"""What is logged and counted of each outcome."""

import io
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.errors import Throttled
from sync_core.model import Action, Outcome, SkipReason
from sync_core.telemetry import METRICS, MOST_LAGS, Telemetry, new_logger


class Recorded:
    """A telemetry whose log and metrics are kept apart."""

    def __init__(self) -> None:
        self.log = io.StringIO()
        self.emf = io.StringIO()
        self.telemetry = Telemetry(
            new_logger("test", level="INFO", stream=self.log),
            site="cn",
            bucket="own",
            metrics_stream=self.emf,
        )

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]

    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.emf.getvalue().splitlines()]


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


def test_an_outcome_is_one_line_with_all_that_is_known(recorded: Recorded) -> None:
    recorded.telemetry.report(
        Outcome(
            Action.OBJECT_COPIED,
            "docs/a.txt",
            bucket="peer",
            row=5,
            size_bytes=17,
            lag_seconds=1.5,
        )
    )
    (line,) = recorded.lines()
    assert "timestamp" in line
    del line["timestamp"]
    assert line == {
        "level": "INFO",
        "message": "Copied the object",
        "service": "test",
        "action": "object_copied",
        "site": "cn",
        "key": "docs/a.txt",
        "bucket": "peer",
        "row": 5,
        "size_bytes": 17,
        "lag_seconds": 1.5,
    }


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (Action.REPEATED_TRANSFER, "Repeated transfer job!"),
        (Action.REPEATED_DELETE, "Repeated delete job!"),
    ],
)
def test_an_echo_is_told_in_the_words_that_operators_search_for(
    recorded: Recorded, action: Action, message: str
) -> None:
    recorded.telemetry.report(Outcome(action, "a.txt", "own", principal_id="AWS:AIDAEXAMPLE"))
    (line,) = recorded.lines()
    assert line["message"] == message
    assert (line["key"], line["bucket"]) == ("a.txt", "own")
    assert line["principal_id"] == "AWS:AIDAEXAMPLE"


@pytest.mark.parametrize("action", Action)
def test_every_action_has_a_sentence_and_a_metric(recorded: Recorded, action: Action) -> None:
    recorded.telemetry.report(Outcome(action, "a.txt"))
    recorded.telemetry.flush()
    (line,) = recorded.lines()
    assert line["message"][0].isupper()
    assert line["action"] == action.value
    names = {
        metric["Name"]
        for document in recorded.documents()
        for metric in document["_aws"]["CloudWatchMetrics"][0]["Metrics"]
    }
    assert names
    assert names <= set(METRICS)


def test_an_outcome_without_a_bucket_is_about_the_own_one(recorded: Recorded) -> None:
    recorded.telemetry.report(Outcome(Action.RETRIED, "a.txt", reason="throttled"))
    (line,) = recorded.lines()
    assert (line["level"], line["bucket"], line["reason"]) == ("WARNING", "own", "throttled")


@pytest.mark.parametrize(
    "key",
    [
        "汉字/文件 🎉.txt",
        'quo"te\\back\nslash',
        "half \udc80 surrogate \ud83d",
        "line\u2028separator\u2029\x85",
        "right\u202eto left",
    ],
)
def test_any_key_gives_one_line_that_can_be_written_and_read_back(
    recorded: Recorded, key: str
) -> None:
    recorded.telemetry.report(Outcome(Action.OBJECT_COPIED, key))
    text = recorded.log.getvalue().encode("utf-8").decode("utf-8")
    assert len(text.splitlines()) == 1
    assert json.loads(text)["key"] == key


@given(st.text(st.characters()))
def test_no_key_breaks_the_log(key: str) -> None:
    recorded = Recorded()
    recorded.telemetry.report(Outcome(Action.SKIPPED, key, reason=SkipReason.IN_SYNC))
    (line,) = recorded.lines()
    assert line["key"] == key


def test_readable_keys_stay_readable(recorded: Recorded) -> None:
    recorded.telemetry.report(Outcome(Action.OBJECT_COPIED, "汉字/文件 🎉.txt"))
    assert "汉字/文件 🎉.txt" in recorded.log.getvalue()


def test_metrics_are_summed_up_until_they_are_flushed(recorded: Recorded) -> None:
    for size_bytes in (10, 20, 30):
        recorded.telemetry.report(
            Outcome(Action.OBJECT_COPIED, "a", size_bytes=size_bytes, lag_seconds=size_bytes / 10)
        )
    recorded.telemetry.report(Outcome(Action.OBJECT_DELETED, "b", lag_seconds=4.0))
    assert recorded.documents() == []
    recorded.telemetry.flush()
    (document,) = recorded.documents()
    assert document["ObjectsCopied"] == [3]
    assert document["BytesCopied"] == [60]
    assert document["ObjectsDeleted"] == [1]
    assert document["ReplicationLagSeconds"] == [1.0, 2.0, 3.0, 4.0]
    assert (document["service"], document["Bucket"]) == ("dualway", "own")
    (about,) = document["_aws"]["CloudWatchMetrics"]
    assert about["Namespace"] == "Dualway"
    assert [sorted(names) for names in about["Dimensions"]] == [["Bucket", "service"]]
    units = {metric["Name"]: metric["Unit"] for metric in about["Metrics"]}
    assert units["BytesCopied"] == "Bytes"
    assert units["ReplicationLagSeconds"] == "Seconds"


def test_skips_are_counted_in_all_and_by_reason(recorded: Recorded) -> None:
    for reason in (SkipReason.IN_SYNC, SkipReason.PEER_ACTS, SkipReason.IN_SYNC):
        recorded.telemetry.report(Outcome(Action.SKIPPED, "a", reason=reason))
    recorded.telemetry.flush()
    total, *by_reason = recorded.documents()
    assert total["EventsSkipped"] == [3]
    assert {each["Reason"]: each["EventsSkipped"] for each in by_reason} == {
        "in_sync": [2],
        "peer_acts": [1],
    }


def test_a_flush_with_nothing_counted_writes_nothing(recorded: Recorded) -> None:
    recorded.telemetry.report(Outcome(Action.OBJECT_COPIED, "a"))
    recorded.telemetry.flush()
    recorded.telemetry.flush()
    assert len(recorded.documents()) == 1


def test_more_lags_than_a_line_may_hold_go_out_in_time(recorded: Recorded) -> None:
    for number in range(MOST_LAGS + 50):
        recorded.telemetry.report(Outcome(Action.OBJECT_COPIED, "a", lag_seconds=number))
    recorded.telemetry.flush()
    sizes = [len(each["ReplicationLagSeconds"]) for each in recorded.documents()]
    assert sizes == [MOST_LAGS, 50]


def test_nothing_is_lost_when_many_threads_report(recorded: Recorded) -> None:
    def report(number: int) -> None:
        recorded.telemetry.report(Outcome(Action.OBJECT_COPIED, f"k{number}", lag_seconds=1.0))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(report, range(500)))
    recorded.telemetry.flush()
    assert sorted(line["key"] for line in recorded.lines()) == sorted(
        f"k{number}" for number in range(500)
    )
    assert sum(each["ObjectsCopied"][0] for each in recorded.documents()) == 500


def test_a_failure_that_is_understood_is_one_sentence(recorded: Recorded) -> None:
    recorded.telemetry.report_failure("receive", Throttled("receive", "", "slow down"))
    (line,) = recorded.lines()
    assert line["level"] == "WARNING"
    assert (line["action"], line["operation"]) == ("operation_failed", "receive")
    assert line["reason"] == "receive '': slow down"
    assert "exception" not in line


def test_a_failure_that_is_not_understood_comes_with_its_traceback(recorded: Recorded) -> None:
    try:
        int("seven")
    except ValueError as error:
        recorded.telemetry.report_failure("run the pipeline", error)
    (line,) = recorded.lines()
    assert line["level"] == "ERROR"
    assert "Traceback" in line["exception"]
    assert line["exception_name"] == "ValueError"
    recorded.telemetry.flush()
    assert recorded.documents()[0]["OperationsFailed"] == [1]


def test_standard_output_is_where_it_goes_when_nothing_else_is_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    telemetry = Telemetry(new_logger("test"), site="cn", bucket="own")
    telemetry.report(Outcome(Action.OBJECT_COPIED, "a"))
    telemetry.flush()
    log, emf = capsys.readouterr().out.splitlines()
    assert json.loads(log)["message"] == "Copied the object"
    assert json.loads(emf)["ObjectsCopied"] == [1]


def test_the_level_and_the_stream_given_last_are_the_ones_that_count() -> None:
    with io.StringIO() as closed_later:
        new_logger("test", level="ERROR", stream=closed_later).info("quiet")
        assert not closed_later.getvalue()
    stream = io.StringIO()
    new_logger("test", level="DEBUG", stream=stream).debug("loud")
    assert json.loads(stream.getvalue())["message"] == "loud"
