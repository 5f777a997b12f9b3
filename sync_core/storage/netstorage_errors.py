"""What Akamai NetStorage and the way to it refuse, in the words of `sync_core.errors`.

| seen | becomes |
|---|---|
| 401, 403 | AccessDenied |
| 408, 423 | Unavailable |
| 412 on an upload: other bytes came than the action names | IntegrityError |
| any other 412, 416 | PreconditionFailed |
| 429, 503, 509 | Throttled |
| 3xx, 404 on an upload | ConfigError |
| any other 4xx | Blocked |
| any other 5xx, a time-out, a reset | Ambiguous if it may have had an effect, else Unavailable |
| no connection | Unavailable |

The statuses are those of the Usage API, Errors, and those that rclone's backend was made to retry
in practice (rclone, backend/netstorage, retryErrorCodes).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException

from sync_core.errors import (
    AccessDenied,
    Blocked,
    ConfigError,
    DualwayError,
    IntegrityError,
    PreconditionFailed,
    Throttled,
    Unavailable,
)
from sync_core.storage.effects import never, unanswered
from sync_core.storage.netstorage_wire import NotSent

_BY_STATUS: Mapping[int, type[DualwayError]] = {
    401: AccessDenied,
    403: AccessDenied,
    408: Unavailable,
    412: PreconditionFailed,
    416: PreconditionFailed,
    423: Unavailable,
    429: Throttled,
    503: Throttled,
    509: Throttled,
}
_FIRST_SUCCESS, _FIRST_REDIRECT, _FIRST_CLIENT_ERROR, _FIRST_SERVER_ERROR = 200, 300, 400, 500
_NOT_FOUND, _OTHER_BYTES = 404, 412
_MOST_TEXT = 200


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as errors name it; `may_have_effect` is asked once it has failed."""

    operation: str
    key: str
    target: str
    may_have_effect: Callable[[], bool] = never
    is_upload: bool = False


def is_success(status: int) -> bool:
    """Tell whether a request was carried out; actions answer 200, 201 or 204."""
    return _FIRST_SUCCESS <= status < _FIRST_REDIRECT


def refusal(call: Call, status: int, body: bytes) -> DualwayError:
    """Return the error that says what an answer without success says; `body` is its text."""
    text = body[:_MOST_TEXT].decode(errors="replace").strip()
    cause = f"status {status}: {text or 'no text'}"
    if call.is_upload and status == _OTHER_BYTES:
        return IntegrityError(call.operation, call.key, cause)
    if status < _FIRST_CLIENT_ERROR or status == _NOT_FOUND:
        advice = "check the hostname and the CP code in the secret"
        return ConfigError(call.operation, call.key, f"{cause}; {advice}")
    kind = _BY_STATUS.get(status)
    if kind is None:
        kind = unanswered(call.may_have_effect) if status >= _FIRST_SERVER_ERROR else Blocked
    return kind(call.operation, call.key, cause)


@contextmanager
def translated(call: Call) -> Iterator[None]:
    """Raise what the wire raises inside as a DualwayError, with the original as its cause."""
    try:
        yield
    except NotSent as error:
        raise Unavailable(call.operation, call.key, f"no connection to {error}") from error
    except (OSError, HTTPException) as error:
        cause = f"no answer: {type(error).__name__}: {error}"
        raise unanswered(call.may_have_effect)(call.operation, call.key, cause) from error
