"""`dualway worker`: one site's long-running consumer, as a container or a service runs it."""

import os
import signal
import sys
from threading import Thread
from typing import Annotated

import typer

from sync_core import config
from sync_core.bootstrap import serve

app = typer.Typer()

UntilStdinCloses = Annotated[
    bool, typer.Option("--until-stdin-closes", hidden=True, help="Stop when standard input ends.")
]


@app.command()
def worker(*, until_stdin_closes: UntilStdinCloses = False) -> None:
    """Synchronise one site's changes to its peer until SIGTERM or SIGINT.

    The configuration comes from the environment: the variables that cfn/README.md lists, with the
    values that the outputs of the site's stack show. Writes one JSON line per event to standard
    output.
    """
    if until_stdin_closes:
        Thread(target=_stop_when_stdin_closes, name="stdin", daemon=True).start()
    serve(config.load())


def _stop_when_stdin_closes() -> None:
    """Whoever keeps the other end open is gone, however it died: stop in good order."""
    # Not through the buffer, whose lock the interpreter would wait for at its end.
    while os.read(sys.stdin.fileno(), 1024):
        pass
    signal.raise_signal(signal.SIGTERM)
