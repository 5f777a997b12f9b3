"""The packages that a launch uploads: zips whose bytes depend on nothing but what is in them.

The same sources, lock and zlib give the same bytes, on any day and in any folder: entries are
sorted, their times and modes fixed, and libraries come out of wheels that the lock names by hash,
so that nothing is installed that would leave its traces. An unchanged package is not uploaded
again, and changes no stack.
"""

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from sync_core.errors import ConfigError
from sync_core.launch import packages_sources as sources
from sync_core.launch.packages_contents import FLEET_SERVICES, LAMBDA_SERVICES, place_in_package
from sync_core.launch.packages_lock import pinned_requirements
from sync_core.launch.packages_wheels import Target, fetch_wheels

MOST_ZIPPED_BYTES = 50 * 1024 * 1024
"""What Lambda's API takes directly; from S3 a package may be larger."""

MOST_UNZIPPED_BYTES = 262_144_000
"""What Lambda takes at all, with layers (AWS Lambda quotas, Deployment package size)."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_MODE = 0o100644
_COMPRESSION_LEVEL = 9


def build_lambda_package(folder: Path, architecture: str, python: str = "3.13") -> Path:
    """Build the zip of all functions for a processor (arm64, x86_64); return its path in `folder`.

    The folder is made if need be. Raises ConfigError when the lock or a wheel cannot be had, or
    the package is larger than Lambda takes.
    """
    target = Target(architecture, python)
    requirements = pinned_requirements(sources.read_lock(), sources.function_dependencies())
    files = {
        **_libraries(requirements, target, LAMBDA_SERVICES),
        **sources.function_sources(),
    }
    package = write_package(folder / f"dualway-lambda-{architecture}.zip", files)
    require_fitting(package)
    return package


def build_fleet_package(folder: Path, architecture: str, python: str = "3.11") -> Path:
    """Build the zip of the EC2 worker, its unit included; return its path in `folder`.

    The folder is made if need be. Raises ConfigError when the lock or a wheel cannot be had.
    """
    target = Target(architecture, python)
    requirements = pinned_requirements(sources.read_lock(), sources.dependencies())
    files = {
        **_libraries(requirements, target, FLEET_SERVICES),
        **sources.command_sources(),
        **sources.instance_files(),
    }
    return write_package(folder / f"dualway-fleet-{architecture}.zip", files)


def build_source_package(folder: Path) -> Path:
    """Build the zip of our own code for functions alone; return its path in `folder`.

    It is for an emulator, whose functions find the libraries where the emulator runs.
    """
    return write_package(folder / "dualway-source.zip", sources.function_sources())


def write_package(path: Path, files: Mapping[str, bytes]) -> Path:
    """Write files, by their paths in the package, to a zip; what was there is replaced at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    with zipfile.ZipFile(unfinished, "w") as package:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = _UNIX
            entry.external_attr = _MODE << 16
            package.writestr(entry, files[name], zipfile.ZIP_DEFLATED, _COMPRESSION_LEVEL)
    return unfinished.replace(path)


def unzipped_bytes(package: Path) -> int:
    """Return the sum of the sizes of a package's files."""
    with zipfile.ZipFile(package) as opened:
        return sum(entry.file_size for entry in opened.infolist())


def require_fitting(package: Path, most_bytes: int = MOST_UNZIPPED_BYTES) -> None:
    """Raise ConfigError when a package has more bytes, unzipped, than Lambda takes."""
    found = unzipped_bytes(package)
    if found > most_bytes:
        cause = (
            f"has {found:,} bytes unzipped, and Lambda takes {most_bytes:,}: leave libraries out"
        )
        raise ConfigError("build a package", package.name, cause)


def _libraries(requirements: str, target: Target, services: frozenset[str]) -> dict[str, bytes]:
    with TemporaryDirectory(prefix="dualway-wheels-") as folder:
        return _contents(fetch_wheels(requirements, target, Path(folder)), services)


def _contents(wheels: Iterable[Path], services: frozenset[str]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as opened:
            for entry in opened.infolist():
                place = None if entry.is_dir() else place_in_package(entry.filename, services)
                if place is not None:
                    files[place] = opened.read(entry)
    return files
