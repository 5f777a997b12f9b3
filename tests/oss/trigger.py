"""Function Compute with the product's own package: invoked for events of OSS, at least once each.

As the service does it (Function Compute, OSS triggers; asynchronous invocation): a trigger has a
list of events by name, invokes with `{"events": [event]}`, and again after an error, up to
`maxAsyncRetryAttempts` times; what still fails goes to the failure destination.
"""

import json
import queue
import subprocess
import sys
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import IO, Any

import yaml

from sync_core.launch.packages_aliyun_fc import build_aliyun_fc_package
from sync_core.launch.packages_sources import ROOT
from sync_core.local.observe import wait_until
from tests.oss.contents import Event

EVERY_EVENT = None
"""In place of a list of names: `oss:ObjectCreated:*` and `oss:ObjectRemoved:*`."""

# Far shorter than the service's, which tries for hours.
_FIRST_PAUSE_SECONDS = 0.01
_LONGEST_PAUSE_SECONDS = 0.5
_STOP_SECONDS = 60
_DRAIN_SECONDS = 180

# One process for all invocations, as an instance of a function lives on between them.
_DRIVER = """
import json, sys
sys.path.insert(0, sys.argv[1])
from types import SimpleNamespace
import index
context = SimpleNamespace(region="cn-hangzhou")
for line in sys.stdin.buffer:
    try:
        outcome = {"done": index.handler(line.rstrip(b"\\n"), context)}
    except Exception as error:
        outcome = {"error": repr(error)}
    print(json.dumps(outcome), flush=True)
"""

Invocation = tuple[Event, dict[str, str]]
"""An event, and `done` or `error` with the text that the function returned or raised."""


def _deployed() -> Any:
    """Return the properties of the function that `s deploy` would make."""
    text = (ROOT / "handlers" / "aliyun_fc" / "s.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)["resources"]["forwarder"]["props"]


def listed_events() -> frozenset[str]:
    """Return the names that the package's own trigger asks for, without `oss:`."""
    (trigger,) = _deployed()["triggers"]
    names: list[str] = trigger["triggerConfig"]["events"]
    return frozenset(name.removeprefix("oss:") for name in names)


@dataclass
class Trigger:
    """The trigger of one bucket and its function; give `take` to the bucket as a sink.

    `invoked` has every invocation with its outcome, `failed` the events that were given up.
    Of an event for which `loses` is true nobody ever hears; one for which `repeats` is true
    invokes the function twice.
    """

    process: "subprocess.Popen[bytes]"
    names: Collection[str] | None
    retries: int = field(
        default_factory=lambda: _deployed()["asyncInvokeConfig"]["maxAsyncRetryAttempts"]
    )
    loses: Callable[[Event], bool] = lambda _: False
    repeats: Callable[[Event], bool] = lambda _: False
    taken: list[Event] = field(default_factory=list)
    invoked: list[Invocation] = field(default_factory=list)
    failed: list[Event] = field(default_factory=list)
    _waiting: "queue.Queue[Event | None]" = field(default_factory=queue.Queue)
    _stopped: Flag = field(default_factory=Flag)

    def take(self, event: Event) -> None:
        """Take an event; the function is invoked later, by another thread."""
        self.taken.append(event)
        if self.loses(event):
            return
        if self.names is EVERY_EVENT or event["eventName"] in self.names:
            for _ in range(2 if self.repeats(event) else 1):
                self._waiting.put(event)

    def run(self) -> None:
        """Invoke the function for one event after the other, until `stop`."""
        while (event := self._waiting.get()) is not None:
            self._invoke(event)
            self._waiting.task_done()

    def drain(self) -> None:
        """Wait until the function was invoked for all that was taken."""
        wait_until(
            lambda: self._waiting.unfinished_tasks == 0,
            _DRAIN_SECONDS,
            lambda: f"{len(self.invoked)} invocations so far",
        )

    def stop(self) -> None:
        """Make an end after the event that is at hand."""
        self._stopped.set()
        self._waiting.put(None)

    def _invoke(self, event: Event) -> None:
        pause_seconds = _FIRST_PAUSE_SECONDS
        for _ in range(1 + self.retries):
            if self._succeeds(event) or self._stopped.wait(pause_seconds):
                return
            pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)
        self.failed.append(event)

    def _succeeds(self, event: Event) -> bool:
        given, told = _pipes(self.process)
        given.write(json.dumps({"events": [event]}).encode() + b"\n")
        given.flush()
        outcome = json.loads(told.readline())
        self.invoked.append((event, outcome))
        return "done" in outcome


@contextmanager
def trigger(
    folder: Path, environment: Mapping[str, str], names: Collection[str] | None
) -> Iterator[Trigger]:
    """Deploy the package that is built now, with these variables and no others, and run it.

    `names` are the events that the trigger asks for (`listed_events`, or EVERY_EVENT); `folder` is
    an empty one of its own.
    """
    with zipfile.ZipFile(build_aliyun_fc_package(folder / "dist")) as package:
        package.extractall(folder / "code")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", "-c", _DRIVER, str(folder / "code")],
            cwd=folder / "code",
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )
    started = Trigger(process, names)
    thread = Thread(target=started.run)
    thread.start()
    try:
        yield started
    finally:
        started.stop()
        thread.join()
        for pipe in _pipes(process):
            pipe.close()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def _pipes(process: "subprocess.Popen[bytes]") -> tuple[IO[bytes], IO[bytes]]:
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout
