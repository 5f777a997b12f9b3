"""Two emulated accounts as an operator has them before a launch, and all that stands in them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sync_core.launch.accounts import open_account
from sync_core.launch.launcher import Launch, launch
from sync_core.launch.packages import build_source_package
from sync_core.launch.settings import LaunchSettings, SiteSettings
from sync_core.launch.stacks import LaunchedSite
from sync_core.local.clients import Clients, KeyPair

STOP_SECONDS = 60
COMMAND = (sys.executable, "-m", "sync_core.cli")
ADMINISTRATOR = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
    }
)
SERVE = """
import sys
from pathlib import Path
from sync_core.local.emulator import Emulator
with Emulator(Path(sys.argv[1])) as emulator:
    print(emulator.endpoint_url, flush=True)
    sys.stdin.read()
"""

# What is listed, by service, operation and the field that names each thing.
LISTED = (
    ("iam", "list_users", "Users", "UserName"),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("iam", "list_instance_profiles", "InstanceProfiles", "InstanceProfileName"),
    ("s3", "list_buckets", "Buckets", "Name"),
    ("dynamodb", "list_tables", "TableNames", None),
    ("sqs", "list_queues", "QueueUrls", None),
    ("sns", "list_topics", "Topics", "TopicArn"),
    ("secretsmanager", "list_secrets", "SecretList", "Name"),
    ("lambda", "list_functions", "Functions", "FunctionName"),
    ("lambda", "list_event_source_mappings", "EventSourceMappings", "UUID"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    ("stepfunctions", "list_state_machines", "stateMachines", "name"),
    ("scheduler", "list_schedules", "Schedules", "Name"),
)


@dataclass(frozen=True)
class Side:
    """One account with the bucket that its users have."""

    name: str
    account_id: str
    region: str
    bucket: str
    endpoint_url: str
    root: Clients = field(repr=False)

    def client(self, service: str) -> Any:
        return self.root.client(service)

    def notifications(self) -> dict[str, Any]:
        s3 = self.client("s3")
        found: dict[str, Any] = s3.get_bucket_notification_configuration(Bucket=self.bucket)
        del found["ResponseMetadata"]
        return found

    def everything(self) -> dict[str, Any]:
        """Return the names of all that is in the account."""
        found: dict[str, Any] = {"notifications": self.notifications()}
        for service, operation, entries, name in LISTED:
            listed = getattr(self.client(service), operation)().get(entries, [])
            found[operation] = sorted(each if name is None else each[name] for each in listed)
        stacks = self.client("cloudformation").list_stacks()["StackSummaries"]
        found["list_stacks"] = [
            each["StackName"] for each in stacks if each["StackStatus"] != "DELETE_COMPLETE"
        ]
        keys = self.client("s3").list_objects_v2(Bucket=self.bucket).get("Contents", [])
        found["keys"] = [each["Key"] for each in keys]
        return found

    @contextmanager
    def limited_user(self, action: str) -> Iterator[Clients]:
        """Yield clients of a user who may do one thing only, who is there for that long."""
        iam, name = self.client("iam"), "limited"
        iam.create_user(UserName=name)
        policy = ADMINISTRATOR.replace('"Action": "*"', f'"Action": "{action}"')
        iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=policy)
        pair = iam.create_access_key(UserName=name)["AccessKey"]
        key_pair = KeyPair(pair["AccessKeyId"], pair["SecretAccessKey"])
        clients = Clients(self.endpoint_url, self.region, key_pair)
        try:
            yield clients
        finally:
            clients.close()
            iam.delete_access_key(UserName=name, AccessKeyId=key_pair.access_key_id)
            iam.delete_user_policy(UserName=name, PolicyName=name)
            iam.delete_user(UserName=name)

    def access_keys(self) -> list[str]:
        """Return the ids of the dedicated user's access keys, the active ones first."""
        iam = self.client("iam")
        users = [each["UserName"] for each in iam.list_users()["Users"]]
        (user,) = [name for name in users if "DedicatedUser" in name]
        listed = iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
        return [each["AccessKeyId"] for each in sorted(listed, key=lambda each: each["Status"])]


