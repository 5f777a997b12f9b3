"""The user of a bucket in AWS that is only fed: no stack makes it, so the launch does.

It is to the feed what a dedicated user is to a pair, and may do the same but send hints. Users have
no region, unlike stacks: the bucket, which the user is tagged with, tells whose it is.
"""

import json

from botocore.exceptions import ClientError

from sync_core.errors import ConfigError
from sync_core.launch.accounts import Account, code_of
from sync_core.launch.findings import Finding, Level
from sync_core.launch.keys import access_keys
from sync_core.launch.stacks import LaunchedSite
from sync_core.launch.waiting import Tell

_TAG = "dualway"
_POLICY = "ThisBucketOnly"

ON_OBJECTS = (
    "s3:GetObject",
    "s3:GetObjectTagging",
    "s3:GetObjectVersion",
    "s3:GetObjectVersionTagging",
    "s3:PutObject",
    "s3:PutObjectAcl",
    "s3:PutObjectTagging",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
)
ON_BUCKET = ("s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads")
"""What the template's DedicatedUser may do, too."""


def ensure_feed_user(account: Account, name: str, tell: Tell) -> LaunchedSite:
    """Have the user, with its policy; return the site as if a stack had made it.

    Raises ConfigError where the name is that of a user of somebody else, or ClientError.
    """
    iam = account.client("iam")
    if find_feed_user(account, name) is None:
        tags = [{"Key": _TAG, "Value": account.site.bucket}]
        try:
            iam.create_user(UserName=name, Tags=tags)
        except ClientError as error:
            if code_of(error) != "EntityAlreadyExists":
                raise
            raise ConfigError("make the user", name, _strange(account)) from error
        tell(f"{account.name}: the user {name} is made, who may use {account.site.bucket} only")
    iam.put_user_policy(UserName=name, PolicyName=_POLICY, PolicyDocument=_policy(account))
    return _site(account, name)


def find_feed_user(account: Account, name: str) -> LaunchedSite | None:
    """Return the site if a launch has made the user for its bucket; raises ClientError."""
    is_ours = _bucket_of(account, name) == account.site.bucket
    return _site(account, name) if is_ours else None


def look_at_feed_user(account: Account, name: str) -> list[Finding]:
    """Return an error where the name is that of another user; raises ClientError."""
    if _bucket_of(account, name) in {None, account.site.bucket}:
        return []
    return [Finding(account.name, Level.ERROR, f"the user {name}: {_strange(account)}")]


def remove_feed_user(account: Account, name: str, tell: Tell) -> None:
    """Delete the user if a launch has made it, with its key pairs; raises ClientError."""
    if find_feed_user(account, name) is None:
        return
    iam = account.client("iam")
    for key in access_keys(account, name):
        iam.delete_access_key(UserName=name, AccessKeyId=key.access_key_id)
    for policy in iam.list_user_policies(UserName=name)["PolicyNames"]:
        iam.delete_user_policy(UserName=name, PolicyName=policy)
    iam.delete_user(UserName=name)
    tell(f"{account.name}: the user {name} is deleted, with its key pairs")


def _bucket_of(account: Account, name: str) -> str | None:
    """Return for which bucket a launch has made a user, "" for none; None: no such user."""
    try:
        tags = account.client("iam").list_user_tags(UserName=name)["Tags"]
    except ClientError as error:
        if code_of(error) == "NoSuchEntity":
            return None
        raise
    return next((str(each["Value"]) for each in tags if each["Key"] == _TAG), "")


def _strange(account: Account) -> str:
    bucket = account.site.bucket
    return f"there is such a user, whom no launch has made for {bucket}; give `stack` another name"


def _site(account: Account, name: str) -> LaunchedSite:
    return LaunchedSite(account, {"DedicatedUserName": name})


def _policy(account: Account) -> str:
    _, partition, *_ = account.caller_arn.split(":")
    bucket = f"arn:{partition}:s3:::{account.site.bucket}"
    statements = [
        {"Effect": "Allow", "Action": list(ON_OBJECTS), "Resource": f"{bucket}/*"},
        {"Effect": "Allow", "Action": list(ON_BUCKET), "Resource": bucket},
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
