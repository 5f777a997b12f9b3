"""What is looked at before anything is changed, judged: each finding is a sentence with advice.

Pure: `preflight` asks the accounts. A launch goes on with warnings and stops at errors.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

MAX_SKEW_SECONDS = 300
"""AWS refuses requests whose signature is further off (Signature V4: "within five minutes")."""

WARN_SKEW_SECONDS = 2.0
MAX_ACCESS_KEYS = 2
"""IAM's quota of access keys for one user (IAM user guide, IAM and STS quotas)."""

_HTTP_NOT_FOUND = 404
_HTTP_FORBIDDEN = 403
_HTTP_MOVED = 301

_UPDATABLE = {
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
    "REVIEW_IN_PROGRESS",
}
_DESTROY_FIRST = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at on one site; `text` is a sentence, with advice if need be."""

    site: str
    level: Level
    text: str

    def __str__(self) -> str:
        return f"{self.site}: {self.level.value:<7} {self.text}"


def errors_of(findings: Iterable[Finding]) -> list[Finding]:
    """Return those findings that stop a launch."""
    return [each for each in findings if each.level is Level.ERROR]


def judge_bucket(
    site: str, bucket: str, status: int, bucket_region: str, region: str
) -> list[Finding]:
    """Judge HeadBucket's answer: HTTP status and region of the bucket ("" where not told)."""
    if status == _HTTP_NOT_FOUND:
        advice = f"there is no bucket {bucket}; create it, or mend `bucket` in the file"
        return [Finding(site, Level.ERROR, advice)]
    if status == _HTTP_FORBIDDEN:
        advice = (
            f"bucket {bucket} belongs to another account, or the profile may not look at it; name "
            "a bucket of this account, or allow the profile s3:ListBucket on it"
        )
        return [Finding(site, Level.ERROR, advice)]
    if (bucket_region and bucket_region != region) or status == _HTTP_MOVED:
        where = bucket_region or "another region"
        advice = f"bucket {bucket} is in {where}, not in {region}; give that as `region`"
        return [Finding(site, Level.ERROR, advice)]
    return [Finding(site, Level.OK, f"bucket {bucket} is there, in {region}")]


def judge_versioning(site: str, status: str | None) -> Finding:
    """Judge GetBucketVersioning's status: Enabled, Suspended, or None for never set."""
    if status == "Enabled":
        return Finding(site, Level.OK, "the bucket keeps versions: nothing is lost for good")
    advice = "the bucket keeps no versions: an overwritten object is gone; turn versioning on"
    return Finding(site, Level.OK, f"{advice} if that matters")


def judge_lock(site: str, *, is_locked: bool) -> Finding:
    """Judge whether the bucket has Object Lock."""
    if not is_locked:
        return Finding(site, Level.OK, "the bucket has no Object Lock")
    advice = (
        "the bucket has Object Lock: an object under retention gets a delete marker, and its "
        "versions stay; retention is not copied to the other side"
    )
    return Finding(site, Level.WARNING, advice)


def judge_encryption(site: str, algorithm: str, key_id: str) -> Finding:
    """Judge the bucket's default encryption: SSEAlgorithm and KMSMasterKeyID ("" for none)."""
    if not algorithm.startswith("aws:kms"):
        return Finding(site, Level.OK, "the bucket's default encryption needs no key of KMS")
    if not key_id or key_id.endswith("alias/aws/s3"):
        advice = (
            "the bucket encrypts with the AWS managed key of S3, which the peer's dedicated user "
            "can use through S3 within this account only"
        )
        return Finding(site, Level.OK, advice)
    advice = (
        f"the bucket encrypts with the KMS key {key_id}: allow the worker's role and the dedicated "
        "user kms:Decrypt and kms:GenerateDataKey in the key's policy"
    )
    return Finding(site, Level.WARNING, advice)


def judge_clock(site: str, server_ahead_seconds: float) -> Finding:
    """Judge how far AWS's clock and this machine's are apart."""
    apart = abs(server_ahead_seconds)
    if apart >= MAX_SKEW_SECONDS:
        text = f"this machine's clock is {apart:.0f} s off; set it: AWS refuses the signatures"
        return Finding(site, Level.ERROR, text)
    if apart > WARN_SKEW_SECONDS:
        text = f"this machine's clock is {apart:.0f} s off; better set it (NTP)"
        return Finding(site, Level.WARNING, text)
    return Finding(site, Level.OK, "this machine's clock is right")


def judge_permissions(site: str, decisions: Mapping[str, str], *, by_organization: bool) -> Finding:
    """Judge the simulated decision for each action: allowed, explicitDeny or implicitDeny.

    `by_organization` tells that a service control policy forbids one of them.
    """
    denied = sorted(action for action, decision in decisions.items() if decision != "allowed")
    explicit = [action for action in denied if decisions[action] == "explicitDeny"]
    if by_organization or explicit:
        who = "a service control policy of the organization" if by_organization else "a policy"
        text = f"{who} forbids the profile {', '.join(explicit or denied)}; have that lifted"
        return Finding(site, Level.ERROR, text)
    if denied:
        text = (
            f"the profile's policies do not allow {', '.join(denied)} on every resource; the "
            "launch fails where it lacks them"
        )
        return Finding(site, Level.WARNING, text)
    return Finding(site, Level.OK, "the profile may do what a launch does")


def judge_concurrency(site: str, unreserved: int, wanted: int) -> Finding:
    """Judge Lambda's quota: executions at once that are not reserved, and MaxConcurrentWorkers."""
    if unreserved > wanted:
        return Finding(site, Level.OK, f"Lambda runs {unreserved} functions at once here")
    text = (
        f"Lambda runs {unreserved} functions at once in this account, and MaxConcurrentWorkers is "
        f"{wanted}: other functions, and the finder, would wait; raise the quota or lower that"
    )
    return Finding(site, Level.WARNING, text)


def judge_stack(site: str, stack: str, status: str | None) -> Finding:
    """Judge the state of the site's stack; None where there is none."""
    if status is None:
        return Finding(site, Level.OK, f"the stack {stack} will be created")
    if status in _UPDATABLE:
        return Finding(site, Level.OK, f"the stack {stack} is there ({status})")
    if status in _DESTROY_FIRST:
        advice = "it cannot be updated: run `dualway destroy` with the same file, and launch again"
    elif status == "UPDATE_ROLLBACK_FAILED":
        advice = "continue its rollback in the console of CloudFormation, and launch again"
    else:
        advice = "something else is at work on it: wait until that is done, and launch again"
    return Finding(site, Level.ERROR, f"the stack {stack} is in {status}; {advice}")


def judge_access_keys(site: str, user: str, key_ids: Sequence[str], mirrored: str) -> Finding:
    """Judge the dedicated user's key pairs; `mirrored` is the one in the peer's secret."""
    if mirrored in key_ids or len(key_ids) < MAX_ACCESS_KEYS:
        return Finding(site, Level.OK, f"the dedicated user {user} has {len(key_ids)} key pair(s)")
    text = (
        f"the dedicated user {user} has as many key pairs as IAM allows ({', '.join(key_ids)}), "
        "and the peer's secret holds none of them; delete one that nobody uses"
    )
    return Finding(site, Level.ERROR, text)


def unchecked(site: str, what: str, cause: str) -> Finding:
    """Say that something could not be looked at."""
    return Finding(site, Level.WARNING, f"{what} could not be checked ({cause})")
