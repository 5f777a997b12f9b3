"""Launches both sites in two emulated accounts, by the same package as `dualway launch`.

The buckets and the two persons who try it are made first: on AWS they would be there already.
"""

import json
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sync_core.launch import launcher
from sync_core.launch.accounts import Account as LaunchAccount
from sync_core.launch.accounts import aws_errors, open_account
from sync_core.launch.packages import build_source_package
from sync_core.launch.settings import LaunchSettings, SiteSettings
from sync_core.launch.stacks import LaunchedSite
from sync_core.launch.template import find_template
from sync_core.local.clients import Clients, KeyPair

__all__ = ["ACCOUNTS", "Account", "LocalSite", "find_template", "launch"]

VISIBILITY_TIMEOUT_SECONDS = 30
GRACE_SECONDS = 10
MAX_RECEIVE_COUNT = 10

ELSEWHERE = "Elsewhere"
"""The WorkerRuntime of workers that are processes of this machine."""

_USER = "user"

_ADMINISTRATOR = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
    }
)


@dataclass(frozen=True, slots=True)
class Account:
    """Where one site is launched."""

    name: str
    account_id: str
    region: str
    bucket: str


ACCOUNTS = (
    Account("a", "111111111111", "cn-north-1", "dualway-a"),
    Account("b", "222222222222", "us-west-2", "dualway-b"),
)


@dataclass(frozen=True, slots=True)
class LocalSite:
    """A launched site: what its worker needs, and the key pair of the person trying it.

    The user is an administrator of the account. Secrets and the role are named by ARN, queues by
    URL, tables by name.
    """

    name: str
    account_id: str
    region: str
    bucket: str
    user_access_key_id: str
    user_secret_access_key: str = field(repr=False)
    dedicated_user_id: str
    queue_url: str
    dead_letter_queue_url: str
    records_table: str
    parts_table: str
    peer_secret: str
    worker_role_arn: str
    worker_role_id: str
    visibility_timeout_seconds: int
    grace_seconds: int

    @property
    def user(self) -> KeyPair:
        """The key pair of the person trying it."""
        return KeyPair(self.user_access_key_id, self.user_secret_access_key)


def launch(endpoint_url: str, runtime: str = ELSEWHERE) -> dict[str, LocalSite]:
    """Launch both sites, with their key pairs mirrored, and return the sites by name.

    `runtime` is the template's WorkerRuntime; with Lambda the emulator runs the workers. Raises
    ConfigError with CloudFormation's reason when a stack cannot be created.
    """
    settings = _settings(endpoint_url, runtime)
    with ExitStack() as opened:
        # The emulator takes an account's number, with any secret, as the key pair of its root.
        roots = [
            Clients(endpoint_url, account.region, KeyPair(account.account_id, "root"))
            for account in ACCOUNTS
        ]
        first, second = (
            open_account(site, account.region, opened.enter_context(closing(root)).client)
            for site, account, root in zip(settings.sites, ACCOUNTS, roots, strict=True)
        )
        users = {each.name: _prepare_account(each) for each in (first, second)}
        folder = Path(opened.enter_context(TemporaryDirectory(prefix="dualway-")))
        package = build_source_package(folder)
        wanted = launcher.Launch(
            settings, (first, second), lambda _: {"LambdaPackage": package}, _say_nothing
        )
        launched = launcher.launch(wanted) or {}
        return {name: _site(site, users[name]) for name, site in launched.items()}


def _settings(endpoint_url: str, runtime: str) -> LaunchSettings:
    parameters = {
        "WorkerRuntime": runtime,
        "MaxReceiveCount": str(MAX_RECEIVE_COUNT),
        "GraceSeconds": str(GRACE_SECONDS),
    }
    if runtime == ELSEWHERE:
        parameters["VisibilityTimeoutSeconds"] = str(VISIBILITY_TIMEOUT_SECONDS)
    first, second = (
        SiteSettings(
            name=account.name,
            bucket=account.bucket,
            region=account.region,
            endpoint_url=endpoint_url,
            parameters=parameters,
        )
        for account in ACCOUNTS
    )
    return LaunchSettings((first, second))


def _prepare_account(account: LaunchAccount) -> KeyPair:
    """Make what is in an account before a launch: the bucket, and an administrator."""
    with aws_errors(account.name):
        account.client("s3").create_bucket(
            Bucket=account.site.bucket,
            CreateBucketConfiguration={"LocationConstraint": account.region},
        )
        return _create_administrator(account.client("iam"))


def _site(launched: LaunchedSite, user: KeyPair) -> LocalSite:
    account, outputs = launched.account, launched.outputs
    return LocalSite(
        name=account.name,
        account_id=account.account_id,
        region=account.region,
        bucket=outputs["BucketName"],
        user_access_key_id=user.access_key_id,
        user_secret_access_key=user.secret_access_key,
        dedicated_user_id=outputs["DedicatedUserId"],
        queue_url=outputs["QueueUrl"],
        dead_letter_queue_url=outputs["DeadLetterQueueUrl"],
        records_table=outputs["RecordsTableName"],
        parts_table=outputs["PartsTableName"],
        peer_secret=outputs["PeerSecretArn"],
        worker_role_arn=outputs["WorkerRoleArn"],
        worker_role_id=outputs["WorkerRoleId"],
        visibility_timeout_seconds=int(outputs["VisibilityTimeoutSeconds"]),
        grace_seconds=int(outputs["GraceSeconds"]),
    )


def _create_administrator(iam: Any) -> KeyPair:
    iam.create_user(UserName=_USER)
    iam.put_user_policy(
        UserName=_USER, PolicyName="AdministratorAccess", PolicyDocument=_ADMINISTRATOR
    )
    created = iam.create_access_key(UserName=_USER)["AccessKey"]
    return KeyPair(created["AccessKeyId"], created["SecretAccessKey"])


def _say_nothing(_line: str) -> None:
    """Take a line of the launch, which takes no longer than it takes to read it."""
