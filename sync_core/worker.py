"""The long-running consumer: pollers that take messages from one queue and never give up on it.

Each poller takes a hand of messages, runs the pipeline on it and settles it. One heartbeat keeps
all messages in hand invisible to others. Stopping goes in this order: no poller receives any more;
messages that a long poll brings in after that go straight back; batches under way have
`drain_seconds` to finish; what is still in hand then goes back to be delivered at once elsewhere.
A long poll is not cut short, because the messages that it might have brought would stay invisible
for a whole visibility timeout: an idle worker stops after `wait_seconds` at the latest.
"""

import random
import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from threading import Condition, Event, Lock, Thread

from sync_core.backoff import delay_seconds
from sync_core.events import asks_for_parts
from sync_core.queues.protocol import Message, Queue
from sync_core.settle import BatchPipeline, Reporter, run_batch, settle

MESSAGES_PER_RECEIVE = 10
"""The most that one receive brings (SQS API reference, ReceiveMessage, 2025)."""

_LONGEST_PAUSE_SECONDS = 60.0
_LAST_BEAT_SECONDS = 2.0
_LOOK_UP_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """How a worker consumes its queue.

    `hand` is how many messages a poller works on at once. The visibility timeout is the queue's
    own; the heartbeat comes every third of it. `drain_seconds` must exceed `wait_seconds` and stay
    below what the platform leaves a process between SIGTERM and SIGKILL (30 s on Amazon ECS).
    """

    pollers: int = 4
    hand: int = 50
    wait_seconds: float = 20
    visibility_timeout_seconds: int = 180
    drain_seconds: float = 25


class Worker:
    """Consumes one queue until it is told to stop; `run` it once.

    `spread` gives numbers in [0, 1) that keep retries apart.
    """

    def __init__(
        self,
        queue: Queue,
        pipeline: BatchPipeline,
        settings: WorkerSettings,
        reporter: Reporter,
        *,
        spread: Callable[[], float] = random.random,
    ) -> None:
        self._queue = queue
        self._pipeline = pipeline
        self._settings = settings
        self._reporter = reporter
        self._spread = spread
        self._in_hand = _InHand()
        self._pollers = _Countdown(settings.pollers)

    def run(self, stop: Event) -> int:
        """Consume until `stop` is set, then drain; return how many messages were given back.

        Those messages may still be worked on by threads that did not finish in time: a process
        that gets anything but 0 should exit without waiting for its threads.
        """
        drained = Event()
        heartbeat = Thread(target=self._beat, args=(drained,), name="heartbeat", daemon=True)
        heartbeat.start()
        for number in range(self._settings.pollers):
            name = f"poller-{number}"
            Thread(target=self._poll, args=(stop,), name=name, daemon=True).start()
        # A wait without end would sleep through a signal that arrives just before it begins.
        while not stop.wait(_LOOK_UP_SECONDS):
            pass
        self._pollers.wait(self._settings.drain_seconds)
        drained.set()
        # An extension that is under way must not undo the giving back.
        heartbeat.join(_LAST_BEAT_SECONDS)
        unfinished = self._in_hand.all()
        self._give_back(unfinished)
        self._reporter.flush()
        return len(unfinished)

    def _poll(self, stop: Event) -> None:
        failures = 0
        while not stop.is_set():
            if self._succeeds("receive and settle messages", partial(self._take_turn, stop)):
                failures = 0
            else:
                failures += 1
                stop.wait(self._pause_seconds(failures))
        self._pollers.count_down()

    def _take_turn(self, stop: Event) -> None:
        hand = more = self._receive(self._settings.wait_seconds)
        try:
            while self._wants_more(hand, more) and not stop.is_set():
                more = self._receive(0)
                hand = hand + more
        finally:
            # What came before a receive that failed is in hand all the same.
            self._process(hand, stop)

    def _wants_more(self, hand: list[Message], last: list[Message]) -> bool:
        """A full receive says that there is more; runs of parts are left to others meanwhile."""
        is_full = len(last) == MESSAGES_PER_RECEIVE
        has_parts = any(asks_for_parts(message.body) for message in last)
        return is_full and not has_parts and len(hand) < self._settings.hand

    def _receive(self, wait_seconds: float) -> list[Message]:
        messages = self._queue.receive(MESSAGES_PER_RECEIVE, wait_seconds)
        self._in_hand.add(messages)
        return messages

    def _process(self, hand: list[Message], stop: Event) -> None:
        if not hand:
            return
        try:
            if stop.is_set():
                self._give_back(hand)
                return
            settlements = run_batch(self._pipeline, hand, self._reporter)
        finally:
            self._in_hand.remove(hand)
        settle(settlements, self._queue, self._reporter, spread=self._spread)

    def _give_back(self, messages: list[Message]) -> None:
        if messages:
            back = partial(self._queue.change_visibility, messages, 0)
            self._succeeds("give messages back", back)

    def _beat(self, ends: Event) -> None:
        """Keep what is in hand invisible, and pass on what the reporter holds back."""
        seconds = self._settings.visibility_timeout_seconds
        while not ends.wait(seconds / 3):
            self._succeeds("extend visibility", partial(self._in_hand.extend, self._queue, seconds))
            self._reporter.flush()

    def _succeeds(self, operation: str, step: Callable[[], None]) -> bool:
        try:
            step()
        except Exception as error:  # noqa: BLE001 - a thread that died would stop its share for good
            self._reporter.report_failure(operation, error)
            return False
        return True

    def _pause_seconds(self, failures: int) -> float:
        return delay_seconds(
            failures,
            base_seconds=1.0,
            cap_seconds=_LONGEST_PAUSE_SECONDS,
            spread=self._spread(),
        )


