"""AWS Lambda that sends a bucket's events to the site's queue where the bucket cannot do so.

So it is where another notification has the prefix already, where the queue is in another region, or
where SNS, EventBridge or another queue is in between. Only DUALWAY_QUEUE_URL has to be set.

Events come from S3, SNS or EventBridge (`sync_core.events.invocation` has what of them goes to the
queue), or from another queue, each of whose messages goes as it is.

Nothing of an event is changed. All but a queue invoke asynchronously: whatever fails is raised, so
that Lambda tries again, and then gives the event to the function's destination for failures; some
messages may be in the queue twice then, which does no harm. A batch of SQS is answered in part.
"""

# First of all, because it has to come before botocore.
import sync_core.signing  # noqa: F401 - for what it tells botocore

# isort: split

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, cast

from aws_lambda_powertools import Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext

from sync_core import config
from sync_core.errors import ConfigError, DualwayError, Poison
from sync_core.events.invocation import bodies_of, source_of
from sync_core.forwarder import Forwarding, open_queue
from sync_core.queues.limits import MESSAGES_PER_CALL
from sync_core.queues.protocol import SupportsBulkSend
from sync_core.telemetry import SERVICE, new_logger

Event = dict[str, Any]
Handler = Callable[[Event, LambdaContext], dict[str, Any]]

logger = new_logger()
tracer = Tracer(service=SERVICE, patch_modules=("botocore",))


def make_handler(connect: Callable[[], SupportsBulkSend]) -> Handler:
    """Return a handler that connects at its first invocation and stays connected."""
    connected = cache(connect)

    @logger.inject_lambda_context
    @tracer.capture_lambda_handler(capture_response=False)
    def handle(event: Event, _context: LambdaContext) -> dict[str, Any]:
        if _is_batch(event):
            return _forward_batch(connected(), event["Records"])
        bodies = bodies_of(event)
        connected().send_many(bodies)
        _report(len(bodies))
        return {"forwarded": len(bodies)}

    # Powertools' decorators do not keep the type.
    return cast("Handler", handle)


def _is_batch(event: Event) -> bool:
    records = event.get("Records")
    return isinstance(records, list) and {source_of(record) for record in records} == {"aws:sqs"}


def _forward_batch(queue: SupportsBulkSend, records: Sequence[Event]) -> dict[str, Any]:
    unsent: list[str] = []
    for start in range(0, len(records), MESSAGES_PER_CALL):
        unsent += _unsent(queue, records[start : start + MESSAGES_PER_CALL])
    _report(len(records) - len(unsent))
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in unsent]}


def _unsent(queue: SupportsBulkSend, records: Sequence[Event]) -> list[str]:
    """Send the messages; returns the ids of those that are to come again."""
    try:
        queue.send_many([record["body"] for record in records])
    except ConfigError:
        raise
    except Poison as error:
        # One message that SQS will never take must not keep the others from being sent.
        if len(records) > 1:
            return [message_id for record in records for message_id in _unsent(queue, [record])]
        return _failed(records, error)
    except DualwayError as error:
        return _failed(records, error)
    return []


def _failed(records: Sequence[Event], error: DualwayError) -> list[str]:
    unsent = [record["messageId"] for record in records]
    told = {"action": "forwarding_failed", "message_ids": unsent}
    logger.error("Could not forward messages", extra=told, exc_info=error)
    return unsent


def _report(count: int) -> None:
    logger.info("Forwarded events", extra={"action": "events_forwarded", "messages": count})


def _connect() -> SupportsBulkSend:
    forwarding = Forwarding.from_environment(config.environment())
    logger.setLevel(forwarding.log_level)
    return open_queue(forwarding)


handler = make_handler(_connect)
