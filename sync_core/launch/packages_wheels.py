"""Fetches the wheels of a package with pip, whose own settings say from where."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sync_core.errors import ConfigError

MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
"""Lambda's names of the processors, and those that wheels carry."""

_GLIBC_MINORS = range(34, 16, -1)
"""Amazon Linux 2023, below Lambda and fleet alike, has glibc 2.34; manylinux begins at 2.17.

(AWS Lambda Developer Guide, Lambda runtimes; Amazon Linux 2023 User Guide; PEP 600)
"""

_OPERATION = "fetch the wheels"


@dataclass(frozen=True, slots=True)
class Target:
    """What a package is for: `architecture` is arm64 or x86_64, `python` such as 3.13.

    Raises ConfigError when there is no such architecture.
    """

    architecture: str
    python: str

    def __post_init__(self) -> None:
        if self.architecture not in MACHINES:
            cause = f"is {self.architecture!r}: give one of {', '.join(MACHINES)}"
            raise ConfigError("build a package", "architecture", cause)

    def platforms(self) -> list[str]:
        """Return the platform tags of the wheels that run there, the best first."""
        machine = MACHINES[self.architecture]
        return [
            *(f"manylinux_2_{minor}_{machine}" for minor in _GLIBC_MINORS),
            f"manylinux2014_{machine}",
        ]


def fetch_wheels(requirements: str, target: Target, folder: Path) -> list[Path]:
    """Fetch exactly the wheels that `requirements` name by version and hash into an empty folder.

    Raises ConfigError when pip is missing, the index cannot be reached, or has no such wheel.
    """
    listed = folder / "requirements.txt"
    listed.write_text(requirements, encoding="utf-8")
    platforms = [f"--platform={platform}" for platform in target.platforms()]
    done = subprocess.run(  # noqa: S603 - the command is ours
        [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-input"),
            *("--disable-pip-version-check", "--no-deps", "--require-hashes"),
            *("--only-binary=:all:", "--implementation=cp", f"--python-version={target.python}"),
            *platforms,
            *("--dest", str(folder), "--requirement", str(listed)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ConfigError(_OPERATION, "pip", _advice(done.stderr))
    return sorted(folder.glob("*.whl"))


def _advice(complaint: str) -> str:
    """Return what to do about what pip says; its first error is the cause of the others."""
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    if any("No module named pip" in line for line in lines):
        return f"is not there: {sys.executable} -m ensurepip"
    errors = [line for line in lines if line.startswith("ERROR:")] or lines[-1:]
    return (
        f"{' '.join(errors[:1]) or 'it failed'}; a package index has to be within reach, such as "
        "PyPI or a mirror named with PIP_INDEX_URL"
    )
