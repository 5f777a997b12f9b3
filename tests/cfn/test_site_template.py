"""cfn/site.yaml as a whole: the same for both sites, valid everywhere, and in order."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cfn.template import (
    FLEET,
    FORWARDING,
    IN_OSS,
    OUTPUTS,
    PARAMETERS,
    PATH,
    RESOURCES,
    RUNTIMES,
    SITE,
    TEMPLATE,
    TEXT,
    Stack,
    walk,
)

REGIONS = (
    "us-east-1",
    "us-west-2",
    "eu-central-1",
    "ap-southeast-1",
    "cn-north-1",
    "cn-northwest-1",
    "us-gov-west-1",
)
MOST_BYTES_BY_URL = 1_000_000
"""AWS CloudFormation User Guide, quotas: a template that is read from S3."""

IGNORED = {"W1030": "VpcId is empty unless there is a fleet, which a rule sees to"}

OF_A_FUNCTION = {
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Permission",
}
"""Types that name the function that they are for, and have no tags."""

OTHER_SITE = {
    "AWS::Partition": "aws",
    "AWS::Region": SITE["PeerRegion"],
    "AWS::AccountId": "222222222222",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackId": "arn:aws:cloudformation:us-west-2:222222222222:stack/dualway/6-7-8-9-other",
    "SiteName": SITE["PeerSiteName"],
    "PeerSiteName": SITE["SiteName"],
    "BucketName": SITE["PeerBucketName"],
    "PeerBucketName": SITE["BucketName"],
    "PeerRegion": SITE["AWS::Region"],
    "ArtifactBucket": "packages-bravo",
}
SWAPPED = {
    "alpha": "bravo",
    "bravo": "alpha",
    "cn-north-1": "us-west-2",
    "us-west-2": "cn-north-1",
    "amazonaws.com.cn": "amazonaws.com",
    "arn:aws-cn": "arn:aws",
    "111111111111": "222222222222",
    "own5": "other",
}


def swapped(stack: Stack) -> Any:
    """Return a stack's resources and outputs with the names of both sites exchanged."""
    text = json.dumps([stack.resources, stack.outputs])
    pattern = "|".join(map(re.escape, sorted(SWAPPED, key=len, reverse=True)))
    return json.loads(re.sub(pattern, lambda match: SWAPPED[match[0]], text))


class TestSymmetry:
    @pytest.mark.parametrize("runtime", RUNTIMES)
    def test_swapping_own_and_peer_gives_the_other_site(self, runtime: str) -> None:
        own = {"Prefix": "from/alpha/", "PeerPrefix": "from/bravo/"}
        other = {"Prefix": "from/bravo/", "PeerPrefix": "from/alpha/"}
        site = Stack({**RUNTIMES[runtime], **own})
        peer = Stack({**RUNTIMES[runtime], **OTHER_SITE, **other})
        assert swapped(site) == [peer.resources, peer.outputs]

    @pytest.mark.parametrize(
        "what",
        [r"\b\d{12}\b", r"\b(?!aws-)[a-z]{2}-[a-z]+-\d\b", r"arn:aws", r"amazonaws\.com\.cn"],
        ids=["an account", "a region", "a partition", "a domain of a partition"],
    )
    def test_no_resource_names_a_side(self, what: str) -> None:
        resources = TEXT.partition("\nResources:")[2]
        assert re.findall(what, resources) == []

    def test_principals_alone_spell_the_domain_of_services_out(self) -> None:
        # These are the same in every partition; EC2's is not.
        found = set(re.findall(r"[a-z0-9-]+\.amazonaws\.com", TEXT.partition("\nResources:")[2]))
        assert found == {
            "s3.amazonaws.com",
            "sns.amazonaws.com",
            "events.amazonaws.com",
            "lambda.amazonaws.com",
            "states.amazonaws.com",
            "scheduler.amazonaws.com",
            "cloudwatch.amazonaws.com",
            "ecs-tasks.amazonaws.com",
        }


