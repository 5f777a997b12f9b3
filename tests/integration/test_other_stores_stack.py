"""cfn/site.yaml for a pair with another store: two stacks side by side, one with a forwarder.

The other store is a bucket of another account, reached at a URL with a key pair of that account.
Its stack has a worker; in that of the bucket in S3 what comes into the queue is left to the test.
"""

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sync_core.launch.packages import build_source_package
from sync_core.local.clients import Clients, KeyPair
from sync_core.local.cloud import LocalCloud
from sync_core.local.observe import wait_until

ROOT = Path(__file__).resolve().parents[2]
REGION = "us-west-2"
QUICK = {"Delay": 0.05, "MaxAttempts": 6000}
DEADLINE_SECONDS = 180.0
SECRET = "dualway-elsewhere"
USER_ID = "262561392693583141"
OSS_EVENT = (ROOT / "tests" / "events" / "oss_created_put.json").read_text("utf-8")
ADMINISTRATOR = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
    }
)
IN_S3 = {
    "SiteName": "s",
    "PeerSiteName": "elsewhere",
    "PeerStoreType": "generic",
    "PeerRegion": REGION,
    "PeerCredentialsSecret": SECRET,
    "EventTrigger": "No",
    "Forwarder": "Yes",
    "WorkerRuntime": "Elsewhere",
}
ELSEWHERE = {
    "SiteName": "elsewhere",
    "PeerSiteName": "s",
    "PeerRegion": REGION,
    "StoreType": "generic",
    "StoreRegion": REGION,
    "StoreCredentialsSecret": SECRET,
    "StoreUserIds": USER_ID,
    "FinderSchedule": "",
    "MaxConcurrentWorkers": "2",
}


@dataclass(frozen=True)
class Pair:
    """Both stacks of one account, the bucket in S3, and the one that is elsewhere."""

    clients: Clients
    elsewhere: Clients
    buckets: Mapping[str, str]
    told: Mapping[str, Mapping[str, str]]

    def client(self, service: str) -> Any:
        return self.clients.client(service)

    def send(self, site: str, message: object) -> None:
        url = self.told[site]["QueueUrl"]
        self.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(message))

    def bodies(self, queue_url: str) -> list[Any]:
        """Return what waits in a queue, which is deleted."""
        sqs = self.client("sqs")
        answer = sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]

    def next_body(self, queue_url: str) -> Any:
        """Return the one message that comes into a queue."""
        found: list[Any] = []

        def has_come() -> bool:
            found.extend(self.bodies(queue_url))
            return bool(found)

        wait_until(has_come, DEADLINE_SECONDS, lambda: f"nothing comes into {queue_url}")
        (body,) = found
        return body

    def log(self) -> list[str]:
        """Return what the worker has logged."""
        group = self.told["elsewhere"]["WorkerLogGroupName"]
        found = self.client("logs").filter_log_events(logGroupName=group)
        return [event["message"] for event in found["events"]]


def account(endpoint_url: str) -> Clients:
    number = str(secrets.choice(range(300_000_000_000, 900_000_000_000)))
    return Clients(endpoint_url, REGION, KeyPair(number, "root"))


def new_bucket(clients: Clients, purpose: str) -> str:
    name = f"{purpose}-{secrets.token_hex(6)}"
    where = {"LocationConstraint": REGION}
    clients.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=where)
    return name


def new_key_pair(clients: Clients, user: str) -> dict[str, str]:
    made = clients.client("iam").create_access_key(UserName=user)["AccessKey"]
    return {
        "access_key_id": made["AccessKeyId"],
        "secret_access_key": made["SecretAccessKey"],
    }


def launch(clients: Clients, name: str, artifacts: str, given: Mapping[str, str]) -> dict[str, str]:
    """Launch a stack and return its outputs."""
    stacks = clients.client("cloudformation")
    values = {"ArtifactBucket": artifacts, "LambdaPackage": "functions.zip", **given}
    stacks.create_stack(
        StackName=name,
        TemplateURL=f"{clients.client('s3').meta.endpoint_url}/{artifacts}/site.yaml",
        Parameters=[{"ParameterKey": key, "ParameterValue": values[key]} for key in values],
        Capabilities=["CAPABILITY_IAM"],
    )
    stacks.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=QUICK)
    (stack,) = stacks.describe_stacks(StackName=name)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


