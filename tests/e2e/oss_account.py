"""An account of the local cloud that holds all of AWS that a pair with OSS needs."""

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sync_core.launch.packages import build_source_package
from sync_core.launch.template import find_template
from sync_core.local.clients import Clients, KeyPair

REGION = "us-west-2"
QUICK = {"Delay": 0.05, "MaxAttempts": 6000}

_COMMON = {
    "WorkerRuntime": "Elsewhere",
    "VisibilityTimeoutSeconds": "30",
    "GraceSeconds": "2",
    "FinderSchedule": "",
    "LambdaPackage": "functions.zip",
}


@dataclass(frozen=True)
class Account:
    """One account; its root does what is needed."""

    clients: Clients
    endpoint_url: str
    number: str

    def client(self, service: str) -> Any:
        return self.clients.client(service)

    def new_bucket(self, name: str) -> str:
        where = {"LocationConstraint": REGION}
        bucket = f"{name}-{self.number}"
        self.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
        return bucket

    def new_key(self, name: str, policy: str) -> KeyPair:
        """Return the key pair of a new IAM user who may do what the policy says."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=policy)
        return key_of(iam.create_access_key(UserName=name)["AccessKey"])

    def write_secret(self, secret: str, pair: KeyPair, queue_url: str | None = None) -> None:
        """Write into a secret, which is there already, what lets a worker reach a store."""
        value = {
            "access_key_id": pair.access_key_id,
            "secret_access_key": pair.secret_access_key,
            **({"queue_url": queue_url} if queue_url else {}),
        }
        vault = self.client("secretsmanager")
        vault.put_secret_value(SecretId=secret, SecretString=json.dumps(value))

    def new_artifacts(self, folder: Path) -> str:
        """Make a bucket with the template and the functions in it, packed in `folder`."""
        bucket, s3 = self.new_bucket("artifacts"), self.client("s3")
        package = build_source_package(folder).read_bytes()
        for key, body in (
            ("functions.zip", package),
            ("site.yaml", find_template().read_bytes()),
        ):
            s3.put_object(Bucket=bucket, Key=key, Body=body)
        return bucket

    def begin(self, artifacts: str, site: str, given: Mapping[str, str]) -> None:
        """Have CloudFormation begin to make a site's stack."""
        parameters = {**_COMMON, "ArtifactBucket": artifacts, "SiteName": site, **given}
        self.client("cloudformation").create_stack(
            StackName=f"dualway-{site}",
            TemplateURL=f"{self.endpoint_url}/{artifacts}/site.yaml",
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value}
                for name, value in parameters.items()
            ],
            Capabilities=["CAPABILITY_IAM"],
        )

    def outputs(self, site: str) -> dict[str, str]:
        """Wait for a site's stack; return its outputs."""
        stacks, stack = self.client("cloudformation"), f"dualway-{site}"
        stacks.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig=QUICK)
        (found,) = stacks.describe_stacks(StackName=stack)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}

    def role(self, arn: str) -> dict[str, str]:
        """Return variables with which a process has this role."""
        found = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="worker")
        given = found["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
            "AWS_SESSION_TOKEN": given["SessionToken"],
        }


def key_of(created: Mapping[str, str]) -> KeyPair:
    return KeyPair(created["AccessKeyId"], created["SecretAccessKey"])


@contextmanager
def new_account(endpoint_url: str) -> Iterator[Account]:
    """Give a new account of the cloud at that endpoint."""
    number = str(secrets.choice(range(300_000_000_000, 900_000_000_000)))
    with closing(Clients(endpoint_url, REGION, KeyPair(number, "root"))) as root:
        yield Account(root, endpoint_url, number)
