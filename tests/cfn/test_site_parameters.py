"""The parameters of cfn/site.yaml: what is asked, what is refused, and what the reference had."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.cfn.template import FLEET, PARAMETERS, TEMPLATE, TEXT, Stack, walk

INTERFACE = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]

EQUIVALENTS: Mapping[str, str] = {
    "srcType": "StoreType",
    "srcRegion": "StoreRegion",
    "srcBucket": "BucketName",
    "destBucket": "PeerBucketName",
    "srcPrefix": "Prefix",
    "srcPrefixsListFile": "PrefixListFile",
    "srcCredentials": "StoreCredentialsSecret",
    "destCredentials": "PeerCredentialsSecret",
    "srcEndpoint": "StoreEndpoint",
    "destRegion": "PeerRegion",
    "isPayerRequest": "RequesterPays",
    "destPrefix": "PeerPrefix",
    "destStorageClass": "StorageClass",
    "destAcl": "Acl",
    "destPutObjectSSEType": "SseType",
    "destPutObjectSSEKmsKeyId": "SseKmsKeyId",
    "ec2VpcId, ecsVpcId": "VpcId",
    "ec2Subnets, ecsSubnets": "SubnetIds",
    "ec2CronExpression": "FinderSchedule",
    "alarmEmail": "AlarmEmail",
    "includeMetadata": "IncludeMetadata",
    "srcEvent": "EventTrigger",
    "finderDepth": "FinderDepth",
    "finderNumber": "FinderParallelism",
    "workerNumber": "WorkerConcurrency",
    "maxCapacity": "FleetMax",
    "minCapacity": "FleetMin",
    "desiredCapacity": "FleetDesired",
    "enableSynchronization": "Direction",
    "userID": "DedicatedUserId",
    "lambdaMemory": "WorkerMemory",
    "multipartThreshold": "SharedUploadMiB",
    "maxThreads": "PartConcurrency",
}
"""Parameters of the reference's template (facts/reference.md 1.2), by their names there."""

NO_EQUIVALENT: Mapping[str, str] = {
    "srcPrefixListBucket": "the list lies in the own bucket",
    "srcSkipCompare": "every key is looked at before it is copied, or a write would be lost",
    "srcInCurrentAccount, destInCurrentAccount": "the own bucket always is, the peer's never",
    "finderEc2Memory": "a round takes the same memory for any number of keys, and is a function",
    "ecsClusterName": "the finder is a function, the fleet is EC2",
    "jobType": "objects move from where they were written to where they were not",
    "chunkSize": "parts are as large as the source's own, or chosen from the size of each object",
    "enableS3Event": "EventTrigger, by its later name srcEvent",
    "credentialsParameterStore": "key pairs are in Secrets Manager",
    "regionName": "PeerRegion, by its later name destRegion",
}


def value_is_allowed(name: str, value: str) -> bool:
    """Tell whether CloudFormation takes a value, by the constraints of the parameter."""
    entry = PARAMETERS[name]
    pattern = entry.get("AllowedPattern")
    allowed = [str(choice) for choice in entry.get("AllowedValues", [value])]
    return value in allowed and (pattern is None or re.fullmatch(pattern, value) is not None)


def broken(given: dict[str, str]) -> set[str]:
    """Return the rules that do not hold for the given parameters."""
    stack = Stack(given)
    return {
        name
        for name, rule in TEMPLATE["Rules"].items()
        if stack.resolved(rule.get("RuleCondition", True))
        and not all(stack.resolved(assertion["Assert"]) for assertion in rule["Assertions"])
    }


