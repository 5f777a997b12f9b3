"""`dualway check-provider`: tries on a live bucket what its store can do."""

import json
from collections.abc import Iterable
from typing import Annotated

import typer
from rich.table import Table

from sync_core.cli.screen import new_console
from sync_core.cli.terminal import EXIT_DIFFERENT
from sync_core.config import environment
from sync_core.errors import ConfigError
from sync_core.launch.store_check import Place, Row, rows_of
from sync_core.storage.dialects import DIALECTS
from sync_core.storage.netstorage_access import NETSTORAGE, NetStorageAccess, parse_access

app = typer.Typer()

ACCESS_VARIABLE = "NETSTORAGE_SECRET"
"""The variable with the text of the secret that a deployment would read."""

Bucket = Annotated[str, typer.Option(help="The bucket or CP code; it may be in use.")]
Region = Annotated[
    str | None, typer.Option(help=f"The region, as the store names it; {NETSTORAGE} has none.")
]
Endpoint = Annotated[
    str | None,
    typer.Option(help="The store's URL; without it, what the dialect has for the region."),
]
DialectName = Annotated[
    str, typer.Option("--dialect", help=f"One of {', '.join((*DIALECTS, NETSTORAGE))}.")
]
Prefix = Annotated[str, typer.Option(help="Try it below this prefix only.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for each ability.")]


@app.command()
def check_provider(  # noqa: PLR0913 - one option each
    bucket: Bucket,
    region: Region = None,
    endpoint: Endpoint = None,
    dialect: DialectName = "generic",
    prefix: Prefix = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Try on a live bucket what its store does, and compare that with what its dialect says.

    Credentials are those of the environment: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and for
    netstorage the text of its secret, NETSTORAGE_SECRET. All keys begin with `.dualway/` and are
    gone afterwards. Ends with status 0 when the store does at least what its dialect says, 1 when
    it does less or when that could not be found out, and 2 when the store cannot be reached.
    """
    if dialect == NETSTORAGE:
        rows = rows_of(Place(dialect, bucket, None, endpoint, prefix), _access_to(bucket))
    else:
        rows = rows_of(Place(dialect, bucket, _required(region), endpoint, prefix), None)
    if as_json:
        for row in rows:
            typer.echo(json.dumps(as_document(row), ensure_ascii=False))
    else:
        show(rows, dialect)
    if any(row.verdict.is_bad for row in rows):
        raise typer.Exit(EXIT_DIFFERENT)


def show(rows: Iterable[Row], dialect: str) -> None:
    """Print what was found for a person."""
    table = Table("ability", f"{dialect} says", "store does", "verdict", box=None)
    for row in rows:
        finding = row.finding
        table.add_row(finding.ability, _word(row.says), _word(finding.does), row.verdict)
    console = new_console()
    console.print(table)
    for row in rows:
        if row.verdict.is_bad:
            console.print(f"{row.finding.ability}: {row.finding.detail}")


def as_document(row: Row) -> dict[str, object]:
    """Return what was found as JSON; null where nobody can say."""
    return {
        "ability": row.finding.ability.name.lower(),
        "says": row.says,
        "does": row.finding.does,
        "verdict": row.verdict.name.lower(),
        "detail": row.finding.detail,
    }


def _word(has: bool | None) -> str:  # noqa: FBT001 - what is to be named
    return "?" if has is None else "yes" if has else "no"


def _required(region: str | None) -> str:
    if region is None:
        raise ConfigError("configure", "region", "give the store's own, with --region")
    return region


def _access_to(cpcode: str) -> NetStorageAccess:
    access = parse_access(environment().get(ACCESS_VARIABLE, ""), ACCESS_VARIABLE)
    if access.cpcode != cpcode:
        cause = f"its cpcode is {access.cpcode}, --bucket {cpcode}: give both the same"
        raise ConfigError("read secret", ACCESS_VARIABLE, cause)
    return access
