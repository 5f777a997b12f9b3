"""Our own files that go into a package, by their paths there."""

import ast
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import sync_core
from sync_core.errors import ConfigError

ROOT = Path(sync_core.__file__).resolve().parents[1]
"""Where sync_core stands with handlers and cfn beside it: a checkout, or site-packages."""

_OPERATION = "build a package"
_FOR_PEOPLE = {"cli", "console", "launch", "local"}
_TERMINAL = {"rich", "typer"}
_ADVICE = "is missing: build packages in a checkout of dualway, or install dualway again"


def function_sources(root: Path = ROOT) -> dict[str, bytes]:
    """Return what the functions run: handlers, and sync_core without what is for people only.

    Of `sync_core.launch` that is what the handlers import.
    """
    handlers = sorted((root / "handlers").glob("*.py"))
    core = [
        path
        for path in _modules(root / "sync_core")
        if path.relative_to(root).parts[1] not in _FOR_PEOPLE
    ]
    return _read([*handlers, *core, *_launch_modules(root, handlers)], root)


def command_sources(root: Path = ROOT) -> dict[str, bytes]:
    """Return what the command line runs, and enough for it to know its own version.

    Raises ConfigError when dualway is not installed.
    """
    installed = _version()
    about = f"Metadata-Version: 2.1\nName: dualway\nVersion: {installed}\n".encode()
    return {
        **_read(_modules(root / "sync_core"), root),
        f"dualway-{installed}.dist-info/METADATA": about,
    }


def instance_files(root: Path = ROOT) -> dict[str, bytes]:
    """Return the service's unit and what else an instance takes; raises ConfigError without."""
    folder = root / "cfn" / "fleet"
    files = sorted(path for path in folder.glob("*") if path.is_file() and path.suffix != ".md")
    if not files:
        raise ConfigError(_OPERATION, str(folder), _ADVICE)
    return _read(files, folder)


def read_lock(root: Path = ROOT) -> str:
    """Return the text of requirements.lock; raises ConfigError when it is missing.

    An installed dualway has it below cfn.
    """
    for path in (root / "cfn" / "requirements.lock", root / "requirements.lock"):
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise ConfigError(_OPERATION, str(root / "requirements.lock"), _ADVICE)


def dependencies() -> list[str]:
    """Return the project's own requirements, such as `boto3>=1.42`, without those of extras.

    Raises ConfigError when dualway is not installed.
    """
    _version()
    return [each for each in requires("dualway") or [] if ";" not in each]


def function_dependencies() -> list[str]:
    """Return those of them that are not for a terminal; raises ConfigError as `dependencies`."""
    return [each for each in dependencies() if not each.startswith(tuple(_TERMINAL))]


def _version() -> str:
    try:
        return version("dualway")
    except PackageNotFoundError as error:
        cause = "is not installed; run scripts/setup, or pip install dualway"
        raise ConfigError(_OPERATION, "dualway", cause) from error


def _modules(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def _read(paths: list[Path], root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def _launch_modules(root: Path, importing: list[Path]) -> list[Path]:
    """Return the modules of `sync_core.launch` that these import, and that those import."""
    known = {_dotted(path, root): path for path in _modules(root / "sync_core" / "launch")}
    found: set[str] = set()
    waiting = list(importing)
    while waiting:
        fresh = {name for name in _imports(waiting.pop()) if name in known} - found
        found |= fresh
        waiting += [known[name] for name in sorted(fresh)]
    return [known[name] for name in sorted(found)]


def _dotted(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def _imports(path: Path) -> Iterator[str]:
    """Yield every module, and every package above one, that a file may mean by its imports."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            yield from (".".join(parts[: end + 1]) for end in range(len(parts)))
