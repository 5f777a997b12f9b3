"""`dualway check-provider`: tries on a live bucket what its store can do."""

import json
import secrets
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Annotated, Any

import typer
from rich.table import Table

from sync_core.cli.screen import new_console
from sync_core.cli.terminal import EXIT_DIFFERENT
from sync_core.config import environment
from sync_core.connections import aws_session, netstorage_endpoint
from sync_core.errors import ConfigError
from sync_core.feed_check import Feed, check_feed
from sync_core.model import Ability
from sync_core.provider_check import Finding, Verdict, check
from sync_core.storage.dialects import DIALECTS, Dialect, named
from sync_core.storage.netstorage import NetStorageStore
from sync_core.storage.netstorage_access import NETSTORAGE, NetStorageAccess, parse_access
from sync_core.storage.netstorage_auth import Signer
from sync_core.storage.netstorage_client import NetStorageClient
from sync_core.storage.netstorage_wire import Wire
from sync_core.storage.plain import PlainStore
from sync_core.storage.prefixed import below
from sync_core.storage.s3 import S3ObjectStore
from sync_core.storage.s3_clients import s3_clients
from sync_core.storage.sync_store import SyncStore

app = typer.Typer()

_PAGE_KEYS = 3
"""Few enough that a listing of the odd keys has several pages."""

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


@dataclass(frozen=True, slots=True)
class Row:
    """One ability: what the dialect says, what was found."""

    says: bool | None
    finding: Finding[Any]

    @property
    def verdict(self) -> Verdict:
        """What follows of the two."""
        return self.finding.verdict(self.says)


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
        rows = _netstorage_rows(bucket, endpoint, prefix)
    else:
        rows = _s3_rows(named(dialect), bucket, _required(region), endpoint, prefix)
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


def daring_form(dialect: Dialect) -> Dialect:
    """Return the dialect in which conditions are sent that its stores are said not to know.

    It shows no versions where none can be listed: they could not be taken away again.
    """
    return replace(dialect, lacks=dialect.lacks & {Ability.IS_VERSIONED})


def _word(has: bool | None) -> str:  # noqa: FBT001 - what is to be named
    return "?" if has is None else "yes" if has else "no"


def _required(region: str | None) -> str:
    if region is None:
        raise ConfigError("configure", "region", "give the store's own, with --region")
    return region


def _s3_rows(
    dialect: Dialect, bucket: str, region: str, endpoint: str | None, prefix: str
) -> list[Row]:
    url = dialect.endpoint_of(region) if endpoint is None else endpoint
    spoken = (dialect, daring_form(dialect))
    store, trying = (below(_store(bucket, region, url, each), prefix) for each in spoken)
    found = check(store, trying, secrets.token_hex(4))
    return [Row(dialect.says(finding.ability), finding) for finding in found]


def _netstorage_rows(cpcode: str, endpoint: str | None, prefix: str) -> list[Row]:
    access = _access_to(cpcode)
    with closing(Wire(netstorage_endpoint(endpoint, access))) as wire:
        client = NetStorageClient(wire, Signer(access.username, access.key))
        there = NetStorageStore(cpcode, lambda: client, _PAGE_KEYS)
        store = below(PlainStore(there), prefix)
        feed = Feed(
            store,
            put_damaged=lambda key: there.put_damaged(store.place(key).key),
            clock_ahead=lambda: client.ahead,
        )
        found = check_feed(feed, secrets.token_hex(4))
        return [Row(feed.says(finding.ability), finding) for finding in found]


def _access_to(cpcode: str) -> NetStorageAccess:
    access = parse_access(environment().get(ACCESS_VARIABLE, ""), ACCESS_VARIABLE)
    if access.cpcode != cpcode:
        cause = f"its cpcode is {access.cpcode}, --bucket {cpcode}: give both the same"
        raise ConfigError("read secret", ACCESS_VARIABLE, cause)
    return access


def _store(bucket: str, region: str, url: str | None, dialect: Dialect) -> SyncStore:
    speaking = replace(dialect, page_keys=_PAGE_KEYS)
    clients = s3_clients(aws_session(), region, endpoint_url=url, dialect=speaking)
    return S3ObjectStore(bucket, lambda: clients, speaking)
