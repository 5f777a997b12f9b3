"""CloudFormation's gaps, as seen over HTTP: what a template asks for is what there is then."""

import gc
import json
import time
import uuid
import warnings
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from sync_core.local.cloud import LocalCloud
from tests.conftest import DEADLINE_SECONDS

QUICK = {"Delay": 0.05, "MaxAttempts": 6000}

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
FUNCTION: dict[str, Any] = {
    "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}},
    "Function": {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Code": {"ZipFile": "def handler(event, context):\n    return None\n"},
            "Handler": "index.handler",
            "Runtime": "python3.13",
            "Timeout": 60,
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        },
    },
}


def create(
    cloud: LocalCloud, resources: dict[str, Any], **parameters: dict[str, str]
) -> dict[str, str]:
    """Make a stack of account b and return the physical ids of its resources by logical ids."""
    stacks = cloud.client("cloudformation", "b")
    return create_by(stacks, f"stack-{uuid.uuid4().hex[:8]}", resources, parameters)


def create_by(
    stacks: Any, name: str, resources: dict[str, Any], parameters: dict[str, dict[str, str]]
) -> dict[str, str]:
    declared = {key: {"Type": kind} for key, given in parameters.items() for kind in given}
    values = {key: value for key, given in parameters.items() for value in given.values()}
    stacks.create_stack(
        StackName=name,
        TemplateBody=json.dumps({"Parameters": declared, "Resources": resources}),
        Parameters=[{"ParameterKey": key, "ParameterValue": values[key]} for key in values],
        Capabilities=["CAPABILITY_IAM"],
        OnFailure="DO_NOTHING",
    )
    stacks.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=QUICK)
    found = stacks.list_stack_resources(StackName=name)["StackResourceSummaries"]
    return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}


def waiting(sqs: Any, queue: dict[str, str]) -> int:
    """Return how many messages a queue has, hidden ones too."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(**queue, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def test_a_table_has_its_time_to_live_and_its_backups(local_cloud: LocalCloud) -> None:
    key = {"AttributeName": "pk"}
    table = {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{**key, "AttributeType": "S"}],
            "KeySchema": [{**key, "KeyType": "HASH"}],
            "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        },
    }
    name = create(local_cloud, {"Table": table})["Table"]
    tables = local_cloud.client("dynamodb", "b")
    expiry = tables.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert expiry == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}
    backups = tables.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = backups["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"


def test_an_alarm_on_metric_math_is_kept_and_stays_without_data(local_cloud: LocalCloud) -> None:
    metric = {"Namespace": "Dualway", "MetricName": "OperationsFailed"}
    measured = {"Metric": metric, "Period": 300, "Stat": "Sum"}
    alarm = {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmDescription": "See the log.",
            "Metrics": [
                {"Id": "failed", "MetricStat": measured, "ReturnData": False},
                {"Id": "errors", "Expression": "FILL(failed, 0)", "ReturnData": True},
            ],
            "EvaluationPeriods": 3,
            "Threshold": 0,
            "ComparisonOperator": "GreaterThanThreshold",
        },
    }
    name = create(local_cloud, {"Alarm": alarm})["Alarm"]
    alarms = local_cloud.client("cloudwatch", "b")
    (found,) = alarms.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert found["AlarmDescription"] == "See the log."
    assert found["EvaluationPeriods"] == 3
    assert found["StateValue"] == "INSUFFICIENT_DATA"


def test_a_saved_query_is_listed_with_its_stack(local_cloud: LocalCloud) -> None:
    query = {
        "Type": "AWS::Logs::QueryDefinition",
        "Properties": {"Name": "all", "QueryString": "fields @message"},
    }
    assert uuid.UUID(create(local_cloud, {"Query": query})["Query"])


def test_a_saved_query_without_a_question_fails_the_stack(local_cloud: LocalCloud) -> None:
    query = {"Type": "AWS::Logs::QueryDefinition", "Properties": {"Name": "all"}}
    with pytest.raises(WaiterError):
        create(local_cloud, {"Query": query})


def test_an_event_source_whose_scaling_is_a_parameter_feeds_its_function(
    local_cloud: LocalCloud,
) -> None:
    resources = {
        **FUNCTION,
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Source": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]},
                "FunctionName": {"Ref": "Function"},
                "ScalingConfig": {"MaximumConcurrency": {"Ref": "Most"}},
            },
        },
    }
    made = create(local_cloud, resources, Most={"Number": "7"})
    sqs, queue = local_cloud.client("sqs", "b"), {"QueueUrl": made["Queue"]}
    sqs.send_message(**queue, MessageBody="to be consumed")
    deadline = time.monotonic() + DEADLINE_SECONDS
    while waiting(sqs, queue) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert waiting(sqs, queue) == 0
    local_cloud.client("lambda", "b").delete_event_source_mapping(UUID=made["Source"])


def test_a_function_that_has_run_leaves_no_open_pipes(local_cloud: LocalCloud) -> None:
    name = create(local_cloud, FUNCTION)["Function"]
    functions = local_cloud.client("lambda", "b")
    assert "FunctionError" not in functions.invoke(FunctionName=name)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always", ResourceWarning)
        functions.delete_function(FunctionName=name)
        gc.collect()
    assert [str(each.message) for each in found if "TextIOWrapper" in str(each.message)] == []


def test_a_function_of_the_same_name_in_another_account_goes_on(local_cloud: LocalCloud) -> None:
    code = "import uuid\nHERE = str(uuid.uuid4())\ndef handler(event, context):\n    return HERE\n"
    properties = {**FUNCTION["Function"]["Properties"], "Code": {"ZipFile": code}}
    resources = {**FUNCTION, "Function": {**FUNCTION["Function"], "Properties": properties}}
    name = f"stack-{uuid.uuid4().hex[:8]}"

    def started(site: str) -> str:
        stacks = local_cloud.client("cloudformation", site)
        return create_by(stacks, name, resources, {})["Function"]

    def process(function: str) -> str:
        answer = local_cloud.client("lambda", "b").invoke(FunctionName=function)
        return str(json.load(answer["Payload"]))

    function = started("b")
    first = process(function)
    assert started("a") == function
    assert process(function) == first
