"""A queue in memory, for tests and simulations: the same contract as SQS's."""

import itertools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Condition

from sync_core.queues.limits import MESSAGES_PER_CALL, require_delay, require_visibility
from sync_core.queues.protocol import Message, QueueCounts


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message in the dead-letter queue; without a `reason` it was delivered too often."""

    source_message_id: str
    body: str
    receive_count: int
    reason: str | None = None


@dataclass(slots=True)
class _Entry:
    """A message that has not been settled; `receipt_handle` is that of its latest delivery."""

    message_id: str
    body: str
    visible_at: datetime
    receive_count: int = 0
    receipt_handle: str | None = None


class MemoryQueue:
    """A `Queue` that lives as long as the process; safe to share between threads.

    `clock` returns the time (aware UTC) by which messages become visible. A message that has been
    delivered `max_receive_count` times goes to `dead_letters`, open to tests, instead of being
    delivered again.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        visibility_timeout_seconds: float = 30,
        max_receive_count: int = 5,
    ) -> None:
        self.dead_letters: list[DeadLetter] = []
        self._clock = clock
        self._visibility_timeout = timedelta(seconds=visibility_timeout_seconds)
        self._max_receive_count = max_receive_count
        self._messages: dict[str, _Entry] = {}
        self._numbers = itertools.count(1)
        self._changed = Condition()

    def receive(self, limit: int, wait_seconds: float) -> list[Message]:
        """Return up to `limit` messages (at most 10), the oldest first.

        `wait_seconds` is real time, whatever the clock says; 0 never blocks. A message that the
        clock makes visible meanwhile is noticed if the clock keeps real time.
        """
        if limit < 1:
            return []
        deadline = time.monotonic() + wait_seconds
        with self._changed:
            while True:
                received = self._deliver(min(limit, MESSAGES_PER_CALL))
                remaining_seconds = deadline - time.monotonic()
                if received or remaining_seconds <= 0:
                    return received
                self._changed.wait(min(remaining_seconds, self._seconds_to_next()))

    def delete(self, messages: Sequence[Message]) -> None:
        """Settle these deliveries for good; one that is no longer the latest has no effect."""
        with self._changed:
            for message in messages:
                if self._latest_delivery(message):
                    del self._messages[message.message_id]

    def change_visibility(self, messages: Sequence[Message], seconds: int) -> None:
        """Make these visible again `seconds` from now, if they are still in flight."""
        require_visibility(seconds)
        with self._changed:
            now = self._clock()
            for message in messages:
                entry = self._latest_delivery(message)
                if entry and entry.visible_at > now:
                    entry.visible_at = now + timedelta(seconds=seconds)
            self._changed.notify_all()

    def send(self, body: str, delay_seconds: int = 0) -> None:
        """Add a message that is delivered after `delay_seconds` (0 to 900) at the earliest."""
        require_delay(delay_seconds)
        with self._changed:
            self._add(body, self._clock() + timedelta(seconds=delay_seconds))
            self._changed.notify_all()

    def send_many(self, bodies: Sequence[str]) -> None:
        """Add messages that are delivered at once."""
        with self._changed:
            for body in bodies:
                self._add(body, self._clock())
            self._changed.notify_all()

    def dead_letter(self, message: Message, reason: str) -> None:
        """Move a delivery to `dead_letters`; a stale delivery leaves the message here as well."""
        letter = DeadLetter(message.message_id, message.body, message.receive_count, reason)
        with self._changed:
            self.dead_letters.append(letter)
        self.delete([message])

    def depth(self) -> int:
        """Return how many messages wait to be delivered, delayed ones included."""
        with self._changed:
            return len(self._messages) - self._count_in_flight()

    def in_flight(self) -> int:
        """Return how many messages are delivered, neither settled nor visible again."""
        with self._changed:
            return self._count_in_flight()

    def counts(self) -> QueueCounts:
        """Return how many messages there are, exactly."""
        with self._changed:
            in_flight = self._count_in_flight()
            waiting = len(self._messages) - in_flight
            return QueueCounts(waiting, in_flight, len(self.dead_letters))

    # From here on the caller holds the condition's lock.

    def _add(self, body: str, visible_at: datetime) -> None:
        message_id = f"message-{next(self._numbers)}"
        self._messages[message_id] = _Entry(message_id, body, visible_at)

    def _deliver(self, limit: int) -> list[Message]:
        now = self._clock()
        due = [entry for entry in self._messages.values() if entry.visible_at <= now]
        for entry in due:
            if entry.receive_count >= self._max_receive_count:
                self._redrive(entry)
        fresh = [entry for entry in due if entry.receive_count < self._max_receive_count]
        return [self._delivery(entry, now) for entry in fresh[:limit]]

    def _redrive(self, entry: _Entry) -> None:
        letter = DeadLetter(entry.message_id, entry.body, entry.receive_count)
        self.dead_letters.append(letter)
        del self._messages[entry.message_id]

    def _delivery(self, entry: _Entry, now: datetime) -> Message:
        entry.receive_count += 1
        entry.receipt_handle = f"{entry.message_id}#{entry.receive_count}"
        entry.visible_at = now + self._visibility_timeout
        return Message(entry.message_id, entry.body, entry.receipt_handle, entry.receive_count)

    def _latest_delivery(self, message: Message) -> _Entry | None:
        entry = self._messages.get(message.message_id)
        is_latest = entry is not None and entry.receipt_handle == message.receipt_handle
        return entry if is_latest else None

    def _seconds_to_next(self) -> float:
        now = self._clock()
        instants = (entry.visible_at for entry in self._messages.values())
        seconds = min(((instant - now).total_seconds() for instant in instants), default=math.inf)
        return max(seconds, 0.0)

    def _count_in_flight(self) -> int:
        now = self._clock()
        return sum(
            entry.receipt_handle is not None and entry.visible_at > now
            for entry in self._messages.values()
        )
