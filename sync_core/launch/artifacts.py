"""The bucket of packages that a launch keeps in each account, made if missing.

It is named after account and region. A package lies under the stack's name, with its content's
hash in the key: what is there already is not uploaded again, and another stack's packages are left
alone.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from sync_core.errors import ConfigError
from sync_core.launch.accounts import Account, code_of

_TAG = "dualway"
_US_EAST_1 = "us-east-1"
_HASH_CHARACTERS = 24
_DELETED_AT_ONCE = 1000


def artifact_bucket(account: Account) -> str:
    """Return the name of the account's bucket of packages."""
    return f"dualway-artifacts-{account.account_id}-{account.region}"


def package_key(stack: str, package: Path) -> str:
    """Return the object key of a package, which its content decides."""
    with package.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"{stack}/{package.stem}-{digest[:_HASH_CHARACTERS]}{package.suffix}"


def ensure_bucket(account: Account) -> bool:
    """Make the bucket of packages unless it is there; return whether it was made.

    Raises ConfigError where the name is another account's, or ClientError.
    """
    s3, bucket = account.client("s3"), artifact_bucket(account)
    if _has_bucket(account):
        return False
    where = {} if account.region == _US_EAST_1 else {"LocationConstraint": account.region}
    s3.create_bucket(Bucket=bucket, **({"CreateBucketConfiguration": where} if where else {}))
    s3.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    s3.put_bucket_tagging(
        Bucket=bucket, Tagging={"TagSet": [{"Key": _TAG, "Value": "packages of dualway launch"}]}
    )
    return True


def upload(account: Account, key: str, package: Path) -> bool:
    """Upload a package unless it is there; return whether it was uploaded. Raises ClientError."""
    s3, where = account.client("s3"), {"Bucket": artifact_bucket(account), "Key": key}
    try:
        s3.head_object(**where)
    except ClientError as error:
        if code_of(error) not in {"404", "NoSuchKey"}:
            raise
        with package.open("rb") as body:
            s3.put_object(**where, Body=body)
        return True
    return False


def url_of(account: Account, key: str) -> str:
    """Return the URL of what lies under a key, as CloudFormation takes it."""
    return f"{account.client('s3').meta.endpoint_url}/{artifact_bucket(account)}/{key}"


def remove_package(account: Account, key: str) -> None:
    """Delete what lies under a key, if anything does. Raises ClientError."""
    account.client("s3").delete_object(Bucket=artifact_bucket(account), Key=key)


def remove_packages(account: Account, stack: str) -> bool:
    """Delete a stack's packages, and the bucket when nothing else is in it.

    Returns whether the bucket is gone, True where there was none. Raises ClientError.
    """
    s3, bucket = account.client("s3"), artifact_bucket(account)
    if not _has_bucket(account):
        return True
    for keys in _batches(s3, bucket, f"{stack}/"):
        objects = [{"Key": key} for key in keys]
        s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
    if s3.list_objects_v2(Bucket=bucket, MaxKeys=1).get("KeyCount"):
        return False
    s3.delete_bucket(Bucket=bucket)
    return True


def _batches(s3: Any, bucket: str, prefix: str) -> Iterator[list[str]]:
    while True:
        page = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=_DELETED_AT_ONCE)
        if not page.get("Contents"):
            return
        yield [each["Key"] for each in page["Contents"]]


def _has_bucket(account: Account) -> bool:
    bucket = artifact_bucket(account)
    try:
        account.client("s3").head_bucket(Bucket=bucket, ExpectedBucketOwner=account.account_id)
    except ClientError as error:
        if code_of(error) in {"404", "NoSuchBucket"}:
            return False
        if code_of(error) == "403":
            cause = "it is another account's, or the profile may not look at it (s3:ListBucket)"
            raise ConfigError("make the bucket of packages", bucket, cause) from error
        raise
    return True