def run_until_signal(worker: Worker, alongside: Iterable[Callable[[Event], None]] = ()) -> int:
    """Run the worker in the main thread until SIGTERM or SIGINT; returns what `run` returns.

    What runs `alongside`, each in a thread of its own, is given the event that says to stop, and is
    not waited for.
    """
    stop = Event()
    for run in alongside:
        Thread(target=run, args=(stop,), name="alongside", daemon=True).start()
    # Unlike Event.set, SimpleQueue.put may interrupt itself, as a signal's handler may.
    arrived: SimpleQueue[int] = SimpleQueue()

    def stop_on_arrival() -> None:
        arrived.get()
        stop.set()

    Thread(target=stop_on_arrival, name="signals", daemon=True).start()
    handlers = {
        number: signal.signal(number, lambda received, _frame: arrived.put(received))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        return worker.run(stop)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


class _InHand:
    """The messages that this process works on, by receipt handle."""

    def __init__(self) -> None:
        self._messages: dict[str, Message] = {}
        self._lock = Lock()
        self._extending = Lock()

    def add(self, messages: Iterable[Message]) -> None:
        with self._lock:
            self._messages.update({each.receipt_handle: each for each in messages})

    def remove(self, messages: Iterable[Message]) -> None:
        """Return once no extension of these messages is under way or will come."""
        with self._extending, self._lock:
            for message in messages:
                self._messages.pop(message.receipt_handle, None)

    def extend(self, queue: Queue, seconds: int) -> None:
        with self._extending:
            messages = self.all()
            if messages:
                queue.change_visibility(messages, seconds)

    def all(self) -> list[Message]:
        with self._lock:
            return list(self._messages.values())


class _Countdown:
    """Counts threads that have ended."""

    def __init__(self, threads: int) -> None:
        self._left = threads
        self._changed = Condition()

    def count_down(self) -> None:
        with self._changed:
            self._left -= 1
            self._changed.notify_all()

    def wait(self, timeout_seconds: float) -> None:
        """Wait for the last thread's end, but not longer than the time-out."""
        with self._changed:
            self._changed.wait_for(lambda: self._left == 0, timeout_seconds)
