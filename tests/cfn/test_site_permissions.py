"""Who may do what, by cfn/site.yaml: no more than the code does or a reason says."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cfn.template import (
    FLEET,
    FORWARDING,
    IN_OSS,
    PEER_IN_OSS,
    RUNTIMES,
    TEMPLATE,
    Stack,
    walk,
)

ROOT = Path(__file__).resolve().parents[2]

CALLS: Mapping[str, str] = {
    "s3:GetObject": "get_object",
    "s3:GetObjectTagging": "get_object_tagging",
    "s3:GetObjectVersion": "VersionId",
    "s3:PutObject": "put_object",
    "s3:PutObjectTagging": "put_object_tagging",
    "s3:DeleteObject": "delete_object",
    "s3:DeleteObjectVersion": "delete_version",
    "s3:AbortMultipartUpload": "abort_multipart_upload",
    "s3:ListMultipartUploadParts": "list_parts",
    "s3:ListBucketMultipartUploads": "list_multipart_uploads",
    "s3:RestoreObject": "restore_object",
    "s3:ListBucket": "list_objects_v2",
    "s3:ListBucketVersions": "list_object_versions",
    "s3:GetBucketNotification": "get_bucket_notification_configuration",
    "s3:PutBucketNotification": "put_bucket_notification_configuration",
    "sqs:ReceiveMessage": "receive_message",
    "sqs:DeleteMessage": "delete_message_batch",
    "sqs:ChangeMessageVisibility": "change_message_visibility_batch",
    "sqs:SendMessage": "send_message",
    "dynamodb:GetItem": "GetItem",
    "dynamodb:BatchGetItem": "BatchGetItem",
    "dynamodb:Query": "Query",
    "dynamodb:PutItem": "PutItem",
    "secretsmanager:GetSecretValue": "get_secret_value",
    "states:StartExecution": "start_execution",
    "iam:GetUser": "get_user",
    "iam:ListAccessKeys": "list_access_keys",
    "iam:DeleteAccessKey": "delete_access_key",
}
"""Actions, and the word in the sources that needs them."""

REASONS: Mapping[str, str] = {
    "s3:GetObjectVersionTagging": "S3 asks for it when copy_object copies a version with tags",
    "s3:PutObjectAcl": "S3 asks for it when an object is put with the canned ACL of parameter Acl",
    "s3:GetObjectLegalHold": "S3 tells a legal hold to those only who may read it",
    "s3:GetObjectRetention": "S3 tells retention to those only who may read it",
    "s3:PutObjectLegalHold": "S3 asks for it when an object is put with a legal hold",
    "s3:PutObjectRetention": "S3 asks for it when an object is put with a retention",
    "sqs:GetQueueAttributes": "Lambda asks for it in the role of a function that a queue feeds",
    "dynamodb:UpdateItem": "a transaction that counts parts of a shared upload updates its item",
    "logs:CreateLogStream": "Lambda and the CloudWatch agent write logs in the name of the role",
    "logs:PutLogEvents": "Lambda and the CloudWatch agent write logs in the name of the role",
    "lambda:InvokeFunction": "the state machines run the finder and look at uploads",
    "sns:Publish": "alarms are told to the topic",
    "sts:AssumeRole": "a service, or an operator, acts in a role",
}
"""Actions that no word in the sources stands for."""

SEED = {
    "s3:ListBucket",
    "s3:GetObject",
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:AbortMultipartUpload",
    "s3:ListBucketMultipartUploads",
    "s3:PutObjectAcl",
    "s3:ListMultipartUploadParts",
}
"""What the eight manual steps of the reference grant the dedicated user."""

EVERYTHING = {
    "PrefixListFile": "lists/prefixes.txt",
    "Prefix": "data/",
    "ArchivedObjects": "restore",
    "ObjectLock": "true",
    "ServerSideCopy": "true",
}
BUCKET = "arn:aws-cn:s3:::data-alpha"
PEER_BUCKET = "arn:aws-cn:s3:::data-bravo"
LOCKING = {
    f"s3:{verb}Object{what}" for verb in ("Get", "Put") for what in ("LegalHold", "Retention")
}

STACKS = [
    *(Stack({**runtime, **EVERYTHING}) for runtime in RUNTIMES.values()),
    *(Stack({**runtime, **IN_OSS}) for runtime in RUNTIMES.values()),
    Stack({**PEER_IN_OSS, **FORWARDING, "Prefix": "data/"}),
]
OF_THE_PEERS_STACK = "arn:aws-cn:sqs:*:111111111111:dualway-bravo-*"


def statements(value: Any) -> Iterator[dict[str, Any]]:
    for found in walk(value):
        if isinstance(found, dict) and isinstance(found.get("Statement"), list):
            yield from found["Statement"]


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def grants(stack: Stack, logical_id: str) -> dict[str, tuple[set[str], list[str]]]:
    """Return the actions and resources of each statement of a resource's policies, by its Sid."""
    return {
        statement["Sid"]: (set(listed(statement["Action"])), listed(statement["Resource"]))
        for statement in statements(stack.properties(logical_id)["Policies"])
    }


