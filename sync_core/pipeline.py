"""Being written: the batch-shaped pipeline. These types are its contract with worker and handler."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sync_core.errors import DualwayError
from sync_core.queues.protocol import Message


@dataclass(frozen=True, slots=True)
class Deferral:
    """A key that has to be looked at again, `delay_seconds` from now."""

    key: str
    delay_seconds: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """What is to become of one delivery.

    Without an error the message is done: delete it. A `Poison` error: dead-letter it with the
    error's text. Any other error: return it to the queue, to be delivered again after a pause that
    grows with its receive count. In each case first send a hint for each deferral.
    """

    message: Message
    error: DualwayError | None = None
    deferrals: tuple[Deferral, ...] = ()


class Pipeline(Protocol):
    """What worker.py and handlers/worker.py call."""

    def run(self, messages: Sequence[Message]) -> list[Settlement]:
        """Process all messages in hand as one batch; one settlement for each, in their order."""
        ...
