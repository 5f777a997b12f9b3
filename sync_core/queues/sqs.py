"""A standard SQS queue and its dead-letter queue, through a boto3 client."""

from __future__ import annotations

import math
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from sync_core.backoff import delay_seconds as backoff_seconds
from sync_core.errors import ConfigError
from sync_core.queues.limits import (
    MESSAGES_PER_CALL,
    MOST_WAIT_SECONDS,
    require_delay,
    require_visibility,
)
from sync_core.queues.protocol import Message, QueueCounts
from sync_core.queues.sqs_counts import counts_of
from sync_core.queues.sqs_errors import kind_of, queue_failure

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import (
        BatchResultErrorEntryTypeDef,
        MessageAttributeValueTypeDef,
        MessageTypeDef,
    )

    _Entry = TypeVar("_Entry")
    Batch = Mapping[str, _Entry]
    SendBatch = Callable[[Batch[_Entry]], Sequence[BatchResultErrorEntryTypeDef]]

LONGEST_REASON_CHARACTERS = 1024
"""A reason is cut to this length; the attribute counts towards the message's greatest size."""

EMPTY_BODY = "(The message's body was empty.)"
"""Stands for an empty body in the dead-letter queue: SQS takes no empty message."""

# All bodies of one SendMessageBatch together: SQS's limit everywhere until 2025, when AWS's became
# four times as much (API reference, SendMessageBatch, 2025). Hints never come near either.
_BYTES_PER_BATCH = 262_144

# What SQS takes in bodies and attributes (API reference, SendMessage, 2025) is exactly what is not
# in this class; anything else gets the whole message refused.
_FORBIDDEN_CHARACTER = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_REPLACEMENT = "\ufffd"

# How SQS says that a delivery is over: its handle was replaced by a newer one, its visibility timed
# out, or the message was deleted. The last code also stands for a time out of range, which never
# gets this far.
_DELIVERY_IS_OVER = frozenset(
    {
        "AWS.SimpleQueueService.MessageNotInflight",
        "InvalidParameterValue",
        "MessageNotInflight",
        "ReceiptHandleIsInvalid",
    }
)
_ATTEMPTS = 4
_BASE_SECONDS = 0.1
_CAP_SECONDS = 2.0
_INTERNAL_ERROR = 500


