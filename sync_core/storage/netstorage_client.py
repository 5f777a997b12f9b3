"""Signed requests to Akamai NetStorage: what may be repeated is, and a wrong clock made up for.

| request | sent again |
|---|---|
| a look (`stat`, `list`, `download`) | up to 3 times after 408, 423, 429, 5xx, no answer |
| a change (`delete`, `mkdir`) | never, but for a wrong clock |
| an upload | never: its body can be read once |

A 403 whose `Date` is far from the time between signature and answer tells that one of the clocks is
wrong; from then on the server's is signed.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TypeVar

from sync_core.backoff import delay_seconds
from sync_core.errors import Throttled, Unavailable
from sync_core.storage.netstorage_auth import CLOCK_TOLERANCE_SECONDS, Signer, action_of
from sync_core.storage.netstorage_errors import Call, is_success, refusal, translated
from sync_core.storage.netstorage_wire import OpenAnswer, Wire
from sync_core.storage.protocol import Readable

ATTEMPTS = 3
"""How often a look is sent before its error counts; waiting longer is the queue's business."""

_BASE_SECONDS, _CAP_SECONDS = 0.2, 2.0
_NONCE_BITS = 48
_SUSPICIOUS = timedelta(seconds=CLOCK_TOLERANCE_SECONDS / 2)
_FORBIDDEN, _NOT_FOUND = 403, 404

_Result = TypeVar("_Result")
Parameters = Mapping[str, str | int | None]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Time and chance: `clock` returns aware UTC, `nonce` a number that it does not return twice.

    `pause` waits for so many seconds; `spread` returns a number in [0, 1).
    """

    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    nonce: Callable[[], int] = lambda: secrets.randbits(_NONCE_BITS)
    pause: Callable[[float], None] = time.sleep
    spread: Callable[[], float] = lambda: secrets.randbelow(1000) / 1000


@dataclass(frozen=True, slots=True)
class _Signed:
    """When a request was signed, how far ahead of our clock that is, and the headers."""

    at: datetime
    ahead: timedelta
    headers: Mapping[str, str]


class NetStorageClient:
    """Sends actions as one upload account; safe to share between threads.

    `when_refused` is called after a 403 that no clock explains: the key may have been replaced.
    All methods raise what `netstorage_errors` says.
    """

    def __init__(
        self,
        wire: Wire,
        signer: Signer,
        when_refused: Callable[[], None] = lambda: None,
        surroundings: Surroundings = Surroundings(),
    ) -> None:
        self._wire = wire
        self._signer = signer
        self._when_refused = when_refused
        self._around = surroundings
        self._ahead = timedelta()

    @property
    def ahead(self) -> timedelta:
        """How far the server's clock is ahead of ours; nothing until it has refused a signature."""
        return self._ahead

    def look(self, call: Call, action: str, parameters: Parameters) -> bytes | None:
        """Return what the server answers to an action that reads; None where nothing is there."""
        query = action_of(action, parameters)

        def read() -> bytes | None:
            answer = self._opened(call, query, {})
            return None if answer is None else _read(call, answer)

        return self._retried(read)

    def open(self, call: Call, headers: Mapping[str, str]) -> OpenAnswer | None:
        """Open a file's content; None where nothing is there."""
        query = action_of("download")
        return self._retried(lambda: self._opened(call, query, headers))

    def change(
        self, call: Call, action: str, parameters: Parameters, needless: int = _NOT_FOUND
    ) -> bool:
        """Carry out an action that changes something.

        False where it was needless, which the status `needless` says: nothing is there to change.
        """
        answer = self._asked(call, "POST", action_of(action, parameters), {})
        text = _read(call, answer)
        if answer.status == needless:
            return False
        _require_success(call, answer.status, text)
        return True

    def upload(self, call: Call, parameters: Parameters, body: Readable, size_bytes: int) -> None:
        """Put a body of `size_bytes`, once.

        A refusal that a clock explains is `Unavailable`: the next try is signed by the server's.
        """
        signed = self._signed(call, action_of("upload", parameters))
        with translated(call):
            answer = self._wire.send(call.target, signed.headers, body, size_bytes)
        if self._is_explained(answer.status, answer.headers, signed):
            raise Unavailable(call.operation, call.key, "the clock is wrong, here or there")
        _require_success(call, answer.status, answer.body)

    def _opened(self, call: Call, query: str, headers: Mapping[str, str]) -> OpenAnswer | None:
        answer = self._asked(call, "GET", query, headers)
        if is_success(answer.status):
            return answer
        text = _read(call, answer)
        if answer.status == _NOT_FOUND:
            return None
        raise refusal(call, answer.status, text)

    def _asked(self, call: Call, method: str, query: str, headers: Mapping[str, str]) -> OpenAnswer:
        """Send a request without a body; once more, where a clock explains its refusal."""
        answer, is_explained = self._sent(call, method, query, headers)
        if is_explained:
            answer.close()
            answer, _ = self._sent(call, method, query, headers)
        return answer

    def _sent(
        self, call: Call, method: str, query: str, headers: Mapping[str, str]
    ) -> tuple[OpenAnswer, bool]:
        signed = self._signed(call, query)
        with translated(call):
            answer = self._wire.open(method, call.target, {**headers, **signed.headers})
        return answer, self._is_explained(answer.status, answer.headers, signed)

    def _signed(self, call: Call, query: str) -> _Signed:
        ahead = self._ahead
        at = self._around.clock() + ahead
        headers = self._signer.headers(call.target, query, at, self._around.nonce())
        return _Signed(at, ahead, headers)

    def _is_explained(self, status: int, headers: Mapping[str, str], signed: _Signed) -> bool:
        """Tell whether a clock explains a refusal, and sign by the server's from now on."""
        if status != _FORBIDDEN:
            return False
        their_clock, now = _date_of(headers), self._around.clock()
        earliest, latest = signed.at - _SUSPICIOUS, now + signed.ahead + _SUSPICIOUS
        # An upload may have been answered long after it was signed.
        if their_clock is not None and not earliest <= their_clock <= latest:
            # Of several requests that were signed alike, each finds the same.
            self._ahead = their_clock - now
            return True
        self._when_refused()
        return False

    def _retried(self, attempt: Callable[[], _Result]) -> _Result:
        for number in range(1, ATTEMPTS):
            try:
                return attempt()
            except (Throttled, Unavailable):
                self._around.pause(
                    delay_seconds(
                        number,
                        base_seconds=_BASE_SECONDS,
                        cap_seconds=_CAP_SECONDS,
                        spread=self._around.spread(),
                    )
                )
        return attempt()


def _read(call: Call, answer: OpenAnswer) -> bytes:
    try:
        with translated(call):
            return answer.read()
    finally:
        answer.close()


def _require_success(call: Call, status: int, text: bytes) -> None:
    if not is_success(status):
        raise refusal(call, status, text)


def _date_of(headers: Mapping[str, str]) -> datetime | None:
    """Return what the server's clock says; None where it does not say."""
    try:
        found = parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
