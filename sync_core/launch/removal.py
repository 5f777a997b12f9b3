"""Takes away what a launch has made in one account, whole or half, and nothing else.

Safe to repeat: whatever is gone already is passed over.
"""

from collections.abc import Callable, Sequence
from functools import partial

from botocore.exceptions import ClientError

from sync_core.launch.accounts import Account, code_of
from sync_core.launch.artifacts import artifact_bucket, remove_packages
from sync_core.launch.keys import access_keys
from sync_core.launch.stacks import delete_stack, find_stack, resources_of, retained_resources
from sync_core.launch.waiting import Tell, wait_for
from sync_core.sentinel import SENTINEL_PREFIX, sentinel_key

TABLE_SECONDS = 600.0

Resource = tuple[str, str]
"""A resource's type and its physical id."""


def remove_site(
    account: Account, stack: str, tell: Tell, *, sites: Sequence[str], keeps_records: bool = False
) -> None:
    """Remove a site: key pairs, stack, records (unless kept), secret, leftover logs, packages.

    `sites` are the names of both sites, whose sentinels go with it.
    Raises ConfigError where CloudFormation cannot delete something, `Overdue`, or ClientError.
    """
    found = find_stack(account, stack)
    if found is None:
        tell(f"{account.name}: there is no stack {stack}")
        resources = retained_resources(account, stack)
    else:
        resources = resources_of(account, found["StackId"])
        for user in _of_type(resources, "AWS::IAM::User"):
            _delete_access_keys(account, user, tell)
        delete_stack(account, found["StackId"], tell)
        tell(f"{account.name}: the stack {stack} is deleted")
    _remove_leftovers(account, resources, tell, keeps_records=keeps_records)
    remove_sentinels(account, sites)
    if remove_packages(account, stack):
        tell(f"{account.name}: the bucket of packages {artifact_bucket(account)} is gone")
    else:
        tell(f"{account.name}: {artifact_bucket(account)} stays, for packages of other stacks")


def _remove_leftovers(
    account: Account, resources: list[Resource], tell: Tell, *, keeps_records: bool
) -> None:
    """Remove what CloudFormation leaves: by policy, for days, or as a function wrote once more."""
    vault = account.client("secretsmanager")
    for secret in _of_type(resources, "AWS::SecretsManager::Secret"):
        _unless_gone(partial(vault.delete_secret, SecretId=secret, ForceDeleteWithoutRecovery=True))
    logs = account.client("logs")
    groups = [f"/aws/lambda/{name}" for name in _of_type(resources, "AWS::Lambda::Function")]
    for group in (*groups, *_of_type(resources, "AWS::Logs::LogGroup")):
        _unless_gone(partial(logs.delete_log_group, logGroupName=group))
    for table in _of_type(resources, "AWS::DynamoDB::Table"):
        if keeps_records:
            tell(f"{account.name}: the records stay, in the table {table}")
        else:
            _delete_table(account, table, tell)


def remove_sentinels(account: Account, sites: Sequence[str]) -> None:
    """Delete these sites' sentinels: without records, a later launch would hold all deletes.

    Those of other pairs over the same bucket stay, and those in a store that is not AWS are left to
    `other_store`. Raises ClientError.
    """
    s3, site = account.client("s3"), account.site
    if not site.is_in_aws or not _has_bucket(account):
        return
    ours = {site.prefix + sentinel_key(name) for name in sites}
    pages = s3.get_paginator("list_object_versions").paginate(
        Bucket=site.bucket, Prefix=site.prefix + SENTINEL_PREFIX
    )
    for page in pages:
        for each in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
            if each["Key"] in ours:
                s3.delete_object(Bucket=site.bucket, Key=each["Key"], VersionId=each["VersionId"])


def _has_bucket(account: Account) -> bool:
    try:
        account.client("s3").head_bucket(Bucket=account.site.bucket)
    except ClientError as error:
        if code_of(error) == "404":
            return False
        raise
    return True


def _delete_access_keys(account: Account, user: str, tell: Tell) -> None:
    for key in access_keys(account, user):
        account.client("iam").delete_access_key(UserName=user, AccessKeyId=key.access_key_id)
        tell(f"{account.name}: the key pair {key.access_key_id} of {user} is deleted")


def _delete_table(account: Account, table: str, tell: Tell) -> None:
    records = account.client("dynamodb")
    if not _unless_gone(lambda: records.delete_table(TableName=table)):
        return

    def look() -> bool | None:
        return None if _unless_gone(lambda: records.describe_table(TableName=table)) else True

    wait_for(look, TABLE_SECONDS, f"the deletion of the table {table} of site {account.name}")
    tell(f"{account.name}: the records are deleted, with the table {table}")


def _unless_gone(call: Callable[[], object]) -> bool:
    """Make a call; return whether what it is about was there."""
    try:
        call()
    except ClientError as error:
        if code_of(error) == "ResourceNotFoundException":
            return False
        raise
    return True


def _of_type(resources: list[Resource], resource_type: str) -> list[str]:
    return [name for found, name in resources if found == resource_type]
