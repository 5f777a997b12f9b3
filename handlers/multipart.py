"""AWS Lambda that looks at one shared upload: the task of the upload's state machine.

| event | answer |
|---|---|
| key, upload_id; seen, if not the first look | the same; status, is_over, done_bytes, size_bytes |

The key is what stands behind the own prefix; `sync_core.watch` tells the statuses.
"""

# First of all, because it has to come before botocore.
from sync_core.bootstrap import connect

# isort: split

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any, Protocol, cast

from aws_lambda_powertools import Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext

from sync_core import config
from sync_core.errors import ConfigError
from sync_core.telemetry import SERVICE, Telemetry, new_logger
from sync_core.watch import Seen, Watch

Event = dict[str, Any]
Handler = Callable[[Event, LambdaContext], dict[str, Any]]

logger = new_logger()
tracer = Tracer(service=SERVICE, patch_modules=("botocore",))


class WatchingDeployment(Protocol):
    """A deployment that can watch uploads; `bootstrap.Connected` is one."""

    def watch(self) -> Watch:
        """Return what looks at uploads; raises `ConfigError` where there is no table of parts."""
        ...


def make_handler(connect_once: Callable[[], WatchingDeployment]) -> Handler:
    """Return a handler that connects at its first invocation and stays connected."""
    watch = cache(lambda: connect_once().watch())

    @logger.inject_lambda_context
    @tracer.capture_lambda_handler(capture_response=False)
    def handle(event: Event, _context: LambdaContext) -> dict[str, Any]:
        key, upload_id = _named(event, "key"), _named(event, "upload_id")
        found = watch().look(key, upload_id, _seen(event.get("seen")))
        answer = {
            "key": key,
            "upload_id": upload_id,
            "status": found.status.value,
            "done_bytes": found.done_bytes,
            "size_bytes": found.size_bytes,
        }
        logger.info("Looked at an upload", extra={"action": "upload_watched", **answer})
        return {**answer, "seen": _values(found.seen), "is_over": found.status.is_over}

    # Powertools' decorators do not keep the type.
    return cast("Handler", handle)


def _named(event: Event, name: str) -> str:
    value = event.get(name)
    if not isinstance(value, str) or not value:
        raise ConfigError("watch", name, "start the state machine with both: key and upload_id")
    return value


def _seen(values: Any) -> Seen | None:
    if values is None:
        return None
    return Seen(int(values["done_parts"]), datetime.fromisoformat(values["since"]))


def _values(seen: Seen | None) -> dict[str, Any] | None:
    if seen is None:
        return None
    return {"done_parts": seen.done_parts, "since": seen.since.isoformat()}


def _connect() -> WatchingDeployment:
    found = config.load()
    logger.setLevel(found.log_level)
    own = found.pair.own
    return connect(found, Telemetry(logger, site=own.name, bucket=own.bucket))


handler = make_handler(_connect)
