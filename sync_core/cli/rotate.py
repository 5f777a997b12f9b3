"""`dualway rotate`: new key pairs for both dedicated users, without losing a transfer."""

from functools import partial
from typing import Annotated

import typer

from sync_core.cli.launching import DEFAULT_CONFIG, ConfigFile, new_tell, open_pair
from sync_core.errors import ConfigError
from sync_core.launch.accounts import Account, aws_errors
from sync_core.launch.launcher import both
from sync_core.launch.rotation import GRACE_SECONDS, SETTLE_SECONDS, Pauses
from sync_core.launch.rotation import rotate as rotate_key_pair
from sync_core.launch.stacks import LaunchedSite, launched
from sync_core.launch.waiting import Tell

app = typer.Typer()

Settle = Annotated[
    int,
    typer.Option(
        "--settle", min=0, help="Seconds for which the old key pairs work beside the new ones."
    ),
]
Grace = Annotated[
    int, typer.Option("--grace", min=0, help="Seconds for which they are kept, switched off.")
]


@app.command()
def rotate(
    config: ConfigFile = DEFAULT_CONFIG,
    settle: Settle = SETTLE_SECONDS,
    grace: Grace = GRACE_SECONDS,
) -> None:
    """Replace the key pairs with which the two sites reach each other.

    The new ones are in use before the old ones are switched off, and those are deleted later. A
    rotation that was interrupted is finished by the next one.
    """
    tell = new_tell()
    settings, accounts = open_pair(config, tell)
    sites = {each.name: _launched(each, settings.stack) for each in accounts}
    both(accounts, partial(_rotate, sites, Pauses(settle, grace), tell))
    tell("both key pairs are replaced")


def _launched(account: Account, stack: str) -> LaunchedSite:
    with aws_errors(account.name):
        found = launched(account, stack)
    if found is None:
        cause = f"there is no stack {stack}; run `dualway launch` first"
        raise ConfigError("rotate", f"site {account.name}", cause)
    return found


def _rotate(sites: dict[str, LaunchedSite], pauses: Pauses, tell: Tell, account: Account) -> None:
    (peer,) = (site for name, site in sites.items() if name != account.name)
    rotate_key_pair(sites[account.name], peer, pauses, tell)