class TestInterface:
    def test_every_parameter_is_described_grouped_labelled_and_used(self) -> None:
        grouped = [name for group in INTERFACE["ParameterGroups"] for name in group["Parameters"]]
        assert sorted(grouped) == sorted(PARAMETERS)
        assert set(INTERFACE["ParameterLabels"]) == set(PARAMETERS)
        used = set(re.findall(r"(?:!Ref |\$\{)(\w+)", TEXT.partition("\nConditions:")[2]))
        assert set(PARAMETERS) <= used
        assert all(entry["Description"].endswith(".") for entry in PARAMETERS.values())

    def test_parameters_stand_in_the_order_of_their_groups(self) -> None:
        grouped = [name for group in INTERFACE["ParameterGroups"] for name in group["Parameters"]]
        labelled = list(INTERFACE["ParameterLabels"])
        assert list(PARAMETERS) == grouped == labelled

    def test_the_user_id_has_the_references_label(self) -> None:
        label = INTERFACE["ParameterLabels"]["DedicatedUserId"]["default"]
        assert label == "userID for Two Way Synchronization"

    def test_every_default_is_allowed(self) -> None:
        defaults = {
            name: entry["Default"] for name, entry in PARAMETERS.items() if "Default" in entry
        }
        assert [
            name for name, value in defaults.items() if not value_is_allowed(name, str(value))
        ] == []

    def test_every_parameter_of_the_reference_has_an_equivalent_or_a_reason(self) -> None:
        assert set(EQUIVALENTS.values()) <= set(PARAMETERS)
        assert not set(EQUIVALENTS) & set(NO_EQUIVALENT)
        assert all(len(reason.split()) >= 5 for reason in NO_EQUIVALENT.values())

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("SiteName", "A"),
            ("BucketName", "data/alpha"),
            ("PeerBucketName", "data bravo"),
            ("StoreType", "netstorage"),
            ("PeerStoreType", "OSS"),
            ("StoreRegion", "cn hangzhou"),
            ("StoreEndpoint", "s3.oss-cn-hangzhou.aliyuncs.com"),
            ("StoreUserIds", "262561392693583141, 262561392693583142"),
            ("Forwarder", "true"),
            ("DedicatedUserId", "arn:aws:iam::111111111111:user/x"),
            ("DedicatedUserId", "AROA22DTNGKCEFNXNVSDR"),
            ("FinderSchedule", "hourly"),
            ("PeerEndpoint", "s3.example.com"),
            ("ConflictPolicy", "prefer:"),
            ("VpcId", "subnet-12345678"),
            ("SubnetIds", "subnet-12345678, subnet-9abcdef0"),
            ("AlarmEmail", "nobody"),
            ("WorkerTimeout", "100"),
            ("EventTrigger", "Delete"),
            ("ArchivedObjects", "true"),
            ("ObjectLock", "GOVERNANCE"),
            ("ServerSideCopy", "yes"),
        ],
    )
    def test_what_cannot_be_meant_is_refused(self, name: str, value: str) -> None:
        assert not value_is_allowed(name, value)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("DedicatedUserId", "AIDA22DTNGKCEFNXNVSDR"),
            ("BucketName", "photos-1250000000"),
            ("BucketName", "made_for_gcs.example.com"),
            ("PeerBucketName", "123456"),
            ("StoreUserIds", "262561392693583141,262561392693583142"),
            ("StoreUserIds", "tenant$user"),
            ("StoreEndpoint", "http://127.0.0.1:9000"),
            ("FinderSchedule", ""),
            ("FinderSchedule", "cron(0 3 * * ? *)"),
            ("PeerEndpoint", "https://bucket.vpce-0123-abc.s3.us-west-2.vpce.amazonaws.com"),
            ("PeerEndpoint", "http://127.0.0.1:4566"),
            ("ConflictPolicy", "prefer:bravo"),
            ("SubnetIds", "subnet-12345678,subnet-0123456789abcdef0"),
            ("AlarmEmail", "team@example.com"),
        ],
    )
    def test_what_may_be_meant_is_taken(self, name: str, value: str) -> None:
        assert value_is_allowed(name, value)


class TestRules:
    def test_the_defaults_break_none(self) -> None:
        assert broken({}) == set()
        assert broken(FLEET) == set()

    @pytest.mark.parametrize("missing", ["VpcId", "SubnetIds", "FleetPackage"])
    def test_a_fleet_needs_a_place_and_a_package(self, missing: str) -> None:
        assert broken({**FLEET, missing: ""}) == {"FleetIsPlaced"}

    def test_an_instance_type_that_cannot_run_the_package_is_refused(self) -> None:
        assert broken({**FLEET, "WorkerArchitecture": "x86_64"}) == {"FleetFitsItsPackage"}
        assert broken({"WorkerArchitecture": "x86_64"}) == set()

    def test_encryption_with_kms_needs_a_key_and_a_key_needs_it(self) -> None:
        key = "arn:aws:kms:us-west-2:222222222222:key/1"
        assert broken({"SseType": "AWS_KMS"}) == {"KmsHasAKey"}
        assert broken({"SseKmsKeyId": key}) == {"KeyIsUsed"}
        assert broken({"SseType": "AWS_KMS", "SseKmsKeyId": key}) == set()

    def test_both_sites_need_names_of_their_own(self) -> None:
        assert broken({"PeerSiteName": "alpha"}) == {"TwoSites"}

    def test_an_operators_visibility_timeout_is_for_his_workers_only(self) -> None:
        own = {"VisibilityTimeoutSeconds": "30"}
        assert broken(own) == {"VisibilityIsTheOperators"}
        assert broken({**own, "WorkerRuntime": "Elsewhere"}) == set()

    def test_every_refusal_says_what_to_give(self) -> None:
        rules = TEMPLATE["Rules"].values()
        assertions = [part for rule in rules for part in rule["Assertions"]]
        said = [assertion["AssertDescription"] for assertion in assertions]
        assert all(any(name in sentence for name in PARAMETERS) for sentence in said)

    def test_rules_use_only_the_functions_that_rules_have(self) -> None:
        parts: list[Any] = [part for part in walk(TEMPLATE["Rules"]) if isinstance(part, dict)]
        functions = {
            name for part in parts for name in part if name in {"If", "Select", "Sub", "FindInMap"}
        }
        assert functions == set()


class TestStorageOptions:
    @pytest.mark.parametrize(
        ("given", "told"),
        [("None", ""), ("AES256", "AES256"), ("AWS_KMS", "aws:kms")],
    )
    def test_encryption_is_told_as_s3_names_it(self, given: str, told: str) -> None:
        variables = Stack({"SseType": given}).properties("WorkerFunction")["Environment"]
        assert variables["Variables"]["DUALWAY_SSE"] == told
