"""`dualway conflicts`: which keys both users have written at once, who won, where the loser is."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from sync_core.cli.deployments import ReadyFile, SiteName, open_deployment
from sync_core.cli.terminal import shown
from sync_core.conflicts import noted_conflicts
from sync_core.model import NotedConflict

app = typer.Typer()

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on each line.")]


@app.command()
def conflicts(
    ready_file: ReadyFile = None, site: SiteName = "a", *, as_json: AsJson = False
) -> None:
    """List the conflicts that this site's worker has settled, and those that wait for a person.

    Each with both versions (etag, size and time), the winner's site, and the key under which the
    loser is kept. Run it on both sides: the stack of the winner's site notes a conflict. One that
    waits (policy `manual`) ends when a user deletes or overwrites one of the two objects.
    """
    connected = open_deployment(ready_file, site)
    count = 0
    for key, found in noted_conflicts(connected.records):
        count += 1
        typer.echo(_json(key, found) if as_json else _text(key, found))
    if not as_json:
        typer.echo(f"{count} conflicts are noted at site {connected.config.pair.own.name}")


def _text(key: str, found: NotedConflict) -> str:
    at = found.at.strftime("%Y-%m-%d %H:%M:%S UTC")
    if found.is_open:
        return (
            f"{shown(key)}: open since {at}; delete or overwrite one of the two\n"
            f"    at {found.winner_side}: {found.winner}\n    at its peer: {found.loser}"
        )
    kept = shown(found.loser_key) if found.loser_key else "the version below, in its bucket"
    return (
        f"{shown(key)}: {found.winner_side} won at {at}\n"
        f"    winner: {found.winner}\n    loser:  {found.loser}, kept as {kept}"
    )


def _json(key: str, found: NotedConflict) -> str:
    values = {"key": key, **asdict(found), "at": found.at.isoformat()}
    return json.dumps(values, ensure_ascii=False)
