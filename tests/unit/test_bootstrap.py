"""The wiring: a deployment from its configuration."""

import io
import json
from collections.abc import Iterator
from threading import Event

import boto3
import pytest
from moto import mock_aws

from sync_core import connections
from sync_core.bootstrap import build, build_worker
from sync_core.config import Config
from sync_core.connections import aws_session
from sync_core.model import Site, SitePair
from sync_core.records.dynamodb import TABLE_SCHEMA
from sync_core.storage.s3_clients import AccessKey, s3_clients
from sync_core.telemetry import Telemetry, new_logger
from tests.object_benches import with_joined_bodies

OWN = Site("a", "bucket-a", "us-east-1")
PEER = Site("b", "bucket-b", "us-west-2")
SECRET = "dualway/peer"
FIRST = AccessKey("AKIAFIRST", "one")


def test_the_own_accounts_endpoint_is_never_taken_for_the_peers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    clients = s3_clients(aws_session(), PEER.region, access_key=FIRST)
    assert clients.reads.meta.endpoint_url == "https://s3.us-west-2.amazonaws.com"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    # Moto takes bodies in one piece only.
    monkeypatch.setattr(connections, "s3_clients", with_joined_bodies)
    with mock_aws():
        yield


def launch() -> Config:
    """Make what the site's stack would make, and return the configuration for it."""
    boto3.client("s3", region_name=OWN.region).create_bucket(Bucket=OWN.bucket)
    boto3.client("s3", region_name=PEER.region).create_bucket(
        Bucket=PEER.bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
    )
    queues = boto3.client("sqs", region_name=OWN.region)
    boto3.client("dynamodb", region_name=OWN.region).create_table(
        TableName="records",
        BillingMode="PAY_PER_REQUEST",
        **TABLE_SCHEMA,
    )
    key_pair = {"access_key_id": "AKIAPEER", "secret_access_key": "peer"}
    boto3.client("secretsmanager", region_name=OWN.region).create_secret(
        Name=SECRET, SecretString=json.dumps(key_pair)
    )
    return Config(
        pair=SitePair(OWN, PEER),
        queue_url=queues.create_queue(QueueName="sync")["QueueUrl"],
        dead_letter_queue_url=queues.create_queue(QueueName="dead")["QueueUrl"],
        records_table="records",
        peer_secret=SECRET,
        echo_principal_ids=frozenset({"AIDAEXAMPLE"}),
        receive_wait_seconds=0,
        pollers=1,
        concurrency=2,
    )


class StopsAfter(io.StringIO):
    """A log that stops the worker once the action has been told."""

    def __init__(self, action: str) -> None:
        super().__init__()
        self.stop = Event()
        self._told = f'"action":"{action}"'

    def write(self, text: str, /) -> int:
        if self._told in text:
            self.stop.set()
        return super().write(text)


def test_a_deployment_copies_what_a_message_names(aws: None) -> None:
    config = launch()
    objects = boto3.client("s3", region_name=OWN.region)
    objects.put_object(Bucket=OWN.bucket, Key="docs/汉 字.txt", Body=b"hello")
    queues = boto3.client("sqs", region_name=OWN.region)
    body = json.dumps({"key": "docs/汉 字.txt", "size": 5})
    queues.send_message(QueueUrl=config.queue_url, MessageBody=body)
    log = StopsAfter("object_copied")
    telemetry = Telemetry(
        new_logger("test", level="INFO", stream=log),
        site=OWN.name,
        bucket=OWN.bucket,
        metrics_stream=log,
    )
    assert build_worker(build(config, telemetry)).run(log.stop) == 0
    copied = objects.get_object(Bucket=PEER.bucket, Key="docs/汉 字.txt")
    assert copied["Body"].read() == b"hello"


def test_nothing_is_sent_before_the_first_message(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    config = Config(
        pair=SitePair(OWN, PEER),
        queue_url="https://sqs.invalid/sync",
        dead_letter_queue_url="https://sqs.invalid/dead",
        records_table="records",
        peer_secret=SECRET,
        echo_principal_ids=frozenset({"AIDAEXAMPLE"}),
        endpoint_url="http://127.0.0.1:1",
    )
    deployment = build(
        config, Telemetry(new_logger("test", level="INFO"), site="a", bucket=OWN.bucket)
    )
    assert deployment.config is config
