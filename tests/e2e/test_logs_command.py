"""`dualway logs` on a running local cloud."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.e2e.conftest import COMMAND, DEADLINE_SECONDS, Running, eventually


def found(running: Running, *options: str) -> list[dict[str, Any]]:
    """Return what a search finds; an empty list where it ends as one that has found nothing."""
    command = [*COMMAND, "logs", "--ready-file", str(running.ready_file), "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == (0 if lines else 1), done.stderr
    return lines


def test_a_repeated_transfer_job_is_found_at_the_side_that_was_written_to(running: Running) -> None:
    key = "logs/repeated 'quoted' \"key\".txt"
    search = ("--search", "Repeated transfer job!", "--key", key)
    running.put("a", key, b"one")
    eventually(lambda: found(running, *search) != [], "no echo of the copy was logged")
    [echo] = found(running, *search)
    assert (echo["site"], echo["key"]) == ("b", key)
    assert found(running, *search, "--site", "a") == []
    said = running.command("logs", *search)
    assert said.count("\n") == 1
    assert "b  Repeated transfer job!" in said


def test_one_keys_story_is_told_across_both_sites(running: Running) -> None:
    key = "logs/story.txt"
    running.put("a", key, b"one")
    eventually(lambda: len(found(running, "--key", key)) >= 2, "the story does not begin")
    running.delete("a", key)

    def sites_and_actions() -> list[tuple[str, str]]:
        return [(entry["site"], entry["action"]) for entry in found(running, "--key", key)]

    eventually(lambda: ("b", "repeated_delete") in sites_and_actions(), "the story does not end")
    story = sites_and_actions()
    assert story.index(("a", "object_copied")) < story.index(("a", "object_deleted"))
    assert story.index(("b", "repeated_transfer")) < story.index(("b", "repeated_delete"))


@contextmanager
def heard_by_children(number: signal.Signals) -> Iterator[None]:
    """Let processes that are started now heed Ctrl-C, which those in the background ignore."""
    before = signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(number, before)


@contextmanager
def following(running: Running, *options: str) -> Iterator["subprocess.Popen[str]"]:
    command = [*COMMAND, "logs", "--ready-file", str(running.ready_file), "--follow", *options]
    with heard_by_children(signal.SIGINT):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        # Waits for its end, and closes the pipe.
        process.communicate(timeout=DEADLINE_SECONDS)


def says(process: "subprocess.Popen[str]", text: str) -> bool:
    """Read on until a line has the text; False where the output ends before."""
    return any(text in line for line in process.stdout or ())


@pytest.mark.timeout(2 * DEADLINE_SECONDS)
def test_following_shows_what_is_logged_later_and_ends_well_by_ctrl_c(running: Running) -> None:
    keys = [f"logs/followed {number}.txt" for number in range(2)]
    running.put("a", keys[0], b"one")
    search = ("--search", "Repeated transfer job!", "--site", "b", "--limit", "1")
    eventually(lambda: found(running, *search, "--key", keys[0]) != [], "no echo was logged")
    with following(running, *search) as process:
        assert says(process, repr(keys[0]))
        running.put("a", keys[1], b"two")
        assert says(process, repr(keys[1]))
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_SECONDS) == 0


def test_finding_nothing_says_how_to_look_further_back(running: Running) -> None:
    command = [*COMMAND, "logs", "--ready-file", str(running.ready_file), "--key", "logs/never"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "--since" in done.stderr
