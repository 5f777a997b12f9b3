"""Two users at once on the same keys while workers are killed: a short form of `dualway soak`."""

import os
import random
import signal
import subprocess
from pathlib import Path

import pytest

from sync_core.local.soak import Plan, soak
from tests.e2e.conftest import COMMAND, eventually, run_local

pytestmark = pytest.mark.timeout(900)


@pytest.mark.parametrize("kill_every_seconds", [pytest.param(None, marks=pytest.mark.soak), 1.5])
def test_two_users_on_the_same_keys_end_up_with_the_same_bucket(
    tmp_path: Path, kill_every_seconds: float | None
) -> None:
    chance = random.Random(3)
    killed: set[int] = set()
    plan = Plan(operations=180, keys=40, seed=7, kill_every_seconds=kill_every_seconds)
    with run_local(tmp_path) as running:

        def kill() -> None:
            process_id = running.started_workers(chance.choice("ab"))[-1]
            if process_id not in killed:
                os.kill(process_id, signal.SIGKILL)
                killed.add(process_id)

        eventually(lambda: all(map(running.started_workers, "ab")), "the workers did not start")
        report = soak(running.cloud, running.client, plan, kill, running.find)
        compared = subprocess.run(
            [*COMMAND, "verify", "--ready-file", str(running.ready_file)],
            capture_output=True,
            text=True,
            check=False,
        )
    assert report.complaints == ()
    assert (compared.returncode, compared.stderr) == (0, ""), compared.stdout
    assert 0 < report.transfers <= report.writes
    assert bool(killed) is (kill_every_seconds is not None)
