"""Whose write an event tells of: our own dedicated user's, which is an echo, or somebody else's.

Each caller's form of the principal id (Amazon S3 User Guide, "Event message structure"; IAM User
Guide, "IAM identifiers"; the other stores' documentation; forms seen in real payloads):

| caller | principalId | principal |
|---|---|---|
| IAM user | `AWS:AIDA...` or `AIDA...` | `AIDA...` |
| assumed role | `AWS:AROA...:session`, where the session may hold `@ = .` and spaces | `AROA...` |
| root, or another account | a customer id or a 12-digit account id | itself |
| a service, as S3 Lifecycle | `s3.amazonaws.com` | itself |
| RAM user, or account, at Aliyun OSS | 18 digits, or 16 | itself |
| key pair at Tencent COS | SecretId `AKID...` | itself |
| key pair at Qiniu Kodo, or MinIO | access key | itself |
| user of Ceph | user id, maybe `tenant$user` | itself |
| subuser of Ceph | `user:subuser` | `user` |
| nobody: anonymous or missing | `Anonymous`, empty or absent | None |
"""

from sync_core.model import ObjectEvent

_PREFIX = "AWS:"
_NOBODY = ("", "Anonymous")


def principal(principal_id: str | None) -> str | None:
    """Return the id that stands for the caller in every session; None for nobody.

    One `AWS:` is taken off and a role's session cut off; case matters. Raises nothing.
    """
    who = (principal_id or "").removeprefix(_PREFIX).partition(":")[0]
    return None if who in _NOBODY else who


def is_echo(event: ObjectEvent, own_principals: frozenset[str]) -> bool:
    """Tell whether one of our own principals caused the event; nobody is never one of them.

    The own principals may be written in any form that `principal` reads.
    """
    who = principal(event.principal_id)
    return who is not None and any(who == principal(own) for own in own_principals)
