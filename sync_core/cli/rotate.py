"""`dualway rotate`: new key pairs for both dedicated users, without losing a transfer."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated

import typer

from sync_core.cli.launching import DEFAULT_CONFIG, ConfigFile, new_tell, open_pair
from sync_core.errors import ConfigError
from sync_core.launch.accounts import Account, aws_errors
from sync_core.launch.feed_user import find_feed_user
from sync_core.launch.launcher import at_once, mirrored
from sync_core.launch.occupied import refuse_others
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
    settings, accounts, secret = open_pair(config, tell)
    refuse_others(settings, accounts)
    sites = {
        each.name: _launched(each, settings.stack_of(each.site))
        for each in accounts
        if settings.has_stack(each.site)
    }
    users = {
        each.name: _fed(each, settings.user_of(each.site))
        for each in accounts
        if settings.needs_user(each.site)
    }
    peers = {own.name: (own, peer) for own, peer in mirrored(accounts, {**sites, **users})}
    replacing = [each for each in accounts if each.name in peers]
    at_once(replacing, partial(_rotate, peers, Pauses(settle, grace), tell))
    if secret is not None:
        tell(
            f"{secret.account.name}: its key pair is the store's: make a new one there, give it to "
            "`dualway launch`, and delete the old one ten minutes later"
        )
    if len(replacing) == len(accounts):
        tell("both key pairs are replaced")


def _launched(account: Account, stack: str) -> LaunchedSite:
    with aws_errors(account.name):
        return _present(account, f"stack {stack}", launched(account, stack))


def _fed(account: Account, user: str) -> LaunchedSite:
    with aws_errors(account.name):
        return _present(account, f"user {user}", find_feed_user(account, user))


def _present(account: Account, what: str, found: LaunchedSite | None) -> LaunchedSite:
    if found is None:
        cause = f"there is no {what}; run `dualway launch` first"
        raise ConfigError("rotate", f"site {account.name}", cause)
    return found


def _rotate(
    peers: Mapping[str, tuple[LaunchedSite, LaunchedSite]],
    pauses: Pauses,
    tell: Tell,
    account: Account,
) -> None:
    own, peer = peers[account.name]
    rotate_key_pair(own, peer, pauses, tell)
