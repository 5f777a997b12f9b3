"""Alarms, dashboard and saved queries of cfn/site.yaml: they name what there is."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sync_core.model import Action
from sync_core.telemetry import METRICS, NAMESPACE, SERVICE
from tests.cfn.template import FLEET, RUNTIMES, Stack, walk

AWS_METRICS = {
    "AWS/SQS": {
        "ApproximateNumberOfMessagesVisible",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateAgeOfOldestMessage",
    },
    "AWS/Lambda": {"Errors", "Throttles", "ConcurrentExecutions"},
    "AWS/States": {
        "ExecutionsStarted",
        "ExecutionsSucceeded",
        "ExecutionsFailed",
        "ExecutionsTimedOut",
    },
    "AWS/AutoScaling": {"GroupInServiceInstances"},
    "AWS/EC2": {"CPUUtilization", "NetworkIn", "NetworkOut"},
}
"""Metrics of AWS that the template names (each service's user guide, 2026)."""

AWS_DIMENSION = {
    "AWS/SQS": "QueueName",
    "AWS/Lambda": "FunctionName",
    "AWS/States": "StateMachineArn",
    "AWS/AutoScaling": "AutoScalingGroupName",
    "AWS/EC2": "AutoScalingGroupName",
}

OWN = {"service": SERVICE, "Bucket": "data-alpha"}

Named = tuple[str, str, dict[str, str]]
"""Namespace, metric and dimensions."""


def metrics_in(properties: Any) -> Iterator[Named]:
    """Yield each metric that alarms and scaling policies name."""
    for part in walk(properties):
        if isinstance(part, dict) and "MetricName" in part:
            dimensions = {entry["Name"]: entry["Value"] for entry in part["Dimensions"]}
            yield part["Namespace"], part["MetricName"], dimensions


def widgets(stack: Stack) -> list[dict[str, Any]]:
    (dashboard,) = stack.of_type("AWS::CloudWatch::Dashboard").values()
    found: list[dict[str, Any]] = json.loads(dashboard["DashboardBody"])["widgets"]
    return found


def metrics_shown(stack: Stack) -> Iterator[Named]:
    for widget in widgets(stack):
        for namespace, name, *rest in widget["properties"]["metrics"]:
            texts = [part for part in rest if isinstance(part, str)]
            yield namespace, name, dict(zip(texts[::2], texts[1::2], strict=True))


def alarms(stack: Stack) -> dict[str, dict[str, Any]]:
    return stack.of_type("AWS::CloudWatch::Alarm")


@pytest.fixture(params=RUNTIMES)
def stack(request: pytest.FixtureRequest) -> Stack:
    return Stack(RUNTIMES[request.param])


class TestMetrics:
    def test_every_alarm_and_every_widget_names_a_metric_that_there_is(self, stack: Stack) -> None:
        named = [*metrics_in(list(stack.resources.values())), *metrics_shown(stack)]
        assert named
        for namespace, name, dimensions in named:
            if namespace == NAMESPACE:
                assert name in METRICS
                assert dimensions == OWN
            else:
                assert name in AWS_METRICS[namespace]
                assert set(dimensions) == {AWS_DIMENSION[namespace]}

    def test_whatever_a_metric_is_of_is_in_the_stack(self, stack: Stack) -> None:
        named = [*metrics_in(list(stack.resources.values())), *metrics_shown(stack)]
        of = {value for *_, dimensions in named for value in dimensions.values()}
        references = {value.strip("<>").partition(".")[0] for value in of if value.startswith("<")}
        assert references <= set(stack.resources)


class TestAlarms:
    def test_there_is_one_for_whatever_needs_a_person(self, stack: Stack) -> None:
        watched = {name for alarm in alarms(stack).values() for _, name, _ in metrics_in(alarm)}
        own = {"ReplicationLagSeconds", "OperationsFailed", "ConflictsKept", "ConflictsLeftOpen"}
        assert watched >= own | {"DeletesHeld"}
        assert watched >= {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"}
        runs_here = "WorkerLogGroup" in stack.resources
        assert runs_here == ({"ExecutionsFailed", "ExecutionsTimedOut"} <= watched)
        assert ("WorkerFunction" in stack.resources) == ("Errors" in watched)

    def test_both_state_machines_are_watched_for_failures_and_time_outs(self) -> None:
        watched = {
            (name, dimensions["StateMachineArn"])
            for alarm in alarms(Stack()).values()
            for namespace, name, dimensions in metrics_in(alarm)
            if namespace == "AWS/States"
        }
        machines = ("<FinderStateMachine>", "<UploadStateMachine>")
        names = ("ExecutionsFailed", "ExecutionsTimedOut")
        assert watched == {(name, machine) for name in names for machine in machines}

    def test_each_says_what_to_do_and_tells_the_topic(self, stack: Stack) -> None:
        for alarm in alarms(stack).values():
            assert len(alarm["AlarmDescription"].split()) > 15
            assert len(alarm["AlarmDescription"]) <= 1024
            assert "alpha" in alarm["AlarmDescription"]
            assert alarm["AlarmActions"] == ["<AlarmTopic>"]

    def test_silence_is_no_alarm_and_ends_none_of_held_deletes(self, stack: Stack) -> None:
        treated = {name: alarm["TreatMissingData"] for name, alarm in alarms(stack).items()}
        assert treated.pop("DeletesHeldAlarm") == "ignore"
        assert set(treated.values()) == {"notBreaching"}

    def test_an_expression_is_on_the_metrics_beside_it(self, stack: Stack) -> None:
        for alarm in alarms(stack).values():
            *measured, result = alarm.get("Metrics", [{"Expression": "", "ReturnData": True}])
            assert result["ReturnData"]
            assert all(part["Id"] in result["Expression"] for part in measured)
            assert not any(part["ReturnData"] for part in measured)

    def test_the_lag_that_is_an_alarm_is_a_parameter(self) -> None:
        found = alarms(Stack({"LagAlarmSeconds": "120"}))
        thresholds = {name for name, alarm in found.items() if alarm["Threshold"] == "120"}
        assert thresholds == {"ReplicationLagAlarm", "OldestMessageAlarm"}

    def test_only_alarms_of_this_account_reach_the_topic(self) -> None:
        policy = Stack().properties("AlarmTopicPolicy")["PolicyDocument"]
        (statement,) = policy["Statement"]
        arn = "arn:aws-cn:cloudwatch:cn-north-1:111111111111:alarm:*"
        assert statement["Condition"]["ArnLike"] == {"aws:SourceArn": arn}

    def test_an_address_is_subscribed_if_there_is_one(self) -> None:
        assert "AlarmSubscription" not in Stack().resources
        subscription = Stack({"AlarmEmail": "team@example.com"}).properties("AlarmSubscription")
        assert subscription["Endpoint"] == "team@example.com"


class TestDashboard:
    def test_it_shows_what_the_references_dashboard_shows(self, stack: Stack) -> None:
        shown = {name for _, name, _ in metrics_shown(stack)}
        running_or_waiting = AWS_METRICS["AWS/SQS"]
        transferred_or_failed = {"ObjectsCopied", "MessagesDeadLettered", "EchoesAcknowledged"}
        assert shown >= running_or_waiting | transferred_or_failed | {"BytesCopied"}

    def test_widgets_do_not_cover_each_other(self, stack: Stack) -> None:
        taken = [
            (column, row)
            for widget in widgets(stack)
            for column in range(widget["x"], widget["x"] + widget["width"])
            for row in range(widget["y"], widget["y"] + widget["height"])
        ]
        assert len(taken) == len(set(taken))

    @pytest.mark.parametrize("runtime", RUNTIMES)
    def test_it_shows_shared_uploads_where_they_are_watched(self, runtime: str) -> None:
        shown = {name for _, name, _ in metrics_shown(Stack(RUNTIMES[runtime]))}
        assert ("ExecutionsStarted" in shown) == (runtime != "Elsewhere")

    def test_a_fleet_shows_its_instances(self) -> None:
        shown = {name for _, name, _ in metrics_shown(Stack(FLEET))}
        assert "GroupInServiceInstances" in shown
        assert "GroupInServiceInstances" not in {name for _, name, _ in metrics_shown(Stack())}


class TestQueries:
    def test_each_asks_logs_of_the_stack_for_actions_that_there_are(self) -> None:
        queries = Stack().of_type("AWS::Logs::QueryDefinition")
        failures = queries["FailuresQuery"]["QueryString"]
        for action in (Action.RETRIED, Action.DEAD_LETTERED):
            assert f'"{action}"' in failures
        assert '"operation_failed"' in failures
        groups = {group for query in queries.values() for group in query["LogGroupNames"]}
        assert groups == {"<WorkerLogGroup>", "<FinderLogGroup>", "<UploadLogGroup>"}
        assert all(query["Name"].startswith("dualway/dualway/") for query in queries.values())

    def test_echoes_are_found_by_the_references_words(self) -> None:
        query = Stack().properties("RepeatedTransfersQuery")
        assert query["Name"].endswith("Repeated transfer job!")
        assert '"Repeated transfer job!"' in query["QueryString"]
