"""The embedded cloud: two accounts launched from the template, apart from one another."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from sync_core.local.clients import Clients, KeyPair
from sync_core.local.cloud import LocalCloud
from sync_core.local.workers import process_environment
from tests.conftest import WatchedBucket

ACCESS_DENIED = {"AccessDenied", "AccessDeniedException"}


def key_pair_of(secret: dict[str, str]) -> KeyPair:
    return KeyPair(secret["access_key_id"], secret["secret_access_key"])


def is_denied(call: Any, **parameters: Any) -> bool:
    try:
        call(**parameters)
    except ClientError as error:
        return error.response["Error"]["Code"] in ACCESS_DENIED
    return False


def peer_of(site: str) -> str:
    return {"a": "b", "b": "a"}[site]


class Worker:
    """What a site's worker is able to do, with credentials from the endpoint it would use."""

    def __init__(self, cloud: LocalCloud, site: str) -> None:
        environment = cloud.worker_environment(site)
        request = urllib.request.Request(
            environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
            headers={"Authorization": environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"]},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            self.credentials = json.load(answer)
        self._endpoint_url = environment["AWS_ENDPOINT_URL"]
        self._region = environment["AWS_DEFAULT_REGION"]

    def client(self, service: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self._endpoint_url,
            region_name=self._region,
            aws_access_key_id=self.credentials["AccessKeyId"],
            aws_secret_access_key=self.credentials["SecretAccessKey"],
            aws_session_token=self.credentials["Token"],
        )


@pytest.mark.parametrize("site", ["a", "b"])
class TestEachSite:
    def test_its_user_is_an_administrator_of_its_account(
        self, local_cloud: LocalCloud, site: str
    ) -> None:
        launched = local_cloud.sites[site]
        s3, sqs = local_cloud.client("s3", site), local_cloud.client("sqs", site)
        identity = local_cloud.client("sts", site).get_caller_identity()
        assert identity["Account"] == launched.account_id
        assert s3.get_bucket_location(Bucket=launched.bucket)["LocationConstraint"] == (
            launched.region
        )
        own = {"Bucket": f"own-{site}-{time.monotonic_ns()}"}
        s3.create_bucket(**own, CreateBucketConfiguration={"LocationConstraint": launched.region})
        s3.put_bucket_versioning(**own, VersioningConfiguration={"Status": "Enabled"})
        for url in (launched.queue_url, launched.dead_letter_queue_url):
            assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]

    def test_its_user_cannot_touch_the_other_account(
        self, local_cloud: LocalCloud, site: str
    ) -> None:
        peer = local_cloud.sites[peer_of(site)]
        key_pair = local_cloud.sites[site].user
        stranger = Clients(local_cloud.endpoint_url, peer.region, key_pair)
        assert is_denied(stranger.client("s3").list_objects_v2, Bucket=peer.bucket)
        assert is_denied(
            stranger.client("sqs").send_message, QueueUrl=peer.queue_url, MessageBody="x"
        )
        assert stranger.client("dynamodb").list_tables()["TableNames"] == []

    def test_the_peers_dedicated_user_can_be_had_from_its_secret(
        self, local_cloud: LocalCloud, site: str
    ) -> None:
        launched, peer = local_cloud.sites[site], local_cloud.sites[peer_of(site)]
        pair = (
            Worker(local_cloud, site)
            .client("secretsmanager")
            .get_secret_value(SecretId=launched.peer_secret)
        )
        secret = json.loads(pair["SecretString"])
        dedicated = Clients(local_cloud.endpoint_url, peer.region, key_pair_of(secret))
        assert secret["queue_url"] == peer.queue_url
        s3 = dedicated.client("s3")
        where = {"Bucket": peer.bucket, "Key": "from/the peer"}
        s3.put_object(**where, Body=b"x", Tagging="colour=blue")
        assert s3.get_object(**where)["TagCount"] == 1
        assert s3.head_object(**where)["ContentLength"] == 1
        assert s3.list_objects_v2(Bucket=peer.bucket, Prefix="from/")["KeyCount"] == 1
        s3.delete_object(**where)
        identity = dedicated.client("sts").get_caller_identity()
        assert identity["UserId"] == peer.dedicated_user_id

    def test_the_dedicated_user_can_do_nothing_else(
        self, local_cloud: LocalCloud, site: str
    ) -> None:
        launched, peer = local_cloud.sites[site], local_cloud.sites[peer_of(site)]
        secrets = local_cloud.client("secretsmanager", peer.name)
        secret = secrets.get_secret_value(SecretId=peer.peer_secret)
        pair = key_pair_of(json.loads(secret["SecretString"]))
        clients = Clients(local_cloud.endpoint_url, launched.region, pair)
        s3 = clients.client("s3")
        assert is_denied(s3.delete_bucket, Bucket=launched.bucket)
        assert is_denied(s3.get_bucket_policy, Bucket=launched.bucket)
        assert is_denied(clients.client("sqs").receive_message, QueueUrl=launched.queue_url)
        assert is_denied(clients.client("dynamodb").list_tables)
        assert is_denied(
            clients.client("secretsmanager").get_secret_value, SecretId=launched.peer_secret
        )

    def test_its_worker_may_read_a_key_that_has_a_line_break(
        self, local_cloud: LocalCloud, site: str
    ) -> None:
        where = {"Bucket": local_cloud.sites[site].bucket, "Key": "two\nlines"}
        local_cloud.client("s3", site).put_object(**where, Body=b"x")
        s3 = Worker(local_cloud, site).client("s3")
        assert s3.get_object(**where)["Body"].read() == b"x"
        s3.delete_object(**where)

    def test_its_queues_are_as_the_template_says(self, local_cloud: LocalCloud, site: str) -> None:
        launched = local_cloud.sites[site]
        sqs = local_cloud.client("sqs", site)
        queue = sqs.get_queue_attributes(QueueUrl=launched.queue_url, AttributeNames=["All"])
        dead = sqs.get_queue_attributes(
            QueueUrl=launched.dead_letter_queue_url, AttributeNames=["All"]
        )
        attributes = queue["Attributes"]
        assert attributes["VisibilityTimeout"] == str(launched.visibility_timeout_seconds) == "30"
        redrive = json.loads(attributes["RedrivePolicy"])
        assert redrive["deadLetterTargetArn"] == dead["Attributes"]["QueueArn"]
        assert int(redrive["maxReceiveCount"]) == 10
        assert dead["Attributes"]["MessageRetentionPeriod"] == "1209600"

    def test_its_bucket_tells_its_queue(self, local_cloud: LocalCloud, site: str) -> None:
        launched = local_cloud.sites[site]
        s3, sqs = local_cloud.client("s3", site), local_cloud.client("sqs", site)
        key = f"told-{time.monotonic_ns()}"
        where = {"Bucket": launched.bucket, "Key": key}
        s3.put_object(**where, Body=b"x")
        s3.put_object_tagging(**where, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
        s3.delete_object(**where)
        queue = WatchedBucket(launched.bucket, s3, sqs, launched.queue_url)
        told = {queue.record_of(key)["eventName"] for _ in range(3)}
        assert told == {"ObjectCreated:Put", "ObjectTagging:Put", "ObjectRemoved:Delete"}


@pytest.mark.parametrize("site", ["a", "b"])
class TestWorkerRole:
    def test_it_is_given_to_whoever_knows_the_token(
        self, local_cloud: LocalCloud, site: str
    ) -> None:
        launched, worker = local_cloud.sites[site], Worker(local_cloud, site)
        identity = worker.client("sts").get_caller_identity()
        assert worker.credentials["RoleArn"] == launched.worker_role_arn
        assert identity["UserId"] == f"{launched.worker_role_id}:worker"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", worker.credentials["Expiration"])

    def test_it_is_refused_without_the_token(self, local_cloud: LocalCloud, site: str) -> None:
        address = local_cloud.worker_environment(site)["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(address, timeout=60)
        with error.value:
            assert error.value.code == 403

    def test_an_sdk_in_a_subprocess_runs_under_it_whatever_the_shell_says(
        self, local_cloud: LocalCloud, site: str
    ) -> None:
        shell = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": "AKIAOFTHESHELL",
            "AWS_SECRET_ACCESS_KEY": "shell",
            "AWS_PROFILE": "missing",
            "HTTP_PROXY": "http://127.0.0.1:9",
        }
        program = "import boto3; print(boto3.client('sts').get_caller_identity()['UserId'])"
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=process_environment(local_cloud.worker_environment(site), shell),
            check=True,
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert done.stdout.strip() == f"{local_cloud.sites[site].worker_role_id}:worker"

    def test_it_may_do_what_a_worker_does(self, local_cloud: LocalCloud, site: str) -> None:
        launched, worker = local_cloud.sites[site], Worker(local_cloud, site)
        s3, sqs, records = (worker.client(name) for name in ("s3", "sqs", "dynamodb"))
        where = {"Bucket": launched.bucket, "Key": "helper"}
        s3.put_object(**where, Body=b"x")
        s3.get_object(**where)
        s3.delete_object(**where)
        received = sqs.receive_message(QueueUrl=launched.queue_url, WaitTimeSeconds=20)
        handle = {"ReceiptHandle": received["Messages"][0]["ReceiptHandle"]}
        sqs.change_message_visibility(QueueUrl=launched.queue_url, **handle, VisibilityTimeout=60)
        answer = sqs.delete_message_batch(
            QueueUrl=launched.queue_url, Entries=[{"Id": "1", **handle}]
        )
        assert not answer.get("Failed")
        entry = {"Id": "1", "MessageBody": "{}"}
        sqs.send_message(QueueUrl=launched.dead_letter_queue_url, MessageBody="x")
        sqs.send_message_batch(QueueUrl=launched.queue_url, Entries=[entry])
        table = {"TableName": launched.records_table}
        item = {"pk": {"S": "k"}, "sk": {"S": "k"}}
        records.transact_write_items(TransactItems=[{"Put": {**table, "Item": item}}])
        assert records.get_item(**table, Key=item)["Item"] == item
        batch = {launched.records_table: {"Keys": [item]}}
        assert records.batch_get_item(RequestItems=batch)["Responses"]

    def test_it_may_do_nothing_else(self, local_cloud: LocalCloud, site: str) -> None:
        launched, worker = local_cloud.sites[site], Worker(local_cloud, site)
        s3, sqs, secrets = (worker.client(name) for name in ("s3", "sqs", "secretsmanager"))
        assert is_denied(s3.create_bucket, Bucket="a-bucket-of-its-own")
        assert is_denied(s3.put_bucket_policy, Bucket=launched.bucket, Policy="{}")
        assert is_denied(sqs.purge_queue, QueueUrl=launched.queue_url)
        assert is_denied(sqs.receive_message, QueueUrl=launched.dead_letter_queue_url)
        others = local_cloud.client("secretsmanager", site).create_secret(
            Name=f"others-{time.monotonic_ns()}", SecretString="x"
        )
        assert is_denied(secrets.get_secret_value, SecretId=others["ARN"])
        assert is_denied(worker.client("dynamodb").list_tables)
        assert is_denied(worker.client("iam").list_users)
