"""Requests to one host, over one connection as long as that is fresh."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

Clock = Callable[[], float]

IDLE_SECONDS = 20.0
"""A connection that was idle for longer is not used again: on the way it may be forgotten."""

_QUOTED_BYTES = 300


class NotSent(RuntimeError):
    """A service has refused what it was asked for, or not done all of it."""


class Connection:
    """A connection to the host of `url`, made at the first request; `clock` tells epoch seconds."""

    def __init__(self, url: str, timeout_seconds: float, clock: Clock) -> None:
        parts = urlsplit(url)
        is_secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if is_secure else http.client.HTTPConnection
        self._http = kind(parts.netloc, timeout=timeout_seconds)
        self._clock = clock
        self._used_at = 0.0

    def post(self, target: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """Return the JSON object that the host answers.

        Raises NotSent for any status but 200 and any other body, OSError (a time-out is one) or
        http.client.HTTPException when there is no whole answer. Where the other side has closed
        the connection since the last request, a new one is made, once.
        """
        if self._clock() - self._used_at > IDLE_SECONDS:
            self.close()
        was_open = self._http.sock is not None
        try:
            return self._exchange(target, headers, body)
        except (ConnectionError, ssl.SSLError):
            if not was_open:
                raise
        return self._exchange(target, headers, body)

    def close(self) -> None:
        """Close the connection; the next request makes a new one."""
        self._http.close()

    def _exchange(self, target: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        try:
            self._http.request("POST", target, body, dict(headers))
            answer = self._http.getresponse()
            status, text = answer.status, answer.read()
        except Exception:
            self.close()
            raise
        self._used_at = self._clock()
        found = _parsed(text)
        if status != http.client.OK or found is None:
            said = text[:_QUOTED_BYTES].decode(errors="replace")
            raise NotSent(f"{headers['host']} has answered {status}: {said}")
        return found


def _parsed(text: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
