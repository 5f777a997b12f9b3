"""What the verbs on two real accounts share: the file, the accounts, the question before a deed."""

from pathlib import Path
from typing import Annotated

import typer

from sync_core.cli.screen import new_console
from sync_core.config import environment
from sync_core.launch.accounts import Accounts, open_accounts
from sync_core.launch.settings import LaunchSettings, read_settings
from sync_core.launch.store_secret import STORE_VARIABLE, StoreSecret
from sync_core.launch.template import parameter_names, read_template
from sync_core.launch.waiting import Tell

ConfigFile = Annotated[
    Path, typer.Option("--config", help="The launch configuration, a TOML file.", show_default=True)
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]

DEFAULT_CONFIG = Path("dualway.toml")


def open_pair(config: Path, tell: Tell) -> tuple[LaunchSettings, Accounts, StoreSecret | None]:
    """Read the file and reach both accounts, telling which they are.

    Returns the secret of the side that is not in AWS besides, if one is not. Raises `ConfigError`
    and what an account that does not answer raises.
    """
    settings = read_settings(config, parameter_names(read_template()))
    accounts = open_accounts(settings)
    for account in accounts:
        tell(
            f"{account.name}: account {account.account_id}, {account.region}, bucket "
            f"{account.site.bucket}, as {account.caller_arn}"
        )
    secret = next(
        (
            StoreSecret(each, settings.secret_of(each.site), environment().get(STORE_VARIABLE))
            for each in accounts
            if not each.site.is_in_aws
        ),
        None,
    )
    return settings, accounts, secret


def new_tell() -> Tell:
    """Return what writes a line to standard output as soon as it is told."""
    console = new_console()

    def tell(line: str) -> None:
        console.print(line)

    return tell


def is_agreed(question: str, *, yes: bool) -> bool:
    """Ask unless `yes` was given already; standard input that has ended means no."""
    if yes:
        return True
    try:
        return typer.confirm(question)
    except typer.Abort:
        return False
