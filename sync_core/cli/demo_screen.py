"""How the demo looks: a live table on a terminal, plain lines elsewhere, a table at the end."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table

from sync_core.cli.terminal import shown_bytes
from sync_core.cli.verify import Summary
from sync_core.local.demonstration import Progress, SideResult

_SECONDS_BETWEEN_LINES = 5.0

Show = Callable[[Progress], None]


@contextmanager
def progress_screen(console: Console) -> Iterator[Show]:
    """Yield what shows the progress, in the way that suits the console."""
    if not console.is_terminal:
        yield _Lines(console).show
        return
    with Live(console=console, refresh_per_second=10, transient=True) as live:
        yield lambda progress: live.update(_progress_table(progress))


def result_table(results: dict[str, SideResult], summary: Summary) -> Table:
    """Return the table of both sides at the end."""
    table = Table("", *(f"side {name}" for name in results), title="What happened", title_style="")
    for column in table.columns[1:]:
        column.justify = "right"
    sides = list(results.values())
    rows: dict[str, list[object]] = {
        "objects": list(summary.objects),
        "bytes": [shown_bytes(size_bytes) for size_bytes in summary.sizes_bytes],
        "created by the user": [side.done.get("created", 0) for side in sides],
        "overwritten by the user": [side.done.get("overwritten", 0) for side in sides],
        "metadata edited by the user": [side.done.get("edited", 0) for side in sides],
        "deleted by the user": [side.done.get("deleted", 0) for side in sides],
        "transfers received": [side.transfers for side in sides],
        "'Repeated transfer job!' in its log": [side.repeated_transfers for side in sides],
        "conflicts: losers kept": [side.conflicts for side in sides],
        "messages left in the queue": [side.queue_depth for side in sides],
        "messages in the dead-letter queue": [side.dead_letters for side in sides],
    }
    for name, values in rows.items():
        table.add_row(name, *map(str, values))
    return table


def _progress_table(progress: Progress) -> Table:
    title = f"{progress.doing} ({progress.done} of {progress.total} done)"
    table = Table(
        "", "objects", "in the queue", "transfers received", "echoes dropped", title=title
    )
    table.title_style = ""
    for name, side in progress.sides.items():
        numbers = (side.objects, side.queue_depth, side.transfers, side.echoes)
        table.add_row(f"side {name}", *map(str, numbers))
    return table


class _Lines:
    """Progress for pipes and files: a line for each new phase, and one every few seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._doing = ""
        self._printed_at = 0.0

    def show(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.doing == self._doing and now - self._printed_at < _SECONDS_BETWEEN_LINES:
            return
        self._doing, self._printed_at = progress.doing, now
        sides = "; ".join(
            f"{name}: {side.objects} objects, {side.queue_depth} in the queue, "
            f"{side.transfers} transfers, {side.echoes} echoes"
            for name, side in progress.sides.items()
        )
        self._console.print(f"{progress.doing}: {progress.done} of {progress.total} done; {sides}")