@pytest.fixture(scope="module")
def words() -> set[str]:
    """Every word in the code that runs in an account."""
    apart = ("sync_core/local", "sync_core/cli")
    paths = [*(ROOT / "sync_core").rglob("*.py"), *(ROOT / "handlers").rglob("*.py")]
    sources = [path for path in paths if not str(path.relative_to(ROOT)).startswith(apart)]
    return {word for path in sources for word in re.findall(r"\w+", path.read_text("utf-8"))}


class TestLeastPrivilege:
    def test_every_action_is_one_that_the_code_does_or_has_a_reason(self, words: set[str]) -> None:
        granted = {
            action
            for stack in STACKS
            for statement in statements(stack.resources)
            for action in listed(statement["Action"])
        }
        assert granted == set(CALLS) | set(REASONS)
        assert {action for action in CALLS if CALLS[action] not in words} == set()

    def test_no_action_and_no_resource_is_a_wildcard(self) -> None:
        allowed = {
            f"{BUCKET}/*": "the objects of the bucket",
            f"{BUCKET}/data/*": "those of them that take part",
            f"{BUCKET}/data/.dualway/*": "the finder's own folder",
            f"{PEER_BUCKET}/*": "the objects that S3 fetches by itself",
            OF_THE_PEERS_STACK: "the queue of the other stack of this account",
        }
        for stack in STACKS:
            for statement in statements(stack.resources):
                assert "*" not in "".join(listed(statement["Action"]))
                resources = listed(statement.get("Resource", []))
                assert [name for name in resources if "*" in name and name not in allowed] == []

    def test_every_statement_has_a_sentence_for_an_id(self) -> None:
        sentences = {part["Sid"] for stack in STACKS for part in statements(stack.resources)}
        assert all(re.fullmatch(r"Allow([A-Z][a-z]+){2,}", sentence) for sentence in sentences)

    def test_nothing_is_allowed_to_everybody(self) -> None:
        for stack in STACKS:
            for statement in statements(stack.resources):
                assert "*" not in str(statement.get("Principal", ""))

    def test_services_that_act_for_others_are_held_to_this_account(self) -> None:
        confused = ("s3.", "states.", "scheduler.", "cloudwatch.")
        for statement in statements(Stack().resources):
            service = str(statement.get("Principal", {}).get("Service", ""))
            if service.startswith(confused):
                held = statement["Condition"]["StringEquals"]
                assert held == {"aws:SourceAccount": "111111111111"}


