"""What the command line imports before it does anything, and that it knows all of its verbs."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import sync_core.cli
from sync_core.cli import HIDDEN_VERBS, VERBS, app, verb

FOLDER = Path(sync_core.cli.__file__).parent
SDK = {"boto3", "botocore", "pynamodb", "aws_lambda_powertools"}
CLOUD = {"ministack", "hypercorn", "sync_core.local.cloud", "sync_core.local.gaps"}
OTHER_VERBS = {"sync_core.cli.demo", "sync_core.cli.launch", "sync_core.cli.logs"}


def imported_by(*arguments: str) -> set[str]:
    """Return all modules that are imported by the command with these arguments."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "sync_core.cli", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}


@pytest.mark.parametrize(
    ("arguments", "needed", "needless"),
    [
        (("--help",), {"typer"}, {"rich", *SDK, *CLOUD, *OTHER_VERBS}),
        (("worker", "--help"), {"boto3"}, {"rich", *CLOUD, *OTHER_VERBS}),
        (("status", "--help"), {"boto3", "rich"}, {*CLOUD, *OTHER_VERBS}),
    ],
    ids=lambda values: " ".join(values) if isinstance(values, tuple) else "",
)
def test_a_command_imports_nothing_that_it_does_not_need(
    arguments: tuple[str, ...], needed: set[str], needless: set[str]
) -> None:
    found = imported_by(*arguments)
    assert needed <= found
    assert needless & found == set()


@pytest.mark.parametrize("name", VERBS)
def test_the_line_on_a_verb_is_how_its_own_help_begins(name: str) -> None:
    found = verb(name)
    assert found.name == name
    assert found.help.startswith(VERBS[name].removesuffix("."))


def test_every_module_with_a_command_is_a_verb() -> None:
    modules = {path.stem for path in FOLDER.glob("*.py") if "\napp = " in path.read_text()}
    verbs = {name.replace("-", "_") for name in VERBS.keys() | HIDDEN_VERBS}
    assert modules - {"__init__"} == verbs


def test_the_help_has_a_line_on_every_verb_but_the_hidden_ones() -> None:
    lines = CliRunner().invoke(app, ["--help"]).stdout.splitlines()
    for name, text in VERBS.items():
        assert any(line.split(maxsplit=1) == [name, text] for line in lines), name
    assert not any(line.split()[:1] == [name] for name in HIDDEN_VERBS for line in lines)


def test_a_misspelt_verb_is_answered_with_the_one_that_was_meant() -> None:
    result = CliRunner().invoke(app, ["statsu"])
    assert result.exit_code == 2
    assert "Did you mean 'status'?" in result.stderr