class SQSQueue:
    """A `Queue` on SQS; safe to share between threads, as the client is.

    The client's read time-out must exceed the 20 seconds of the longest poll. A queue that does not
    exist raises `ConfigError`, a request that SQS will never take `Poison`. Without a
    `dead_letter_queue_url` it serves for sending and receiving only. `randomness` spreads retries
    and `pause` waits that many seconds.
    """

    def __init__(
        self,
        client: SQSClient,
        queue_url: str,
        dead_letter_queue_url: str | None = None,
        *,
        randomness: random.Random | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._queue_url = queue_url
        self._dead_letter_queue_url = dead_letter_queue_url
        self._randomness = randomness or random.SystemRandom()
        self._pause = pause

    def receive(self, limit: int, wait_seconds: float) -> list[Message]:
        """Return up to `limit` messages (at most 10) in one call.

        SQS counts the wait in whole seconds up to 20: `wait_seconds` is rounded up.
        """
        if limit < 1:
            return []
        with _translated("receive", self._queue_url):
            answer = self._client.receive_message(
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=min(limit, MESSAGES_PER_CALL),
                WaitTimeSeconds=min(math.ceil(wait_seconds), MOST_WAIT_SECONDS),
                MessageSystemAttributeNames=["ApproximateReceiveCount"],
            )
        return [_message(received) for received in answer.get("Messages", [])]

    def delete(self, messages: Sequence[Message]) -> None:
        """Settle these deliveries for good, ten in a call; those that are over are no error."""

        def send(batch: Batch[Message]) -> Sequence[BatchResultErrorEntryTypeDef]:
            answer = self._client.delete_message_batch(
                QueueUrl=self._queue_url,
                Entries=[
                    {"Id": entry_id, "ReceiptHandle": message.receipt_handle}
                    for entry_id, message in batch.items()
                ],
            )
            return answer.get("Failed", [])

        self._settle("delete", messages, send)

    def change_visibility(self, messages: Sequence[Message], seconds: int) -> None:
        """Make these visible again `seconds` from now, ten in a call; over ones are passed over."""
        require_visibility(seconds)

        def send(batch: Batch[Message]) -> Sequence[BatchResultErrorEntryTypeDef]:
            answer = self._client.change_message_visibility_batch(
                QueueUrl=self._queue_url,
                Entries=[
                    {
                        "Id": entry_id,
                        "ReceiptHandle": message.receipt_handle,
                        "VisibilityTimeout": seconds,
                    }
                    for entry_id, message in batch.items()
                ],
            )
            return answer.get("Failed", [])

        self._settle("change visibility", messages, send)

    def send(self, body: str, delay_seconds: int = 0) -> None:
        """Add a message; `body` has at least one character and only such as XML 1.0 allows."""
        require_delay(delay_seconds)
        with _translated("send", self._queue_url):
            self._client.send_message(
                QueueUrl=self._queue_url, MessageBody=body, DelaySeconds=delay_seconds
            )

    def send_many(self, bodies: Sequence[str]) -> None:
        """Add messages, ten in a call; each body is as `send` takes it.

        What SQS leaves out for reasons of its own is sent again, `Throttled` or `Unavailable` when
        it keeps doing so.
        """

        def send(batch: Batch[str]) -> Sequence[BatchResultErrorEntryTypeDef]:
            answer = self._client.send_message_batch(
                QueueUrl=self._queue_url,
                Entries=[{"Id": name, "MessageBody": body} for name, body in batch.items()],
            )
            return answer.get("Failed", [])

        for batch in _batches(bodies):
            self._send_batch("send", _numbered(batch), send)

    def dead_letter(self, message: Message, reason: str) -> None:
        """Send the body to the dead-letter queue, then delete the delivery.

        Its attributes say why and whence: `reason`, `source_message_id`, `receive_count`. To move
        such a message back, name the destination: SQS knows the source only of messages that it
        moved itself (`CouldNotDetermineMessageSource`, developer guide, 2025).
        """
        url = self._dead_letter_queue_url
        if url is None:
            raise ConfigError(
                "dead-letter", self._queue_url, "no dead-letter queue was named for it"
            )
        with _translated("dead-letter", url):
            self._client.send_message(
                QueueUrl=url,
                MessageBody=_allowed(message.body) or EMPTY_BODY,
                MessageAttributes={
                    "reason": _text(_cut(_allowed(reason)) or "no reason was given"),
                    "source_message_id": _text(message.message_id),
                    "receive_count": {
                        "DataType": "Number",
                        "StringValue": str(message.receive_count),
                    },
                },
            )
        self.delete([message])

    def counts(self) -> QueueCounts:
        """Return about how many messages there are (see `sqs_counts`)."""
        return counts_of(self._client, self._queue_url, self._dead_letter_queue_url)

    def _settle(
        self, operation: str, messages: Sequence[Message], send: SendBatch[Message]
    ) -> None:
        def send_to_live(batch: Batch[Message]) -> Sequence[BatchResultErrorEntryTypeDef]:
            return [failed for failed in send(batch) if failed["Code"] not in _DELIVERY_IS_OVER]

        for start in range(0, len(messages), MESSAGES_PER_CALL):
            batch = messages[start : start + MESSAGES_PER_CALL]
            self._send_batch(operation, _numbered(batch), send_to_live)

    def _send_batch(self, operation: str, pending: Batch[_Entry], send: SendBatch[_Entry]) -> None:
        """Send a batch, and again what failed through no fault of ours."""
        failed: Sequence[BatchResultErrorEntryTypeDef] = []
        for failures in range(_ATTEMPTS):
            self._rest(failures)
            with _translated(operation, self._queue_url):
                failed = send(pending)
            if not failed:
                return
            self._raise_for_sender_fault(operation, failed)
            pending = {entry["Id"]: pending[entry["Id"]] for entry in failed}
        kind = kind_of(failed[0]["Code"], _INTERNAL_ERROR)
        raise kind(operation, self._queue_url, _summary(failed))

    def _raise_for_sender_fault(
        self, operation: str, failed: Sequence[BatchResultErrorEntryTypeDef]
    ) -> None:
        faults = [entry for entry in failed if entry["SenderFault"]]
        if faults:
            raise kind_of(faults[0]["Code"], 0)(operation, self._queue_url, _summary(faults))

    def _rest(self, failures: int) -> None:
        if failures:
            spread = self._randomness.random()
            self._pause(
                backoff_seconds(
                    failures, base_seconds=_BASE_SECONDS, cap_seconds=_CAP_SECONDS, spread=spread
                )
            )


@contextmanager
def _translated(operation: str, queue_url: str) -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise queue_failure(operation, queue_url, error) from error


def _batches(bodies: Sequence[str]) -> Iterator[list[str]]:
    """Yield as many at a time as one call takes; a body that is too large has one to itself."""
    batch: list[str] = []
    size_bytes = 0
    for body in bodies:
        body_bytes = len(body.encode(errors="replace"))
        is_full = len(batch) == MESSAGES_PER_CALL or size_bytes + body_bytes > _BYTES_PER_BATCH
        if batch and is_full:
            yield batch
            batch, size_bytes = [], 0
        batch.append(body)
        size_bytes += body_bytes
    if batch:
        yield batch


def _numbered(batch: Sequence[_Entry]) -> dict[str, _Entry]:
    return {str(number): entry for number, entry in enumerate(batch)}


def _message(received: MessageTypeDef) -> Message:
    return Message(
        message_id=received["MessageId"],
        body=received.get("Body", ""),
        receipt_handle=received["ReceiptHandle"],
        receive_count=int(received["Attributes"]["ApproximateReceiveCount"]),
    )


def _summary(failed: Sequence[BatchResultErrorEntryTypeDef]) -> str:
    first = failed[0]
    return f"{len(failed)} refused, the first with {first['Code']}: {first.get('Message', '')}"


def _allowed(text: str) -> str:
    return _FORBIDDEN_CHARACTER.sub(_REPLACEMENT, text)


def _cut(text: str) -> str:
    if len(text) <= LONGEST_REASON_CHARACTERS:
        return text
    return text[: LONGEST_REASON_CHARACTERS - 1] + "…"


def _text(text: str) -> MessageAttributeValueTypeDef:
    return {"DataType": "String", "StringValue": text}
