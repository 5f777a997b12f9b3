"""cfn/site.yaml in the emulated CloudFormation: made, left alone, changed and deleted."""

import io
import json
import secrets
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from sync_core.local.clients import Clients, KeyPair
from sync_core.local.cloud import LocalCloud

ROOT = Path(__file__).resolve().parents[2]
STACK = "dualway"
QUICK = {"Delay": 0.05, "MaxAttempts": 6000}

FLEET = {
    "WorkerRuntime": "EC2",
    "VpcId": "vpc-12345678",
    "SubnetIds": "subnet-12345678,subnet-9abcdef0",
    "FleetPackage": "functions.zip",
}
LAUNCHES = {
    "functions in China": ("cn-north-1", {"MaxConcurrentWorkers": "2"}),
    "functions elsewhere": ("us-west-2", {"MaxConcurrentWorkers": "2"}),
    "a fleet in China": ("cn-north-1", FLEET),
    "a fleet elsewhere": ("us-west-2", FLEET),
    "an operator's workers in China": ("cn-north-1", {"WorkerRuntime": "Elsewhere"}),
    "an operator's workers elsewhere": ("us-west-2", {"WorkerRuntime": "Elsewhere"}),
}


@dataclass(frozen=True)
class Account:
    """An account of its own in the shared emulator, with a bucket that somebody else watches."""

    clients: Clients
    region: str
    data: str
    artifacts: str
    template_url: str

    def client(self, service: str) -> Any:
        return self.clients.client(service)

    def parameters(self, given: Mapping[str, str]) -> list[dict[str, str]]:
        values = {
            "SiteName": "a",
            "PeerSiteName": "b",
            "BucketName": self.data,
            "PeerBucketName": "somewhere-else",
            "PeerRegion": "eu-central-1",
            "FinderSchedule": "",
            "ArtifactBucket": self.artifacts,
            "LambdaPackage": "functions.zip",
            **given,
        }
        return [{"ParameterKey": key, "ParameterValue": values[key]} for key in values]

    def change(self, kind: str, given: Mapping[str, str]) -> None:
        """Make or change the stack by a change set; WaiterError when there is nothing to change."""
        stacks = self.client("cloudformation")
        change_set = stacks.create_change_set(
            StackName=STACK,
            ChangeSetName=f"change-{uuid.uuid4().hex}",
            ChangeSetType=kind,
            TemplateURL=self.template_url,
            Parameters=self.parameters(given),
            Capabilities=["CAPABILITY_IAM"],
        )["Id"]
        made = stacks.get_waiter("change_set_create_complete")
        made.wait(ChangeSetName=change_set, WaiterConfig=QUICK)
        stacks.execute_change_set(ChangeSetName=change_set)
        done = stacks.get_waiter(f"stack_{kind.lower()}_complete")
        try:
            done.wait(StackName=STACK, WaiterConfig=QUICK)
        except WaiterError:
            pytest.fail("; ".join(self.failures()))

    def delete(self) -> None:
        stacks = self.client("cloudformation")
        stacks.delete_stack(StackName=STACK)
        stacks.get_waiter("stack_delete_complete").wait(StackName=STACK, WaiterConfig=QUICK)

    def failures(self) -> list[str]:
        events = self.client("cloudformation").describe_stack_events(StackName=STACK)
        return [
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
            for event in events["StackEvents"]
            if event["ResourceStatus"].endswith("FAILED")
        ]

    def outputs(self) -> dict[str, str]:
        (stack,) = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def notifications(self) -> dict[str, Any]:
        s3 = self.client("s3")
        found: dict[str, Any] = s3.get_bucket_notification_configuration(Bucket=self.data)
        found.pop("ResponseMetadata")
        return found

    def watch(self) -> None:
        """Have events of one folder of the bucket go to a queue that is not the stack's."""
        sqs, bucket = self.client("sqs"), self.data
        url = sqs.create_queue(QueueName="theirs")["QueueUrl"]
        asked = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        arn = asked["Attributes"]["QueueArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        folder = {"Key": {"FilterRules": [{"Name": "Prefix", "Value": "theirs/"}]}}
        theirs = {
            "Id": "theirs",
            "QueueArn": arn,
            "Events": ["s3:ObjectCreated:*"],
            "Filter": folder,
        }
        self.client("s3").put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [theirs]}
        )


