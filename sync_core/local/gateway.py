"""The ASGI application in front of the emulator: it notes who calls and adds local endpoints.

It must stay cheap, because every request of every client and worker passes through it on the one
thread that the emulator has.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Middleware = Callable[[Application], Application]

LOCAL_PREFIX = "/_dualway/"
"""Paths below this are answered here; no bucket name may begin with an underscore."""

HEALTH_PATH = "/_ministack/health"

ANSWER_PREFIX = "/_ministack/cfn-response/"
"""Where functions answer CloudFormation; the rest of a path is a token that one of them is told."""

caller_access_key: ContextVar[str] = ContextVar("caller_access_key", default="")
"""The access key id that signed the request being served; empty when it was not signed.

The emulator copies the context of a request into the thread that delivers its events.
"""

_HEADER_CREDENTIAL = re.compile(rb"Credential=(\w+)/|^AWS (\w+):")
_QUERY_CREDENTIAL = re.compile(rb"(?:^|&)(?:X-Amz-Credential|AWSAccessKeyId)=(\w+)", re.IGNORECASE)


def with_local_endpoints(
    emulator: Application, endpoints: Mapping[str, Application]
) -> Application:
    """Return the application that serves `endpoints` (by path below LOCAL_PREFIX) and the emulator.

    The emulator's own administration (wiping all state, changing its settings) is refused: it asks
    for no credentials.
    """

    async def gateway(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await emulator(scope, receive, send)
            return
        path: str = scope["path"]
        if path.startswith(LOCAL_PREFIX):
            await endpoints.get(path, _not_found)(scope, receive, send)
        elif path.startswith("/_ministack/") and not _is_open(path):
            await _not_found(scope, receive, send)
        else:
            caller_access_key.set(_signer(scope))
            await emulator(scope, receive, send)

    return gateway


async def answer(send: Send, status: int, body: bytes) -> None:
    """Send a whole JSON response."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def header(scope: Scope, name: bytes) -> bytes:
    """Return the first value of a request header (`name` in lower case), empty when absent."""
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    return next((value for key, value in headers if key.lower() == name), b"")


async def _not_found(_scope: Scope, _receive: Receive, send: Send) -> None:
    await answer(send, 404, b'{"message": "no such local endpoint"}')


def _is_open(path: str) -> bool:
    return path == HEALTH_PATH or path.startswith(ANSWER_PREFIX)


def _signer(scope: Scope) -> str:
    found = _HEADER_CREDENTIAL.search(header(scope, b"authorization"))
    if found is None:
        found = _QUERY_CREDENTIAL.search(scope["query_string"])
    return next(filter(None, found.groups())).decode() if found else ""
