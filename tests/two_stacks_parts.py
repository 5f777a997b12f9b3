"""What `two_stacks` puts around the adapters: queues, calls that can be watched, what was told."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any


class Mailbox:
    """A side's queue: bodies and the instants from which they may be delivered, oldest first."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.waiting: deque[tuple[str, datetime]] = deque()
        self._clock = clock

    def send(self, body: str, delay_seconds: int = 0) -> None:
        self.waiting.append((body, self._clock() + timedelta(seconds=delay_seconds)))

    def send_many(self, bodies: Sequence[str]) -> None:
        for body in bodies:
            self.send(body)

    def take(self, limit: int = 10) -> list[str]:
        """Take what may be delivered now."""
        ready = [entry for entry in self.waiting if entry[1] <= self._clock()][:limit]
        for entry in ready:
            self.waiting.remove(entry)
        return [body for body, _ in ready]

    def bodies(self) -> list[str]:
        return [body for body, _ in self.waiting]


class Watched:
    """An adapter that notes its calls, and before one of which something may happen, once."""

    def __init__(self, name: str, inner: Any, calls: list[str], before: dict[str, Any]) -> None:
        self._name, self._inner, self._calls, self._before = name, inner, calls, before

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._inner, name)
        if not callable(attribute):
            return attribute

        def call(*args: Any, **kwargs: Any) -> Any:
            self._calls.append(f"{self._name}.{name}")
            happening = self._before.pop(f"{self._name}.{name}", None)
            if happening is not None:
                happening()
            return attribute(*args, **kwargs)

        return call


@dataclass
class Told:
    """What a deployment has told."""

    guarantees: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    released: int = 0

    def say_guarantee(self, sentence: str) -> None:
        self.guarantees.append(sentence)

    def deletes_held(self, reason: str, _detail: str) -> None:
        self.held.append(reason)

    def deletes_released(self, _until: datetime) -> None:
        self.released += 1