class TestDedicatedUser:
    def test_it_has_its_bucket_and_may_hint_and_nothing_else(self) -> None:
        granted = grants(Stack(), "DedicatedUser")
        assert granted["AllowPeerToReadAndWriteObjects"][1] == [f"{BUCKET}/*"]
        assert granted["AllowPeerToListTheBucket"][1] == [BUCKET]
        assert granted["AllowPeerToSendHints"] == ({"sqs:SendMessage"}, ["<SyncQueue.Arn>"])
        assert len(granted) == 3

    def test_it_has_at_least_what_the_manual_steps_grant(self) -> None:
        granted = set().union(*(part[0] for part in grants(Stack(), "DedicatedUser").values()))
        assert granted >= SEED

    def test_it_may_lock_objects_where_locks_are_copied(self) -> None:
        granted = grants(Stack({"ObjectLock": "true"}), "DedicatedUser")
        assert granted["AllowPeerToLockObjects"] == (LOCKING, [f"{BUCKET}/*"])

    def test_it_reads_the_peers_bucket_where_s3_fetches_by_itself_and_nowhere_else(self) -> None:
        granted = grants(Stack({"ServerSideCopy": "true"}), "DedicatedUser")
        reading = {"s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectVersion"}
        assert granted["AllowFetchingFromThePeersBucket"] == (reading, [f"{PEER_BUCKET}/*"])
        assert len(granted) == 4

    def test_it_is_not_made_where_there_is_one(self) -> None:
        stack = Stack({"DedicatedUserId": "AIDA22DTNGKCEFNXNVSDR"})
        made = {name for name in stack.resources if name.startswith("DedicatedUser")}
        assert made == set()
        assert stack.outputs["DedicatedUserId"]["Value"] == "AIDA22DTNGKCEFNXNVSDR"
        assert "DedicatedUserName" not in stack.outputs

    def test_no_key_pair_is_in_the_template(self) -> None:
        assert not any(
            resource["Type"] == "AWS::IAM::AccessKey" for resource in TEMPLATE["Resources"].values()
        )


class TestWorkerRole:
    def test_it_has_what_is_its_sites_and_the_peers_key_pair(self) -> None:
        granted = grants(Stack(), "WorkerRole")
        assert {sid: resources for sid, (_, resources) in granted.items()} == {
            "AllowReadingAndWritingObjects": [f"{BUCKET}/*"],
            "AllowListingTheBucket": [BUCKET],
            "AllowConsumingTheQueue": ["<SyncQueue.Arn>"],
            "AllowSendingToTheDeadLetterQueue": ["<SyncDeadLetterQueue.Arn>"],
            "AllowKeepingRecords": ["<RecordsTable.Arn>"],
            "AllowSharingUploads": ["<PartsTable.Arn>"],
            "AllowHavingUploadsWatched": ["<UploadStateMachine>"],
            "AllowReadingThePeersKeyPair": ["<PeerSecret.Id>"],
            "AllowWritingItsLog": ["<WorkerLogGroup.Arn>"],
        }

    def test_it_restores_and_locks_objects_where_it_is_told_to(self) -> None:
        granted = grants(Stack(EVERYTHING), "WorkerRole")
        restoring = granted["AllowRestoringArchivedObjects"]
        assert restoring == ({"s3:RestoreObject"}, [f"{BUCKET}/*"])
        assert granted["AllowLockingObjects"] == (LOCKING, [f"{BUCKET}/*"])
        assert len(granted) == len(grants(Stack(), "WorkerRole")) + 2

    def test_it_starts_no_state_machine_where_there_is_none(self) -> None:
        granted = grants(Stack(RUNTIMES["Elsewhere"]), "WorkerRole")
        assert not any("states:StartExecution" in actions for actions, _ in granted.values())

    def test_an_instance_may_fetch_its_package_too(self) -> None:
        granted = grants(Stack(FLEET), "WorkerRole")
        package = ["arn:aws-cn:s3:::packages-alpha/fleet.zip"]
        assert granted["AllowInstancesToFetchTheirPackage"] == ({"s3:GetObject"}, package)
        assert "AllowInstancesToFetchTheirPackage" not in grants(Stack(), "WorkerRole")

    @pytest.mark.parametrize("role", ["WorkerRole", "FinderRole", "UploadRole"])
    @pytest.mark.parametrize(
        "named",
        ["keys", "arn:aws-cn:secretsmanager:cn-north-1:111111111111:secret:keys-AbCdEf"],
        ids=["by name", "by ARN"],
    )
    def test_an_existing_secret_is_the_only_one_it_may_read(self, role: str, named: str) -> None:
        stack = Stack({"PeerCredentialsSecret": named})
        (_, resources) = grants(stack, role)["AllowReadingThePeersKeyPair"]
        secret = "arn:aws-cn:secretsmanager:cn-north-1:111111111111:secret:"
        bare = named.removeprefix(secret)
        assert resources == [secret + bare, f"{secret}{bare}-??????"]
        assert "PeerSecret" not in stack.resources
        assert stack.outputs["PeerSecretArn"]["Value"] == named

    @pytest.mark.parametrize(
        ("runtime", "services"),
        [
            ("Lambda", ["lambda.amazonaws.com"]),
            ("EC2", ["ec2.amazonaws.com.cn"]),
            ("Elsewhere", ["ec2.amazonaws.com.cn", "ecs-tasks.amazonaws.com"]),
        ],
    )
    def test_the_service_that_runs_it_and_operators_may_act_in_it(
        self, runtime: str, services: list[str]
    ) -> None:
        role = Stack(RUNTIMES[runtime]).properties("WorkerRole")
        ran, operators = role["AssumeRolePolicyDocument"]["Statement"]
        assert ran["Principal"]["Service"] == services
        assert operators["Principal"] == {"AWS": "arn:aws-cn:iam::111111111111:root"}


