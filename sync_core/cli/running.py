"""What the verbs that run a local cloud have in common: options, folder, and the way to the end."""

import importlib.util
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Annotated

import typer

from sync_core.errors import ConfigError

Directory = Annotated[
    Path | None,
    typer.Option(help="Folder for the log files; without it they go to a temporary one."),
]

_END_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
_LOOK_UP_SECONDS = 0.5


def require_emulator() -> None:
    """Raise `ConfigError` unless the packages of the embedded cloud are installed."""
    if importlib.util.find_spec("ministack") is None:
        cause = "ministack is not installed; install the extra: pip install 'dualway[local]'"
        raise ConfigError("start the local cloud", "ministack", cause)


@dataclass(slots=True)
class LogFolder:
    """Where a run's log files are; `is_kept` says whether they stay when it has ended."""

    path: Path
    is_kept: bool


@contextmanager
def log_folder(chosen: Path | None) -> Iterator[LogFolder]:
    """Yield the folder for logs, made if need be; a chosen one is kept.

    Raises `ConfigError` where none can be made.
    """
    path = Path(tempfile.mkdtemp(prefix="dualway-")) if chosen is None else _made(chosen)
    folder = LogFolder(path, is_kept=chosen is not None)
    try:
        yield folder
    finally:
        if not folder.is_kept:
            shutil.rmtree(path)


def _made(directory: Path) -> Path:
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        cause = f"cannot make the folder {directory} ({error.strerror}); name one of yours"
        raise ConfigError("start the local cloud", "--directory", cause) from error
    return directory.resolve()


@contextmanager
def end_signals() -> Iterator["SimpleQueue[int]"]:
    """Collect the signals that end a command, instead of ending it, while the context is entered.

    Must be entered in the main thread.
    """
    # Unlike an Event, a SimpleQueue may be used by a handler that interrupts its own waiter.
    arrived: SimpleQueue[int] = SimpleQueue()
    numbers = [getattr(signal, name) for name in _END_SIGNALS if hasattr(signal, name)]
    before = {
        number: signal.signal(number, lambda received, _frame: arrived.put(received))
        for number in numbers
    }
    try:
        yield arrived
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def wait_for_end(arrived: "SimpleQueue[int]") -> None:
    """Return when one of the `end_signals` has come."""
    while True:
        # A wait without end would sleep through a signal that arrives just before it begins.
        with suppress(Empty):
            arrived.get(timeout=_LOOK_UP_SECONDS)
            return
