"""A built package, unpacked, and a Python that sees nothing else."""

import fcntl
import os
import platform
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
ARCHITECTURE = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")

ALONE = (sys.executable, "-I", "-S", "-B", "-c")
"""Python without environment, working directory and site-packages; it writes no bytecode."""

FROM_FOLDER = "import sys; sys.path.insert(0, sys.argv.pop(1))\n"


@dataclass(frozen=True)
class Unpacked:
    """A package and the folder into which it was unpacked."""

    package: Path
    folder: Path

    def run(
        self, program: str, *words: str, told: str = "", **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run a program that sees the folder and the standard library, and nothing else."""
        return subprocess.run(
            [*ALONE, FROM_FOLDER + program, str(self.folder), *words],
            env={"POWERTOOLS_TRACE_DISABLED": "true", **environment},
            input=told,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Keep the other processes of this test run out."""
    with (folder / "packages.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def unpacked_once(
    factory: pytest.TempPathFactory, build: Callable[[Path, str, str], Path]
) -> Unpacked:
    """Build a package for this machine, once for all processes of this test run."""
    shared = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    done = shared / build.__name__
    with one_at_a_time(shared):
        if not done.exists():
            package = build(shared / "packages", ARCHITECTURE, PYTHON)
            with zipfile.ZipFile(package) as opened:
                opened.extractall(shared / "unpacked" / package.stem)
            done.write_text(str(package))
    package = Path(done.read_text())
    return Unpacked(package, shared / "unpacked" / package.stem)
