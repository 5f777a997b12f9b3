"""An ASGI application around the emulator that keeps what goes through it."""

import re
from collections.abc import MutableMapping
from typing import Any

from scripts.bench.cost_naming import Exchange
from sync_core.local.gateway import Application, Receive, Scope, Send

_CREDENTIAL = re.compile(r"Credential=(\w+)/\d+/[\w-]+/([\w-]+)/aws4_request")
_KEPT_HEADERS = frozenset({"x-amz-target", "x-amz-copy-source", "content-length"})


class Meter:
    """Notes every exchange; nothing is judged before the run is over, so that no request waits."""

    def __init__(self) -> None:
        self._exchanges: list[Exchange] = []

    def take(self) -> list[Exchange]:
        """Return what has ended since the last call; a long poll under way ends later."""
        taken, self._exchanges = self._exchanges, []
        return taken

    def around(self, application: Application) -> Application:
        """Return the application with the meter around it; a `gateway.Middleware`."""

        async def metered(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await application(scope, receive, send)
                return
            tap = _Tap(scope)

            async def receive_tapped() -> MutableMapping[str, Any]:
                return tap.received(await receive())

            async def send_tapped(message: MutableMapping[str, Any]) -> None:
                tap.sent(message)
                await send(message)

            try:
                await application(scope, receive_tapped, send_tapped)
            finally:
                self._exchanges.append(tap.exchange())

        return metered


class _Tap:
    """One exchange while it goes on."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        headers = {name.decode("latin-1").lower(): value for name, value in scope["headers"]}
        signed = _CREDENTIAL.search(headers.get("authorization", b"").decode("latin-1"))
        self._key, self._service = signed.groups() if signed else ("", "")
        self._headers = {
            name: value.decode("latin-1")
            for name, value in headers.items()
            if name in _KEPT_HEADERS
        }
        self._request: list[bytes] = []
        self._answer: list[bytes] = []
        self._status = 0

    def received(self, message: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if self._service != "s3":
            self._request.append(message.get("body", b""))
        return message

    def sent(self, message: MutableMapping[str, Any]) -> None:
        self._status = message.get("status", self._status)
        if self._service != "s3":
            self._answer.append(message.get("body", b""))

    def exchange(self) -> Exchange:
        return Exchange(
            access_key_id=self._key,
            service=self._service,
            method=self._scope["method"],
            path=self._scope["path"],
            query=self._scope["query_string"].decode("latin-1"),
            headers=self._headers,
            request=b"".join(self._request),
            answer=b"".join(self._answer),
            status=self._status,
            sent_bytes=int(self._headers.get("content-length", 0)),
        )
