"""Many runs by command: `python -m tests.simulation --runs 20000`; exit status 1 on a violation."""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing import get_context

from tests.simulation.generate import plan_of
from tests.simulation.plan import Plan
from tests.simulation.run import Result, Run
from tests.simulation.shrink import shrunk

_SHOWN = (
    *("steps", "calls", "user operations", "sync writes", "outcome: loser_kept"),
    *("crashes", "junk", "tables lost", "holds", "fault", "event", "window"),
)


def _say(*lines: object) -> None:
    sys.stdout.write("\n".join(map(str, lines)) + "\n")


def main() -> int:
    """Run what the arguments ask for."""
    given = _arguments()
    if given.only is not None:
        return _run_one(given.only, shows_trace=given.trace)
    began = time.monotonic()
    counts, failed = _run_all(range(given.seed, given.seed + given.runs), given.jobs)
    seconds = time.monotonic() - began
    _say(f"{given.runs} runs in {seconds:.0f} s, {1000 * seconds / given.runs:.1f} ms each")
    for name, number in sorted(counts.items()):
        if name.startswith(_SHOWN):
            _say(f"{number:10,}  {name}")
    for seed, violations in failed:
        _say(f"seed {seed}: {violations[0]}")
    _say(f"{len(failed)} runs with violations")
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--runs", type=int, default=20_000, help="how many seeds to run")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=1, help="processes side by side")
    parser.add_argument("--only", type=int, help="one seed, made small if it fails")
    parser.add_argument("--trace", action="store_true", help="with --only: the trace in any case")
    return parser.parse_args()


def _run_one(seed: int, *, shows_trace: bool) -> int:
    plan = plan_of(seed)
    result = Run(plan).result()
    if result.violations:
        _say("as it was found:", *result.violations, "", "made small:")
        result = Run(smallest(plan, result.violations[0])).result()
    if result.violations or shows_trace:
        _say(result)
    _say(f"seed {seed}: {len(result.violations)} violations")
    return 1 if result.violations else 0


def smallest(plan: Plan, violation: str) -> Plan:
    """Return the smallest plan that violates the same invariant."""
    kind = violation.split(maxsplit=1)[0]

    def fails(tried: Plan) -> bool:
        return any(each.startswith(kind) for each in Run(tried).result().violations)

    return shrunk(plan, fails)


def _run_all(seeds: range, jobs: int) -> tuple[Counter[str], list[tuple[int, list[str]]]]:
    counts: Counter[str] = Counter()
    failed = []
    for seed, result_counts, violations in _results(seeds, jobs):
        counts.update(result_counts)
        if violations:
            failed.append((seed, violations))
    return counts, failed


def _results(seeds: range, jobs: int) -> Iterator[tuple[int, Counter[str], list[str]]]:
    if jobs == 1:
        yield from map(_run_seed, seeds)
        return
    with get_context("fork").Pool(jobs) as pool:
        yield from pool.imap(_run_seed, seeds, chunksize=50)


def _run_seed(seed: int) -> tuple[int, Counter[str], list[str]]:
    result: Result = Run(plan_of(seed)).result()
    return seed, result.counts, result.violations


if __name__ == "__main__":
    sys.exit(main())
