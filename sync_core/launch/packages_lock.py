"""What of requirements.lock one package needs: the project's own dependencies and all of theirs.

The lock is written by scripts/lock for every platform at once; uv notes under each entry, after
`# via`, who needs it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sync_core.errors import ConfigError

_OPERATION = "read the lock"
_ENTRY = re.compile(r"^(?=[A-Za-z0-9])", re.MULTILINE)
_HEAD = re.compile(
    r"(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)"
    r"(?:\s*;\s*(?P<marker>[^\\\n]+?))?\s*(?:\\|$)",
    re.MULTILINE,
)
_HASH = re.compile(r"--hash=(\S+)")
_NEEDED_BY = re.compile(r"^\s+#\s+(?:via\s+)?([A-Za-z0-9._-]+)", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z0-9._-]+")

_MARKERS = {
    "": True,
    "sys_platform == 'win32'": False,
    "platform_python_implementation != 'PyPy'": True,
}
"""Whether a marker of the lock holds for CPython on Linux, which every package is for.

pip would answer for the machine that builds (pip documentation, `pip download`, on markers).
"""


@dataclass(frozen=True, slots=True)
class _Pinned:
    """One entry of the lock."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]
    needed_by: frozenset[str]

    def line(self) -> str:
        return " ".join([f"{self.name}=={self.version}", *(f"--hash={one}" for one in self.hashes)])


def pinned_requirements(lock: str, wanted: Iterable[str]) -> str:
    """Return the requirements, with hashes, of the wanted packages and of what they need.

    `wanted` are requirements such as `boto3>=1.42`; their versions are the lock's. Raises
    ConfigError when one is not in the lock or an entry depends on a platform in a way not known.
    """
    entries = [entry for entry in map(_parse, _ENTRY.split(lock)) if entry is not None]
    names = {_name_of(requirement) for requirement in wanted}
    if missing := sorted(names - {entry.name for entry in entries}):
        raise ConfigError(_OPERATION, ", ".join(missing), "not in the lock; run scripts/lock")
    while more := {entry.name for entry in entries if entry.needed_by & names} - names:
        names |= more
    # A name may have several entries, each for another platform.
    chosen = [entry for entry in entries if entry.name in names and _is_for_linux(entry)]
    return "".join(f"{entry.line()}\n" for entry in chosen)


def _parse(text: str) -> _Pinned | None:
    head = _HEAD.match(text)
    if head is None:
        return None
    return _Pinned(
        name=_normal(head["name"]),
        version=head["version"],
        marker=head["marker"] or "",
        hashes=tuple(_HASH.findall(text)),
        needed_by=frozenset(_normal(name) for name in _NEEDED_BY.findall(text)),
    )


def _is_for_linux(entry: _Pinned) -> bool:
    if entry.marker not in _MARKERS:
        cause = f"the marker {entry.marker!r} is new: say in {__name__} whether it holds on Linux"
        raise ConfigError(_OPERATION, entry.name, cause)
    return _MARKERS[entry.marker]


def _name_of(requirement: str) -> str:
    found = _NAME.match(requirement)
    return _normal(found[0]) if found else requirement


def _normal(name: str) -> str:
    """Return a name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
