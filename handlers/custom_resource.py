"""AWS Lambda behind a custom resource of the template: a request comes in, its answer goes out."""

# First of all, because it has to come before botocore.
import sync_core.signing  # noqa: F401 - for what it tells botocore

# isort: split

from collections.abc import Callable
from functools import cache
from typing import Any, cast

from aws_lambda_powertools.utilities.typing import LambdaContext

from sync_core.launch.custom_resource import Resource, answer_to, send
from sync_core.telemetry import new_logger

Handler = Callable[[dict[str, Any], LambdaContext], None]

logger = new_logger()


def make_handler(connect: Callable[[], Resource]) -> Handler:
    """Return a handler that answers every request, and connects at the first one."""
    connected = cache(connect)

    @logger.inject_lambda_context
    def handle(event: dict[str, Any], context: LambdaContext) -> None:
        left_seconds = context.get_remaining_time_in_millis() / 1000
        answer = answer_to(event, connected, left_seconds=left_seconds)
        told = {
            "action": "custom_resource",
            "request_type": event.get("RequestType"),
            "logical_id": event.get("LogicalResourceId"),
            "physical_id": answer.identity,
        }
        if answer.error is None:
            logger.info("Fulfilled the request", extra=told)
        else:
            logger.error("Refused the request", extra=told, exc_info=answer.error)
        send(event, answer, context.log_stream_name)

    # Powertools' decorators do not keep the type.
    return cast("Handler", handle)
