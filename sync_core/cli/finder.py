"""`dualway finder`: one comparison of both sides, which makes good what no event has told."""

import json
from typing import Annotated

import typer

from sync_core.bootstrap import Connected
from sync_core.cli.deployments import ReadyFile, SiteName, open_deployment
from sync_core.cli.terminal import EXIT_ERROR, say_problem, shown
from sync_core.explain import Explanation, explain
from sync_core.finder import Ended, FinderReport

app = typer.Typer()

DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Send nothing; print the verdict on each key, and why."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]


@app.command()
def finder(
    ready_file: ReadyFile = None,
    site: SiteName = "a",
    *,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Compare both sides once, for what no event has told.

    Merges both listings and the table of records in constant memory, and has the worker look at
    every key that is not accounted for. It acts on nothing itself: it sends messages to the own
    site's queue. Safe beside live traffic and beside other finders; goes on where an interrupted
    round has stopped. Run it on both sides: each finds its own side's changes. With --dry-run it
    looks at each such key itself, sends and changes nothing, and prints the row of the table in
    sync_core/decide.py with the evidence.
    """
    connected = open_deployment(ready_file, site)
    if dry_run:
        _print_verdicts(connected)
        return
    report = connected.find()
    if report.ended is Ended.BUSY:
        say_problem("another finder is at work on this site", "wait for its report in the log")
        raise typer.Exit(EXIT_ERROR)
    typer.echo(_json(report) if as_json else _text(report))


def _print_verdicts(connected: Connected) -> None:
    running = connected.startup.looking()
    for sentence in running.guarantees:
        typer.echo(sentence)
    keys = 0
    for (key, *_), reason in running.looking_finder(connected.queue).compare():
        keys += 1
        if reason.asks_for_a_look:
            _print(explain(running.stack, key), reason)
    typer.echo(f"{keys} keys compared; nothing was sent or changed")


def _print(found: Explanation, reason: str) -> None:
    typer.echo(f"{shown(found.key)}: {reason}: row {found.row}, {found.verdict}")
    for line in found.evidence:
        typer.echo(f"    {line}")


def _text(report: FinderReport) -> str:
    hinted = ", ".join(f"{count} {reason}" for reason, count in sorted(report.hinted.items()))
    passed = ", ".join(
        f"{count} {reason}"
        for reason, count in sorted(report.reasons.items())
        if reason not in report.hinted
    )
    return (
        f"{report.scanned} keys compared in {report.seconds:.1f} s "
        f"({report.keys_per_second:.0f} keys per second), {report.equal} equal\n"
        f"sent to the queue: {hinted or 'none'}\n"
        f"left alone: {passed or 'none'}"
    )


def _json(report: FinderReport) -> str:
    return json.dumps(
        {
            "scanned": report.scanned,
            "equal": report.equal,
            "hinted": report.hinted,
            "reasons": dict(report.reasons),
            "seconds": report.seconds,
            "keys_per_second": report.keys_per_second,
            "started_at": report.started_at.isoformat(),
        },
        ensure_ascii=False,
    )
