"""The commands as a person runs them: what they end with, and what they say when they cannot."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import (
    COMMAND,
    DEADLINE_SECONDS,
    entries_in,
    eventually,
    killed,
    run_local,
    started_in,
)

pytestmark = pytest.mark.timeout(900)


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", **environment},
    )


def test_the_demo_ends_with_equal_buckets() -> None:
    shown = run("demo", "--objects", "40", "--seed", "1")
    assert shown.returncode == 0, shown.stderr
    assert "equal:" in shown.stdout
    assert "Repeated transfer job!" in shown.stdout


@contextmanager
def started_demo(folder: Path) -> Iterator[tuple["subprocess.Popen[bytes]", list[int]]]:
    """Start the demo; yield it with the process ids of its workers."""
    demo = subprocess.Popen(
        [*COMMAND, "demo", "--directory", str(folder)], stdout=subprocess.DEVNULL
    )
    started: list[int] = []

    def have_started() -> bool:
        logs = map(entries_in, folder.glob("worker-*.log"))
        started[:] = [process_id for entries in logs for process_id in started_in(entries)]
        return len(started) == 2

    try:
        eventually(have_started, "the workers did not start")
        yield demo, started
    finally:
        killed(demo)


def lives(process_id: int) -> bool:
    """Tell whether a process runs; one that has ended and that nobody has waited for does not."""
    try:
        os.kill(process_id, 0)
        told = Path(f"/proc/{process_id}/stat").read_text(encoding="utf-8")
    except ProcessLookupError:
        return False
    except FileNotFoundError:
        return not Path("/proc/self/stat").exists()
    return told.rpartition(")")[2].split()[0] != "Z"


def test_a_demo_that_is_ended_stops_its_workers(tmp_path: Path) -> None:
    with started_demo(tmp_path) as (demo, workers):
        demo.terminate()
        assert demo.wait(DEADLINE_SECONDS) == 128 + signal.SIGTERM
        assert not any(map(lives, workers))


def test_workers_do_not_outlive_a_demo_that_is_killed(tmp_path: Path) -> None:
    with started_demo(tmp_path) as (demo, workers):
        killed(demo)
        eventually(lambda: not any(map(lives, workers)), "the workers live on")


def test_verify_names_each_difference_and_ends_with_one(tmp_path: Path) -> None:
    key = ".hidden/for verify"
    with run_local(tmp_path, "--chaos", "drop=1", "--finder-every", "0") as running:
        running.put("a", key, b"same")
        running.put("b", key, b"same", Tagging="only=here")
        shown = run("verify", "--ready-file", str(running.ready_file))
    assert shown.returncode == 1
    assert key in shown.stdout
    assert "only" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("verify", "--ready-file", "/nowhere/ready.json"), "dualway local --ready-file"),
        (("verify",), "DUALWAY_BUCKET"),
        (("worker",), "DUALWAY_QUEUE_URL"),
        (("local", "--chaos", "drop=2"), "shares of events from 0 to 1"),
        (("demo", "--objects", "1"), "--objects"),
        (("nonsense",), "No such command"),
    ],
)
def test_an_error_says_what_to_do_and_ends_with_two(arguments: tuple[str, ...], says: str) -> None:
    shown = run(*arguments)
    assert shown.returncode == 2
    assert says in shown.stderr
    assert "Traceback" not in shown.stderr


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        shown = run("local", "--port", port, "--directory", str(tmp_path))
    assert shown.returncode == 2
    assert port in shown.stderr
    assert "Traceback" not in shown.stderr


def test_the_version_and_the_help_are_shown() -> None:
    assert run("--version").stdout.startswith("dualway ")
    for verb in ("demo", "local", "verify", "worker"):
        assert verb in run("--help").stdout
