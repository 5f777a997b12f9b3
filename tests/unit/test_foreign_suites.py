"""The suites of other makers' servers, which run by hand: what they say of the contract's tests."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_deviation_is_one_of_a_test_that_there_is() -> None:
    suites = sorted(map(str, (ROOT / "tests" / "foreign").glob("*_suite.py")))
    assert len(suites) == 3
    options = ("-q", "-n0", "-p", "no:cacheprovider", "--collect-only")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *suites],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
