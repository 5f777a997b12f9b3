"""Which deployment a command works on: the environment's, or one of a running `dualway local`."""

import sys
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Annotated

import typer

from sync_core import config
from sync_core.bootstrap import Connected, connect
from sync_core.errors import ConfigError
from sync_core.local.ready_file import read_ready_file
from sync_core.local.workers import process_environment
from sync_core.telemetry import Telemetry, new_logger

ReadyFile = Annotated[
    Path | None,
    typer.Option(help="The ready file of a running `dualway local`, instead of the environment."),
]
SiteName = Annotated[str, typer.Option("--site", help="Which site of the ready file: a or b.")]


def open_deployment(ready_file: Path | None, site: str) -> Connected:
    """Connect to the deployment, with the rights of its worker; warnings go to standard error.

    Raises `ConfigError` where the environment, or the ready file, does not describe one.
    """
    if ready_file is not None:
        sites = read_ready_file(ready_file).sites
        if site not in sites:
            cause = f"{ready_file} has no site {site!r}; give --site {' or '.join(sites)}"
            raise ConfigError("read the ready file", "--site", cause)
        config.adopt(partial(process_environment, sites[site].environment))
    found = config.load()
    logger = new_logger(level="WARNING", stream=sys.stderr)
    own = found.pair.own
    # Metrics are read from the logs of workers; a person at a terminal has no use for them.
    telemetry = Telemetry(logger, site=own.name, bucket=own.bucket, metrics_stream=StringIO())
    return connect(found, telemetry)
