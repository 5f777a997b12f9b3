"""The option `--chaos`: how badly events are delivered, as text."""

from typing import Annotated

import typer

from sync_core.errors import ConfigError
from sync_core.local.chaos import Chaos, Rates

_RATES = ("drop", "duplicate", "delay", "reorder")
_HOW = (
    "give shares of events from 0 to 1, together at most 1, such as "
    "duplicate=0.1,delay=0.2,reorder=0.1,seed=7"
)

ChaosOption = Annotated[
    str,
    typer.Option(
        metavar="SHARES",
        help=f"Deliver events badly: {_HOW}. The shares are {', '.join(_RATES)}; seed repeats a "
        "run, delay-seconds is how late events are. A dropped event leaves its key different.",
    ),
]


def parse_chaos(text: str) -> Chaos | None:
    """Return what the text asks for; None for an empty one. Raises `ConfigError`."""
    if not text:
        return None
    try:
        given = {name: float(value) for name, value in _items(text)}
        rates = Rates(**{name: given.pop(name, 0.0) for name in _RATES})
        seed, delay_seconds = int(given.pop("seed", 0)), given.pop("delay-seconds", 1.0)
    except ValueError as error:
        raise _refusal(text, str(error)) from error
    if given:
        raise _refusal(text, f"there is no {', '.join(given)}")
    return Chaos(rates, delay_seconds=delay_seconds, seed=seed)


def _items(text: str) -> list[tuple[str, str]]:
    parts = [part.partition("=") for part in text.split(",")]
    return [(name.strip(), value) for name, _, value in parts]


def _refusal(text: str, reason: str) -> ConfigError:
    return ConfigError("read --chaos", text, f"{text!r} cannot be used ({reason}); {_HOW}")
