"""`dualway logs`: searches both sides' logs, of launched stacks or of a running local cloud."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from sync_core.cli.deletes import duration_seconds
from sync_core.cli.log_lines import LogLines
from sync_core.cli.screen import new_console
from sync_core.cli.terminal import say_problem
from sync_core.entries import Entry, LogSource, Wanted, as_json_line, interleaved
from sync_core.errors import ConfigError
from sync_core.launch.accounts import open_accounts
from sync_core.launch.logs import stack_log
from sync_core.launch.queries import saved_queries
from sync_core.launch.settings import read_settings
from sync_core.launch.template import parameter_names, read_template
from sync_core.local.logs import file_logs
from sync_core.local.ready_file import read_ready_file

app = typer.Typer()

EXIT_NOTHING = 1
"""The status of a search that has found nothing."""

_EPILOG = """\b
Examples:
  dualway logs --config dualway.toml --search 'Repeated transfer job!'
  dualway logs --config dualway.toml --key photos/cat.jpg --since 2d
  dualway logs --config dualway.toml --action retried --action dead_lettered
  dualway logs --config dualway.toml --search 'operation failed' --follow
  dualway logs --ready-file ready.json --json | jq .lag_seconds
"""


def instant(text: str) -> datetime:
    """Return an instant given as ISO 8601 (UTC where no zone is named), or as how long ago."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        pass
    else:
        return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    try:
        return datetime.now(UTC) - timedelta(seconds=duration_seconds(text))
    except (typer.BadParameter, OverflowError):
        advice = "give how long ago, such as 5m, 2h or 1d, or a time such as 2026-01-31T08:30"
        raise typer.BadParameter(advice) from None


Config = Annotated[
    Path | None, typer.Option(help="The file of `dualway launch`: search CloudWatch Logs.")
]
ReadyFile = Annotated[
    Path | None, typer.Option(help="The ready file of a running `dualway local`: search its files.")
]
Search = Annotated[str, typer.Option(help="Part of the message, such as 'Repeated transfer job!'.")]
Key = Annotated[str | None, typer.Option(help="All about one object: its whole key.")]
Reason = Annotated[str, typer.Option(help="Part of the reason, such as peer_acts.")]
Actions = Annotated[
    list[str] | None, typer.Option(help="What was done, such as object_copied; may be repeated.")
]
Sites = Annotated[
    list[str] | None, typer.Option(help="One site's log only; may be repeated. Else both sites'.")
]
Since = Annotated[
    datetime,
    typer.Option(
        parser=instant, metavar="TIME", help="From when: 5m, 2h, 1d ago, or an ISO 8601 time."
    ),
]
Until = Annotated[
    datetime | None, typer.Option(parser=instant, metavar="TIME", help="Up to when; else now.")
]
Follow = Annotated[
    bool, typer.Option("--follow", "-f", help="Go on with what is logged from now on.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the JSON lines, with their site.")]
Limit = Annotated[
    int | None, typer.Option("--limit", "-n", min=1, help="Print the last so many entries only.")
]
All = Annotated[
    bool, typer.Option("--all", help="Print lines of metrics and of Lambda's platform as well.")
]
Insights = Annotated[
    bool, typer.Option("--insights", help="Print the queries saved for Logs Insights, and end.")
]


@app.command(epilog=_EPILOG)
def logs(  # noqa: PLR0913, PLR0917 - the options of a command are its arguments
    config: Config = None,
    ready_file: ReadyFile = None,
    search: Search = "",
    key: Key = None,
    reason: Reason = "",
    action: Actions = None,
    site: Sites = None,
    since: Since = "1h",  # type: ignore[assignment]  # typer parses the default as well
    until: Until = None,
    *,
    follow: Follow = False,
    as_json: AsJson = False,
    limit: Limit = None,
    show_all: All = False,
    insights: Insights = False,
) -> None:
    """Search the logs of both sides, in the order of time.

    Give --config or --ready-file. What is given must all be true of an entry. Ends with status 0
    when something was found, 1 when nothing was, and 2 when the search failed; with --follow, 0
    once it is ended by Ctrl-C. For counts and longer times, --insights prints queries that the
    stacks have saved in both accounts.
    """
    if insights:
        typer.echo("\n\n".join(_queries()))
        return
    if until is not None and (follow or until < since):
        raise typer.BadParameter("--until cannot go with --follow, and has to come after --since")
    sources = chosen(_sources(config, ready_file), site or [])
    wanted = Wanted(since, until, search, key, reason, frozenset(action or ()), show_all)
    show = _printer([source.site for source in sources], as_json=as_json)
    if follow:
        with suppress(KeyboardInterrupt):
            _follow(sources, wanted, limit, show)
    elif not print_found(interleaved(sources, wanted), limit, show):
        say_problem(f"nothing was found since {since:%Y-%m-%d %H:%M:%S}Z", "look back with --since")
        raise typer.Exit(EXIT_NOTHING)


def _follow(
    sources: Sequence[LogSource], wanted: Wanted, limit: int | None, show: Callable[[Entry], None]
) -> NoReturn:
    """Show what is there (the last `limit` of it), then what comes, until a signal."""
    print_found(interleaved(sources, wanted), limit, show)
    while True:
        time.sleep(min(source.poll_seconds for source in sources))
        print_found(interleaved(sources, wanted), None, show)


def chosen(sources: Sequence[LogSource], sites: Sequence[str]) -> list[LogSource]:
    """Return the sources of the named sites, or all; raises ConfigError for an unknown name."""
    known = [source.site for source in sources]
    for name in sites:
        if name not in known:
            cause = f"there is no site {name!r}; give --site {' or '.join(known)}"
            raise ConfigError("search the logs", "--site", cause)
    return [source for source in sources if not sites or source.site in sites]


def print_found(entries: Iterator[Entry], limit: int | None, show: Callable[[Entry], None]) -> int:
    """Show the entries, or the last `limit` of them; return how many were shown."""
    count = 0
    for entry in entries if limit is None else deque(entries, limit):
        count += 1
        show(entry)
    return count


def _sources(config: Path | None, ready_file: Path | None) -> Sequence[LogSource]:
    if ready_file is not None and config is None:
        return file_logs(read_ready_file(ready_file))
    if config is not None and ready_file is None:
        settings = read_settings(config, parameter_names(read_template()))
        return [
            stack_log(account, settings.stack_of(account.site))
            for account in open_accounts(settings)
            if settings.has_stack(account.site)
        ]
    raise typer.BadParameter("give either --config or --ready-file")


def _queries() -> list[str]:
    return [f"# {each.name}\n{each.text}" for each in saved_queries(read_template())]


def _printer(sites: Sequence[str], *, as_json: bool) -> Callable[[Entry], None]:
    if as_json:
        return lambda entry: typer.echo(as_json_line(entry))
    lines, console = LogLines(sites), new_console()
    return lambda entry: console.print(lines.line(entry))
