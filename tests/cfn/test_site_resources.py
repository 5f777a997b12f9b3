"""Queues, tables, functions, state machine and fleet of cfn/site.yaml."""

import re
from pathlib import Path
from typing import Any

import pytest

from sync_core.config import Config
from sync_core.errors import Ambiguous, ConfigError, Throttled, Unavailable
from sync_core.launch.template import find_template
from sync_core.records.dynamodb import TABLE_SCHEMA
from sync_core.watch import Status
from tests.cfn.template import FLEET, PATH, RESOURCES, RUNTIMES, TEMPLATE, Stack, walk

ROOT = Path(__file__).resolve().parents[2]

FOURTEEN_DAYS_SECONDS = 14 * 24 * 3600
LAMBDAS_SHARE = 6
"""A queue that feeds a function hides messages for six of its time-outs (Lambda guide, SQS)."""

OF_THE_RUNTIME = {"POWERTOOLS_TRACE_DISABLED", "BOTO_DISABLE_CRT"}
"""Variables that are not ours, and functions' alone."""

ALWAYS_THE_DEFAULT = {
    "AWS_ENDPOINT_URL",
    "DUALWAY_DELETE_SETTLE_SECONDS",
    "DUALWAY_DELETE_WINDOW_SECONDS",
    "DUALWAY_FINDER_SECONDS",
    "DUALWAY_LOG_LEVEL",
    "DUALWAY_POLLERS",
    "DUALWAY_RECEIVE_WAIT_SECONDS",
}
"""What functions have no use for, or nobody has asked to change."""

WEEK_SECONDS = 7 * 24 * 3600

EVENTS_OF_A_LOOK = 2 + 5 + 2
"""A state is entered and exited; a task is scheduled, started and succeeds in between."""

MOST_EVENTS = 25_000
"""Events that the history of an execution holds (Step Functions developer guide, Quotas)."""