class TestValidity:
    @pytest.mark.timeout(900)
    def test_the_linter_finds_nothing_in_any_region(self) -> None:
        command = [str(Path(sys.executable).with_name("cfn-lint")), "--format", "parseable"]
        chosen = ["--regions", *REGIONS, "--ignore-checks", *IGNORED]
        run = subprocess.run(
            [*command, *chosen, "--", str(PATH)], capture_output=True, text=True, check=False
        )
        assert (run.returncode, run.stdout, run.stderr) == (0, "", "")

    def test_it_is_small_enough_to_be_read_from_a_bucket(self) -> None:
        assert len(TEXT.encode()) < MOST_BYTES_BY_URL

    def test_there_is_no_code_in_it(self) -> None:
        assert "ZipFile" not in TEXT
        functions = Stack().of_type("AWS::Lambda::Function").values()
        code = {"S3Bucket": "packages-alpha", "S3Key": "functions.zip"}
        assert all(function["Code"] == code for function in functions)


class TestOrder:
    def test_every_condition_is_used(self) -> None:
        uses = [value for value in walk([RESOURCES, OUTPUTS]) if isinstance(value, dict)]
        named = {use["Condition"] for use in uses if isinstance(use.get("Condition"), str)}
        named |= {use["If"][0] for use in uses if "If" in use}
        among = {part["Condition"] for part in walk(TEMPLATE["Conditions"]) if is_condition(part)}
        assert named | among == set(TEMPLATE["Conditions"])

    def test_only_what_others_must_name_has_a_name_of_its_own(self) -> None:
        naming = {"QueueName", "TableName", "RoleName", "FunctionName", "LogGroupName", "TopicName"}
        names = {
            (logical_id, name)
            for logical_id, resource in RESOURCES.items()
            for name in resource["Properties"]
            if name in naming and resource["Type"] not in OF_A_FUNCTION
        }
        assert names == {("SyncQueue", "QueueName")}

    def test_whatever_can_have_tags_has_the_sites(self) -> None:
        untagged = {
            "AWS::SQS::QueuePolicy",
            "AWS::SNS::TopicPolicy",
            "AWS::SNS::Subscription",
            "AWS::CloudWatch::Alarm",  # Found by the prefix of their names, which is the stack's.
            "AWS::CloudWatch::Dashboard",
            "AWS::Logs::QueryDefinition",
            *OF_A_FUNCTION,
            "AWS::IAM::InstanceProfile",
            "AWS::EC2::LaunchTemplate",  # Its instances have the group's.
            "AWS::AutoScaling::ScalingPolicy",
            "AWS::Scheduler::Schedule",
        }
        for stack in map(Stack, (*RUNTIMES.values(), FORWARDING, IN_OSS)):
            for resource in stack.resources.values():
                if resource["Type"] in untagged or resource["Type"].startswith("Custom::"):
                    continue
                tags = {tag["Key"]: tag["Value"] for tag in resource["Properties"]["Tags"]}
                assert tags["dualway"] == "alpha"

    def test_every_output_is_described(self) -> None:
        assert all(output["Description"] for output in OUTPUTS.values())

    def test_outputs_are_those_of_what_is_there(self) -> None:
        always = {
            *("SiteName", "BucketName", "PeerSiteName", "PeerBucketName", "PeerRegion"),
            *("QueueUrl", "DeadLetterQueueUrl", "RecordsTableName", "PartsTableName"),
            *("DedicatedUserName", "DedicatedUserId", "PeerSecretArn"),
            *("WorkerRoleArn", "WorkerRoleId", "VisibilityTimeoutSeconds", "GraceSeconds"),
            *("AlarmTopicArn", "DashboardName"),
        }
        here = {"WorkerLogGroupName", "FinderLogGroupName", "FinderStateMachineArn"}
        here |= {"UploadStateMachineArn"}
        assert set(Stack().outputs) == always | here
        assert set(Stack(FLEET).outputs) == always | here | {"FleetName"}
        assert set(Stack(RUNTIMES["Elsewhere"]).outputs) == always
        assert set(Stack(FORWARDING).outputs) == always | here | {"ForwarderArn"}
        of_the_user = {"DedicatedUserName", "DedicatedUserId"}
        assert set(Stack(IN_OSS).outputs) == (always | here) - of_the_user

    def test_every_parameter_of_both_sides_is_without_a_default(self) -> None:
        sides = {"SiteName", "BucketName", "PeerSiteName", "PeerBucketName", "PeerRegion"}
        packages = {"ArtifactBucket", "LambdaPackage"}
        required = {name for name, entry in PARAMETERS.items() if "Default" not in entry}
        assert required == sides | packages


def is_condition(part: Any) -> bool:
    return isinstance(part, dict) and isinstance(part.get("Condition"), str)
