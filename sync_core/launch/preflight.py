"""Looks at both accounts before anything is changed; `findings` judges what is seen.

A check that the operator's profile may not make is a finding of its own, and no end of the launch.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from sync_core.errors import ConfigError
from sync_core.launch import findings as judge
from sync_core.launch.accounts import Account, aws_errors, code_of, is_denied
from sync_core.launch.feed_user import look_at_feed_user
from sync_core.launch.findings import Finding, Level
from sync_core.launch.keys import access_keys, read_secret
from sync_core.launch.launcher import Launch, mirrored
from sync_core.launch.occupied import look_for_others
from sync_core.launch.other_store import look_at_store
from sync_core.launch.stacks import LaunchedSite, find_stack, launched
from sync_core.notifications import (
    Trigger,
    identity_of,
    own_entry,
    refuse_overlaps,
    with_restores,
    without,
)

Parameters = Mapping[str, str]

DEFAULT_WORKERS = 20
_UNSET = {
    "ServerSideEncryptionConfigurationNotFoundError",
    "ObjectLockConfigurationNotFoundError",
}
_ACTIONS = (
    "cloudformation:CreateChangeSet",
    "cloudformation:ExecuteChangeSet",
    "cloudformation:DescribeStackEvents",
    "cloudwatch:PutMetricAlarm",
    "cloudwatch:PutDashboard",
    "dynamodb:CreateTable",
    "iam:CreateAccessKey",
    "iam:CreateRole",
    "iam:CreateUser",
    "iam:PassRole",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
    "lambda:CreateEventSourceMapping",
    "lambda:CreateFunction",
    "lambda:InvokeFunction",
    "logs:CreateLogGroup",
    "s3:CreateBucket",
    "s3:GetBucketNotification",
    "s3:PutBucketNotification",
    "s3:PutObject",
    "secretsmanager:CreateSecret",
    "secretsmanager:PutSecretValue",
    "sns:CreateTopic",
    "sqs:CreateQueue",
    "sqs:SetQueueAttributes",
    "states:CreateStateMachine",
    "states:StartExecution",
)


def is_ready(wanted: Launch) -> bool:
    """Look at both sides, tell what was found, and return whether a launch may go on.

    Raises what `aws_errors` raises.
    """
    found: list[Finding] = []
    sites: dict[str, LaunchedSite] = {}
    for account in wanted.accounts:
        stack = wanted.stack_of(account) if account in wanted.launching else None
        with aws_errors(account.name):
            found += look_at(account, stack, wanted.parameters_of(account))
            site = None if stack is None else launched(account, stack)
        sites |= {account.name: site} if site is not None else {}
    found += look_for_others(wanted.settings, wanted.accounts)
    if wanted.secret is not None:
        found += look_at_store(wanted.secret)
    for account in wanted.accounts:
        if wanted.settings.needs_user(account.site):
            name = wanted.settings.user_of(account.site)
            with aws_errors(account.name):
                found += look_at_user(account, name)
    for own, peer in mirrored(wanted.accounts, sites):
        with aws_errors(own.name):
            found += look_at_keys(own, peer)
    for finding in found:
        wanted.tell(str(finding))
    return not judge.errors_of(found)


def look_at(account: Account, stack: str | None, parameters: Parameters) -> list[Finding]:
    """Return all findings of one side, bucket first; raises what AWS answers but a refusal.

    `stack` None: the side gets none. What is in another store is left to `other_store`.
    """
    found = _look_at_s3(account, stack, parameters) if account.site.is_in_aws else []
    if stack is not None:
        site = account.name
        found += _survived(site, "Lambda's quota", lambda: _quota(account, parameters))
        found += _survived(site, "the stack", lambda: _stack(account, stack))
    return found


def _look_at_s3(account: Account, stack: str | None, parameters: Parameters) -> list[Finding]:
    site = account.name
    found = _bucket(account)
    if not judge.errors_of(found):
        checks: dict[str, Callable[[], list[Finding]]] = {
            "the bucket's versioning": lambda: _versioning(account),
            "the bucket's Object Lock": lambda: _lock(account),
            "the bucket's default encryption": lambda: _encryption(account),
        }
        if stack is not None:
            checks["the bucket's notifications"] = lambda: _notifications(
                account, parameters, stack
            )
        for what, check in checks.items():
            found += _survived(site, what, check)
    found.append(judge.judge_clock(site, account.server_ahead_seconds))
    return found + _survived(site, "the profile's permissions", lambda: _permissions(account))


def look_at_user(account: Account, name: str) -> list[Finding]:
    """Return what speaks against the user of a bucket that is only fed."""
    return _survived(account.name, "the user of the feed", lambda: look_at_feed_user(account, name))


def look_at_keys(own: LaunchedSite, peer: LaunchedSite) -> list[Finding]:
    """Return what there is to say of the own dedicated user's key pairs, if the stack made one."""
    user = own.outputs.get("DedicatedUserName")
    if not user or "PeerSecretArn" not in peer.outputs:
        return []

    def check() -> list[Finding]:
        ids = [key.access_key_id for key in access_keys(own.account, user)]
        mirrored = str(read_secret(peer).get("access_key_id", ""))
        return [judge.judge_access_keys(own.name, user, ids, mirrored)]

    return _survived(own.name, "the dedicated user's key pairs", check)


