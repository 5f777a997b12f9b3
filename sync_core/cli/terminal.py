"""What all verbs share when they talk to a person: streams, errors, values cut to a line."""

import io
import sys

from sync_core.compare import Shown
from sync_core.errors import AccessDenied, DualwayError, Throttled, Unavailable

EXIT_DIFFERENT = 1
"""The status of a command that found the two sides different."""

EXIT_ERROR = 2
"""The status of a command that could not do what it was asked to do."""

_SHOWN_CHARACTERS = 72
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_UNIT_STEP = 1024
_ADVICE = (
    (AccessDenied, "check the key pair, its policy and the bucket's policy"),
    (Throttled, "try again later"),
    (Unavailable, "check that the endpoint can be reached: is `dualway local` still running?"),
)


def prepare_streams() -> None:
    """Let no character of a key stop a command: what a terminal cannot show is escaped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say_error(error: DualwayError) -> None:
    """Say on standard error what went wrong and what to do next, one cause on a line."""
    advice = next((advice for kind, advice in _ADVICE if isinstance(error, kind)), None)
    place = "" if error.key in error.cause or len(_causes(error)) > 1 else f" ({error.key})"
    lines = [f"dualway: {error.operation}{place}:", *_causes(error), advice]
    _write_error("\n  ".join(line for line in lines if line))


def say_problem(problem: str, advice: str) -> None:
    """Say on standard error what is wrong and what to do next."""
    _write_error(f"dualway: {problem}\n  {advice}")


def shown(value: Shown) -> str:
    """Return a value as it may stand in a line: printable and shortened; `-` for none."""
    if value is None:
        return "-"
    text = str(value) if isinstance(value, int) else repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"


def shown_bytes(size_bytes: int) -> str:
    """Return a number of bytes as a person reads it, such as `1.5 MiB`."""
    size, unit = float(size_bytes), _UNITS[0]
    for unit in _UNITS:
        if size < _UNIT_STEP or unit == _UNITS[-1]:
            break
        size /= _UNIT_STEP
    return f"{size_bytes} B" if unit == _UNITS[0] else f"{size:.1f} {unit}"


def _causes(error: DualwayError) -> list[str]:
    """Return an error about several settings as one line for each of them."""
    text, causes = error.cause, list[str]()
    for name in reversed(error.key.split(", ")[1:]):
        text, found, cause = text.rpartition(f"; {name} ")
        if not found:
            return [error.cause]
        causes.append(f"{name} {cause}")
    return [text, *reversed(causes)]


def _write_error(text: str) -> None:
    sys.stderr.write(text + "\n")
