"""The command `dualway`: one verb per module, and nothing in them but talk with the terminal."""

# First of all, because it has to come before botocore.
import sync_core.signing  # noqa: F401 - for what it tells botocore

# isort: split

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from sync_core.cli.check_provider import check_provider
from sync_core.cli.conflicts import conflicts
from sync_core.cli.deletes import app as deletes
from sync_core.cli.demo import demo
from sync_core.cli.destroy import destroy
from sync_core.cli.finder import finder
from sync_core.cli.launch import launch_pair
from sync_core.cli.local import local
from sync_core.cli.logs import EPILOG, logs
from sync_core.cli.rotate import rotate
from sync_core.cli.soak import soak
from sync_core.cli.status import status
from sync_core.cli.terminal import EXIT_ERROR, prepare_streams, say_error, say_problem
from sync_core.cli.verify import verify
from sync_core.cli.worker import worker
from sync_core.errors import DualwayError
from sync_core.local.gaps.seam import EmulatorChanged

__all__ = ["app", "main"]

app = typer.Typer(
    name="dualway",
    help="Keeps two object-store buckets in two accounts the same, in both directions.",
    epilog="Begin with `dualway demo`: it needs no AWS account.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("check-provider")(check_provider)
app.command()(conflicts)
app.command()(demo)
app.command()(destroy)
app.add_typer(deletes)
app.command()(finder)
app.command("launch")(launch_pair)
app.command()(local)
app.command(epilog=EPILOG)(logs)
app.command()(rotate)
app.command(hidden=True)(soak)
app.command()(status)
app.command()(verify)
app.command()(worker)


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
    except EmulatorChanged as error:
        say_problem("the installed emulator is another one than dualway knows", str(error))
        sys.exit(EXIT_ERROR)
