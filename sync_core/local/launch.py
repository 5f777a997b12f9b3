"""Launches cfn/site.yaml once in each of two emulated accounts, as an operator would on AWS."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, WaiterError

import sync_core
from sync_core.errors import ConfigError
from sync_core.local.clients import Clients, KeyPair

VISIBILITY_TIMEOUT_SECONDS = 30
GRACE_SECONDS = 10
MAX_RECEIVE_COUNT = 10

_STACK = "dualway"
_USER = "user"
_POLL_SECONDS = 0.02
_POLLS = 1500

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
    URL, the table by name.
    """

    name: str
    account_id: str
    region: str
    bucket: str
    user_access_key_id: str
    user_secret_access_key: str = field(repr=False)
    dedicated_user_id: str
    dedicated_user_secret: str
    queue_url: str
    dead_letter_queue_url: str
    records_table: str
    peer_secret: str
    worker_role_arn: str
    worker_role_id: str
    visibility_timeout_seconds: int
    grace_seconds: int

    @property
    def user(self) -> KeyPair:
        """The key pair of the person trying it."""
        return KeyPair(self.user_access_key_id, self.user_secret_access_key)


def launch(endpoint_url: str) -> dict[str, LocalSite]:
    """Launch both sites, mirror their secrets, and return the sites by name.

    Raises ConfigError with CloudFormation's reason when a stack cannot be created.
    """
    # The emulator takes an account's number, with any secret, as the key pair of its root.
    roots = [
        Clients(endpoint_url, account.region, KeyPair(account.account_id, "root"))
        for account in ACCOUNTS
    ]
    template = find_template().read_text(encoding="utf-8")
    for root, account, peer in zip(roots, ACCOUNTS, ACCOUNTS[::-1], strict=True):
        _create_stack(root, template, account, peer)
    sites = [_site(root, account) for root, account in zip(roots, ACCOUNTS, strict=True)]
    _mirror_secret(roots, sites)
    _mirror_secret(roots[::-1], sites[::-1])
    for root in roots:
        root.close()
    return {site.name: site for site in sites}


def find_template() -> Path:
    """Return the path of cfn/site.yaml: it stands beside the package, in a checkout and installed.

    Raises ConfigError when it is missing.
    """
    path = Path(sync_core.__file__).resolve().parents[1] / "cfn" / "site.yaml"
    if not path.is_file():
        raise ConfigError(
            "local cloud", str(path), "the template is missing; install dualway again"
        )
    return path


def _create_stack(root: Clients, template: str, account: Account, peer: Account) -> None:
    parameters = {
        "SiteName": account.name,
        "BucketName": account.bucket,
        "PeerSiteName": peer.name,
        "PeerBucketName": peer.bucket,
        "PeerRegion": peer.region,
        "VisibilityTimeoutSeconds": str(VISIBILITY_TIMEOUT_SECONDS),
        "MaxReceiveCount": str(MAX_RECEIVE_COUNT),
        "GraceSeconds": str(GRACE_SECONDS),
    }
    try:
        root.client("cloudformation").create_stack(
            StackName=_STACK,
            TemplateBody=template,
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
            ],
            Capabilities=["CAPABILITY_IAM"],
        )
    except ClientError as error:
        raise ConfigError("launch", f"site {account.name}", str(error)) from error


def _site(root: Clients, account: Account) -> LocalSite:
    outputs = _outputs(root, account)
    user = _create_administrator(root)
    dedicated_user = root.client("iam").get_user(UserName=outputs["DedicatedUserName"])["User"]
    return LocalSite(
        name=account.name,
        account_id=account.account_id,
        region=account.region,
        bucket=outputs["BucketName"],
        user_access_key_id=user.access_key_id,
        user_secret_access_key=user.secret_access_key,
        dedicated_user_id=dedicated_user["UserId"],
        dedicated_user_secret=outputs["DedicatedUserSecretArn"],
        queue_url=outputs["QueueUrl"],
        dead_letter_queue_url=outputs["DeadLetterQueueUrl"],
        records_table=outputs["RecordsTableName"],
        peer_secret=outputs["PeerSecretArn"],
        worker_role_arn=outputs["WorkerRoleArn"],
        worker_role_id=outputs["WorkerRoleId"],
        visibility_timeout_seconds=int(outputs["VisibilityTimeoutSeconds"]),
        grace_seconds=int(outputs["GraceSeconds"]),
    )


def _outputs(root: Clients, account: Account) -> Mapping[str, str]:
    stacks = root.client("cloudformation")
    try:
        stacks.get_waiter("stack_create_complete").wait(
            StackName=_STACK, WaiterConfig={"Delay": _POLL_SECONDS, "MaxAttempts": _POLLS}
        )
    except WaiterError as error:
        reasons = _failures(stacks.describe_stack_events(StackName=_STACK)["StackEvents"])
        raise ConfigError("launch", f"site {account.name}", reasons) from error
    (stack,) = stacks.describe_stacks(StackName=_STACK)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def _failures(stack_events: list[dict[str, Any]]) -> str:
    failed = [event for event in stack_events if event["ResourceStatus"] == "CREATE_FAILED"]
    return "; ".join(
        f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
        for event in failed
    )


def _create_administrator(root: Clients) -> KeyPair:
    iam = root.client("iam")
    iam.create_user(UserName=_USER)
    iam.put_user_policy(
        UserName=_USER, PolicyName="AdministratorAccess", PolicyDocument=_ADMINISTRATOR
    )
    created = iam.create_access_key(UserName=_USER)["AccessKey"]
    return KeyPair(created["AccessKeyId"], created["SecretAccessKey"])


def _mirror_secret(roots: list[Clients], sites: list[LocalSite]) -> None:
    """Copy the key pair of the first site's dedicated user into the second site's account."""
    source, destination = (root.client("secretsmanager") for root in roots)
    value = source.get_secret_value(SecretId=sites[0].dedicated_user_secret)["SecretString"]
    destination.put_secret_value(SecretId=sites[1].peer_secret, SecretString=value)