class Asked(dict[str, str]):
    """An environment with nothing in it, which notes what it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return default


def variables(stack: Stack, function: str) -> dict[str, Any]:
    found: dict[str, Any] = stack.properties(function)["Environment"]["Variables"]
    return found


def fleet_variables() -> dict[str, str]:
    """Return what the user data writes into the environment file of the instances."""
    data = Stack(FLEET).properties("FleetLaunchTemplate")["LaunchTemplateData"]["UserData"]
    return dict(re.findall(r"^ *(DUALWAY_\w+)=(.*)$", data, re.MULTILINE))


class TestQueues:
    def test_the_dead_letter_queue_keeps_longer_and_takes_from_the_queue_alone(self) -> None:
        stack = Stack()
        queue, dead = stack.properties("SyncQueue"), stack.properties("SyncDeadLetterQueue")
        assert queue["RedrivePolicy"]["deadLetterTargetArn"] == "<SyncDeadLetterQueue.Arn>"
        assert dead["MessageRetentionPeriod"] == FOURTEEN_DAYS_SECONDS
        assert dead["MessageRetentionPeriod"] > queue["MessageRetentionPeriod"]
        arn = f"arn:aws-cn:sqs:cn-north-1:111111111111:{queue['QueueName']}"
        assert dead["RedriveAllowPolicy"] == {
            "redrivePermission": "byQueue",
            "sourceQueueArns": [arn],
        }

    def test_the_name_is_the_stacks_own_and_short_enough(self) -> None:
        name = Stack({"SiteName": "a" * 16}).properties("SyncQueue")["QueueName"]
        assert name == f"dualway-{'a' * 16}-own5"
        # What stands behind the last hyphen of a stack's id has twelve characters on AWS.
        assert len(name) - len("own5") + 12 <= 80

    def test_messages_are_encrypted_by_keys_with_which_s3_may_send(self) -> None:
        queues = Stack().of_type("AWS::SQS::Queue").values()
        assert all(queue["SqsManagedSseEnabled"] is True for queue in queues)
        assert not any("KmsMasterKeyId" in queue for queue in queues)

    def test_only_the_bucket_of_this_account_may_send(self) -> None:
        (statement,) = Stack().properties("SyncQueuePolicy")["PolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
        assert statement["Condition"] == {
            "ArnEquals": {"aws:SourceArn": "arn:aws-cn:s3:::data-alpha"},
            "StringEquals": {"aws:SourceAccount": "111111111111"},
        }

    def test_the_bucket_is_told_of_the_queue_when_the_queue_admits_it(self) -> None:
        assert RESOURCES["BucketNotification"]["DependsOn"] == "SyncQueuePolicy"
        assert "BucketNotification" not in Stack({"EventTrigger": "No"}).resources


class TestVisibilityTimeout:
    @pytest.mark.parametrize("timeout", TEMPLATE["Parameters"]["WorkerTimeout"]["AllowedValues"])
    def test_it_is_six_time_outs_of_the_function(self, timeout: int) -> None:
        stack = Stack({"WorkerTimeout": str(timeout)})
        assert stack.properties("WorkerFunction")["Timeout"] == str(timeout)
        hidden_seconds = int(stack.properties("SyncQueue")["VisibilityTimeout"])
        assert hidden_seconds == LAMBDAS_SHARE * timeout

    @pytest.mark.parametrize(
        ("given", "seconds"),
        [
            ({}, "1800"),
            (FLEET, "180"),
            ({"WorkerRuntime": "Elsewhere"}, "180"),
            ({"WorkerRuntime": "Elsewhere", "VisibilityTimeoutSeconds": "30"}, "30"),
        ],
    )
    def test_queue_worker_and_output_agree_on_it(self, given: dict[str, str], seconds: str) -> None:
        stack = Stack(given)
        told = {
            str(stack.properties("SyncQueue")["VisibilityTimeout"]),
            str(stack.outputs["VisibilityTimeoutSeconds"]["Value"]),
        }
        # The function that watches uploads receives no messages.
        for function in {"WorkerFunction", "FinderFunction"} & set(stack.resources):
            told.add(str(variables(stack, function)["DUALWAY_VISIBILITY_TIMEOUT_SECONDS"]))
        assert told == {seconds}

    def test_instances_are_told_the_same(self) -> None:
        assert fleet_variables()["DUALWAY_VISIBILITY_TIMEOUT_SECONDS"] == "180"


class TestTables:
    @pytest.mark.parametrize("table", ["RecordsTable", "PartsTable"])
    def test_items_are_found_by_two_texts_and_expire(self, table: str) -> None:
        found = Stack().properties(table)
        assert {name: found[name] for name in TABLE_SCHEMA} == TABLE_SCHEMA
        assert found["BillingMode"] == "PAY_PER_REQUEST"
        assert found["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}

    def test_records_outlive_the_stack_and_can_be_had_back(self) -> None:
        policies = ("DeletionPolicy", "UpdateReplacePolicy")
        assert {RESOURCES["RecordsTable"][policy] for policy in policies} == {"Retain"}
        assert {RESOURCES["PartsTable"][policy] for policy in policies} == {"Delete"}
        recovery = Stack().properties("RecordsTable")["PointInTimeRecoverySpecification"]
        assert recovery == {"PointInTimeRecoveryEnabled": True}

    def test_the_users_bucket_is_not_the_stacks(self) -> None:
        assert not any(entry["Type"] == "AWS::S3::Bucket" for entry in RESOURCES.values())


class TestFunctions:
    def test_every_handler_is_there(self) -> None:
        functions = Stack().of_type("AWS::Lambda::Function").values()
        for function in functions:
            module = function["Handler"].removesuffix(".handler").replace(".", "/")
            assert (ROOT / f"{module}.py").is_file()
            assert function["Runtime"] == "python3.13"
            assert function["Architectures"] == ["arm64"]

    def test_each_logs_to_a_group_whose_days_are_counted(self) -> None:
        stack = Stack({"LogRetentionDays": "7"})
        groups = stack.of_type("AWS::Logs::LogGroup")
        assert all(group["RetentionInDays"] == "7" for group in groups.values())
        for function in stack.of_type("AWS::Lambda::Function").values():
            assert function["LoggingConfig"]["LogGroup"].strip("<>") in groups

    def test_worker_finder_and_instances_have_the_same_settings(self) -> None:
        stack = Stack(FLEET)
        worker, finder = variables(Stack(), "WorkerFunction"), variables(stack, "FinderFunction")
        instances = fleet_variables()
        alone = OF_THE_RUNTIME
        assert set(worker) == set(finder) == set(instances) - {"DUALWAY_FINDER_SECONDS"} | alone
        assert {name: str(finder[name]) for name in set(finder) - alone} == {
            name: instances[name] for name in set(finder) - alone
        }

    def test_what_watches_uploads_is_told_the_same_as_the_worker_but_for_its_echoes(self) -> None:
        worker = variables(Stack(), "WorkerFunction")
        watching = variables(Stack(), "UploadFunction")
        alone = {name for name in watching if watching[name] != worker[name]}
        assert alone == {"DUALWAY_ECHO_PRINCIPAL_IDS"}
        # The worker's role may start the state machine: to name it here would be a circle.
        assert watching["DUALWAY_ECHO_PRINCIPAL_IDS"] == "<DedicatedUserIdentity.UserId>"

    def test_they_are_told_every_setting_that_is_read_but_those_that_no_stack_changes(
        self,
    ) -> None:
        environment = Asked()
        with pytest.raises(ConfigError):
            Config.from_environment(environment)
        told = set(variables(Stack(), "WorkerFunction")) - OF_THE_RUNTIME
        assert told == environment.names - ALWAYS_THE_DEFAULT

    def test_instances_leave_rounds_to_the_state_machine(self) -> None:
        assert fleet_variables()["DUALWAY_FINDER_SECONDS"] == "0"

    def test_batches_are_answered_in_part_and_no_more_run_than_asked(self) -> None:
        source = Stack({"MaxConcurrentWorkers": "7"}).properties("WorkerEventSource")
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert source["ScalingConfig"] == {"MaximumConcurrency": "7"}
        assert source["BatchSize"] == 10

    @pytest.mark.parametrize("runtime", RUNTIMES)
    def test_a_runtime_has_its_own_workers_only(self, runtime: str) -> None:
        kinds = {
            "Lambda": {"WorkerFunction", "WorkerEventSource"},
            "EC2": {"Fleet", "FleetLaunchTemplate", "FleetScaling", "FleetSecurityGroup"},
            "Elsewhere": set[str](),
        }
        found = set(Stack(RUNTIMES[runtime]).resources)
        for name, resources in kinds.items():
            assert resources <= found if name == runtime else not resources & found
        assert ("FinderStateMachine" in found) == (runtime != "Elsewhere")
        assert ("UploadStateMachine" in found) == (runtime != "Elsewhere")


class TestFinderStates:
    STATES = Stack().properties("FinderStateMachine")["Definition"]["States"]
    RANGE = STATES["CompareRanges"]["ItemProcessor"]["States"]

    def test_a_round_is_planned_compared_and_reported(self) -> None:
        parts = [part for part in walk(self.STATES) if isinstance(part, dict)]
        assert {part["task"] for part in parts if "task" in part} == {"plan", "compare", "report"}
        assert self.STATES["IsBusy"]["Choices"][0]["Variable"] == "$.is_busy"
        assert self.RANGE["IsDone"]["Default"] == "Compare"

    def test_a_range_that_fails_leaves_the_others_and_fails_the_report(self) -> None:
        (caught,) = self.RANGE["Compare"]["Catch"]
        assert caught["ErrorEquals"] == ["States.ALL"]
        assert self.RANGE[caught["Next"]]["Parameters"]["failed"] is True
        (failed,) = self.STATES["Report"]["Catch"]
        assert self.STATES[failed["Next"]]["Type"] == "Fail"

    def test_whatever_a_retry_may_help_is_tried_again(self) -> None:
        for state in (self.STATES["Plan"], self.RANGE["Compare"], self.STATES["Report"]):
            hopeless, retry = state["Retry"]
            assert hopeless == {"ErrorEquals": ["ConfigError", "RangesFailed"], "MaxAttempts": 0}
            assert retry["ErrorEquals"] == ["States.TaskFailed", "States.Timeout"]
            assert retry["BackoffRate"] > 1
            assert state["TimeoutSeconds"] > Stack().properties("FinderFunction")["Timeout"]

    def test_it_is_started_by_the_schedule_if_there_is_one(self) -> None:
        timer = Stack({"FinderSchedule": "cron(0 3 * * ? *)"}).properties("FinderTimer")
        assert timer["ScheduleExpression"] == "cron(0 3 * * ? *)"
        assert timer["Target"]["Arn"] == "<FinderStateMachine>"
        without = Stack({"FinderSchedule": ""}).resources
        assert "FinderTimer" not in without
        assert "FinderStateMachine" in without


class TestUploadStates:
    MACHINE = Stack().properties("UploadStateMachine")["Definition"]
    STATES = MACHINE["States"]

    def test_it_looks_again_and_again_until_the_upload_is_over(self) -> None:
        assert self.STATES[self.MACHINE["StartAt"]]["Type"] == "Wait"
        assert (self.STATES["Wait"]["Next"], self.STATES["Look"]["Next"]) == ("Look", "IsOver")
        timed_out, over = self.STATES["IsOver"]["Choices"]
        assert (timed_out["Variable"], timed_out["StringEquals"]) == ("$.status", Status.TIMED_OUT)
        assert self.STATES[timed_out["Next"]]["Error"] == "UploadTimedOut"
        assert (over["Variable"], over["BooleanEquals"]) == ("$.is_over", True)
        assert self.STATES[over["Next"]]["Type"] == "Succeed"
        assert self.STATES["IsOver"]["Default"] == "Wait"

    def test_the_answer_as_a_whole_is_the_next_looks_input(self) -> None:
        shaping = {"Parameters", "InputPath", "ResultPath", "OutputPath", "ResultSelector"}
        assert not any(shaping & set(state) for state in self.STATES.values())

    def test_whatever_a_retry_may_help_is_tried_again(self) -> None:
        hopeless, retry = self.STATES["Look"]["Retry"]
        assert hopeless == {"ErrorEquals": ["ConfigError"], "MaxAttempts": 0}
        assert retry["ErrorEquals"] == ["States.TaskFailed", "States.Timeout"]
        timeout_seconds = Stack().properties("UploadFunction")["Timeout"]
        assert self.STATES["Look"]["TimeoutSeconds"] > timeout_seconds

    def test_an_outage_does_not_end_the_watching(self) -> None:
        (caught,) = self.STATES["Look"]["Catch"]
        outages = (Unavailable, Throttled, Ambiguous)
        assert {error.__name__ for error in outages} <= set(caught["ErrorEquals"])
        assert (caught["Next"], caught["ResultPath"]) == ("Wait", None)

    def test_it_looks_for_a_week_and_more_within_the_events_that_an_execution_may_have(
        self,
    ) -> None:
        looks = self.MACHINE["TimeoutSeconds"] / self.STATES["Wait"]["Seconds"]
        assert self.MACHINE["TimeoutSeconds"] > WEEK_SECONDS
        assert looks * EVENTS_OF_A_LOOK < MOST_EVENTS * 0.85


class TestFleet:
    STACK = Stack({**FLEET, "WorkerArchitecture": "x86_64", "InstanceType": "t3.small"})
    DATA = STACK.properties("FleetLaunchTemplate")["LaunchTemplateData"]

    def test_instances_take_tokens_only_and_encrypt_their_disk(self) -> None:
        metadata = self.DATA["MetadataOptions"]
        assert metadata["HttpTokens"] == "required"
        assert metadata["HttpPutResponseHopLimit"] == 1
        (disk,) = self.DATA["BlockDeviceMappings"]
        assert disk["Ebs"]["Encrypted"] is True
        assert disk["Ebs"]["VolumeType"] == "gp3"

    def test_the_image_is_of_the_processor(self) -> None:
        image = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
        assert self.DATA["ImageId"] == f"resolve:ssm:{image}"

    def test_nothing_connects_to_an_instance(self) -> None:
        group = self.STACK.properties("FleetSecurityGroup")
        assert "SecurityGroupIngress" not in group
        (out,) = group["SecurityGroupEgress"]
        assert (out["FromPort"], out["ToPort"]) == (443, 443)

    def test_lines_with_losses_are_sent_over_by_bbr(self) -> None:
        assert "net.core.default_qdisc = fq" in self.DATA["UserData"]
        assert "net.ipv4.tcp_congestion_control = bbr" in self.DATA["UserData"]

    def test_a_new_package_is_a_new_launch_template_and_rolls_out(self) -> None:
        assert "s3://packages-alpha/fleet.zip" in self.DATA["UserData"]
        fleet = self.STACK.properties("Fleet")
        assert fleet["LaunchTemplate"]["Version"] == "<FleetLaunchTemplate.LatestVersionNumber>"
        assert "AutoScalingRollingUpdate" in RESOURCES["Fleet"]["UpdatePolicy"]
        assert fleet["VPCZoneIdentifier"] == ["subnet-12345678", "subnet-9abcdef0"]

    def test_an_instance_takes_what_its_package_brings(self) -> None:
        taken = set(re.findall(r"/opt/dualway/([\w.-]+)", self.DATA["UserData"]))
        brought = {path.name for path in (ROOT / "cfn" / "fleet").iterdir()}
        assert taken == brought
        agent = (ROOT / "cfn" / "fleet" / "amazon-cloudwatch-agent.json").read_text("utf-8")
        assert "WORKER_LOG_GROUP" in agent
        assert "s|WORKER_LOG_GROUP|<WorkerLogGroup>|" in self.DATA["UserData"]
        unit = (ROOT / "cfn" / "fleet" / "dualway-worker.service").read_text("utf-8")
        assert "EnvironmentFile=/etc/dualway/environment\n" in unit
        assert "cat > /etc/dualway/environment" in self.DATA["UserData"]

    def test_it_scales_by_what_waits_for_each_instance(self) -> None:
        policy = self.STACK.properties("FleetScaling")["TargetTrackingConfiguration"]
        *measured, result = policy["CustomizedMetricSpecification"]["Metrics"]
        names = [part["MetricStat"]["Metric"]["MetricName"] for part in measured]
        assert names == ["ApproximateNumberOfMessagesVisible", "GroupInServiceInstances"]
        assert result["Expression"] == "waiting / instances"
        (collected,) = self.STACK.properties("Fleet")["MetricsCollection"]
        assert "GroupInServiceInstances" in collected["Metrics"]


def test_this_is_the_template_that_is_launched() -> None:
    assert find_template() == PATH
