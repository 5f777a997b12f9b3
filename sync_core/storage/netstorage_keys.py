"""Which keys have a place on Akamai NetStorage, and how a path is written in a request. Pure.

A key stands below the CP code, as `/<cpcode>/<key>`. In an ObjectStore storage group slashes and
dots may be part of names, but nothing else that serves or manages the files can reach them there,
so Akamai advises against them (HTTP API developer guide, The ObjectStore "file system"):

| a key that | why it is left out |
|---|---|
| is empty, or ends with `/` | it names a directory |
| has `//` in it, or begins with `/` | repeated slashes |
| has a part that is `.` or `..` | browsers and FTP take it for another path |
| makes a path of more than 1,024 bytes of UTF-8 | Akamai names no limit, S3 has this one |
| has lone surrogates | it is no Unicode text, so no source has it |
"""

from urllib.parse import quote

MAX_PATH_BYTES = 1024
"""The longest path that is tried, CP code and slashes included, in bytes of UTF-8."""

_DOTS = frozenset({".", ".."})


def why_not(cpcode: str, key: str) -> str | None:
    """Return the reason why a key can have no object; None for a key that can."""
    parts = key.split("/")
    if not key or not parts[-1]:
        return "the key is empty or ends with a slash: on NetStorage that names a directory"
    if "" in parts:
        return "the key has a leading or a repeated slash, which NetStorage cannot serve"
    if not _DOTS.isdisjoint(parts):
        return "a part of the key is '.' or '..', which NetStorage cannot serve"
    return _why_not_encoded(path_of(cpcode, key))


def _why_not_encoded(path: str) -> str | None:
    try:
        is_long = len(path.encode()) > MAX_PATH_BYTES
    except UnicodeEncodeError:
        return "the key is no Unicode text"
    return f"the key makes a path of more than {MAX_PATH_BYTES} bytes" if is_long else None


def path_of(cpcode: str, key: str) -> str:
    """Return the full path of a key, or of the CP code itself for an empty one; not encoded."""
    return f"/{cpcode}/{key}" if key else f"/{cpcode}"


def target_of(path: str) -> str:
    """Return a path as it stands in the request line, percent-encoded as UTF-8.

    Lone surrogates, as in listed names that are no UTF-8, become the bytes that they stand for.
    """
    return quote(path, safe="/", errors="surrogateescape")


def key_of(cpcode: str, name: str) -> str | None:
    """Return the key of a full name in a listing, `<cpcode>/<key>`; None for one outside of it."""
    name, root = name.removeprefix("/"), f"{cpcode}/"
    return name.removeprefix(root) if name.startswith(root) else None


def starts_of(key: str) -> list[str]:
    """Return where a listing of all that comes behind `key` may begin, the best place first.

    A listing begins at a path that exists: at the key, else at one of the directories above it.
    """
    parts = key.split("/")
    above = ["/".join(parts[:count]) + "/" for count in range(len(parts) - 1, 0, -1)]
    return list(dict.fromkeys((key, *above, "")))