class TestFinderRole:
    def test_it_writes_to_dualways_own_folder_alone(self) -> None:
        granted = grants(Stack(EVERYTHING), "FinderRole")
        written = [
            resource
            for actions, resources in granted.values()
            for resource in resources
            if actions & {"s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"}
        ]
        assert written == [f"{BUCKET}/data/.dualway/*"]
        listed_file = granted["AllowReadingTheListOfPrefixes"]
        assert listed_file == ({"s3:GetObject"}, [f"{BUCKET}/lists/prefixes.txt"])

    def test_it_aborts_forgotten_uploads_and_reads_which_are_not(self) -> None:
        granted = grants(Stack(), "FinderRole")
        aborting = granted["AllowAbortingForgottenUploads"]
        assert aborting == ({"s3:AbortMultipartUpload"}, [f"{BUCKET}/*"])
        assert "s3:ListBucketMultipartUploads" in granted["AllowListingTheBucket"][0]
        reading = {"dynamodb:GetItem", "dynamodb:Query"}
        assert granted["AllowReadingWhichUploadsAreShared"] == (reading, ["<PartsTable.Arn>"])

    @pytest.mark.parametrize("runtime", ["Lambda", "EC2"])
    def test_it_is_told_in_which_role_a_worker_begins_uploads(self, runtime: str) -> None:
        stack = Stack(RUNTIMES[runtime])
        variables = stack.properties("FinderFunction")["Environment"]["Variables"]
        assert variables["DUALWAY_WORKER_ROLE"] == "<WorkerRole.Arn>"
        assert stack.properties("FinderFunction")["Role"] != "<WorkerRole.Arn>"

    def test_its_writes_are_no_echoes(self) -> None:
        variables = Stack().properties("WorkerFunction")["Environment"]["Variables"]
        ids = variables["DUALWAY_ECHO_PRINCIPAL_IDS"].split(",")
        assert ids == ["<DedicatedUserIdentity.UserId>", "<WorkerRole.RoleId>"]


class TestUploadRole:
    def test_it_looks_at_sources_keeps_the_ledger_and_sends(self) -> None:
        granted = grants(Stack(EVERYTHING), "UploadRole")
        assert {sid: resources for sid, (_, resources) in granted.items()} == {
            "AllowLookingAtSources": [f"{BUCKET}/data/*"],
            "AllowListingTheBucket": [BUCKET],
            "AllowKeepingTheLedger": ["<PartsTable.Arn>"],
            "AllowSendingToTheQueue": ["<SyncQueue.Arn>"],
            "AllowReadingThePeersKeyPair": ["<PeerSecret.Id>"],
            "AllowWritingItsLog": ["<UploadLogGroup.Arn>"],
        }
        of_s3 = {name for actions, _ in granted.values() for name in actions if "s3:" in name}
        assert of_s3 == {"s3:GetObject", "s3:ListBucket"}

    def test_its_state_machine_calls_its_function_alone(self) -> None:
        granted = grants(Stack(), "UploadStatesRole")
        calling = ({"lambda:InvokeFunction"}, ["<UploadFunction.Arn>"])
        assert granted == {"AllowInvokingTheLook": calling}


def test_the_functions_of_the_launch_have_one_thing_each() -> None:
    stack = Stack()
    assert set(grants(stack, "DedicatedUserRole")) == {
        "AllowTellingItsIdAndDeletingItsKeyPairs",
        "AllowWritingItsLog",
    }
    notifications = grants(stack, "BucketNotificationRole")["AllowMergingNotifications"]
    assert notifications[1] == [BUCKET]
