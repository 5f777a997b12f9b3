"""`dualway deletes`: shows whether a site's deletes are held, approves them, or holds them."""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from sync_core.cli.deployments import ReadyFile, SiteName, open_deployment
from sync_core.finder import Ended
from sync_core.guard import Guard, GuardStatus
from sync_core.safety import Admission, Tally

app = typer.Typer(
    name="deletes",
    help="Show whether deletes are held, approve them, or hold them.",
    no_args_is_help=True,
)

_UNITS_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 24 * 3600}


def duration_seconds(text: str) -> int:
    """Return the seconds of a duration such as 90s, 30m, 1h or 2d."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", text.strip())
    if found is None:
        raise typer.BadParameter("give a number and a unit, such as 90s, 30m, 1h or 2d")
    return int(found[1]) * _UNITS_SECONDS[found[2]]


AsJson = Annotated[bool, typer.Option("--json", help="Print one line of JSON.")]
For = Annotated[
    int,
    typer.Option(
        "--for",
        parser=duration_seconds,
        metavar="DURATION",
        help="How long no delete is counted, such as 30m or 1h.",
    ),
]


@app.command()
def status(ready_file: ReadyFile = None, site: SiteName = "a", *, as_json: AsJson = False) -> None:
    """Show whether deletes are held, since when and why, and how many there were of late.

    Without --ready-file the site is that of the deployment which the environment describes: the
    variables of `dualway worker`.
    """
    found = open_deployment(ready_file, site).startup.looking().guard.status()
    typer.echo(json.dumps(as_document(found)) if as_json else as_text(found))


@app.command()
def approve(
    ready_file: ReadyFile = None,
    site: SiteName = "a",
    *,
    seconds: For = "1h",  # type: ignore[assignment]  # typer parses the default as well
) -> None:
    """Release deletes that are held; for some time none is counted.

    Sentinels that are missing are planted again. Then a finder round is run, so that the worker
    looks at what was held; whatever it does not get to while the approval lasts is counted again.
    """
    connected = open_deployment(ready_file, site)
    guard = connected.startup.running().guard
    guard.approve(seconds=seconds)
    typer.echo(f"approved until {shown_instant(guard.status().approved_until)}")
    report = connected.find()
    if report.ended is Ended.BUSY:
        typer.echo("a finder is at work already; its next round sends what was held")
    else:
        typer.echo(f"{sum(report.hinted.values())} keys were sent to the worker's queue")


@app.command()
def hold(ready_file: ReadyFile = None, site: SiteName = "a") -> None:
    """Hold deletes until they are approved; objects are still copied."""
    _open_guard(ready_file, site).hold()
    typer.echo("held; `dualway deletes approve` releases them")


def _open_guard(ready_file: Path | None, site: str) -> Guard:
    return open_deployment(ready_file, site).startup.running().guard


def as_text(found: GuardStatus) -> str:
    """Return what the command prints for a person."""
    return "\n".join([*_standing(found), *_numbers(found)])


def as_document(found: GuardStatus) -> dict[str, object]:
    """Return what the command prints as JSON; instants in ISO 8601, null where there is none."""
    tally = found.tally
    return {
        "held": found.is_held,
        "holds": [
            {"reason": each.reason.value, "since": each.since.isoformat(), "detail": each.detail}
            for each in found.holds
        ],
        "approved_until": found.approved_until and found.approved_until.isoformat(),
        "synced_keys": found.synced_keys if found.synced_at else None,
        "deleted": tally and tally.deleted,
        "renamed": tally and tally.renamed,
        "net": tally and tally.net,
        "limit": tally and tally.limit,
    }


def shown_instant(instant: datetime | None) -> str:
    """Return an instant to the second, in UTC, as a person reads it."""
    return "-" if instant is None else f"{instant:%Y-%m-%d %H:%M:%S} UTC"


def _standing(found: GuardStatus) -> list[str]:
    if found.is_held:
        return [
            "deletes are held:",
            *(f"  since {shown_instant(each.since)}: {each.detail}" for each in found.holds),
        ]
    if found.approved_until is not None:
        return [f"deletes are approved until {shown_instant(found.approved_until)}"]
    if found.tally is not None and found.tally.admission is not Admission.ALLOWED:
        return ["deletes wait: they may turn out to be renames"]
    return ["deletes are sent"]


def _numbers(found: GuardStatus) -> list[str]:
    keys = f"{found.synced_keys} keys in sync at {shown_instant(found.synced_at)}"
    counted = [keys if found.synced_at else "no round has counted the keys yet"]
    return [_tally(found.tally), *counted] if found.tally else counted


def _tally(tally: Tally) -> str:
    renamed = f", not counting {tally.renamed} renamed" if tally.renamed else ""
    return f"{tally.net} keys deleted of late{renamed}; the limit is {tally.limit}"
