"""The port to one queue and its dead-letter queue: at least once, in no particular order.

What every adapter promises, and `tests/contract/test_queue.py` checks on each of them. Methods may
raise `Throttled`, `Unavailable` or `AccessDenied`; `ConfigError` when the queue does not exist.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery of a message. `receive_count` starts at 1."""

    message_id: str
    body: str
    receipt_handle: str
    receive_count: int = 1


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """About how many messages wait (delayed ones too), are delivered, and are dead-lettered.

    `dead_letters` is None of a queue that knows of no dead-letter queue.
    """

    waiting: int
    in_flight: int
    dead_letters: int | None


class Queue(Protocol):
    """Receive, settle, send."""

    def receive(self, limit: int, wait_seconds: float) -> list[Message]:
        """Return up to `limit` messages (at most 10), waiting up to `wait_seconds` for the first.

        They are invisible to others until the queue's visibility timeout has passed.
        """
        ...

    def delete(self, messages: Sequence[Message]) -> None:
        """Settle these deliveries for good; one that has expired or is gone is no error."""
        ...

    def change_visibility(self, messages: Sequence[Message], seconds: int) -> None:
        """Make these visible again `seconds` from now (0: at once, at most 43,200).

        Deliveries that have expired are passed over.
        """
        ...

    def send(self, body: str, delay_seconds: int = 0) -> None:
        """Add a message that is delivered after `delay_seconds` (0 to 900) at the earliest."""
        ...

    def dead_letter(self, message: Message, reason: str) -> None:
        """Move a delivery to the dead-letter queue, with `reason` as its attribute `reason`.

        The message is put there before it is deleted here: a crash between the two leaves both.
        """
        ...


class SupportsBulkSend(Protocol):
    """Many messages at once, as a finder sends them."""

    def send_many(self, bodies: Sequence[str]) -> None:
        """Add any number of messages, in as few requests as the queue allows.

        After an error each of them may have been added or not.
        """
        ...


class SupportsCounts(Protocol):
    """How much there is to do, for a person to see."""

    def counts(self) -> QueueCounts:
        """Return about how many messages there are."""
        ...