@pytest.fixture(scope="module")
def pair(local_cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    url = local_cloud.endpoint_url
    clients, elsewhere = account(url), account(url)
    buckets = {"s": new_bucket(clients, "s"), "elsewhere": new_bucket(elsewhere, "elsewhere")}
    artifacts = new_bucket(clients, "artifacts")
    package = build_source_package(tmp_path_factory.mktemp("package")).read_bytes()
    template = (ROOT / "cfn" / "site.yaml").read_bytes()
    for key, body in (("functions.zip", package), ("site.yaml", template)):
        clients.client("s3").put_object(Bucket=artifacts, Key=key, Body=body)
    elsewhere.client("iam").create_user(UserName="theirs")
    elsewhere.client("iam").put_user_policy(
        UserName="theirs", PolicyName="all", PolicyDocument=ADMINISTRATOR
    )
    vault = clients.client("secretsmanager")
    of_the_store = json.dumps(new_key_pair(elsewhere, "theirs"))
    vault.create_secret(Name=SECRET, SecretString=of_the_store)
    in_s3 = {"BucketName": buckets["s"], "PeerBucketName": buckets["elsewhere"]}
    there = {"BucketName": buckets["elsewhere"], "PeerBucketName": buckets["s"]}
    told = {
        "s": launch(clients, "dualway-s", artifacts, {**IN_S3, **in_s3, "PeerEndpoint": url}),
        "elsewhere": launch(
            clients,
            "dualway-elsewhere",
            artifacts,
            {**ELSEWHERE, **there, "StoreEndpoint": url, "PeerEndpoint": url},
        ),
    }
    dedicated = new_key_pair(clients, told["s"]["DedicatedUserName"])
    vault.put_secret_value(
        SecretId=told["elsewhere"]["PeerSecretArn"],
        SecretString=json.dumps({**dedicated, "queue_url": told["s"]["QueueUrl"]}),
    )
    yield Pair(clients, elsewhere, buckets, told)
    for each in (clients, elsewhere):
        each.close()


def test_both_stacks_stand_side_by_side_and_one_has_no_user(pair: Pair) -> None:
    users = pair.client("iam").list_users()["Users"]
    assert [user["UserId"] for user in users] == [pair.told["s"]["DedicatedUserId"]]
    assert "DedicatedUserId" not in pair.told["elsewhere"]


def test_a_worker_brings_from_another_store_to_s3_and_knows_its_echoes(pair: Pair) -> None:
    there, here = pair.elsewhere.client("s3"), pair.client("s3")
    there.put_object(Bucket=pair.buckets["elsewhere"], Key="source/a.png", Body=b"picture")
    pair.send("elsewhere", {"key": "source/a.png", "size": 7})

    def has_arrived() -> bool:
        listed = here.list_objects_v2(Bucket=pair.buckets["s"], Prefix="source/")
        return bool(listed.get("KeyCount"))

    wait_until(has_arrived, DEADLINE_SECONDS, lambda: "\n".join(pair.log()))
    copied = here.get_object(Bucket=pair.buckets["s"], Key="source/a.png")
    assert copied["Body"].read() == b"picture"

    event = json.loads(OSS_EVENT)
    (record,) = event["events"]
    record["oss"]["bucket"]["name"] = pair.buckets["elsewhere"]
    record["oss"]["object"]["key"] = "source/a.png"
    record["userIdentity"]["principalId"] = USER_ID
    pair.send("elsewhere", event)
    wait_until(
        lambda: any("Repeated transfer job!" in line for line in pair.log()),
        DEADLINE_SECONDS,
        lambda: "\n".join(pair.log()),
    )


def test_events_that_a_bucket_cannot_send_to_the_queue_come_by_the_forwarder(pair: Pair) -> None:
    bucket, told, s3 = pair.buckets["s"], pair.told["s"], pair.client("s3")
    entry = {"LambdaFunctionArn": told["ForwarderArn"], "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [entry]}
    )
    s3.put_object(Bucket=bucket, Key="by/the forwarder", Body=b"x")
    (record,) = pair.next_body(told["QueueUrl"])["Records"]
    assert record["s3"]["object"]["key"] == "by/the+forwarder"
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})


def test_what_the_forwarder_cannot_read_ends_in_the_dead_letter_queue(pair: Pair) -> None:
    told, functions = pair.told["s"], pair.client("lambda")
    payload = json.dumps({"no": "event"})
    functions.invoke(FunctionName=told["ForwarderArn"], InvocationType="Event", Payload=payload)
    kept = pair.next_body(told["DeadLetterQueueUrl"])
    assert kept["requestPayload"] == {"no": "event"}
    assert "no event of S3, SNS, EventBridge or SQS" in kept["responsePayload"]["errorMessage"]


def test_messages_of_another_queue_come_by_the_forwarder(pair: Pair) -> None:
    told, sqs = pair.told["s"], pair.client("sqs")
    theirs = sqs.create_queue(QueueName="theirs")["QueueUrl"]
    asked = sqs.get_queue_attributes(QueueUrl=theirs, AttributeNames=["QueueArn"])
    arn = asked["Attributes"]["QueueArn"]
    found = pair.client("cloudformation").describe_stack_resource(
        StackName="dualway-s", LogicalResourceId="ForwarderRole"
    )
    reading = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    statement = {"Effect": "Allow", "Action": reading, "Resource": arn}
    pair.client("iam").put_role_policy(
        RoleName=found["StackResourceDetail"]["PhysicalResourceId"],
        PolicyName="queue",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    pair.client("lambda").create_event_source_mapping(
        EventSourceArn=arn,
        FunctionName=told["ForwarderArn"],
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    job = {"key": "theirs/one", "size": 3}
    sqs.send_message(QueueUrl=theirs, MessageBody=json.dumps(job))
    assert pair.next_body(told["QueueUrl"]) == job
