"""A queue whose order of delivery is chosen by the plan: at least once, by a virtual clock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sync_core.queues.protocol import Message


@dataclass(slots=True)
class Letter:
    """A message that has not been settled; `about` is the key of the event in it."""

    number: int
    body: str
    about: str
    visible_at: datetime
    receive_count: int = 0


class Mailbox:
    """The `Queue` of one side, without redrive: only poison reaches `dead_letters`.

    `settled` keeps the bodies of all that was done with, to be delivered once more.
    """

    def __init__(self, clock: Callable[[], datetime], visibility_seconds: int) -> None:
        self.letters: dict[int, Letter] = {}
        self.settled: list[str] = []
        self.dead_letters: list[tuple[str, str]] = []
        self.turn = 0
        self._clock = clock
        self._visibility = timedelta(seconds=visibility_seconds)
        self._numbers = 0

    def receive(self, limit: int, _wait_seconds: float) -> list[Message]:
        """Return up to `limit` messages, beginning with the `turn`-th of those that are due."""
        now = self._clock()
        due = [letter for letter in self.letters.values() if letter.visible_at <= now]
        first = self.turn % len(due) if due else 0
        return [self._deliver(letter) for letter in (due[first:] + due[:first])[:limit]]

    def _deliver(self, letter: Letter) -> Message:
        letter.receive_count += 1
        letter.visible_at = self._clock() + self._visibility
        handle = f"{letter.number}#{letter.receive_count}"
        return Message(str(letter.number), letter.body, handle, letter.receive_count)

    def delete(self, messages: Sequence[Message]) -> None:
        """Settle these deliveries, if they are still the latest."""
        for message in messages:
            if self._latest(message):
                self.settled.append(message.body)
                del self.letters[int(message.message_id)]

    def change_visibility(self, messages: Sequence[Message], seconds: int) -> None:
        """Make these visible again `seconds` from now, if they are still the latest."""
        for message in messages:
            letter = self._latest(message)
            if letter is not None:
                letter.visible_at = self._clock() + timedelta(seconds=seconds)

    def send(self, body: str, delay_seconds: int = 0, *, about: str = "") -> None:
        """Add a message."""
        self._numbers += 1
        visible_at = self._clock() + timedelta(seconds=delay_seconds)
        self.letters[self._numbers] = Letter(self._numbers, body, about, visible_at)

    def send_many(self, bodies: Sequence[str]) -> None:
        """Add any number of messages."""
        for body in bodies:
            self.send(body)

    def dead_letter(self, message: Message, reason: str) -> None:
        """Keep the delivery with its reason, then settle it."""
        self.dead_letters.append((message.body, reason))
        self.delete([message])

    def waits_for(self, key: str) -> bool:
        """Tell whether an event of this key is there that nobody has received yet."""
        return any(
            letter.about == key and not letter.receive_count for letter in self.letters.values()
        )

    def next_at(self) -> datetime | None:
        """Return when the next message becomes visible; None when there is none."""
        return min((letter.visible_at for letter in self.letters.values()), default=None)

    def _latest(self, message: Message) -> Letter | None:
        letter = self.letters.get(int(message.message_id))
        handle = f"{message.message_id}#{letter.receive_count}" if letter else ""
        return letter if handle == message.receipt_handle else None
