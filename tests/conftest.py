"""Fixtures that several suites share."""

# First of all, because it has to come before botocore.
import sync_core.signing  # noqa: F401 - for what it tells botocore

# isort: split

import json
import os
import time
import uuid
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore.loaders import create_loader
from hypothesis import settings

import tests.examples  # noqa: F401 - for the profiles of Hypothesis
from sync_core.local.cloud import LocalCloud

DEADLINE_SECONDS = 60.0

LONGEST_FIRST = ("property", "simulation", "e2e", "integration", "contract")
"""Folders by how long their files take; the others follow."""

NO_FILES = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}

settings.load_profile("every run")


def pytest_configure(config: pytest.Config) -> None:
    """Keep the accounts, endpoints and deployments of whoever runs the tests out of them.

    Modules look at them while they are imported. Servers on this machine are reached directly,
    whatever else needs a proxy.
    """
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    for name in list(os.environ):
        if name.startswith(("AWS_", "DUALWAY_")):
            patch.delenv(name)
    for name, value in NO_FILES.items():
        patch.setenv(name, value)
    for name in ("NO_PROXY", "no_proxy"):
        patch.setenv(name, "127.0.0.1", prepend=",")


@pytest.hookimpl(optionalhook=True, wrapper=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """Start half as many processes again as there are processors: many tests wait for a cloud."""
    processors = yield
    return processors + processors // 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that no process still works when the others have ended."""
    ranks = {folder: rank for rank, folder in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: ranks.get(item.path.parent.name, len(ranks)))


@pytest.fixture(scope="session", autouse=True)
def shared_descriptions() -> Iterator[None]:
    """Have botocore read the descriptions of services once, and not for each session.

    That takes a tenth of a second, and tests have many hundreds of sessions.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", cache(create_loader))
        yield


@pytest.fixture(scope="session")
def local_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """One embedded cloud without workers, for every test that needs one.

    Tests share it: make buckets, queues and tables of your own through
    `local_cloud.client(service, site)`, and leave the sites' own ones to the tests of the cloud.
    """
    with LocalCloud(directory=tmp_path_factory.mktemp("local-cloud"), workers=False) as cloud:
        yield cloud


@dataclass(frozen=True)
class WatchedBucket:
    """A bucket of account b whose every event goes to a queue that nobody else reads."""

    name: str
    s3: Any
    sqs: Any
    queue_url: str

    def messages(self, count: int) -> list[dict[str, Any]]:
        """Return the next `count` messages, received and deleted; fail when they do not come."""
        received: list[dict[str, Any]] = []
        deadline = time.monotonic() + DEADLINE_SECONDS
        while len(received) < count and time.monotonic() < deadline:
            missing = min(10, count - len(received))
            answer = self.sqs.receive_message(
                QueueUrl=self.queue_url, MaxNumberOfMessages=missing, WaitTimeSeconds=1
            )
            for message in answer.get("Messages", []):
                handle = message["ReceiptHandle"]
                self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=handle)
                received.append(json.loads(message["Body"]))
        assert len(received) == count, received
        return received

    def records(self, count: int) -> list[dict[str, Any]]:
        """Return the next `count` event records in the order of their sequencers, if they have."""
        found = [record for message in self.messages(count) for record in message["Records"]]
        return sorted(found, key=lambda record: record["s3"]["object"].get("sequencer", ""))

    def record_of(self, key: str) -> dict[str, Any]:
        """Return the next event record of a key, passing over everything else."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            for record in self.messages(1)[0].get("Records", []):
                if record["s3"]["object"]["key"] == key:
                    return dict(record)
        pytest.fail(f"no event of {key} within {DEADLINE_SECONDS} seconds")

    def is_quiet(self) -> bool:
        """Tell whether no message waits, nor comes within a second."""
        answer = self.sqs.receive_message(QueueUrl=self.queue_url, WaitTimeSeconds=1)
        return "Messages" not in answer


@pytest.fixture
def watched_bucket(local_cloud: LocalCloud) -> WatchedBucket:
    """A new bucket with a new queue for its events; the test event is already consumed."""
    name = f"watched-{uuid.uuid4().hex[:12]}"
    s3, sqs = local_cloud.client("s3", "b"), local_cloud.client("sqs", "b")
    site = local_cloud.sites["b"]
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": site.region})
    queue_url = sqs.create_queue(QueueName=name)["QueueUrl"]
    queue_arn = f"arn:aws:sqs:{site.region}:{site.account_id}:{name}"
    sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"Policy": _admitting(queue_arn)})
    events = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*"]
    s3.put_bucket_notification_configuration(
        Bucket=name,
        NotificationConfiguration={
            "QueueConfigurations": [{"Id": "all", "QueueArn": queue_arn, "Events": events}]
        },
    )
    bucket = WatchedBucket(name, s3, sqs, queue_url)
    (test_event,) = bucket.messages(1)
    assert test_event["Event"] == "s3:TestEvent"
    return bucket


def _admitting(queue_arn: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
