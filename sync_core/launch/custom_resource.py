"""CloudFormation's protocol for resources that a Lambda function makes and removes.

A request is answered by a PUT to the presigned `ResponseURL` in it. CloudFormation waits for an
hour for an answer that does not come, so everything that goes wrong becomes one, a lack of time
included (CloudFormation user guide, Custom resource reference: request and response objects).

| request | done | PhysicalResourceId in the answer |
|---|---|---|
| Create, Update | `identify`, then `make` | what `identify` says |
| Create that fails before its identity is known | nothing | NOT_MADE |
| Update that fails before its identity is known | nothing | the former one |
| Delete | `remove` | the same |
| Delete of NOT_MADE | nothing | the same |

An identity that changes with an Update tells CloudFormation to send a Delete for the former one
afterwards; a failed Update with a new identity is undone in the same way, by its Delete.
"""

import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any, Protocol
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from sync_core.errors import ConfigError, DualwayError, Unavailable

Properties = Mapping[str, Any]

NOT_MADE = "dualway-not-made"
"""The identity of what failed before it had one."""

PAUSES_SECONDS = (2.0, 8.0)
"""What is retryable is tried again after each; a new role or policy takes about so long to hold."""

ANSWER_SECONDS = 25.0
"""So much of an invocation is kept for the answer: every try to send it, with its pauses."""

_SEND_PAUSES_SECONDS = (1.0, 2.0)
_SEND_SECONDS = 5.0
_MOST_REASON_BYTES = 1500
"""Of the 4,096 that an answer may have: JSON may double it, and the ids need room."""

_TOO_MANY_REQUESTS = 429
_SERVER_ERRORS = 500


class Resource(Protocol):
    """One kind of resource. Every method may be called again with what it was called with."""

    def identify(self, properties: Properties) -> str:
        """Return the identity of what has these properties.

        Raises ConfigError where they are wrong.
        """
        ...

    def make(self, properties: Properties, former: str | None) -> Mapping[str, str]:
        """Make it as its properties say, or make it so; returns its attributes.

        `former` is the identity that it had before an Update. Raises DualwayError; what is
        retryable is tried again.
        """
        ...

    def remove(self, identity: str) -> None:
        """Remove it; succeeds where it is gone or never was. Raises as `make`."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What CloudFormation is told; `error` is None when the request was fulfilled."""

    identity: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    error: Exception | None = None

    def reason(self, log: str) -> str:
        """Return why it failed, shortened, and where the whole story is; empty if it did not."""
        if self.error is None:
            return ""
        kind = "" if isinstance(self.error, DualwayError) else f"{type(self.error).__name__}: "
        text = f"{kind}{self.error}".encode(errors="replace")
        shown = text[:_MOST_REASON_BYTES].decode(errors="ignore")
        end = "..." if len(text) > _MOST_REASON_BYTES else ""
        return f"{shown}{end} (log stream {log})"


def answer_to(
    event: Mapping[str, Any],
    connect: Callable[[], Resource],
    *,
    left_seconds: float,
    pause: Callable[[float], None] = time.sleep,
) -> Answer:
    """Fulfil a request as far as possible in `left_seconds`; never raises.

    `connect` returns the resource; what it raises is answered as well. Where time runs out, the
    work goes on in its thread, and its outcome is told to nobody.
    """
    turn = _Turn(event, connect, pause)
    try:
        attributes = _within(left_seconds - ANSWER_SECONDS, turn.take)
    except Exception as error:  # noqa: BLE001 - a stack waits for an hour for what is not answered
        return Answer(turn.identity, error=error)
    return Answer(turn.identity, attributes)


def send(
    event: Mapping[str, Any],
    answer: Answer,
    log: str,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Answer the request; `log` names the log stream of this invocation.

    Raises Unavailable when the answer cannot be delivered: Lambda then repeats the invocation.
    """
    body = json.dumps(_body(event, answer, log), ensure_ascii=False).encode(errors="replace")
    for pause_seconds in (*_SEND_PAUSES_SECONDS, None):
        try:
            _put(event["ResponseURL"], body)
        except (OSError, HTTPException) as error:
            if pause_seconds is None or _is_final(error):
                # The URL is left out on purpose: whoever has it can answer.
                cause = f"{type(error).__name__}: {error}"
                raise Unavailable("answer CloudFormation", answer.identity, cause) from error
            pause(pause_seconds)
        else:
            return


class _Turn:
    """One request; `identity` is what to answer, however far it comes."""

    def __init__(
        self,
        event: Mapping[str, Any],
        connect: Callable[[], Resource],
        pause: Callable[[float], None],
    ) -> None:
        self._event = event
        self._connect = connect
        self._pause = pause
        self._former: str | None = event.get("PhysicalResourceId")
        self.identity = self._former or NOT_MADE

    def take(self) -> Mapping[str, str]:
        """Fulfil the request, trying again what is retryable; returns the attributes."""
        resource = self._connect()
        for pause_seconds in PAUSES_SECONDS:
            try:
                return self._take(resource)
            except DualwayError as error:
                if not error.retryable:
                    raise
                self._pause(pause_seconds)
        return self._take(resource)

    def _take(self, resource: Resource) -> Mapping[str, str]:
        match self._event.get("RequestType"):
            case "Create" | "Update":
                properties = self._event.get("ResourceProperties", {})
                self.identity = resource.identify(properties)
                return resource.make(properties, self._former)
            case "Delete":
                if self.identity != NOT_MADE:
                    resource.remove(self.identity)
                return {}
            case other:
                cause = f"{other!r} is no request of CloudFormation's"
                raise ConfigError("read request", "RequestType", cause)


def required(properties: Properties, name: str) -> str:
    """Return a property's text; raises ConfigError where it is missing or empty."""
    value = properties.get(name)
    if not isinstance(value, str) or not value:
        raise ConfigError("read properties", name, "the template has to give it a text")
    return value


def _within(seconds: float, work: Callable[[], Mapping[str, str]]) -> Mapping[str, str]:
    executor = ThreadPoolExecutor(1)
    try:
        return executor.submit(work).result(max(seconds, 1.0))
    except TimeoutError as error:
        cause = f"not done within {seconds:.0f} seconds; see the log, then repeat"
        raise Unavailable("custom resource", "Timeout", cause) from error
    finally:
        executor.shutdown(wait=False)


def _body(event: Mapping[str, Any], answer: Answer, log: str) -> dict[str, Any]:
    return {
        "Status": "SUCCESS" if answer.error is None else "FAILED",
        "Reason": answer.reason(log),
        "PhysicalResourceId": answer.identity,
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": dict(answer.attributes),
    }


def _put(url: str, body: bytes) -> None:
    # The URL is signed for an empty content type.
    request = Request(url, data=body, headers={"content-type": ""}, method="PUT")  # noqa: S310 - CloudFormation's own
    try:
        urlopen(request, timeout=_SEND_SECONDS).close()  # noqa: S310 - as above
    except HTTPError as error:
        error.close()
        raise


def _is_final(error: Exception) -> bool:
    """Tell whether the answer was refused, as opposed to lost."""
    if not isinstance(error, HTTPError):
        return False
    return error.code < _SERVER_ERRORS and error.code != _TOO_MANY_REQUESTS
