"""`dualway local`: the embedded two-account cloud with both workers, until it is told to end."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sync_core.cli.chaos_option import ChaosOption, parse_chaos
from sync_core.cli.running import (
    Directory,
    end_signals,
    log_folder,
    require_emulator,
    wait_for_end,
)
from sync_core.cli.screen import new_console
from sync_core.local.cloud import FINDER_SECONDS, LocalCloud
from sync_core.local.netstorage.beside import netstorage_beside, with_netstorage
from sync_core.local.ready_file import ReadyCloud, ReadySite, announced, parse

app = typer.Typer()

Port = Annotated[
    int,
    typer.Option(min=0, max=65_535, help="Port of the endpoint on 127.0.0.1; 0 is any free one."),
]
ReadyFile = Annotated[
    Path | None,
    typer.Option(help="File that is written, as JSON, when all is ready, and removed at the end."),
]
FinderEvery = Annotated[
    int,
    typer.Option(min=0, max=604_800, help="Seconds between finder rounds of each worker; 0: none."),
]
NetStorage = Annotated[
    bool,
    typer.Option("--netstorage", help="Run an Akamai NetStorage server, too, on a free port."),
]


@app.command()
def local(  # noqa: PLR0913 - the options of a command are its arguments
    port: Port = 0,
    ready_file: ReadyFile = None,
    directory: Directory = None,
    chaos: ChaosOption = "",
    finder_every: FinderEvery = FINDER_SECONDS,
    *,
    netstorage: NetStorage = False,
) -> None:
    """Run two AWS accounts on this machine, each with its bucket and its worker.

    Any S3 client can play the user of either side: when all is ready, the key pairs are shown and
    written to the ready file. Runs until Ctrl-C or SIGTERM and ends with status 0; nothing is kept
    but the log files in a folder that --directory names.

    The NetStorage server is written from Akamai's documentation, for trying clients out; it was
    never compared with Akamai's service.
    """
    require_emulator()
    console = new_console()
    chosen = parse_chaos(chaos)
    with (
        end_signals() as ended,
        log_folder(directory) as folder,
        LocalCloud(
            directory=folder.path, port=port, chaos=chosen, finder_seconds=finder_every
        ) as cloud,
        netstorage_beside(wanted=netstorage) as beside,
    ):
        text = with_netstorage(cloud.to_json(), beside)
        with announced(ready_file, text):
            _print_guide(console, parse(text), ready_file)
            wait_for_end(ended)
        console.print("ending ...")


def _print_guide(console: Console, cloud: ReadyCloud, ready_file: Path | None) -> None:
    """Say how to play the user; every line can be copied into a shell as it is."""
    first, second = cloud.sites.values()
    console.rule("dualway: two accounts are ready", align="left")
    console.print(f"endpoint {cloud.endpoint_url}   buckets {first.bucket} and {second.bucket}")
    for site in cloud.sites.values():
        console.print(f"\n# user of side {site.name}, account {site.account_id}:")
        console.print(_exports(cloud, site))
    console.print("\n# try, as the user of one side and then of the other:")
    console.print(f"aws s3 cp README.md s3://{first.bucket}/hello.md")
    console.print(f"aws s3api head-object --bucket {second.bucket} --key hello.md")
    console.print("\n# see what each worker does, and the echoes that it recognises:")
    for site in cloud.sites.values():
        console.print(f"tail -f {site.log_file} | grep 'Repeated transfer job!'")
    if cloud.netstorage is not None:
        console.print("\n# the NetStorage server, over plain HTTP:")
        console.print(json.dumps(asdict(cloud.netstorage)))
    if ready_file is not None:
        console.print("\n# compare both sides, down to bytes, metadata and tags:")
        console.print(f"dualway verify --ready-file {ready_file}")
    console.rule("Ctrl-C ends it", align="left")


def _exports(cloud: ReadyCloud, site: ReadySite) -> str:
    variables = {
        "AWS_ENDPOINT_URL": cloud.endpoint_url,
        "AWS_DEFAULT_REGION": site.region,
        "AWS_ACCESS_KEY_ID": site.user_access_key_id,
        "AWS_SECRET_ACCESS_KEY": site.user_secret_access_key,
    }
    return "export " + " ".join(f"{name}={value}" for name, value in variables.items())