@pytest.fixture(scope="module")
def package() -> bytes:
    """A package of the functions without what they depend on, which the emulator has."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for folder in ("sync_core", "handlers"):
            for path in sorted((ROOT / folder).rglob("*.py")):
                archive.write(path, path.relative_to(ROOT))
    return data.getvalue()


@pytest.fixture(params=LAUNCHES)
def launch(request: pytest.FixtureRequest) -> tuple[str, dict[str, str]]:
    """The region and the parameters of a launch; the users' keys lie in a folder of their own."""
    region, given = LAUNCHES[request.param]
    return region, {**given, "Prefix": "ours/"}


@pytest.fixture
def account(
    local_cloud: LocalCloud, launch: tuple[str, dict[str, str]], package: bytes
) -> Iterator[Account]:
    region, _ = launch
    number = str(secrets.choice(range(300_000_000_000, 900_000_000_000)))
    clients = Clients(local_cloud.endpoint_url, region, KeyPair(number, "root"))
    data, artifacts = f"data-{number}", f"artifacts-{number}"
    s3 = clients.client("s3")
    for bucket in (data, artifacts):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
    template = (ROOT / "cfn" / "site.yaml").read_bytes()
    s3.put_object(Bucket=artifacts, Key="functions.zip", Body=package)
    s3.put_object(Bucket=artifacts, Key="site.yaml", Body=template)
    url = f"{local_cloud.endpoint_url}/{artifacts}/site.yaml"
    yield Account(clients, region, data, artifacts, url)
    clients.close()


def test_a_stack_is_made_left_alone_changed_and_deleted(
    account: Account, launch: tuple[str, dict[str, str]]
) -> None:
    _, given = launch
    account.watch()
    before = account.notifications()

    account.change("CREATE", given)
    outputs = account.outputs()
    theirs, ours = account.notifications()["QueueConfigurations"]
    assert [theirs] == before["QueueConfigurations"]
    assert ours["QueueArn"].endswith(outputs["QueueUrl"].rpartition("/")[2])
    user = account.client("iam").get_user(UserName=outputs["DedicatedUserName"])["User"]
    assert outputs["DedicatedUserId"] == user["UserId"]

    with pytest.raises(WaiterError) as refusal:
        account.change("UPDATE", given)
    assert "didn't contain changes" in refusal.value.last_response["StatusReason"]
    account.change("UPDATE", {**given, "GraceSeconds": "90", "MaxReceiveCount": "5"})
    changed = account.outputs()
    assert changed == {**outputs, "GraceSeconds": "90"}
    assert account.notifications()["QueueConfigurations"] == [theirs, ours]

    # A launch makes the key pair, outside of the stack.
    account.client("iam").create_access_key(UserName=outputs["DedicatedUserName"])
    account.delete()
    assert account.notifications() == before
    remains = account.client("dynamodb").list_tables()["TableNames"]
    assert remains == [outputs["RecordsTableName"]]
    assert account.client("iam").list_users()["Users"] == []
    assert account.client("iam").list_roles()["Roles"] == []
    with pytest.raises(ClientError, match="NonExistentQueue"):
        account.client("sqs").get_queue_attributes(QueueUrl=outputs["QueueUrl"])


@pytest.mark.parametrize("launch", [("us-west-2", {})], indirect=False)
def test_an_impossible_choice_is_refused_before_anything_is_made(
    account: Account, launch: tuple[str, dict[str, str]]
) -> None:
    with pytest.raises(ClientError, match="WorkerRuntime EC2 needs VpcId"):
        account.change("CREATE", {"WorkerRuntime": "EC2"})
    assert account.client("sqs").list_queues().get("QueueUrls", []) == []
