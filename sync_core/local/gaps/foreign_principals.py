"""A bucket's policy may name a user or a role of another account.

AWS: the principal of a statement is compared with whoever asks
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-bucket-user-policy-specifying-principal-intro.html).
Emulator: whoever asks from another account is taken for its root, whom such a statement does not
name.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sync_core.local.gaps.event_records import credential_resolver
from sync_core.local.gaps.seam import Seam
from sync_core.local.gateway import caller_access_key

_SEAM = Seam("users of other accounts in bucket policies")


def install() -> None:
    """Let policies of buckets be compared with who really asks."""
    # The emulator looks the function up whenever it needs it.
    _SEAM.wrap("core.iam_evaluator", "evaluate_resource_policy", _comparing)


def _comparing(evaluate: Callable[..., Any]) -> Callable[..., Any]:
    credential = credential_resolver()

    def asking(context: Any) -> Any:
        caller = credential(caller_access_key.get()) if caller_access_key.get() else None
        if caller is None or caller.account_id != context.principal_account:
            return context
        return replace(
            context, principal_arn=caller.principal_arn, principal_type=caller.principal_type
        )

    def evaluated(policy: Any, context: Any, *rest: Any, **named: Any) -> Any:
        is_of_bucket = context.action.startswith("s3:") and context.principal_type == "Root"
        return evaluate(policy, asking(context) if is_of_bucket else context, *rest, **named)

    return evaluated
