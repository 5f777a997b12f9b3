"""`python -m tests.foreign --server rclone`: the contract suite on somebody else's server."""

import argparse
import sys
from pathlib import Path

import pytest

_HERE = Path(__file__).parent


def main() -> int:
    """Run the suite of one server; whatever follows is for pytest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", choices=("rclone", "radosgw", "oss"), required=True)
    asked, rest = parser.parse_known_args()
    return pytest.main([str(_HERE / f"{asked.server}_suite.py"), *rest])


if __name__ == "__main__":
    sys.exit(main())
