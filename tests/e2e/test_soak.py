"""Two users at once on the same keys while workers are killed: a short form of `dualway soak`."""

import os
import random
import signal
import subprocess
from pathlib import Path

import pytest

from sync_core.local.soak import Plan, soak
from tests.e2e.conftest import COMMAND, start_local, stop_local


@pytest.mark.parametrize("kill_every_seconds", [None, 1.5])
def test_two_users_on_the_same_keys_end_up_with_the_same_bucket(
    tmp_path: Path, kill_every_seconds: float | None
) -> None:
    running = start_local(tmp_path)
    chance = random.Random(3)
    killed: set[int] = set()

    def kill() -> None:
        process_id = running.worker_process_id(chance.choice("ab"))
        if process_id not in killed:
            os.kill(process_id, signal.SIGKILL)
            killed.add(process_id)

    plan = Plan(operations=240, keys=40, seed=7, kill_every_seconds=kill_every_seconds)
    report = soak(running.cloud, running.client, plan, kill, running.find)
    compared = subprocess.run(
        [*COMMAND, "verify", "--ready-file", str(running.ready_file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert stop_local(running) == 0
    assert report.complaints == ()
    assert (compared.returncode, compared.stderr) == (0, ""), compared.stdout
    assert 0 < report.transfers <= report.writes
    assert bool(killed) is (kill_every_seconds is not None)