def _survived(site: str, what: str, check: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return check()
    except ClientError as error:
        if is_denied(error):
            return [judge.unchecked(site, what, f"the profile may not {error.operation_name}")]
        if code_of(error) in {"NotImplemented", "InvalidAction", "UnsupportedOperation"}:
            return [judge.unchecked(site, what, f"{error.operation_name} is not offered here")]
        raise


def _bucket(account: Account) -> list[Finding]:
    bucket = account.site.bucket
    try:
        answer = account.client("s3").head_bucket(
            Bucket=bucket, ExpectedBucketOwner=account.account_id
        )
    except ClientError as error:
        answer = error.response
    metadata: Mapping[str, Any] = answer["ResponseMetadata"]
    region = metadata.get("HTTPHeaders", {}).get("x-amz-bucket-region", "")
    return judge.judge_bucket(
        account.name, bucket, metadata["HTTPStatusCode"], region, account.region
    )


def _versioning(account: Account) -> list[Finding]:
    found = account.client("s3").get_bucket_versioning(**_of_bucket(account))
    return [judge.judge_versioning(account.name, found.get("Status"))]


def _lock(account: Account) -> list[Finding]:
    found = _unless_unset(account.client("s3").get_object_lock_configuration, account)
    lock = found.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled")
    return [judge.judge_lock(account.name, is_locked=lock == "Enabled")]


def _encryption(account: Account) -> list[Finding]:
    found = _unless_unset(account.client("s3").get_bucket_encryption, account)
    rules = found.get("ServerSideEncryptionConfiguration", {}).get("Rules", [{}])
    default = rules[0].get("ApplyServerSideEncryptionByDefault", {})
    algorithm, key_id = default.get("SSEAlgorithm", ""), default.get("KMSMasterKeyID", "")
    return [judge.judge_encryption(account.name, algorithm, key_id)]


def _notifications(account: Account, parameters: Parameters, stack: str) -> list[Finding]:
    # The template's ConfigurationId.
    identity = identity_of(f"dualway-{stack}")
    trigger = Trigger(parameters.get("EventTrigger", Trigger.CREATE_AND_DELETE))
    current = account.client("s3").get_bucket_notification_configuration(**_of_bucket(account))
    current.pop("ResponseMetadata", None)
    foreign = without(current, identity)
    number = sum(len(each) for each in foreign.values() if isinstance(each, list))
    if trigger is not Trigger.NO:
        entry = own_entry(identity, "", account.site.prefix, trigger)
        is_restoring = parameters.get("ArchivedObjects") == "restore"
        try:
            refuse_overlaps(foreign, with_restores(foreign, entry, is_needed=is_restoring))
        except ConfigError as error:
            return [Finding(account.name, Level.ERROR, error.cause)]
    text = f"the bucket has {number} notification(s) of others, which stay as they are"
    return [Finding(account.name, Level.OK, text)]


def _permissions(account: Account) -> list[Finding]:
    iam = account.client("iam")
    principal = _principal(account)
    if principal is None:
        text = "the profile is the account's root user, who may do everything; better use a role"
        return [Finding(account.name, Level.WARNING, text)]
    decisions: dict[str, str] = {}
    by_organization = False
    for result in _simulated(iam, principal):
        decisions[result["EvalActionName"]] = result["EvalDecision"]
        detail = result.get("OrganizationsDecisionDetail", {})
        by_organization |= detail.get("AllowedByOrganizations") is False
    return [judge.judge_permissions(account.name, decisions, by_organization=by_organization)]


def _simulated(iam: Any, principal: str) -> Iterator[Mapping[str, Any]]:
    pages = iam.get_paginator("simulate_principal_policy")
    for page in pages.paginate(PolicySourceArn=principal, ActionNames=list(_ACTIONS)):
        yield from page["EvaluationResults"]


def _principal(account: Account) -> str | None:
    """Return the user or role whose policies count; None for the account's root user."""
    _, _, resource = account.caller_arn.rpartition(":")
    kind, _, rest = resource.partition("/")
    if kind == "root":
        return None
    if kind == "assumed-role":
        role, _, _ = rest.partition("/")
        return str(account.client("iam").get_role(RoleName=role)["Role"]["Arn"])
    return account.caller_arn


def _quota(account: Account, parameters: Parameters) -> list[Finding]:
    if parameters.get("WorkerRuntime", "Lambda") != "Lambda":
        return []
    limit = account.client("lambda").get_account_settings()["AccountLimit"]
    wanted = int(parameters.get("MaxConcurrentWorkers", DEFAULT_WORKERS))
    unreserved = limit["UnreservedConcurrentExecutions"]
    return [judge.judge_concurrency(account.name, unreserved, wanted)]


def _stack(account: Account, stack: str) -> list[Finding]:
    found = find_stack(account, stack)
    return [judge.judge_stack(account.name, stack, found["StackStatus"] if found else None)]


def _of_bucket(account: Account) -> dict[str, str]:
    return {"Bucket": account.site.bucket, "ExpectedBucketOwner": account.account_id}


def _unless_unset(ask: Callable[..., Mapping[str, Any]], account: Account) -> Mapping[str, Any]:
    """Return a setting of the bucket; empty where it was never set."""
    try:
        return ask(**_of_bucket(account))
    except ClientError as error:
        if code_of(error) in _UNSET:
            return {}
        raise
