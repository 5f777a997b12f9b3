"""What scripts/package runs: builds the packages and tells their sizes and hashes."""

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

from sync_core.errors import DualwayError
from sync_core.launch.packages import (
    MOST_ZIPPED_BYTES,
    build_fleet_package,
    build_lambda_package,
    unzipped_bytes,
)
from sync_core.launch.packages_wheels import MACHINES

_DEFAULT_FOLDER = Path("dist")


def describe(package: Path) -> str:
    """Return a package's path, sizes in bytes and SHA-256, on a few lines."""
    zipped = package.stat().st_size
    with package.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    lines = [
        str(package),
        f"  zipped    {zipped:>12,} bytes",
        f"  unzipped  {unzipped_bytes(package):>12,} bytes",
        f"  sha256    {digest}",
    ]
    if zipped > MOST_ZIPPED_BYTES:
        lines.append(f"  over {MOST_ZIPPED_BYTES:,} bytes zipped: Lambda takes it from S3 only")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Build both packages for one processor; return 0, or 1 when one cannot be built."""
    asked = _parser().parse_args(arguments)
    try:
        for build in (build_lambda_package, build_fleet_package):
            package = build(asked.out, asked.architecture)
            sys.stdout.write(f"{describe(package)}\n")
    except DualwayError as error:
        sys.stderr.write(f"package: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="package", description="Build the packages of the functions and of the instances."
    )
    parser.add_argument(
        "--architecture", choices=sorted(MACHINES), default="arm64", help="default: %(default)s"
    )
    parser.add_argument(
        "--out", type=Path, default=_DEFAULT_FOLDER, metavar="DIR", help="default: %(default)s"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