@dataclass(frozen=True)
class TwoAccounts:
    """Both sides, and the files with which an operator reaches them."""

    endpoint_url: str
    sides: dict[str, Side]
    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "dualway.toml"

    def write_config(self, parameters: str = "") -> None:
        """Write the launch configuration; few functions at once, for there are few processors."""
        tables = [
            f'[{side.name}]\nprofile = "operator-{side.name}"\nbucket = "{side.bucket}"\n'
            f'endpoint_url = "{self.endpoint_url}"\n'
            for side in self.sides.values()
        ]
        self.config.write_text(
            "\n".join([*tables, "[parameters]\nMaxConcurrentWorkers = 2\n", parameters])
        )

    def run(self, verb: str, *options: str) -> "subprocess.CompletedProcess[str]":
        """Run a verb of dualway as the operator of both accounts."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment = {
            **kept,
            "AWS_CONFIG_FILE": str(self.folder / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.folder / "credentials"),
        }
        return subprocess.run(
            [*COMMAND, verb, "--config", str(self.config), *options],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def launch(self, tell: Callable[[str], None] = print) -> dict[str, LaunchedSite]:
        """Launch both sites, without looking first, for workers that run elsewhere."""
        first, second = (
            SiteSettings(
                name=side.name,
                bucket=side.bucket,
                endpoint_url=self.endpoint_url,
                parameters={"WorkerRuntime": "Elsewhere"},
            )
            for side in self.sides.values()
        )
        one, other = (
            open_account(site, side.region, side.client)
            for site, side in zip((first, second), self.sides.values(), strict=True)
        )
        package = build_source_package(self.folder)
        wanted = Launch(
            LaunchSettings((first, second)),
            (one, other),
            lambda _: {"LambdaPackage": package},
            tell,
        )
        return launch(wanted) or {}

    def everything(self) -> dict[str, dict[str, Any]]:
        return {name: side.everything() for name, side in self.sides.items()}


@contextmanager
def two_accounts(folder: Path) -> Iterator[TwoAccounts]:
    """Yield two accounts with a bucket and an operator each, one with a notification of others."""
    server = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    endpoint_url = server.stdout.readline().strip()
    try:
        sides = {
            side.name: side
            for side in (
                _side("cn", "333333333333", "cn-north-1", endpoint_url),
                _side("global", "444444444444", "us-west-2", endpoint_url),
            )
        }
        _write_profiles(folder, sides)
        notify_others(sides["cn"])
        found = TwoAccounts(endpoint_url, sides, folder)
        found.write_config()
        yield found
        for side in sides.values():
            side.root.close()
    finally:
        server.stdin.close()
        server.stdout.close()
        try:
            server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
            raise


def _side(name: str, account_id: str, region: str, endpoint_url: str) -> Side:
    root = Clients(endpoint_url, region, KeyPair(account_id, "root"))
    side = Side(name, account_id, region, f"acme-data-{name}", endpoint_url, root)
    side.client("s3").create_bucket(
        Bucket=side.bucket, CreateBucketConfiguration={"LocationConstraint": region}
    )
    return side


def _write_profiles(folder: Path, sides: dict[str, Side]) -> None:
    credentials, config = [], []
    for side in sides.values():
        iam = side.client("iam")
        iam.create_user(UserName="operator")
        iam.put_user_policy(
            UserName="operator", PolicyName="Administrator", PolicyDocument=ADMINISTRATOR
        )
        pair = iam.create_access_key(UserName="operator")["AccessKey"]
        credentials.append(
            f"[operator-{side.name}]\naws_access_key_id = {pair['AccessKeyId']}\n"
            f"aws_secret_access_key = {pair['SecretAccessKey']}\n"
        )
        config.append(f"[profile operator-{side.name}]\nregion = {side.region}\n")
    (folder / "credentials").write_text("\n".join(credentials))
    (folder / "config").write_text("\n".join(config))


def notify_others(side: Side, event: str = "s3:ObjectRestore:*") -> None:
    """Have somebody else's queue told of an event of the bucket."""
    sqs, s3 = side.client("sqs"), side.client("s3")
    url = sqs.create_queue(QueueName="others")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn["QueueArn"],
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    entry = {"Id": "others", "QueueArn": arn["QueueArn"], "Events": [event]}
    s3.put_bucket_notification_configuration(
        Bucket=side.bucket, NotificationConfiguration={"QueueConfigurations": [entry]}
    )
