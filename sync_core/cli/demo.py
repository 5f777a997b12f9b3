"""`dualway demo`: the main job, shown on the embedded cloud from beginning to end."""

import secrets
from typing import Annotated

import typer
from rich.console import Console

from sync_core.cli.demo_screen import progress_screen, result_table
from sync_core.cli.running import Directory, log_folder, require_emulator, unwound_by_signals
from sync_core.cli.screen import new_console
from sync_core.cli.sides import sides_of_cloud
from sync_core.cli.terminal import EXIT_DIFFERENT, say_problem
from sync_core.cli.verify import Summary, print_comparison
from sync_core.local.cloud import LocalCloud
from sync_core.local.demonstration import Demonstration, SideResult
from sync_core.local.ready_file import parse
from sync_core.local.workload import MIN_OBJECTS, Story, tell_story

app = typer.Typer()

Objects = Annotated[
    int, typer.Option(min=MIN_OBJECTS, max=100_000, help="How many objects the users create.")
]
Seed = Annotated[
    int | None, typer.Option(help="Have the users do what they did in the run with this seed.")
]

_SEEDS = 1_000_000


@app.command()
def demo(objects: Objects = 300, seed: Seed = None, directory: Directory = None) -> None:
    """Show the main job on two emulated AWS accounts, in less than a minute.

    Two users at once create objects of every kind on both sides, then overwrite, edit and delete
    them on either side, then write the same keys at the same moment. When all is quiet, both
    buckets are compared object by object, down to bytes, headers, metadata and tags. Ends with
    status 0 only if they are equal; otherwise with 1 and every difference.
    """
    require_emulator()
    console = new_console()
    seed = secrets.randbelow(_SEEDS) if seed is None else seed
    console.print(f"dualway demo: {objects} objects, --seed {seed}")
    with unwound_by_signals(), log_folder(directory) as folder:
        with LocalCloud(directory=folder.path) as cloud:
            is_good = _run(console, cloud, tell_story(objects, seed))
        folder.is_kept |= not is_good
        if folder.is_kept:
            console.print(f"the log files are in {folder.path}")
    if not is_good:
        raise typer.Exit(EXIT_DIFFERENT)


def _run(console: Console, cloud: LocalCloud, story: Story) -> bool:
    """Act the story out and tell how it went; True if everything is as it should be."""
    ready = parse(cloud.to_json())
    console.print(f"two accounts, two buckets, two workers at {ready.endpoint_url}")
    with progress_screen(console) as show:
        demonstration = Demonstration(ready, cloud.client, story, show)
        try:
            results = demonstration.run()
        except TimeoutError as error:
            say_problem(f"the sides do not come to rest: {error}", "see the workers' log files")
            return False
    summary = print_comparison({**sides_of_cloud(ready)})
    console.print(result_table(results, summary))
    return _is_good(results, summary)


def _is_good(results: dict[str, SideResult], summary: Summary) -> bool:
    dead_letters = sum(result.dead_letters for result in results.values())
    if dead_letters:
        say_problem(
            f"{dead_letters} messages are in the dead-letter queues", "see the workers' log files"
        )
    return not summary.differences and not dead_letters
