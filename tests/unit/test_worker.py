"""The long-running consumer: it takes, settles, keeps alive, survives, and stops cleanly."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event, Lock
from time import monotonic

import pytest

from sync_core.errors import AccessDenied, DualwayError, MalformedEvent, Throttled, Unavailable
from sync_core.model import Action, Outcome
from sync_core.pipeline import Settlement
from sync_core.queues.memory import MemoryQueue
from sync_core.queues.protocol import Message
from sync_core.worker import Worker, WorkerSettings, run_until_signal

DEADLINE_SECONDS = 60
QUICK = WorkerSettings(pollers=1, wait_seconds=0.02, drain_seconds=DEADLINE_SECONDS)


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds; fail when it does not within the deadline."""
    pause = Event()
    deadline = monotonic() + DEADLINE_SECONDS
    while not condition():
        assert monotonic() < deadline, "the condition never held"
        pause.wait(0.005)


class Clock:
    """A clock that stands until a test turns it on, however long the test takes."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def turn_on(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class ScriptedQueue(MemoryQueue):
    """A queue that raises what stands in its script, one error for each call, then works."""

    def __init__(self, clock: Clock, visibility_timeout_seconds: float = 60) -> None:
        super().__init__(clock, visibility_timeout_seconds=visibility_timeout_seconds)
        self.script: dict[str, list[Exception]] = {}
        self.visibility_changes: list[int] = []
        self.when_receiving: Callable[[], None] = lambda: None

    def receive(self, limit: int, wait_seconds: float) -> list[Message]:
        self._play("receive")
        received = super().receive(limit, wait_seconds)
        self.when_receiving()
        return received

    def change_visibility(self, messages: Sequence[Message], seconds: int) -> None:
        try:
            self._play("change_visibility")
            super().change_visibility(messages, seconds)
        finally:
            self.visibility_changes.append(seconds)

    def _play(self, call: str) -> None:
        if self.script.get(call):
            raise self.script[call].pop(0)


class Recorder:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.failures: list[tuple[str, Exception]] = []
        self.flushes = 0

    def report(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    def report_failure(self, operation: str, error: Exception) -> None:
        self.failures.append((operation, error))

    def flush(self) -> None:
        self.flushes += 1


class Line:
    """A pipeline that notes its batches and may be held up; `errors` are by message body."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.errors: dict[str, DualwayError] = {}
        self.defects: list[Exception] = []
        self.held = Event()
        self.open = Event()
        self.open.set()
        self._lock = Lock()

    def run(self, messages: Sequence[Message]) -> list[Settlement]:
        with self._lock:
            self.batches.append([message.body for message in messages])
            defect = self.defects.pop(0) if self.defects else None
        self.held.set()
        assert self.open.wait(DEADLINE_SECONDS)
        if defect is not None:
            raise defect
        return [Settlement(each, self.errors.get(each.body)) for each in messages]

    def seen(self) -> set[str]:
        return {body for batch in list(self.batches) for body in batch}


