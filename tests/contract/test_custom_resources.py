"""The template's custom resources against the local cloud, answered over HTTP."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from handlers.custom_resource import make_handler
from sync_core.launch.bucket_notification import BucketNotification
from sync_core.launch.dedicated_user import DedicatedUserId
from sync_core.local.cloud import LocalCloud
from sync_core.local.observe import wait_until
from tests.conftest import DEADLINE_SECONDS, WatchedBucket
from tests.scripted_server import Answer, ScriptedServer
from tests.unit.test_custom_resource import Invocation, request

Invoke = Callable[..., dict[str, Any]]


def invoker(connect: Callable[[], Any], **properties: str) -> Invoke:
    """Return what sends requests to a handler, and returns what CloudFormation is answered."""
    handler = make_handler(connect)

    def invoke(kind: str, identity: str | None = None, **changed: str) -> dict[str, Any]:
        with ScriptedServer(Answer()) as server:
            event = request(kind, identity, **{**properties, **changed})
            handler(event | {"ResponseURL": server.url}, Invocation())
        (seen,) = server.seen
        answer: dict[str, Any] = json.loads(seen.body)
        return answer

    return invoke


@dataclass
class Shared:
    """A bucket with foreign destinations, and a queue of ours."""

    bucket: WatchedBucket
    queue_url: str
    queue_arn: str
    invoke: Invoke

    def configuration(self) -> dict[str, Any]:
        found = self.bucket.s3.get_bucket_notification_configuration(Bucket=self.bucket.name)
        return {name: value for name, value in found.items() if name != "ResponseMetadata"}

    def our_keys(self) -> list[str]:
        """Return the keys of the events that come into our queue until it is quiet."""
        found: list[str] = []

        def is_quiet() -> bool:
            bodies = self.received()
            records = [record for body in bodies for record in body.get("Records", [])]
            found.extend(record["s3"]["object"]["key"] for record in records)
            return bool(found) and not bodies

        wait_until(is_quiet, DEADLINE_SECONDS, lambda: "no event has come into our queue")
        return found

    def received(self) -> list[dict[str, Any]]:
        """Return what waits in our queue, or comes within a second."""
        answer = self.bucket.sqs.receive_message(
            QueueUrl=self.queue_url, WaitTimeSeconds=1, MaxNumberOfMessages=10
        )
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


@pytest.fixture
def shared(local_cloud: LocalCloud, watched_bucket: WatchedBucket) -> Shared:
    name = f"ours-{uuid.uuid4().hex[:12]}"
    queue_url = watched_bucket.sqs.create_queue(QueueName=name)["QueueUrl"]
    where = {"QueueUrl": queue_url, "AttributeNames": ["QueueArn"]}
    queue_arn = watched_bucket.sqs.get_queue_attributes(**where)["Attributes"]["QueueArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    watched_bucket.sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"Policy": policy})
    watched_arn = queue_arn.replace(name, watched_bucket.name)
    theirs = {"Id": "all", "QueueArn": watched_arn, "Events": ["s3:ObjectCreated:*"]}
    rules = [{"Name": "prefix", "Value": "theirs/"}]
    watched_bucket.s3.put_bucket_notification_configuration(
        Bucket=watched_bucket.name,
        NotificationConfiguration={
            "QueueConfigurations": [theirs | {"Filter": {"Key": {"FilterRules": rules}}}],
            "EventBridgeConfiguration": {},
        },
    )
    invoke = invoker(
        lambda: BucketNotification(watched_bucket.s3),
        BucketName=watched_bucket.name,
        QueueArn=queue_arn,
        Prefix="ours/",
        EventTrigger="CreateAndDelete",
        ConfigurationId="a",
    )
    return Shared(watched_bucket, queue_url, queue_arn, invoke)


def test_our_events_reach_our_queue_and_foreign_destinations_stay(shared: Shared) -> None:
    before = shared.configuration()
    answer = shared.invoke("Create")
    assert (answer["Status"], answer["Reason"]) == ("SUCCESS", "")
    assert answer["PhysicalResourceId"] == f"{shared.bucket.name}/dualway-a"
    assert shared.configuration()["EventBridgeConfiguration"] == {}
    for key in ("theirs/1", "ours/1"):
        shared.bucket.s3.put_object(Bucket=shared.bucket.name, Key=key, Body=b"1")
    assert shared.bucket.record_of("theirs/1")
    assert shared.our_keys() == ["ours/1"]
    assert shared.invoke("Delete", answer["PhysicalResourceId"])["Status"] == "SUCCESS"
    assert shared.configuration() == before


def test_an_update_changes_what_reaches_our_queue(shared: Shared) -> None:
    identity = shared.invoke("Create")["PhysicalResourceId"]
    answer = shared.invoke("Update", identity, Prefix="docs/", EventTrigger="Create")
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", identity)
    for key in ("ours/2", "docs/2"):
        shared.bucket.s3.put_object(Bucket=shared.bucket.name, Key=key, Body=b"2")
    shared.bucket.s3.delete_object(Bucket=shared.bucket.name, Key="docs/2")
    assert shared.our_keys() == ["docs/2"]


def test_an_overlap_fails_with_the_way_out_and_changes_nothing(shared: Shared) -> None:
    before = shared.configuration()
    answer = shared.invoke("Create", Prefix="")
    assert answer["Status"] == "FAILED"
    assert "queue configuration 'all'" in answer["Reason"]
    assert "EventTrigger to No" in answer["Reason"]
    assert shared.invoke("Delete", answer["PhysicalResourceId"])["Status"] == "SUCCESS"
    assert shared.configuration() == before


def test_the_dedicated_users_id_is_told_and_its_keys_removed(local_cloud: LocalCloud) -> None:
    iam, user = local_cloud.client("iam", "b"), f"dedicated-{uuid.uuid4().hex[:12]}"
    user_id = iam.create_user(UserName=user)["User"]["UserId"]
    for _ in range(2):
        iam.create_access_key(UserName=user)
    invoke = invoker(lambda: DedicatedUserId(iam), UserName=user)
    created = invoke("Create")
    assert created["Data"] == {"UserId": user_id}
    assert invoke("Delete", created["PhysicalResourceId"])["Status"] == "SUCCESS"
    iam.delete_user(UserName=user)
    assert invoke("Delete", created["PhysicalResourceId"])["Status"] == "SUCCESS"
