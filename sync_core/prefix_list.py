"""A list of prefixes: with one, only keys that begin with an entry of it take part.

It is a text object in the own bucket, in UTF-8: a prefix on each line, behind the site's own prefix
and written as it is (percent signs and spaces too). Blank lines and lines that begin with `#` say
nothing. A million lines take some 100 MB of memory.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Iterable

from sync_core.errors import ConfigError

MAX_LINES = 10_000_000
"""More lines than these are refused."""

MAX_BYTES = 100 * 1024 * 1024
"""A longer text is refused."""


class PrefixList:
    """Prefixes of keys, in order and without those that another one covers.

    `digest` is the same for lists that cover the same keys by the same prefixes.
    """

    def __init__(self, prefixes: Iterable[str]) -> None:
        self._prefixes = _least(prefixes)
        digest = hashlib.sha256()
        for prefix in self._prefixes:
            digest.update(f"{prefix}\n".encode("utf-8", "surrogatepass"))
        self.digest = digest.hexdigest()[:16]

    def __len__(self) -> int:
        return len(self._prefixes)

    def covers(self, key: str) -> bool:
        """Tell whether the key begins with one of the prefixes."""
        # Whatever stands between a prefix and a key that begins with it begins with it too, and is
        # not in the list: so only the last prefix up to the key can be the one.
        at = bisect_right(self._prefixes, key)
        return at > 0 and key.startswith(self._prefixes[at - 1])


def parse_prefix_list(data: bytes, name: str) -> PrefixList:
    """Read the text of a list; raises `ConfigError`, about `name`, when it is none to work with."""
    if len(data) > MAX_BYTES:
        raise _refused(name, f"it has more than {MAX_BYTES} bytes: use shorter or fewer prefixes")
    try:
        lines = data.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise _refused(name, f"it is no UTF-8 text ({error}): write it anew") from error
    if len(lines) > MAX_LINES:
        raise _refused(name, f"it has more than {MAX_LINES} lines: use shorter prefixes")
    bare = (line.removesuffix("\r") for line in lines)
    found = PrefixList(line for line in bare if line.strip() and not line.startswith("#"))
    if not found:
        # Nothing at all would take part, and a cut-off upload looks just like this.
        raise _refused(name, "there is no prefix in it: write one on each line")
    return found


def _least(prefixes: Iterable[str]) -> list[str]:
    kept: list[str] = []
    for prefix in sorted(prefixes):
        if not kept or not prefix.startswith(kept[-1]):
            kept.append(prefix)
    return kept


def _refused(name: str, cause: str) -> ConfigError:
    return ConfigError("read the prefix list", name, cause)
