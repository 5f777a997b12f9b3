"""The forwarder of cfn/site.yaml: it is there when asked for, and loses nothing."""

from typing import Any

from sync_core.forwarder import Forwarding
from tests.cfn.template import FORWARDING, IN_OSS, RESOURCES, RUNTIMES, Stack
from tests.cfn.test_site_permissions import grants
from tests.cfn.test_site_resources import OF_THE_RUNTIME, variables

STACK = Stack(FORWARDING)
SQS_HIDES_SECONDS = 30
"""For how long a queue hides messages unless it is told otherwise (SQS, visibility timeout)."""

SIX_HOURS_SECONDS = 6 * 3600
"""The most that Lambda keeps an event for (PutFunctionEventInvokeConfig, 2026)."""


def permissions(stack: Stack) -> dict[str, dict[str, Any]]:
    """Return who may invoke the forwarder, by principal."""
    found = stack.of_type("AWS::Lambda::Permission").values()
    assert {each["FunctionName"] for each in found} == {"<ForwarderFunction>"}
    return {each["Principal"]: each for each in found}


def test_it_is_made_when_asked_for_and_only_then() -> None:
    added = set(STACK.resources) - set(Stack({"EventTrigger": "No"}).resources)
    assert added == {name for name in RESOURCES if name.startswith("Forwarder")}
    assert not any(name.startswith("Forwarder") for name in Stack().resources)


def test_it_is_there_whatever_runs_the_workers_and_whatever_the_store() -> None:
    for given in (*RUNTIMES.values(), IN_OSS):
        assert "ForwarderFunction" in Stack({**given, **FORWARDING}).resources


def test_it_knows_the_queue_and_nothing_else() -> None:
    told = variables(STACK, "ForwarderFunction")
    assert set(told) - OF_THE_RUNTIME == {"DUALWAY_QUEUE_URL"}
    assert told["DUALWAY_QUEUE_URL"] == "<SyncQueue>"
    url = "https://sqs.cn-north-1.amazonaws.com.cn/111111111111/dualway-alpha-own5"
    assert Forwarding.from_environment({"DUALWAY_QUEUE_URL": url}).region == "cn-north-1"


def test_it_may_send_and_log_and_nothing_else() -> None:
    assert grants(STACK, "ForwarderRole") == {
        "AllowSendingToTheQueue": ({"sqs:SendMessage"}, ["<SyncQueue.Arn>"]),
        "AllowKeepingWhatFailed": ({"sqs:SendMessage"}, ["<SyncDeadLetterQueue.Arn>"]),
        "AllowWritingItsLog": (
            {"logs:CreateLogStream", "logs:PutLogEvents"},
            ["<ForwarderLogGroup.Arn>"],
        ),
    }


def test_what_it_cannot_forward_is_kept_where_an_alarm_watches() -> None:
    retries = STACK.properties("ForwarderRetries")
    assert retries["FunctionName"] == "<ForwarderFunction>"
    assert retries["Qualifier"] == "$LATEST"
    assert retries["DestinationConfig"] == {
        "OnFailure": {"Destination": "<SyncDeadLetterQueue.Arn>"}
    }
    assert retries["MaximumRetryAttempts"] == 2
    assert retries["MaximumEventAgeInSeconds"] == SIX_HOURS_SECONDS
    (watched,) = STACK.properties("DeadLetterAlarm")["Dimensions"]
    assert watched["Value"] == "<SyncDeadLetterQueue.QueueName>"


def test_buckets_topics_and_rules_of_this_account_may_invoke_it() -> None:
    found = permissions(STACK)
    assert set(found) == {"s3.amazonaws.com", "sns.amazonaws.com", "events.amazonaws.com"}
    # The ARN of a bucket has no account in it.
    assert found["s3.amazonaws.com"]["SourceAccount"] == "111111111111"
    here = "cn-north-1:111111111111"
    assert found["sns.amazonaws.com"]["SourceArn"] == f"arn:aws-cn:sns:{here}:*"
    assert found["events.amazonaws.com"]["SourceArn"] == f"arn:aws-cn:events:{here}:rule/*"


def test_a_queue_as_sqs_makes_it_can_feed_it() -> None:
    assert STACK.properties("ForwarderFunction")["Timeout"] <= SQS_HIDES_SECONDS


def test_its_output_is_what_is_connected_to_others() -> None:
    assert STACK.outputs["ForwarderArn"]["Value"] == "<ForwarderFunction.Arn>"
