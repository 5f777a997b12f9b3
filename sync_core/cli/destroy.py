"""`dualway destroy`: takes away, in both accounts, what `dualway launch` has made."""

from functools import partial
from typing import Annotated

import typer

from sync_core.cli.launching import (
    DEFAULT_CONFIG,
    ConfigFile,
    Yes,
    is_agreed,
    new_tell,
    open_pair,
)
from sync_core.launch.accounts import Account
from sync_core.launch.launcher import both
from sync_core.launch.removal import remove_site
from sync_core.launch.waiting import Tell

app = typer.Typer()

KeepRecords = Annotated[
    bool,
    typer.Option("--keep-records", help="Leave the tables of records, for somebody to read."),
]


@app.command()
def destroy(
    config: ConfigFile = DEFAULT_CONFIG, *, yes: Yes = False, keep_records: KeepRecords = False
) -> None:
    """Remove both sites: key pairs, stacks, records, secrets and packages.

    The two buckets, their objects and the notifications of others stay. May be run again, and
    after a launch that was interrupted.
    """
    tell = new_tell()
    settings, accounts = open_pair(config, tell)
    question = f"Delete the stacks {settings.stack} in both accounts, and all that belongs to them?"
    if not is_agreed(question, yes=yes):
        tell("nothing was changed")
        return
    both(accounts, partial(_remove, settings.stack, tell, keeps_records=keep_records))
    tell("both sites are destroyed")


def _remove(stack: str, tell: Tell, account: Account, *, keeps_records: bool) -> None:
    remove_site(account, stack, tell, keeps_records=keeps_records)
    tell(
        f"{account.name}: the bucket {account.site.bucket} stays, with its objects (their metadata "
        "entry `dualway` harms nobody) and the folder .dualway/"
    )
