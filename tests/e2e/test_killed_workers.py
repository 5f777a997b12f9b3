"""Workers that are killed while they copy large objects together; see `killed_workers`."""

from pathlib import Path

import pytest

from tests.e2e.killed_workers import Plan, run

pytestmark = pytest.mark.soak


def test_killed_workers_neither_damage_nor_repeat_nor_forget_a_copy(tmp_path: Path) -> None:
    plan = Plan(copies=3, mib=16, kills=3, shared_mib=8, visibility_seconds=3, deadline_seconds=150)
    report = run(tmp_path, plan)
    assert report.complaints == ()
    assert report.kills == plan.kills
    assert report.handed_on
