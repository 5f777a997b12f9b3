"""Sending, deleting and changing messages in batches needs no permission of its own.

AWS: IAM knows no action for the batch forms; the permission for the single form covers them
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html).
Emulator: asks for `sqs:DeleteMessageBatch` and the like.
"""

from collections.abc import Callable
from typing import Any

from sync_core.local.gaps.seam import Seam

_SEAM = Seam("permissions for batches of messages")


def install() -> None:
    """Ask for the permission of the single form."""
    _SEAM.wrap("core.iam_actions", "extract_iam_action", _singular)


def _singular(extract: Callable[..., str | None]) -> Callable[..., str | None]:
    def extracted(*request: Any) -> str | None:
        action = extract(*request)
        if action is not None and action.startswith("sqs:"):
            return action.removesuffix("Batch")
        return action

    return extracted
