"""What the verbs that run a local cloud have in common: options, folder, and the way to the end."""

import importlib.util
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
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
_SIGNALLED = 128
"""Shells report 128 + its number for a command that a signal has ended."""


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
def unwound_by_signals() -> Iterator[None]:
    """Have the signals that end a command raise `SystemExit`, so that it stops what it has started.

    Without it a SIGTERM would leave the worker processes behind. A second signal is ignored, so
    that stopping is not interrupted. Must be entered in the main thread.
    """

    def end(received: int) -> None:
        for number in _end_signals():
            signal.signal(number, signal.SIG_IGN)
        sys.exit(_SIGNALLED + received)

    with _handled(end):
        yield


@contextmanager
def end_signals() -> Iterator["SimpleQueue[int]"]:
    """Collect the signals that end a command, instead of ending it, while the context is entered.

    Must be entered in the main thread.
    """
    # Unlike an Event, a SimpleQueue may be used by a handler that interrupts its own waiter.
    arrived: SimpleQueue[int] = SimpleQueue()
    with _handled(arrived.put):
        yield arrived


def wait_for_end(arrived: "SimpleQueue[int]") -> None:
    """Return when one of the `end_signals` has come."""
    while True:
        # A wait without end would sleep through a signal that arrives just before it begins.
        with suppress(Empty):
            arrived.get(timeout=_LOOK_UP_SECONDS)
            return


@contextmanager
def _handled(handle: Callable[[int], None]) -> Iterator[None]:
    before = {
        number: signal.signal(number, lambda received, _frame: handle(received))
        for number in _end_signals()
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_signals() -> list[int]:
    return [getattr(signal, name) for name in _END_SIGNALS if hasattr(signal, name)]
