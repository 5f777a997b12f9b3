"""What the verbs on two real accounts share: the file, the accounts, the question before a deed."""

from pathlib import Path
from typing import Annotated

import typer

from sync_core.cli.screen import new_console
from sync_core.launch.accounts import Accounts, open_accounts
from sync_core.launch.settings import LaunchSettings, read_settings
from sync_core.launch.template import parameter_names, read_template
from sync_core.launch.waiting import Tell

ConfigFile = Annotated[
    Path, typer.Option("--config", help="The launch configuration, a TOML file.", show_default=True)
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]

DEFAULT_CONFIG = Path("dualway.toml")


def open_pair(config: Path, tell: Tell) -> tuple[LaunchSettings, Accounts]:
    """Read the file and reach both accounts, telling which they are.

    Raises `ConfigError` and what an account that does not answer raises.
    """
    settings = read_settings(config, parameter_names(read_template()))
    accounts = open_accounts(settings)
    for account in accounts:
        tell(
            f"{account.name}: account {account.account_id}, {account.region}, bucket "
            f"{account.site.bucket}, as {account.caller_arn}"
        )
    return settings, accounts


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
