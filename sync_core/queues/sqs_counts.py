"""How many messages SQS says that a queue holds.

The numbers are approximate, and right a minute after the last change (API reference,
GetQueueAttributes, 2025).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from sync_core.queues.protocol import QueueCounts
from sync_core.queues.sqs_errors import queue_failure

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_VISIBLE: Final = "ApproximateNumberOfMessages"
_DELAYED: Final = "ApproximateNumberOfMessagesDelayed"
_IN_FLIGHT: Final = "ApproximateNumberOfMessagesNotVisible"


def counts_of(client: SQSClient, queue_url: str, dead_letter_queue_url: str | None) -> QueueCounts:
    """Return the counts of a queue and its dead-letter queue; an error names which of the two."""
    visible, delayed, in_flight = _counts(client, queue_url)
    dead_letters = None if dead_letter_queue_url is None else _counts(client, dead_letter_queue_url)
    return QueueCounts(
        waiting=visible + delayed,
        in_flight=in_flight,
        dead_letters=None if dead_letters is None else sum(dead_letters),
    )


def _counts(client: SQSClient, queue_url: str) -> tuple[int, int, int]:
    try:
        answer = client.get_queue_attributes(
            QueueUrl=queue_url, AttributeNames=[_VISIBLE, _DELAYED, _IN_FLIGHT]
        )
    except (ClientError, BotoCoreError) as error:
        raise queue_failure("count messages", queue_url, error) from error
    found = answer["Attributes"]
    return int(found[_VISIBLE]), int(found[_DELAYED]), int(found[_IN_FLIGHT])
