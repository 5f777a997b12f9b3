"""S3 and OSS kept the same from one account: stacks, workers, the trigger, and users of both."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from sync_core.launch.packages_sources import ROOT
from sync_core.local.observe import Observer, WatchedSite
from sync_core.local.rounds import find_as_process
from sync_core.local.workers import Workers, WorkerSpec
from sync_core.records.dynamodb_item import primary_key
from tests.e2e.conftest import entries_in
from tests.e2e.oss_account import REGION, Account, new_account
from tests.e2e.oss_stacks import SITES, Outputs, Stacks
from tests.oss.client import abort, oss_client, upload
from tests.oss.contents import Event
from tests.oss.server import OssServer
from tests.oss.signatures import RamUser
from tests.oss.trigger import EVERY_EVENT, Trigger, listed_events, trigger

SETTLE_SECONDS = 180

_QUEUE_POLICY = ROOT / "handlers" / "aliyun_fc" / "aws-iam" / "sqs-send.json"


@dataclass
class Side:
    """A bucket and a user of it, as boto3 knows them."""

    s3: Any
    bucket: str

    def put(self, key: str, body: bytes, **parameters: Any) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body, **parameters)

    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket=self.bucket, Key=key)

    def read(self, key: str) -> dict[str, Any] | None:
        """Return GetObject's answer with the bytes as `Body`; None when there is no object."""
        try:
            answer = self.s3.get_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise
        return {**answer, "Body": answer["Body"].read()}

    def body(self, key: str) -> bytes | None:
        found = self.read(key)
        return found["Body"] if found else None

    def upload(self, key: str, *parts: bytes) -> None:
        upload(self.s3, self.bucket, key, *parts)

    def abort(self, key: str) -> None:
        """Begin to send an object in parts, and give up."""
        abort(self.s3, self.bucket, key)


@dataclass
class Pair:
    """All that runs; `sides` by name: `a` and `oss`, and `feed` and `fed` of the feed."""

    oss: OssServer
    dedicated: RamUser
    account: Account
    sides: Mapping[str, Side]
    outputs: Outputs
    environments: Mapping[str, Mapping[str, str]]
    triggers: Mapping[str, Trigger]
    folder: Path
    observer: Observer = field(init=False)

    def __post_init__(self) -> None:
        self.observer = Observer(
            {
                name: WatchedSite(
                    self.sides[name].bucket,
                    self.outputs[name]["QueueUrl"],
                    self.outputs[name]["DeadLetterQueueUrl"],
                    self.log_file(name),
                    self.account.client,
                )
                for name in SITES
            }
        )

    def log_file(self, site: str) -> Path:
        return self.folder / f"worker-{site}.log"

    def log(self, site: str, key: str) -> list[dict[str, Any]]:
        """Return what a site's worker has logged of a key so far."""
        return [entry for entry in entries_in(self.log_file(site)) if entry.get("key") == key]

    def said(self, site: str, key: str, message: str) -> list[dict[str, Any]]:
        """Return the entries of a key with this message."""
        return [entry for entry in self.log(site, key) if entry.get("message") == message]

    def invocations(self, site: str, key: str) -> list[tuple[Event, str]]:
        """Return the events of a key for which the function was invoked, and what it answered."""
        return [
            (event, outcome.get("done", ""))
            for event, outcome in self.triggers[site].invoked
            if event["oss"]["object"]["key"] == key
        ]

    def settle(self) -> None:
        """Wait until all events are delivered, the queues empty and the workers silent."""
        for each in self.triggers.values():
            each.drain()
        self.observer.wait_until_quiet(SETTLE_SECONDS)

    def send(self, site: str, body: object) -> None:
        """Put a message into a site's queue."""
        url = self.outputs[site]["QueueUrl"]
        self.account.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(body))

    def forget(self, site: str, key: str) -> None:
        """Delete what a site has recorded of a key."""
        table = self.outputs[site]["RecordsTableName"]
        self.account.client("dynamodb").delete_item(TableName=table, Key=primary_key(key))

    def find(self, site: str) -> int:
        """Run a finder round of a site; return how many keys it has sent to the queue."""
        return find_as_process(self.environments[site])


@contextmanager
def oss_pair(endpoint_url: str, oss: OssServer, folder: Path) -> Iterator[Pair]:
    """Run everything, in a new account of the cloud at that endpoint, while the context is entered.

    `folder` is an empty one.
    """
    with ExitStack() as undo:
        account = undo.enter_context(new_account(endpoint_url))
        at_oss = undo.enter_context(oss_client(oss, oss.new_user()))
        at_aws = account.client("s3")
        sides = {
            "a": Side(at_aws, account.new_bucket("data-a")),
            "oss": Side(at_oss, "media"),
            "feed": Side(at_oss, "feed"),
            "fed": Side(at_aws, account.new_bucket("data-fed")),
        }
        buckets = {name: side.bucket for name, side in sides.items()}
        dedicated = oss.new_user()
        stacks = Stacks(account, oss.url, dedicated, buckets)
        outputs = stacks.launch(folder)
        environments = {site: stacks.environment(site, outputs[site]) for site in SITES}
        triggers = {
            site: undo.enter_context(_trigger(account, oss, outputs[site], folder / site))
            for site in ("oss", "feed")
        }
        pair = Pair(oss, dedicated, account, sides, outputs, environments, triggers, folder)
        specs = [WorkerSpec(site, environments[site], pair.log_file(site)) for site in SITES]
        workers = Workers(specs)
        workers.start()
        undo.callback(workers.stop)
        yield pair


@contextmanager
def _trigger(
    account: Account, oss: OssServer, outputs: Mapping[str, str], folder: Path
) -> Iterator[Trigger]:
    """Run the function of a site's bucket, with a key that may send to the site's queue only.

    That of both ways is asked for everything that happens, as a careless `oss:ObjectCreated:*`
    would; that of the feed for what the package lists.
    """
    url, site = outputs["QueueUrl"], outputs["SiteName"]
    asked = account.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    policy = _QUEUE_POLICY.read_text().replace("QUEUE_ARN", asked["Attributes"]["QueueArn"])
    pair = account.new_key(f"forwarder-{site}", policy)
    environment = {
        "QUEUE_URL": url,
        "REGION_NAME": REGION,
        "AWS_KEY_ID": pair.access_key_id,
        "AWS_KEY_SECRET": pair.secret_access_key,
        # An answer that comes late is no reason to send again.
        "TIMEOUT_SECONDS": "60",
    }
    names = EVERY_EVENT if site == "oss" else listed_events()
    folder.mkdir()
    with trigger(folder, environment, names) as started:
        oss.new_bucket(outputs["BucketName"], started.take)
        yield started
