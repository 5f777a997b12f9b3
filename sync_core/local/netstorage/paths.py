"""Paths of the API: `/1234/dir/name`, percent-encoded on the wire, bytes in the tree."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote_to_bytes

from sync_core.local.netstorage.answers import Refusal
from sync_core.local.netstorage.tree import SLASH

MAX_PATH_BYTES = 1024
"""How long a path may be, CP code included; the documentation gives no number."""


@dataclass(frozen=True, slots=True)
class NodePath:
    """A path without its first and last slash; `names_directory` is whether it had a last one."""

    key: bytes
    names_directory: bool

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a decoded path.

        Raises `Refusal`: 400 where it does not begin with a slash and a name, 403 for names that
        cannot exist: empty, `.`, `..`, or too long.
        """
        if not raw.startswith(SLASH) or raw == SLASH:
            raise Refusal(400, "the path has to begin with /[CP code]")
        names = raw[1:].removesuffix(SLASH).split(SLASH)
        if {b"", b".", b".."} & set(names):
            raise Refusal(403, "a path may have no empty name, no . and no ..")
        if len(raw) > MAX_PATH_BYTES:
            raise Refusal(403, f"a path may have {MAX_PATH_BYTES} bytes")
        return cls(SLASH.join(names), raw.endswith(SLASH))

    @classmethod
    def of_target(cls, target: str) -> Self:
        """Read a request-target as it came over the wire; raises `Refusal` as `parse` does."""
        return cls.parse(unquote_to_bytes(target.partition("?")[0].encode("latin-1")))

    @property
    def cpcode(self) -> str:
        """The first name."""
        return text(self.key.partition(SLASH)[0])

    @property
    def is_root(self) -> bool:
        """Whether it is a CP code alone."""
        return SLASH not in self.key

    @property
    def parent(self) -> bytes:
        """The directory it is in, with its first slash; `/` for a CP code."""
        return SLASH + self.key.rpartition(SLASH)[0]

    @property
    def name(self) -> bytes:
        """The last name."""
        return self.key.rpartition(SLASH)[2]

    def __str__(self) -> str:
        return "/" + text(self.key)


def text(raw: bytes) -> str:
    """Return bytes of a path as text that turns into the same bytes again."""
    return raw.decode("utf-8", "surrogateescape")


def raw_bytes(parameter: str) -> bytes:
    """Return the bytes of a parameter that is a path or a name."""
    return parameter.encode("utf-8", "surrogateescape")
