"""`dualway launch`: both stacks in both accounts, the mirrored key pairs and the proof, at once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
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
from sync_core.cli.running import unwound_by_signals
from sync_core.cli.terminal import EXIT_ERROR
from sync_core.errors import ConfigError
from sync_core.launch.accounts import aws_errors
from sync_core.launch.launcher import BuildPackages, Launch, Packages, launch, start_rounds
from sync_core.launch.other_store import steps_left
from sync_core.launch.packages import (
    build_fleet_package,
    build_lambda_package,
    build_source_package,
)
from sync_core.launch.preflight import is_ready
from sync_core.launch.proof import Proving, prove
from sync_core.launch.stacks import LaunchedSite
from sync_core.launch.waiting import Tell

app = typer.Typer()

DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would change, and leave nothing behind.")
]
PackageFolder = Annotated[
    Path | None,
    typer.Option("--package", help="Folder in which the packages are built; else a temporary one."),
]
NoProof = Annotated[
    bool, typer.Option("--no-proof", help="Do not send an object each way when all stands.")
]
SourcePackage = Annotated[
    bool,
    typer.Option(
        hidden=True,
        help="Upload our own code alone, for an emulator whose functions have the libraries.",
    ),
]


@app.command("launch")
def launch_pair(  # noqa: PLR0913 - each is an option of the command line
    config: ConfigFile = DEFAULT_CONFIG,
    package: PackageFolder = None,
    *,
    dry_run: DryRun = False,
    yes: Yes = False,
    no_proof: NoProof = False,
    source_package: SourcePackage = False,
) -> None:
    """Launch both sites, or bring them up to date: one command for both accounts.

    Looks at both accounts first, shows what would change and asks; then creates or updates both
    stacks, gives each side the key pair of the other's dedicated user, proves with an object each
    way that it works, and starts the first comparison. May be run again at any time.

    Where one side is in another store, the text of its secret is taken from STORE_SECRET, both
    stacks are in one account, and the proof is left to you.
    """
    tell = new_tell()
    with unwound_by_signals(), _folder(package) as folder:
        settings, accounts, secret = open_pair(config, tell)
        build = _builder(folder, is_source=source_package)
        question = _no if dry_run else lambda: is_agreed("Do this?", yes=yes)
        wanted = Launch(settings, accounts, build, tell, question, secret)
        if not is_ready(wanted):
            raise typer.Exit(EXIT_ERROR)
        launched = launch(wanted)
        if launched is None:
            tell("a dry run: nothing was changed" if dry_run else "nothing was changed")
            return
        if secret is None and not no_proof:
            _prove_both(wanted, [launched[each.name] for each in accounts], tell)
        start_rounds(list(launched.values()), tell)
        if secret is not None:
            outputs = {name: site.outputs for name, site in launched.items()}
            for step in steps_left(secret, outputs):
                tell(f"left to you: {step}")
        tell("the feed is launched" if len(launched) < len(accounts) else "both sites are launched")


def _prove_both(wanted: Launch, sites: Sequence[LaunchedSite], tell: Tell) -> None:
    one, other = (Proving(each, wanted.parameters_of(each.account)) for each in sites)
    for source, destination in ((one, other), (other, one)):
        with aws_errors(source.name):
            prove(source, destination, tell)


def _builder(folder: Path, *, is_source: bool) -> BuildPackages:
    """Return what builds the packages of a side, each of them once."""
    for_functions: Callable[[str], Path] = cache(
        lambda architecture: build_lambda_package(folder, architecture)
    )
    for_fleet: Callable[[str], Path] = cache(
        lambda architecture: build_fleet_package(folder, architecture)
    )
    source: Callable[[], Path] = cache(lambda: build_source_package(folder))

    def build(parameters: Mapping[str, str]) -> Packages:
        if is_source:
            return {"LambdaPackage": source()}
        architecture = parameters.get("WorkerArchitecture", "arm64")
        packages = {"LambdaPackage": for_functions(architecture)}
        if parameters.get("WorkerRuntime") == "EC2":
            packages["FleetPackage"] = for_fleet(architecture)
        return packages

    return build


@contextmanager
def _folder(chosen: Path | None) -> Iterator[Path]:
    """Yield the folder for packages; a chosen one is kept. Raises `ConfigError` without one."""
    if chosen is None:
        with TemporaryDirectory(prefix="dualway-") as temporary:
            yield Path(temporary)
        return
    try:
        chosen.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        cause = f"cannot make the folder {chosen} ({error.strerror}); name one of yours"
        raise ConfigError("build the packages", "--package", cause) from error
    yield chosen


def _no() -> bool:
    return False
