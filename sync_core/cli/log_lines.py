"""Entries of logs as lines for a person: aligned, in colour on a terminal, safe to print."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rich.text import Text

from sync_core.cli.terminal import shown, shown_bytes
from sync_core.entries import Entry

_SITE_STYLES = ("cyan", "magenta")
_LEVEL_STYLES = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "bold red"}
_MESSAGE_WIDTH = 33
_KEY_WIDTH = 28


def printable(text: str) -> str:
    """Return the text as it is where a line can hold it, else with escapes."""
    return text if text.isprintable() else repr(text)


# Beside time, site, message and key, what tells one entry from another.
_TELLING: dict[str, Callable[[Any], str]] = {
    "row": lambda value: f"row {value}",
    "operation": lambda value: f"in {value!r}",
    "reason": str,
    "exception_name": str,
    "size_bytes": lambda value: shown_bytes(int(value)),
    "lag_seconds": lambda value: f"lag {float(value):.1f} s",
    "scanned": lambda value: f"{value} keys",
    "equal": lambda value: f"{value} equal",
    "hinted": lambda value: "hinted " + (_counts(value) or "none"),
    "seconds": lambda value: f"in {float(value):.1f} s",
    "process_id": lambda value: f"process {value}",
    "until": lambda value: f"until {value}",
}


class LogLines:
    """Makes a line of each entry; `sites` are the names that may come, for their column."""

    def __init__(self, sites: Sequence[str]) -> None:
        self._width = max(map(len, sites), default=0)
        self._styles = {
            name: _SITE_STYLES[number % len(_SITE_STYLES)] for number, name in enumerate(sites)
        }

    def line(self, entry: Entry) -> Text:
        """Return the entry in one line: time in UTC, site, message, key, and what is telling."""
        at = entry.at.strftime("%Y-%m-%d %H:%M:%S.") + f"{entry.at.microsecond // 1000:03}Z"
        level = str(entry.fields.get("level", ""))
        key = f"  {shown(str(entry.fields['key'])):<{_KEY_WIDTH}}" if "key" in entry.fields else ""
        line = Text.assemble(
            (at, "dim"),
            "  ",
            (f"{entry.site:<{self._width}}", self._styles.get(entry.site, "")),
            "  ",
            (f"{printable(entry.message):<{_MESSAGE_WIDTH}}", _LEVEL_STYLES.get(level, "")),
            key,
            *(f"  {text}" for text in _telling(entry)),
        )
        line.rstrip()
        return line


def _telling(entry: Entry) -> Iterator[str]:
    for name, tell in _TELLING.items():
        if name in entry.fields:
            yield printable(_told(tell, entry.fields[name]))


def _told(tell: Callable[[Any], str], value: Any) -> str:
    """Return the value as it is told; as it is where it is not of the kind that is expected."""
    try:
        return tell(value)
    except (TypeError, ValueError):
        return str(value)


def _counts(value: Any) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(dict(value).items()))
