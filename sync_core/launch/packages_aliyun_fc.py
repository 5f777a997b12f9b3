"""What scripts/package_aliyun_fc runs: builds the package of Alibaba Cloud's Function Compute.

It has no libraries in it, so that nothing is fetched: the same sources give the same bytes.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from sync_core.errors import ConfigError
from sync_core.launch.packages import write_package
from sync_core.launch.packages_command import describe
from sync_core.launch.packages_sources import ROOT

ENTRY = "index.py"
"""Function Compute looks for the module of the handler at the top of the package."""

_DEFAULT_FOLDER = Path("dist")


def build_aliyun_fc_package(folder: Path, root: Path = ROOT) -> Path:
    """Build the zip of the function that forwards events of OSS; return its path in `folder`.

    The folder is made if need be. Raises ConfigError when the sources are not below `root`.
    """
    sources = sorted((root / "handlers" / "aliyun_fc").glob("*.py"))
    if not sources:
        cause = "is missing: build packages in a checkout of dualway, or install dualway again"
        raise ConfigError("build a package", str(root / "handlers" / "aliyun_fc"), cause)
    files = {
        ENTRY if path.name == ENTRY else path.relative_to(root).as_posix(): path.read_bytes()
        for path in [root / "handlers" / "__init__.py", *sources]
    }
    return write_package(folder / "dualway-aliyun-fc.zip", files)


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the package and tell its size and hash; return 0."""
    parser = argparse.ArgumentParser(
        prog="package_aliyun_fc", description="Build the package of Function Compute."
    )
    parser.add_argument(
        "--out", type=Path, default=_DEFAULT_FOLDER, metavar="DIR", help="default: %(default)s"
    )
    package = build_aliyun_fc_package(parser.parse_args(arguments).out)
    sys.stdout.write(f"{describe(package)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
