"""What no event has told is made good by finder rounds on both sides, and then nothing more."""

from pathlib import Path

import pytest

from sync_core.local.rounds import Rounds
from sync_core.local.soak import Plan, soak
from tests.e2e.conftest import run_local

pytestmark = pytest.mark.timeout(900)

CHAOS = "drop=0.3,duplicate=0.2,reorder=0.2"


def test_lost_repeated_and_reordered_events_are_made_good(tmp_path: Path) -> None:
    plan = Plan(operations=120, keys=30, seed=11, more_rounds=2)
    with run_local(tmp_path, "--chaos", CHAOS, "--finder-every", "0") as running:
        report = soak(running.cloud, running.client, plan, lambda: None, running.find)
        verified = running.command("verify")
    assert report.complaints == ()
    assert report.rounds > 0
    assert verified.startswith("equal")


def test_what_was_there_before_any_event_is_synchronised_by_a_round(tmp_path: Path) -> None:
    with run_local(tmp_path, "--chaos", "drop=1", "--finder-every", "0") as running:
        running.put("a", "only at a", b"a")
        running.put("b", "only at b", b"b")
        for side in ("a", "b"):
            running.put(side, "the same on both", b"same", ContentType="text/plain")
            running.put(side, "different", f"by {side}".encode())
        dry_run = running.command("finder", "--site", "a", "--dry-run")
        assert "would create it at b" in dry_run
        assert "4 keys compared; nothing was sent or changed" in dry_run
        assert not running.keys("b", "only at a")
        Rounds(running.find, running.observer()).until_silent()
        verified, told = running.command("verify"), running.command("conflicts", "--site", "b")
        assert running.body("b", "only at a") == b"a"
        assert running.body("a", "only at b") == b"b"
    assert verified.startswith("equal: 5 objects")
    assert "'different': b won" in told
    assert "kept as 'different.conflict-a-" in told