class Bench:
    """A worker on a queue in memory, in a thread of its own."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self.clock = Clock()
        self.queue = ScriptedQueue(self.clock)
        self.line = Line()
        self.recorder = Recorder()
        self.stop = Event()
        self._threads = threads

    def start(self, settings: WorkerSettings = QUICK) -> Future[int]:
        worker = Worker(self.queue, self.line, settings, self.recorder, spread=lambda: 0.0)
        return self._threads.submit(worker.run, self.stop)

    def in_thread(self, call: Callable[[], None]) -> Future[None]:
        return self._threads.submit(call)

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.queue.send(body)

    def is_empty(self) -> bool:
        return self.queue.depth() == 0 and self.queue.in_flight() == 0


@pytest.fixture
def bench() -> Iterator[Bench]:
    with ThreadPoolExecutor() as threads:
        made = Bench(threads)
        yield made
        made.line.open.set()
        made.stop.set()


def test_every_message_is_processed_and_deleted(bench: Bench) -> None:
    bodies = {f"message {number}" for number in range(120)}
    bench.send(*bodies)
    running = bench.start(WorkerSettings(pollers=4, wait_seconds=0.02))
    eventually(bench.is_empty)
    bench.stop.set()
    assert running.result(DEADLINE_SECONDS) == 0
    assert bench.line.seen() == bodies
    assert sum(map(len, bench.line.batches)) == 120
    assert bench.recorder.failures == []


def test_a_poller_takes_a_whole_hand_while_receives_are_full(bench: Bench) -> None:
    bench.send(*map(str, range(75)))
    bench.start()
    eventually(bench.is_empty)
    assert [len(batch) for batch in bench.line.batches] == [50, 25]


def test_each_message_is_settled_by_its_own_outcome(bench: Bench) -> None:
    bench.line.errors["poison"] = MalformedEvent("parse", "", "the body is no event")
    bench.line.errors["later"] = Unavailable("put", "a.txt", "no answer")
    bench.send("done", "poison", "later")
    bench.start()
    eventually(lambda: len(bench.recorder.outcomes) == 2)
    eventually(lambda: bench.queue.depth() + bench.queue.in_flight() == 1)
    assert [letter.body for letter in bench.queue.dead_letters] == ["poison"]
    actions = [outcome.action for outcome in bench.recorder.outcomes]
    assert actions == [Action.DEAD_LETTERED, Action.RETRIED]


def test_a_message_that_failed_comes_back_and_succeeds(bench: Bench) -> None:
    bench.line.errors["later"] = Unavailable("put", "a.txt", "no answer")
    bench.send("later")
    bench.start()
    eventually(lambda: len(bench.recorder.outcomes) == 1)
    del bench.line.errors["later"]
    bench.clock.turn_on(5)
    eventually(bench.is_empty)
    assert bench.line.batches == [["later"], ["later"]]


def test_a_defect_in_the_pipeline_loses_no_message_and_no_poller(bench: Bench) -> None:
    defects: list[Exception] = [ZeroDivisionError("first"), KeyError("second")]
    bench.line.defects = list(defects)
    bench.send("good", "bad")
    bench.start()
    eventually(lambda: len(bench.recorder.outcomes) == 1)
    bench.clock.turn_on(5)
    eventually(bench.is_empty)
    assert bench.line.seen() == {"good", "bad"}
    assert [error for _, error in bench.recorder.failures] == defects


@pytest.mark.parametrize(
    "error",
    [
        Throttled("receive", "queue", "slow down"),
        Unavailable("receive", "queue", "connection refused"),
        AccessDenied("receive", "queue", "the role was changed"),
        OSError("something that nobody translated"),
    ],
)
def test_a_receive_that_fails_is_reported_and_tried_again(bench: Bench, error: Exception) -> None:
    bench.queue.script["receive"] = [error]
    bench.send("message")
    bench.start()
    eventually(bench.is_empty)
    assert bench.recorder.failures == [("receive and settle messages", error)]


def test_what_came_before_a_failing_receive_is_processed_all_the_same(bench: Bench) -> None:
    errors: list[Exception] = [Throttled("receive", "queue", "slow down")]
    bench.queue.when_receiving = lambda: bench.queue.script.update(receive=errors)
    bench.send(*map(str, range(10)))
    bench.start()
    eventually(lambda: len(bench.line.batches) == 1)
    bench.queue.when_receiving = lambda: None
    eventually(bench.is_empty)
    assert len(bench.line.batches[0]) == 10
    assert len(bench.recorder.failures) == 1


def test_messages_in_hand_stay_invisible_for_as_long_as_it_takes(bench: Bench) -> None:
    bench.queue = ScriptedQueue(bench.clock, visibility_timeout_seconds=1)
    bench.line.open.clear()
    bench.send("slow")
    bench.start(WorkerSettings(pollers=2, wait_seconds=0.02, visibility_timeout_seconds=1))
    for beats in range(1, 5):
        eventually(lambda: len(bench.queue.visibility_changes) >= beats)  # noqa: B023 - called at once
        bench.clock.turn_on(0.9)
    bench.line.open.set()
    eventually(bench.is_empty)
    assert bench.line.batches == [["slow"]]
    assert set(bench.queue.visibility_changes) == {1}
    eventually(lambda: bench.recorder.flushes >= 4)


def test_a_heartbeat_that_fails_is_reported_and_beats_on(bench: Bench) -> None:
    error = Unavailable("change visibility", "queue", "no answer")
    bench.queue.script["change_visibility"] = [error]
    bench.line.open.clear()
    bench.send("slow")
    bench.start(WorkerSettings(pollers=1, wait_seconds=0.02, visibility_timeout_seconds=1))
    eventually(lambda: len(bench.queue.visibility_changes) >= 2)
    assert bench.recorder.failures == [("extend visibility", error)]


def test_a_batch_under_way_may_finish_after_the_stop(bench: Bench) -> None:
    bench.line.open.clear()
    bench.send("under way")
    running = bench.start()
    assert bench.line.held.wait(DEADLINE_SECONDS)
    bench.stop.set()
    bench.line.open.set()
    assert running.result(DEADLINE_SECONDS) == 0
    assert bench.is_empty()


def test_what_has_not_finished_in_time_goes_back_to_be_delivered_at_once(bench: Bench) -> None:
    bench.line.open.clear()
    bench.send("too", "slow")
    running = bench.start(WorkerSettings(pollers=1, wait_seconds=0.02, drain_seconds=0.05))
    assert bench.line.held.wait(DEADLINE_SECONDS)
    bench.stop.set()
    assert running.result(DEADLINE_SECONDS) == 2
    assert bench.queue.depth() == 2
    assert bench.queue.in_flight() == 0


def test_what_a_long_poll_brings_after_the_stop_goes_straight_back(bench: Bench) -> None:
    bench.queue.when_receiving = bench.stop.set
    bench.send("late")
    running = bench.start()
    assert running.result(DEADLINE_SECONDS) == 0
    assert bench.line.batches == []
    assert bench.queue.depth() == 1


def test_an_idle_worker_stops_when_its_long_poll_ends(bench: Bench) -> None:
    running = bench.start()
    bench.stop.set()
    assert running.result(DEADLINE_SECONDS) == 0
    assert bench.recorder.flushes == 1


def test_a_pause_after_failures_does_not_hold_up_the_stop(bench: Bench) -> None:
    errors: list[Exception] = [Unavailable("receive", "queue", "no answer") for _ in range(50)]
    bench.queue.script["receive"] = errors
    running = bench.start()
    eventually(lambda: len(bench.recorder.failures) >= 1)
    bench.stop.set()
    assert running.result(DEADLINE_SECONDS) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_worker_once_its_batch_is_done(
    bench: Bench, number: signal.Signals
) -> None:
    def send_signal() -> None:
        assert bench.line.held.wait(DEADLINE_SECONDS)
        os.kill(os.getpid(), number)
        bench.line.open.set()

    before = signal.getsignal(number)
    bench.line.open.clear()
    bench.send("last one")
    sending = bench.in_thread(send_signal)
    worker = Worker(bench.queue, bench.line, QUICK, bench.recorder)
    assert run_until_signal(worker) == 0
    sending.result()
    assert signal.getsignal(number) is before
    assert bench.is_empty()
