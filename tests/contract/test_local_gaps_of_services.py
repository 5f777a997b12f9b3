"""Queues, stacks, and a changed emulator: the gaps that are not about S3, as seen over HTTP."""

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from sync_core.local.cloud import LocalCloud
from sync_core.local.gaps.seam import EmulatorChanged, Seam
from tests.conftest import WatchedBucket

STALE_HANDLE = "00000000-0000-4000-8000-000000000000"


def refusal(error: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    response = error.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


class TestReceiptHandles:
    def received_twice(self, bucket: WatchedBucket) -> tuple[str, str]:
        """Return the stale and the current receipt handle of one message."""
        where = {"QueueUrl": bucket.queue_url}
        bucket.sqs.send_message(**where, MessageBody="again")
        handles = [
            bucket.sqs.receive_message(**where, VisibilityTimeout=0, WaitTimeSeconds=1)["Messages"][
                0
            ]["ReceiptHandle"]
            for _ in range(2)
        ]
        return handles[0], handles[1]

    def test_deleting_with_a_stale_handle_succeeds_and_leaves_the_message(
        self, watched_bucket: WatchedBucket
    ) -> None:
        stale, _current = self.received_twice(watched_bucket)
        sqs, where = watched_bucket.sqs, {"QueueUrl": watched_bucket.queue_url}
        sqs.delete_message(**where, ReceiptHandle=stale)
        assert "Messages" in sqs.receive_message(**where)

    def test_a_batch_with_a_stale_handle_succeeds(self, watched_bucket: WatchedBucket) -> None:
        stale, current = self.received_twice(watched_bucket)
        answer = watched_bucket.sqs.delete_message_batch(
            QueueUrl=watched_bucket.queue_url,
            Entries=[
                {"Id": "stale", "ReceiptHandle": stale},
                {"Id": "current", "ReceiptHandle": current},
            ],
        )
        assert {entry["Id"] for entry in answer["Successful"]} == {"stale", "current"}
        assert not answer.get("Failed")
        assert watched_bucket.is_quiet()

    def test_what_never_was_a_handle_is_refused(self, watched_bucket: WatchedBucket) -> None:
        with pytest.raises(ClientError) as error:
            watched_bucket.sqs.delete_message(
                QueueUrl=watched_bucket.queue_url, ReceiptHandle="invented"
            )
        assert refusal(error) == (400, "ReceiptHandleIsInvalid")

    def test_changing_the_visibility_with_a_stale_handle_is_refused(
        self, watched_bucket: WatchedBucket
    ) -> None:
        where = {"QueueUrl": watched_bucket.queue_url}
        with pytest.raises(ClientError) as error:
            watched_bucket.sqs.change_message_visibility(
                **where, ReceiptHandle=STALE_HANDLE, VisibilityTimeout=5
            )
        assert refusal(error) == (400, "InvalidParameterValue")
        answer = watched_bucket.sqs.change_message_visibility_batch(
            **where,
            Entries=[{"Id": "1", "ReceiptHandle": STALE_HANDLE, "VisibilityTimeout": 5}],
        )
        assert [entry["Code"] for entry in answer["Failed"]] == ["InvalidParameterValue"]


class TestStacks:
    def create(self, cloud: LocalCloud, resources: dict[str, Any], **outputs: Any) -> str:
        """Return the name of a new stack of account b."""
        name = f"stack-{uuid.uuid4().hex[:8]}"
        stacks = cloud.client("cloudformation", "b")
        template = {
            "Resources": resources,
            "Outputs": {key: {"Value": value} for key, value in outputs.items()},
        }
        stacks.create_stack(
            StackName=name,
            TemplateBody=json.dumps(template),
            Capabilities=["CAPABILITY_IAM"],
            OnFailure="DO_NOTHING",
        )
        quick = {"Delay": 0.05, "MaxAttempts": 200}
        stacks.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=quick)
        return name

    def test_a_key_pair_is_created_and_deleted_with_its_stack(
        self, local_cloud: LocalCloud
    ) -> None:
        stacks, iam = local_cloud.client("cloudformation", "b"), local_cloud.client("iam", "b")
        name = self.create(
            local_cloud,
            {
                "Someone": {"Type": "AWS::IAM::User"},
                "Pair": {
                    "Type": "AWS::IAM::AccessKey",
                    "Properties": {"UserName": {"Ref": "Someone"}},
                },
            },
            User={"Ref": "Someone"},
            Id={"Ref": "Pair"},
            Secret={"Fn::GetAtt": ["Pair", "SecretAccessKey"]},
        )
        (stack,) = stacks.describe_stacks(StackName=name)["Stacks"]
        told = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        keys = iam.list_access_keys(UserName=told["User"])["AccessKeyMetadata"]
        assert [key["AccessKeyId"] for key in keys] == [told["Id"]]
        assert len(told["Secret"]) == 40
        stacks.delete_stack(StackName=name)
        quick = {"Delay": 0.05, "MaxAttempts": 200}
        stacks.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig=quick)
        assert told["User"] not in {user["UserName"] for user in iam.list_users()["Users"]}

    def test_a_key_pair_of_nobody_fails_the_stack(self, local_cloud: LocalCloud) -> None:
        pair = {"Type": "AWS::IAM::AccessKey", "Properties": {"UserName": "nobody"}}
        with pytest.raises(WaiterError):
            self.create(local_cloud, {"Pair": pair})

    def test_the_launched_bucket_and_table_have_the_settings_of_the_template(
        self, local_cloud: LocalCloud
    ) -> None:
        site = local_cloud.sites["b"]
        s3, tables = local_cloud.client("s3", "b"), local_cloud.client("dynamodb", "b")
        (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=site.bucket)["Rules"]
        assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
        expiry = tables.describe_time_to_live(TableName=site.records_table)
        assert expiry["TimeToLiveDescription"] == {
            "TimeToLiveStatus": "ENABLED",
            "AttributeName": "expires_at",
        }
        backups = tables.describe_continuous_backups(TableName=site.records_table)
        recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"


@pytest.mark.usefixtures("local_cloud")
class TestChangedEmulator:
    def test_a_missing_name_is_reported_with_the_gap_and_the_version(self) -> None:
        with pytest.raises(EmulatorChanged) as error:
            Seam("tags").take("services.s3", "_no_such_function")
        message = str(error.value)
        assert "'tags' needs ministack.services.s3._no_such_function" in message
        assert error.value.version in message

    def test_a_missing_module_is_reported(self) -> None:
        with pytest.raises(EmulatorChanged, match=r"ministack\.services\.no_such_service"):
            Seam("tags").take("services.no_such_service", "anything")

    def test_a_missing_entry_of_a_dispatch_table_is_reported(self) -> None:
        with pytest.raises(EmulatorChanged, match=r"_HANDLERS\['NoSuchAction'\]"):
            Seam("tags").wrap_entry("services.sqs", "_HANDLERS", "NoSuchAction", lambda old: old)

    def test_a_value_of_another_type_is_reported(self) -> None:
        with pytest.raises(EmulatorChanged, match="DEFAULT_PORT: int"):
            Seam("tags").put("services.sqs", "DEFAULT_PORT", 4566)
