"""cfn/site.yaml as text and as data: the same for both sites, and no more rights than needed."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from sync_core.local.launch import find_template
from sync_core.records.dynamodb import TABLE_SCHEMA

FOURTEEN_DAYS_SECONDS = 14 * 24 * 3600

WRITING_AND_READING = {
    "s3:GetObject",
    "s3:GetObjectTagging",
    "s3:GetObjectVersion",
    "s3:GetObjectVersionTagging",
    "s3:PutObject",
    "s3:PutObjectTagging",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:DeleteObjectTagging",
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
}
LISTING = {
    "s3:ListBucket",
    "s3:ListBucketVersions",
    "s3:ListBucketMultipartUploads",
    "s3:GetBucketVersioning",
}
BUCKET_ARN = {"Sub": "arn:${AWS::Partition}:s3:::${BucketName}"}
OBJECTS_ARN = {"Sub": "arn:${AWS::Partition}:s3:::${BucketName}/*"}


class Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as mappings: !Ref X is {"Ref": "X"}."""


def construct_short_form(loader: Loader, name: str, node: yaml.ScalarNode) -> Mapping[str, Any]:
    return {name: loader.construct_scalar(node)}


Loader.add_multi_constructor("!", construct_short_form)

TEXT = find_template().read_text(encoding="utf-8")
TEMPLATE: dict[str, Any] = yaml.load(TEXT, Loader)
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]


def properties(logical_id: str) -> dict[str, Any]:
    found: dict[str, Any] = RESOURCES[logical_id]["Properties"]
    return found


def walk(value: Any) -> Iterator[Any]:
    yield value
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from walk(item)


def statements() -> list[dict[str, Any]]:
    documents = [found for found in walk(RESOURCES) if isinstance(found, dict)]
    return [
        statement for found in documents if "Statement" in found for statement in found["Statement"]
    ]


def actions(statement: Mapping[str, Any]) -> set[str]:
    named = statement["Action"]
    return {named} if isinstance(named, str) else set(named)


def permissions(logical_id: str) -> list[tuple[set[str], Any]]:
    """Return the actions and the resource of each statement in a resource's own policies."""
    documents = [policy["PolicyDocument"] for policy in properties(logical_id)["Policies"]]
    return [
        (actions(statement), statement["Resource"])
        for document in documents
        for statement in document["Statement"]
    ]


class TestSymmetry:
    @pytest.mark.parametrize(
        "what",
        [r"\b\d{12}\b", r"\b(?!aws-)[a-z]{2}-[a-z]+-\d\b", r"arn:aws", r"amazonaws\.com\.cn"],
        ids=["an account", "a region", "a partition", "a domain of a partition"],
    )
    def test_no_resource_names_a_side(self, what: str) -> None:
        resources = TEXT.partition("\nResources:")[2]
        assert re.findall(what, resources) == []

    def test_both_sides_are_told_by_parameters_without_defaults(self) -> None:
        sides = {"SiteName", "BucketName", "PeerSiteName", "PeerBucketName", "PeerRegion"}
        assert all("Default" not in TEMPLATE["Parameters"][name] for name in sides)
        assert {name for name in TEMPLATE["Parameters"] if name not in sides} == {
            "VisibilityTimeoutSeconds",
            "MaxReceiveCount",
            "GraceSeconds",
        }

    def test_only_the_bucket_has_a_name_of_its_own(self) -> None:
        names = {
            (logical_id, name)
            for logical_id, resource in RESOURCES.items()
            for name in resource["Properties"]
            if name in {"BucketName", "QueueName", "TableName", "RoleName", "Name"}
        }
        assert names == {("Bucket", "BucketName")}
        assert properties("Bucket")["BucketName"] == {"Ref": "BucketName"}


class TestOrder:
    def test_every_parameter_is_described_grouped_and_used(self) -> None:
        groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
        grouped = [name for group in groups for name in group["Parameters"]]
        assert sorted(grouped) == sorted(TEMPLATE["Parameters"])
        used = re.findall(r"(?:!Ref |\$\{)(\w+)", TEXT)
        assert set(TEMPLATE["Parameters"]) <= set(used)
        assert all(parameter["Description"] for parameter in TEMPLATE["Parameters"].values())

    def test_every_statement_has_a_sentence_for_an_id(self) -> None:
        sentences = [statement["Sid"] for statement in statements()]
        assert all(re.fullmatch(r"Allow([A-Z][a-z]+){2,}", sentence) for sentence in sentences)

    def test_there_is_no_code_in_it(self) -> None:
        assert "ZipFile" not in TEXT
        assert not any(kind["Type"].startswith("AWS::Lambda") for kind in RESOURCES.values())

    def test_every_output_is_described(self) -> None:
        assert all(output["Description"] for output in TEMPLATE["Outputs"].values())


