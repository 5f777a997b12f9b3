"""`dualway verify`: compares both sides deeply."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from sync_core import config
from sync_core.cli.sides import sides_of_deployment, sides_of_ready_file
from sync_core.cli.terminal import EXIT_DIFFERENT, shown, shown_bytes
from sync_core.compare import Difference, Shown
from sync_core.verify import Compared, ComparedStore, compare_stores

app = typer.Typer()

AT_ONCE = 8

ReadyFile = Annotated[
    Path | None,
    typer.Option(help="The ready file of a running `dualway local`; its two buckets are compared."),
]
AtOnce = Annotated[int, typer.Option(min=1, max=256, help="How many keys are compared at once.")]


@dataclass(slots=True)
class Summary:
    """What a comparison has found so far: keys, and objects and bytes of either side."""

    keys: int = 0
    differing_keys: int = 0
    differences: int = 0
    objects: tuple[int, int] = (0, 0)
    sizes_bytes: tuple[int, int] = (0, 0)

    def add(self, compared: Compared) -> None:
        """Take one key in."""
        first, second = compared.sizes_bytes
        self.keys += 1
        self.differing_keys += bool(compared.differences)
        self.differences += len(compared.differences)
        self.objects = (
            self.objects[0] + (first is not None),
            self.objects[1] + (second is not None),
        )
        self.sizes_bytes = (self.sizes_bytes[0] + (first or 0), self.sizes_bytes[1] + (second or 0))


@app.command()
def verify(ready_file: ReadyFile = None, at_once: AtOnce = AT_ONCE) -> None:
    """Compare both sides object by object: size, bytes, headers, metadata and tags.

    Without --ready-file the two buckets are those of the deployment that the environment
    describes: the variables of `dualway worker`. Ends with status 0 when both sides are equal,
    1 when they differ, each difference on a line of its own, and 2 when they cannot be compared.
    """
    if ready_file:
        stores = sides_of_ready_file(ready_file)
    else:
        # As many connections as are used at once.
        stores = sides_of_deployment(replace(config.load(), concurrency=at_once))
    summary = print_comparison({**stores}, at_once=at_once)
    if summary.differences:
        raise typer.Exit(EXIT_DIFFERENT)


def print_comparison(stores: dict[str, ComparedStore], *, at_once: int = AT_ONCE) -> Summary:
    """Compare two stores, by site; print each difference and a last line that sums up."""
    (first_name, first), (second_name, second) = stores.items()
    summary = Summary()
    with ThreadPoolExecutor(at_once, thread_name_prefix="compare") as executor:
        for compared in compare_stores(first, second, executor, at_once=at_once):
            summary.add(compared)
            _print(compared.differences, first_name, second_name)
    typer.echo(_conclusion(summary))
    return summary


def _print(differences: Iterable[Difference], first_name: str, second_name: str) -> None:
    for each in differences:
        sides = (_side(first_name, each.first), _side(second_name, each.second))
        what = "only on one side" if each.what == "presence" else each.what
        typer.echo(f"{shown(each.key)}: {what}: {' | '.join(sides)}")


def _side(name: str, value: Shown) -> str:
    unit = " B" if isinstance(value, int) else ""
    return f"{name} {shown(value)}{unit}"


def _conclusion(summary: Summary) -> str:
    if not summary.differences:
        return f"equal: {summary.keys} objects, {shown_bytes(summary.sizes_bytes[0])} on each side"
    return (
        f"different: {summary.differences} differences in {summary.differing_keys} "
        f"of {summary.keys} keys; run it again once both queues are empty"
    )
