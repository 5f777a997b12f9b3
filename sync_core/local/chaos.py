"""Makes the delivery of events as bad as AWS allows: lost, twice, late, out of order.

S3 and SQS promise neither exactly one delivery nor order, and an event may be lost
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html). Deciding what
happens to an event is pure and depends on the seed and the event alone, not on what other events
do at the same time; `Chaos` remembers how often it has seen an event and does what was decided.
"""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import count
from typing import Any

from sync_core.local.gaps.seam import Seam

Deliver = Callable[[], None]


class Fate(StrEnum):
    """What happens to one event."""

    DELIVER = "deliver"
    DROP = "drop"
    """It never arrives."""
    DUPLICATE = "duplicate"
    """It arrives at once, and again after the delay."""
    DELAY = "delay"
    """It arrives after the delay."""
    REORDER = "reorder"
    """It arrives behind the next event that is delivered, or after the delay if none comes."""


@dataclass(frozen=True, slots=True)
class Rates:
    """The share of events, 0 to 1 each and 1 together at most, that meet each fate."""

    drop: float = 0.0
    duplicate: float = 0.0
    delay: float = 0.0
    reorder: float = 0.0

    def __post_init__(self) -> None:
        shares = (self.drop, self.duplicate, self.delay, self.reorder)
        if min(shares) < 0 or sum(shares) > 1:
            raise ValueError(f"the shares must be at least 0 and at most 1 together: {self}")


def decide_fate(rates: Rates, seed: int, event: str, occurrence: int) -> Fate:
    """Return what happens to the nth occurrence (from 0) of an event, the same for each seed."""
    # A string seeds the generator by its bytes, so the result is the same in every process.
    drawn = random.Random(f"{seed}/{occurrence}/{event}").random()  # noqa: S311 - not a secret
    for fate, share in (
        (Fate.DROP, rates.drop),
        (Fate.DUPLICATE, rates.duplicate),
        (Fate.DELAY, rates.delay),
        (Fate.REORDER, rates.reorder),
    ):
        if drawn < share:
            return fate
        drawn -= share
    return Fate.DELIVER


class Chaos:
    """Decides and carries out the fate of each event; `rates` may be replaced at any time.

    `delay_seconds` is how long late events wait. `counts` tells how many events met each fate.
    """

    def __init__(
        self, rates: Rates | None = None, *, delay_seconds: float = 1.0, seed: int = 0
    ) -> None:
        self.rates = rates or Rates()
        self.delay_seconds = delay_seconds
        self.counts: Counter[Fate] = Counter()
        self._seed = seed
        self._seen: Counter[str] = Counter()
        self._tickets = count()
        self._late: dict[int, Deliver] = {}
        self._behind_next: list[int] = []
        self._lock = threading.Lock()

    @property
    def pending(self) -> int:
        """How many deliveries are still to come."""
        return len(self._late)

    def handle(self, event: str, deliver: Deliver) -> None:
        """Deliver an event, now, later, twice or never.

        `event` says what happened to which key; `deliver` puts the event into its queue.
        """
        with self._lock:
            fate = decide_fate(self.rates, self._seed, event, self._seen[event])
            self._seen[event] += 1
            self.counts[fate] += 1
        if fate in {Fate.DELIVER, Fate.DUPLICATE}:
            deliver()
            self._deliver_those_behind()
        if fate in {Fate.DUPLICATE, Fate.DELAY}:
            self._deliver_later(deliver)
        if fate is Fate.REORDER:
            self._behind_next.append(self._deliver_later(deliver))

    def stop(self) -> None:
        """Forget the deliveries that are still to come."""
        with self._lock:
            self._late.clear()
            self._behind_next.clear()

    def _deliver_later(self, deliver: Deliver) -> int:
        """Return the ticket with which the delivery can be had earlier."""
        ticket = next(self._tickets)
        self._late[ticket] = deliver
        timer = threading.Timer(self.delay_seconds, self._deliver_late, [ticket])
        timer.daemon = True
        timer.start()
        return ticket

    def _deliver_late(self, ticket: int) -> None:
        """Deliver unless that has happened already."""
        deliver = self._late.pop(ticket, None)
        if deliver is not None:
            deliver()

    def _deliver_those_behind(self) -> None:
        with self._lock:
            tickets, self._behind_next = self._behind_next, []
        for ticket in tickets:
            self._deliver_late(ticket)


@contextmanager
def chaotic_delivery(chaos: Chaos) -> Iterator[None]:
    """Let `chaos` handle every event record that the emulator delivers to a queue."""
    seam = Seam("chaos in the delivery of events")
    module, name = "services.s3", "_deliver_event_to_sqs"
    orderly = seam.take(module, name)

    def deliver(arn: str, payload: Mapping[str, Any], *rest: Any, **named: Any) -> None:
        # The emulator knows whose request it serves from the context, which a timer lacks.
        context = copy_context()
        send = partial(context.run, orderly, arn, payload, *rest, **named)
        if "Records" in payload:
            chaos.handle(_identity(payload["Records"][0]), send)
        else:
            send()

    seam.put(module, name, deliver)
    try:
        yield
    finally:
        chaos.stop()
        seam.put(module, name, orderly)


def _identity(record: Mapping[str, Any]) -> str:
    """Return what the same event of another run has in common: not time, caller or sequencer."""
    entry = record["s3"]
    return f"{entry['bucket']['name']}/{entry['object']['key']} {record['eventName']}"
