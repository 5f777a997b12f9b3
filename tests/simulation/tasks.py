"""Tasks that a scheduler interleaves: greenlets that pause around each call to the outside.

There are no threads and no clock: nothing runs but the task that the scheduler has resumed, and
only until its next pause.
"""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from greenlet import getcurrent, greenlet  # type: ignore[import-untyped]

from tests.simulation.plan import Fault


class Crash(BaseException):
    """The process has died: whatever still runs in it reaches nothing outside any more."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a task is about to do, or, `done`, what has happened without its knowing yet."""

    port: str
    name: str
    key: str
    done: bool = False

    def __str__(self) -> str:
        return f"{self.port}.{self.name} {self.key}".rstrip()


class Task:
    """One function under way in a process; it runs only while it is resumed."""

    def __init__(self, process: "Process", function: Callable[[], Any]) -> None:
        self.process = process
        self.future = _TaskFuture(self)
        self.call: Call | None = None
        self._function = function
        self._awaited: Task | None = None
        self._greenlet = greenlet(self._work, process.scheduler.hub)

    @property
    def is_over(self) -> bool:
        return bool(self._greenlet.dead)

    @property
    def is_runnable(self) -> bool:
        return not self.is_over and (self._awaited is None or self._awaited.is_over)

    def resume(self, fault: Fault) -> None:
        """Run up to the next pause, or to the end."""
        scheduler = self.process.scheduler
        scheduler.current, self._awaited = self, None
        if self._greenlet:
            self._greenlet.switch(fault)
        else:
            self._greenlet.switch()
        scheduler.current = None

    def pause(self, call: Call) -> Fault:
        """Hand over to the scheduler; return what it wants to go wrong here."""
        if self.process.is_dead:
            raise Crash
        self.call = call
        fault: Fault = self.process.scheduler.hub.switch()
        return fault

    def await_end_of(self, other: "Task") -> None:
        """Hand over until the other task is over."""
        while not other.is_over:
            self._awaited = other
            self.process.scheduler.hub.switch()

    def kill(self) -> None:
        """Unwind; the cleaning up on the way reaches nothing outside."""
        if self._greenlet:
            scheduler = self.process.scheduler
            scheduler.current = self
            self._greenlet.throw(Crash)
            scheduler.current = None

    def _work(self) -> None:
        try:
            self.future.set_result(self._function())
        except Crash as crash:
            self.future.set_exception(crash)
        except Exception as error:  # noqa: BLE001 - as every executor: the caller looks at it
            self.future.set_exception(error)


class Process:
    """A worker or a finder with all that runs in it; it dies as a whole.

    `began_at` is the account's tick at its start.
    `reads` holds, by side and key, when it last read and which etag it saw; `read_at` is the time
    of the last of them.
    """

    def __init__(self, scheduler: "Scheduler", name: str, function: Callable[[], Any]) -> None:
        self.scheduler = scheduler
        self.name = name
        self.is_dead = False
        self.began_at = 0
        self.reads: dict[tuple[str, str], tuple[int, str | None]] = {}
        self.read_at: datetime | None = None
        self.main = Task(self, function)
        self.tasks = [self.main]

    @property
    def is_over(self) -> bool:
        return self.is_dead or self.main.is_over

    def step(self, choice: int, fault: Fault) -> bool:
        """Resume one of the tasks that can go on up to its next pause; False when all is done."""
        runnable = [task for task in self.tasks if task.is_runnable]
        if self.is_over or not runnable:
            return False
        runnable[choice % len(runnable)].resume(fault)
        return True

    def kill(self) -> None:
        """Die at once."""
        self.is_dead = True
        for task in self.tasks:
            task.kill()


class Scheduler:
    """Knows which task runs; `hub` is the greenlet that resumes them all."""

    def __init__(self) -> None:
        self.hub = getcurrent()
        self.current: Task | None = None

    @property
    def process(self) -> Process | None:
        """The process that runs at this moment; None while the users or the world act."""
        return self.current.process if self.current else None


class TaskExecutor(Executor):
    """Makes a task of each call, in the process that submits it."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        process = self._scheduler.process
        assert process is not None
        task = Task(process, lambda: fn(*args, **kwargs))
        process.tasks.append(task)
        return task.future


class _TaskFuture(Future[Any]):
    """A future whose reader hands over instead of blocking."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self._task = task

    def exception(self, timeout: float | None = None) -> BaseException | None:
        self._hand_over()
        return super().exception(timeout)

    def result(self, timeout: float | None = None) -> Any:
        self._hand_over()
        return super().result(timeout)

    def _hand_over(self) -> None:
        reader = self._task.process.scheduler.current
        if reader is not None and reader is not self._task:
            reader.await_end_of(self._task)
