"""AWS Lambda with the queue as its event source: one batch an invocation, answered in part.

The event source deletes what is not in the answer. What has to be tried again is in it, and is
delivered after its back-off, because its visibility has been changed.
"""

# First of all, because it has to come before botocore.
from sync_core.bootstrap import Deployment, build

# isort: split

import random
from collections.abc import Callable
from functools import cache
from typing import Any, cast

from aws_lambda_powertools import Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSEvent, SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from sync_core import config
from sync_core.errors import Retryable
from sync_core.queues.protocol import Message
from sync_core.settle import run_batch, settle
from sync_core.telemetry import NAMESPACE, SERVICE, Telemetry, new_logger

Handler = Callable[[dict[str, Any], LambdaContext], PartialItemFailureResponse]

logger = new_logger()
metrics = Metrics(namespace=NAMESPACE, service=SERVICE)
tracer = Tracer(service=SERVICE, patch_modules=("botocore",))


def make_handler(connect: Callable[[], Deployment], spread: Callable[[], float]) -> Handler:
    """Return a handler that connects at its first invocation and stays connected."""
    deployment = cache(connect)
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)

    @logger.inject_lambda_context
    @tracer.capture_lambda_handler(capture_response=False)
    @metrics.log_metrics(capture_cold_start_metric=True)
    def handle(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
        returned = _work(deployment(), event, spread)

        def answer(record: SQSRecord) -> None:
            if record.message_id in returned:
                raise Retryable("process", record.message_id, "to be tried again, as logged")

        return process_partial_response(event, answer, processor, context)

    # Powertools' decorators do not keep the type.
    return cast("Handler", handle)


def _work(
    deployment: Deployment, event: dict[str, Any], spread: Callable[[], float]
) -> frozenset[str]:
    """Run and settle the batch; returns the ids of the messages that are to come again."""
    telemetry = deployment.telemetry
    messages = [_message(record) for record in SQSEvent(event).records]
    metrics.add_dimension("Bucket", deployment.config.pair.own.bucket)
    metrics.add_metric("MessagesReceived", MetricUnit.Count, len(messages))
    settlements = run_batch(deployment.pipeline, messages, telemetry)
    settled = settle(settlements, deployment.queue, telemetry, spread=spread, deletes_done=False)
    telemetry.flush()
    return frozenset(message.message_id for message in settled.returned)


def _message(record: SQSRecord) -> Message:
    return Message(
        message_id=record.message_id,
        body=record.body,
        receipt_handle=record.receipt_handle,
        receive_count=int(record.attributes.approximate_receive_count),
    )


def _connect() -> Deployment:
    found = config.load()
    logger.setLevel(found.log_level)
    own = found.pair.own
    return build(found, Telemetry(logger, site=own.name, bucket=own.bucket))


handler = make_handler(_connect, random.random)