class TestQueues:
    def test_each_queue_has_a_dead_letter_queue_that_keeps_longer(self) -> None:
        queues = {
            logical_id
            for logical_id, resource in RESOURCES.items()
            if resource["Type"] == "AWS::SQS::Queue"
        }
        for queue in (name for name in queues if "DeadLetter" not in name):
            target = properties(queue)["RedrivePolicy"]["deadLetterTargetArn"]["GetAtt"]
            dead_letter_queue = target.removesuffix(".Arn")
            assert dead_letter_queue in queues
            kept_seconds = properties(dead_letter_queue)["MessageRetentionPeriod"]
            assert kept_seconds == FOURTEEN_DAYS_SECONDS
            assert kept_seconds > properties(queue)["MessageRetentionPeriod"]

    def test_only_the_bucket_of_this_account_may_send(self) -> None:
        (statement,) = properties("SyncQueuePolicy")["PolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
        assert statement["Condition"] == {
            "ArnEquals": {"aws:SourceArn": BUCKET_ARN},
            "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
        }


class TestBucket:
    def test_it_outlives_the_stack(self) -> None:
        assert RESOURCES["Bucket"]["DeletionPolicy"] == "Retain"
        assert RESOURCES["Bucket"]["UpdateReplacePolicy"] == "Retain"

    def test_it_is_not_public(self) -> None:
        blocked = properties("Bucket")["PublicAccessBlockConfiguration"]
        assert len(blocked) == 4
        assert all(blocked.values())

    def test_it_tells_the_queue_of_every_kind_of_change(self) -> None:
        told = properties("Bucket")["NotificationConfiguration"]["QueueConfigurations"]
        assert {entry["Event"] for entry in told} == {
            "s3:ObjectCreated:*",
            "s3:ObjectRemoved:*",
            "s3:LifecycleExpiration:*",
            "s3:ObjectTagging:*",
        }
        assert all(entry["Queue"] == {"GetAtt": "SyncQueue.Arn"} for entry in told)

    def test_it_is_made_after_its_queue_admits_it(self) -> None:
        assert RESOURCES["Bucket"]["DependsOn"] == "SyncQueuePolicy"


class TestPermissions:
    def test_none_is_a_wildcard(self) -> None:
        for statement in statements():
            assert "*" not in "".join(actions(statement))
            assert statement.get("Resource") != "*"

    def test_the_dedicated_user_has_its_bucket_and_may_hint_and_nothing_else(self) -> None:
        assert permissions("DedicatedUser") == [
            (WRITING_AND_READING, OBJECTS_ARN),
            (LISTING, BUCKET_ARN),
            ({"sqs:SendMessage"}, {"GetAtt": "SyncQueue.Arn"}),
        ]

    def test_the_worker_has_what_is_its_sites_and_the_peers_key_pair(self) -> None:
        bucket, listing, queue, dead_letter_queue, table, secret = permissions("WorkerRole")
        assert (bucket, listing) == ((WRITING_AND_READING, OBJECTS_ARN), (LISTING, BUCKET_ARN))
        assert queue[1] == {"GetAtt": "SyncQueue.Arn"}
        assert dead_letter_queue == ({"sqs:SendMessage"}, {"GetAtt": "SyncDeadLetterQueue.Arn"})
        assert table[1] == {"GetAtt": "RecordsTable.Arn"}
        assert secret == ({"secretsmanager:GetSecretValue"}, {"GetAtt": "PeerSecret.Id"})

    def test_workers_run_on_lambda_ecs_and_ec2_or_by_an_operators_hand(self) -> None:
        services, operators = properties("WorkerRole")["AssumeRolePolicyDocument"]["Statement"]
        assert services["Principal"]["Service"] == [
            "lambda.amazonaws.com",
            "ecs-tasks.amazonaws.com",
            {"Sub": "ec2.${AWS::URLSuffix}"},
        ]
        assert operators["Principal"] == {
            "AWS": {"Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}
        }


def test_records_are_sorted_by_key_and_expire() -> None:
    table = properties("RecordsTable")
    assert {name: table[name] for name in TABLE_SCHEMA} == TABLE_SCHEMA
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
