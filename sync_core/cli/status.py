"""`dualway status`: what is in the queue, and how far the uploads are that workers share."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table

from sync_core.bootstrap import Connected
from sync_core.cli.deployments import ReadyFile, open_deployment
from sync_core.cli.screen import new_console
from sync_core.cli.terminal import shown, shown_bytes
from sync_core.local.ready_file import read_ready_file
from sync_core.model import SharedUpload
from sync_core.queues.protocol import QueueCounts

app = typer.Typer()

_BAR_CHARACTERS = 24
_INDENT = 4

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))

SiteOrBoth = Annotated[
    str | None,
    typer.Option("--site", help="Which site of the ready file: a or b; both without it."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object for each site.")]


@dataclass(frozen=True, slots=True)
class Status:
    """What one deployment is at, at an instant; without a table of parts `uploads` is None."""

    site: str
    counts: QueueCounts
    uploads: tuple[SharedUpload, ...] | None
    at: datetime


@app.command()
def status(
    ready_file: ReadyFile = None, site: SiteOrBoth = None, *, as_json: AsJson = False
) -> None:
    """Show how many messages wait, are in flight or dead-lettered, and how far large objects are.

    Of each object that several workers copy together: a bar, bytes and parts done of all, for how
    long it has been under way, and when there was progress last. SQS counts messages about a
    minute late. Without --ready-file it is the deployment which the environment describes: the
    variables of `dualway worker`.
    """
    console = new_console()
    for name in _sites(ready_file, site):
        found = status_of(open_deployment(ready_file, name), datetime.now(UTC))
        if as_json:
            typer.echo(json.dumps(as_document(found), ensure_ascii=False))
        else:
            show(console, found)


def status_of(connected: Connected, at: datetime) -> Status:
    """Return what the deployment is at; its uploads in the order in which they were opened."""
    ledger = connected.uploads
    uploads = None if ledger is None else sorted(ledger.list(), key=_by_age)
    return Status(
        site=connected.config.pair.own.name,
        counts=connected.queue.counts(),
        uploads=None if uploads is None else tuple(uploads),
        at=at,
    )


def show(console: Console, found: Status) -> None:
    """Print what is found for a person."""
    counts = found.counts
    dead_letters = "-" if counts.dead_letters is None else f"{counts.dead_letters:,}"
    console.print(f"site {found.site}")
    console.print(
        f"  messages: {counts.waiting:,} wait, {counts.in_flight:,} in flight, "
        f"{dead_letters} dead-lettered"
    )
    console.print(f"  {_headline(found.uploads)}")
    for upload in found.uploads or ():
        console.print(f"  {shown(upload.key)}")
        console.print(Padding(_bar(upload), (0, 0, 0, _INDENT), expand=False))
        console.print(" " * _INDENT + _progress(upload, found.at))


def as_document(found: Status) -> dict[str, object]:
    """Return what is found as JSON; instants in ISO 8601, `uploads` null where none are shared."""
    return {
        "site": found.site,
        "at": found.at.isoformat(),
        "waiting": found.counts.waiting,
        "in_flight": found.counts.in_flight,
        "dead_letters": found.counts.dead_letters,
        "uploads": None
        if found.uploads is None
        else [_upload_document(upload, found.at) for upload in found.uploads],
    }


def shown_duration(duration: timedelta) -> str:
    """Return a duration as a person reads it, such as `3 h 12 min`; a negative one as `0 s`."""
    seconds = max(0, int(duration.total_seconds()))
    if seconds < _UNITS[-2][1]:
        return f"{seconds} s"
    return " ".join(_largest_units(seconds))


def _largest_units(seconds: int) -> Iterator[str]:
    first = next(index for index, (_, unit_seconds) in enumerate(_UNITS) if seconds >= unit_seconds)
    for name, unit_seconds in _UNITS[first : first + 2]:
        count, seconds = divmod(seconds, unit_seconds)
        if count:
            yield f"{count} {name}"


def _sites(ready_file: Path | None, site: str | None) -> list[str]:
    if ready_file is None or site is not None:
        return [site or ""]
    return list(read_ready_file(ready_file).sites)


def _by_age(upload: SharedUpload) -> tuple[datetime, str]:
    return upload.opened_at, upload.key


def _headline(uploads: tuple[SharedUpload, ...] | None) -> str:
    if uploads is None:
        return "large objects are not shared among workers (DUALWAY_PARTS_TABLE is not set)"
    return f"large objects that workers share: {len(uploads) or 'none'}"


def _bar(upload: SharedUpload) -> Table:
    line = Table.grid(padding=(0, 1))
    line.add_row(
        ProgressBar(upload.size_bytes, upload.done_bytes, width=_BAR_CHARACTERS),
        f"{_percent(upload)}%",
        f"{shown_bytes(upload.done_bytes)} of {shown_bytes(upload.size_bytes)}",
    )
    return line


def _progress(upload: SharedUpload, at: datetime) -> str:
    return (
        f"{upload.done_parts:,} of {upload.part_count:,} parts, "
        f"under way for {shown_duration(at - upload.opened_at)}, "
        f"last progress {shown_duration(at - upload.changed_at)} ago"
    )


def _percent(upload: SharedUpload) -> int:
    """Return whole percents, rounded down: only what is whole has 100."""
    return 100 * upload.done_bytes // max(1, upload.size_bytes)


def _upload_document(upload: SharedUpload, at: datetime) -> dict[str, object]:
    return {
        "key": upload.key,
        "upload_id": upload.upload_id,
        "percent": _percent(upload),
        "done_bytes": upload.done_bytes,
        "size_bytes": upload.size_bytes,
        "done_parts": upload.done_parts,
        "parts": upload.part_count,
        "opened_at": upload.opened_at.isoformat(),
        "changed_at": upload.changed_at.isoformat(),
        "age_seconds": (at - upload.opened_at).total_seconds(),
        "idle_seconds": (at - upload.changed_at).total_seconds(),
    }
