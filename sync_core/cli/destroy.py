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
from sync_core.launch.accounts import Account, Accounts, aws_errors
from sync_core.launch.feed_user import remove_feed_user
from sync_core.launch.launcher import at_once
from sync_core.launch.occupied import refuse_others
from sync_core.launch.other_store import remove_sentinels as remove_store_sentinels
from sync_core.launch.removal import remove_sentinels, remove_site
from sync_core.launch.settings import LaunchSettings
from sync_core.launch.store_secret import StoreSecret
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

    Of a store that is not AWS, only the sentinels are deleted: its user and functions are yours.

    The two buckets, their objects and the notifications of others stay. May be run again, and
    after a launch that was interrupted.
    """
    tell = new_tell()
    settings, accounts, secret = open_pair(config, tell)
    refuse_others(settings, accounts)
    if not is_agreed(_question(settings), yes=yes):
        tell("nothing was changed")
        return
    remove = partial(_remove, settings, tell, keeps_records=keep_records)
    standing = [each for each in accounts if settings.has_stack(each.site)]
    if secret is None:
        at_once(standing, remove)
    else:
        # Both are in one account, where they share a bucket of packages.
        for account in standing:
            at_once([account], remove)
        _remove_beside(settings, accounts, secret, tell)
    tell("both sites are destroyed")


def _question(settings: LaunchSettings) -> str:
    if settings.elsewhere is None:
        return f"Delete the stacks {settings.stack} in both accounts, and all that belongs to them?"
    names = [settings.stack_of(site) for site in settings.sites if settings.has_stack(site)]
    return f"Delete {' and '.join(names)}, and all that belongs to them?"


def _remove(settings: LaunchSettings, tell: Tell, account: Account, *, keeps_records: bool) -> None:
    stack, sites = settings.stack_of(account.site), settings.names
    remove_site(account, stack, tell, sites=sites, keeps_records=keeps_records)
    tell(
        f"{account.name}: the bucket {account.site.bucket} stays, with its objects (their metadata "
        "entry `dualway` harms nobody) and the folder .dualway/"
    )


def _remove_beside(
    settings: LaunchSettings, accounts: Accounts, secret: StoreSecret, tell: Tell
) -> None:
    """Remove what is in no stack, where one side is in another store and all stacks are gone."""
    for account in accounts:
        with aws_errors(account.name):
            remove_sentinels(account, settings.names)
            if account.site.is_in_aws:
                remove_feed_user(account, settings.user_of(account.site), tell)
    remove_store_sentinels(secret, settings.names, tell)
    name = secret.account.name
    if secret.remove():
        tell(f"{name}: the secret {secret.name} is deleted; delete its key pair in the store")
    else:
        tell(f"{name}: there is no secret {secret.name}, or no launch has made it: it stays")
