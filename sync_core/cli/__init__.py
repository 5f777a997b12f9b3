"""The command `dualway`: one verb per module, and nothing in them but talk with the terminal.

Of the verbs' modules only the one that is asked for is imported: whoever wants a verb need not wait
for what another one works with.
"""

# First of all, because it has to come before botocore.
import sync_core.signing  # noqa: F401 - for what it tells botocore

# isort: split

import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import version
from types import MappingProxyType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from sync_core.cli.terminal import EXIT_ERROR, prepare_streams, say_error
from sync_core.errors import DualwayError

__all__ = ["HIDDEN_VERBS", "VERBS", "app", "main", "verb"]

VERBS: Mapping[str, str] = MappingProxyType(
    {
        "check-provider": "Try on a live bucket what its store does.",
        "conflicts": "List the conflicts that this site's worker has settled.",
        "deletes": "Show whether deletes are held, approve them, or hold them.",
        "demo": "Show the main job on two emulated AWS accounts.",
        "destroy": "Remove both sites.",
        "finder": "Compare both sides once, for what no event has told.",
        "launch": "Launch both sites, or bring them up to date.",
        "local": "Run two AWS accounts on this machine.",
        "logs": "Search the logs of both sides, in the order of time.",
        "rotate": "Replace the key pairs.",
        "status": "Show how many messages wait, are in flight or dead-lettered.",
        "verify": "Compare both sides object by object.",
        "worker": "Synchronise one site's changes to its peer.",
    }
)
"""What `dualway --help` says of each verb: how the verb's own help begins."""

HIDDEN_VERBS = frozenset({"soak"})
"""Those for people who work on dualway."""


def verb(name: str) -> Any:
    """Import the module of a verb and return its command, or its group of commands."""
    alone = typer.Typer(rich_markup_mode=None)
    alone.add_typer(import_module(f"{__name__}.{name.replace('-', '_')}").app)
    return typer.main.get_group(alone).commands[name]


class _Verbs(TyperGroup):
    """The list of verbs; its own commands are names with a line of help."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the verb that is asked for; ends with a usage error where there is none."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, name and verb(name), rest


app = typer.Typer(
    name="dualway",
    cls=_Verbs,
    help="Keeps two object-store buckets in two accounts the same, in both directions.",
    epilog="Begin with `dualway demo`: it needs no AWS account.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _listed() -> None:
    """Stand for a verb in the list."""


for _name, _help in VERBS.items():
    app.command(_name, short_help=_help)(_listed)
for _name in HIDDEN_VERBS:
    app.command(_name, hidden=True)(_listed)


def _show_version(asked: bool) -> None:  # noqa: FBT001 - typer calls it with the option's value
    if asked:
        typer.echo(f"dualway {version('dualway')}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option(
        "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
    ),
]


@app.callback()
def _options(*, _version: Version = False) -> None:
    """Keeps two object-store buckets in two accounts the same, in both directions."""


def main() -> None:
    """Run the command line; every expected error ends as a sentence and `EXIT_ERROR`."""
    prepare_streams()
    try:
        app()
    except DualwayError as error:
        say_error(error)
        sys.exit(EXIT_ERROR)
