"""`dualway check-provider`: tries on a live bucket what its store can do."""

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated

import typer
from rich.table import Table

from sync_core.cli.terminal import EXIT_DIFFERENT, new_console
from sync_core.connections import aws_session
from sync_core.provider_check import Finding, Verdict, check
from sync_core.storage.dialects import DIALECTS, Dialect, named
from sync_core.storage.prefixed import below
from sync_core.storage.s3 import S3ObjectStore
from sync_core.storage.s3_clients import s3_clients
from sync_core.storage.sync_store import SyncStore

_PAGE_KEYS = 3
"""Few enough that a listing of the odd keys has several pages."""

Bucket = Annotated[str, typer.Option(help="The bucket; it may be in use.")]
Region = Annotated[str, typer.Option(help="The region, as the store names it.")]
Endpoint = Annotated[
    str | None,
    typer.Option(help="The store's URL; without it, what the dialect has for the region."),
]
DialectName = Annotated[str, typer.Option("--dialect", help=f"One of {', '.join(DIALECTS)}.")]
Prefix = Annotated[str, typer.Option(help="Try it below this prefix only.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for each ability.")]


@dataclass(frozen=True, slots=True)
class Row:
    """One ability: what the dialect says, what was found."""

    says: bool | None
    finding: Finding

    @property
    def verdict(self) -> Verdict:
        """What follows of the two."""
        return self.finding.verdict(self.says)


def check_provider(  # noqa: PLR0913 - one option each
    bucket: Bucket,
    region: Region,
    endpoint: Endpoint = None,
    dialect: DialectName = "generic",
    prefix: Prefix = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Try on a live bucket what its store does, and compare that with what its dialect says.

    Credentials are those of the environment: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. All keys
    begin with `.dualway/` and are gone afterwards. Ends with status 0 when the store does at least
    what its dialect says, 1 when it does less or when that could not be found out, and 2 when the
    store cannot be reached.
    """
    chosen = named(dialect)
    url = chosen.endpoint_of(region) if endpoint is None else endpoint
    daring = replace(chosen, lacks=frozenset())
    store, trying = (below(_store(bucket, region, url, each), prefix) for each in (chosen, daring))
    rows = [
        Row(chosen.says(finding.ability), finding)
        for finding in check(store, trying, secrets.token_hex(4))
    ]
    if as_json:
        for row in rows:
            typer.echo(json.dumps(as_document(row), ensure_ascii=False))
    else:
        show(rows, chosen)
    if any(row.verdict.is_bad for row in rows):
        raise typer.Exit(EXIT_DIFFERENT)


def show(rows: Iterable[Row], dialect: Dialect) -> None:
    """Print what was found for a person."""
    table = Table("ability", f"{dialect.name} says", "store does", "verdict", box=None)
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


def _store(bucket: str, region: str, url: str | None, dialect: Dialect) -> SyncStore:
    speaking = replace(dialect, page_keys=_PAGE_KEYS)
    clients = s3_clients(aws_session(), region, endpoint_url=url, dialect=speaking)
    return S3ObjectStore(bucket, lambda: clients, speaking)
