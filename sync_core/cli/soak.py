"""`dualway soak`, for those who work on dualway: random operations by two users, and a verdict."""

import os
import random
import signal
from typing import Annotated

import typer

from sync_core.cli.chaos_option import ChaosOption, parse_chaos
from sync_core.cli.running import Directory, log_folder, require_emulator, unwound_by_signals
from sync_core.cli.sides import sides_of_cloud
from sync_core.cli.terminal import EXIT_DIFFERENT, say_problem
from sync_core.cli.verify import print_comparison
from sync_core.local import soak as soaking
from sync_core.local.cloud import FINDER_SECONDS, LocalCloud
from sync_core.local.ready_file import parse
from sync_core.local.soak import Plan, Report
from sync_core.local.workload import SIDES

app = typer.Typer()

Operations = Annotated[int, typer.Option(min=2, help="What both users do together.")]
Keys = Annotated[int, typer.Option(min=1, help="On how many keys, the same for both users.")]
Seed = Annotated[int, typer.Option(help="Other operations for another seed.")]
KillEvery = Annotated[
    float | None, typer.Option(min=0.1, help="Kill -9 a worker every so many seconds.")
]


MoreRounds = Annotated[
    int, typer.Option(min=0, help="Finder rounds that must find nothing; 0: no rounds at all.")
]


@app.command()
def soak(  # noqa: PLR0913, PLR0917 - the options of a command are its arguments
    operations: Operations = 2000,
    keys: Keys = 200,
    seed: Seed = 1,
    kill_every: KillEvery = None,
    rounds: MoreRounds = 0,
    directory: Directory = None,
    chaos: ChaosOption = "",
) -> None:
    """Have two users do random things on the same keys, and check what must be true afterwards.

    Ends with status 0 when both sides are equal, all queues and dead-letter queues are empty, both
    workers recognised echoes, and no key was transferred more than twice as often as it was
    written. With --rounds, finder rounds on both sides first make good what --chaos has lost; then
    20 keys are deleted, which have to stay deleted, and that many more rounds must find nothing.
    """
    require_emulator()
    plan = Plan(operations, keys, seed, kill_every, more_rounds=rounds)
    chosen = parse_chaos(chaos)
    with unwound_by_signals(), log_folder(directory) as folder:
        # The workers' own rounds would take the turn of those that are counted here.
        every_seconds = 0 if rounds else FINDER_SECONDS
        with LocalCloud(directory=folder.path, chaos=chosen, finder_seconds=every_seconds) as cloud:
            is_good = _run(cloud, plan)
        folder.is_kept |= not is_good
        if folder.is_kept:
            typer.echo(f"the log files are in {folder.path}")
    if not is_good:
        raise typer.Exit(EXIT_DIFFERENT)


def _run(cloud: LocalCloud, plan: Plan) -> bool:
    """Carry the plan out and tell how it went; True if everything is as it must be."""
    ready = parse(cloud.to_json())
    try:
        report = soaking.soak(ready, cloud.client, plan, _killer(cloud, plan.seed), cloud.find)
    except TimeoutError as error:
        say_problem(f"the sides do not come to rest: {error}", "see the workers' log files")
        return False
    _tell(report)
    summary = print_comparison({**sides_of_cloud(ready)})
    return not report.complaints and not summary.differences


def _killer(cloud: LocalCloud, seed: int) -> soaking.Kill:
    chance = random.Random(seed)  # noqa: S311 - repeatable, no secret

    def kill() -> None:
        process_id = cloud.workers.process_id(chance.choice(SIDES))
        if process_id is not None:
            os.kill(process_id, signal.SIGKILL)

    return kill


def _tell(report: Report) -> None:
    typer.echo(
        f"{report.writes} writes took effect in {report.users_seconds:.1f} s, "
        f"{report.kills} workers were killed\n"
        f"{report.transfers} transfers, {report.echoes} echoes, {report.conflicts} losers kept; "
        f"all quiet {report.quiet_seconds:.1f} s later"
        + (f"; {report.rounds} finder rounds until nothing was found" if report.rounds else "")
    )
    for complaint in report.complaints:
        say_problem(complaint, "see the workers' log files")
