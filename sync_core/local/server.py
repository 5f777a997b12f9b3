"""An ASGI application served by hypercorn in a thread with an event loop of its own."""

import asyncio
import logging
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, cast

from sync_core.errors import ConfigError
from sync_core.local.gateway import Application

LOOPBACK = "127.0.0.1"

# Clients keep many connections; hypercorn's default of 100 waiting ones is soon full.
_BACKLOG = 1024
_KEEP_ALIVE_SECONDS = 75.0
# A long poll of a queue would otherwise hold the stop for up to 20 seconds.
_DRAIN_SECONDS = 0.3
_STOP_SECONDS = 2.0
_CANCEL_SECONDS = 10.0


def listen(port: int) -> socket.socket:
    """Return a socket that listens on the loopback interface; port 0 means any free one.

    Raises ConfigError when the port is taken or may not be opened.
    """
    try:
        return socket.create_server((LOOPBACK, port), backlog=_BACKLOG)
    except OSError as error:
        raise ConfigError(
            "local cloud",
            "port",
            f"cannot listen on {LOOPBACK}:{port} ({error.strerror}); choose another, or 0 for any",
        ) from error


class ServerThread:
    """Serves `application` on `listener`, which it closes at the end."""

    def __init__(
        self, application: Application, listener: socket.socket, log: logging.Logger
    ) -> None:
        self._application = application
        self._listener = listener
        self._log = log
        self._loop = asyncio.new_event_loop()
        self._stop_requested = asyncio.Event()
        self._finished: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="local-cloud", daemon=True)

    def start(self) -> None:
        """Begin to serve; a connection made from now on waits until the application is ready."""
        self._thread.start()

    def check(self) -> None:
        """Raise what ended the server, if it has ended."""
        if self._finished.done():
            self._finished.result()

    def stop(self) -> None:
        """Refuse new connections, cut those in use off, and return when the thread has ended."""
        self._have_done(self._stop_requested.set)
        self._thread.join(_STOP_SECONDS)
        if self._thread.is_alive():
            # From Python 3.12 on a server waits for its connections, however long they take.
            self._have_done(self._cancel_all)
            self._thread.join(_CANCEL_SECONDS)

    def _have_done(self, step: Callable[[], None]) -> None:
        """Have the server's thread do this; one that has come to its end does nothing any more."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(step)

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - handed to whoever asks with check()
            self._finished.set_exception(error)
        else:
            self._finished.set_result(None)

    async def _serve(self) -> None:
        # Imported here: hypercorn must meet the emulator's adjustments of it.
        from hypercorn.asyncio import serve  # noqa: PLC0415
        from hypercorn.config import Config  # noqa: PLC0415

        asyncio.get_running_loop().set_exception_handler(self._log_exception)
        config = Config()
        config.bind = [f"fd://{self._listener.detach()}"]
        config.backlog = _BACKLOG
        config.keep_alive_timeout = _KEEP_ALIVE_SECONDS
        config.graceful_timeout = _DRAIN_SECONDS
        config.errorlog = self._log
        # hypercorn describes each message as a type of its own; ASGI itself promises mappings.
        application = cast("Any", self._application)
        await serve(application, config, shutdown_trigger=self._stop_requested.wait)

    def _log_exception(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Keep off the terminal what asyncio says of the connections that a stop cuts off."""
        self._log.error(context["message"], exc_info=context.get("exception"))

    def _cancel_all(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
