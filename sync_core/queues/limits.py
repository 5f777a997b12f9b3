"""The limits of a queue: SQS's, which the queue in memory keeps to as well.

API reference of ReceiveMessage, SendMessage and ChangeMessageVisibility, 2025.
"""

MESSAGES_PER_CALL = 10
MOST_WAIT_SECONDS = 20
MOST_DELAY_SECONDS = 900
MOST_VISIBILITY_SECONDS = 43_200


def require_delay(delay_seconds: int) -> None:
    """Raise `ValueError` unless a message may be sent with this delay."""
    _require("delay_seconds", delay_seconds, MOST_DELAY_SECONDS)


def require_visibility(seconds: int) -> None:
    """Raise `ValueError` unless a delivery may be hidden for this long."""
    _require("seconds", seconds, MOST_VISIBILITY_SECONDS)


def _require(name: str, value: int, most: int) -> None:
    if not 0 <= value <= most:
        raise ValueError(f"{name} must be 0 to {most:,}, not {value:,}")
