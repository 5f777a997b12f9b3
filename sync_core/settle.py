"""What becomes of each delivery once the pipeline has had it; for worker and Lambda function alike.

| settlement | effect |
|---|---|
| no error | delete it (a Lambda function's event source does that itself) |
| `Poison` | move it to the dead-letter queue, with the error's text |
| any other, and `ConfigError`, of which the message is innocent | deliver it again after a pause |

In each case a hint is sent first for each key that was put off, so that a crash in between leaves
a hint too many and never one too few. What the queue refuses is reported, and the message comes
back by itself when its visibility timeout has passed.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from sync_core.backoff import visibility_seconds
from sync_core.errors import ConfigError, DualwayError, Poison, Retryable, Unexpected
from sync_core.events import job_body
from sync_core.model import Action, Outcome
from sync_core.pipeline import Deferral, Settlement
from sync_core.queues.protocol import Message, Queue

MOST_DELAY_SECONDS = 900
"""The longest delay that a queue takes (SQS API reference, SendMessage, 2025)."""


class Reporter(Protocol):
    """Where outcomes and failures are told; safe to use from any thread."""

    def report(self, outcome: Outcome) -> None:
        """Tell one thing that was done."""
        ...

    def report_failure(self, operation: str, error: Exception) -> None:
        """Tell that something outside the evaluation of a key failed."""
        ...

    def flush(self) -> None:
        """Pass on what has been held back, such as sums."""
        ...


class BatchPipeline(Protocol):
    """What is done with the messages in hand."""

    def run(self, messages: Sequence[Message]) -> list[Settlement]:
        """Process all messages in hand as one batch; one settlement for each, in their order."""
        ...


@dataclass(slots=True)
class Settled:
    """The deliveries by what became of them; those `returned` will be delivered again."""

    done: list[Message] = field(default_factory=list)
    dead_lettered: list[Message] = field(default_factory=list)
    returned: list[Message] = field(default_factory=list)


def run_batch(
    pipeline: BatchPipeline, messages: Sequence[Message], reporter: Reporter
) -> list[Settlement]:
    """Run the pipeline; whatever it raises, each message gets its settlement.

    An outage fails the batch as a whole. After any other exception the messages are run one by
    one, so that the one that is at fault takes no other with it.
    """
    try:
        return pipeline.run(messages)
    except (Retryable, ConfigError) as error:
        reporter.report_failure("run the batch", error)
        return [Settlement(message, error) for message in messages]
    except Exception as error:  # noqa: BLE001 - the batch boundary: a defect loses no message
        if len(messages) == 1:
            return [Settlement(messages[0], _as_ours(error))]
        reporter.report_failure("run the batch", error)
    return [each for message in messages for each in run_batch(pipeline, [message], reporter)]


def settle(
    settlements: Sequence[Settlement],
    queue: Queue,
    reporter: Reporter,
    *,
    spread: Callable[[], float],
    deletes_done: bool = True,
) -> Settled:
    """Send the hints, then delete, dead-letter or return each delivery; raises no `DualwayError`.

    `spread` gives numbers in [0, 1) that keep messages which failed together from coming back
    together.
    """
    settled = Settled()
    for settlement in settlements:
        _settle_one(settlement, queue, reporter, settled)
    if deletes_done and settled.done:
        _try("delete messages", reporter, partial(queue.delete, settled.done))
    _return(settled.returned, queue, reporter, spread)
    return settled


def _as_ours(error: Exception) -> DualwayError:
    if isinstance(error, DualwayError):
        return error
    unexpected = Unexpected("run the batch", "", f"{type(error).__name__}: {error}")
    unexpected.__cause__ = error
    return unexpected


def _settle_one(settlement: Settlement, queue: Queue, reporter: Reporter, settled: Settled) -> None:
    message, error = settlement.message, settlement.error
    refused = _send_hints(settlement.deferrals, queue, reporter)
    if refused is None and error is None:
        settled.done.append(message)
    elif refused is None and _is_poison(error) and _dead_letter(settlement, queue, reporter):
        settled.dead_lettered.append(message)
    else:
        settled.returned.append(message)
        _report_return(settlement, error or refused, reporter)


def _send_hints(
    deferrals: Sequence[Deferral], queue: Queue, reporter: Reporter
) -> DualwayError | None:
    for deferral in deferrals:
        body = job_body(deferral.key, for_tags=deferral.for_tags)
        delay_seconds = min(max(deferral.delay_seconds, 0), MOST_DELAY_SECONDS)
        refused = _try("send a hint", reporter, partial(queue.send, body, delay_seconds))
        if refused is not None:
            return refused
    return None


def _is_poison(error: DualwayError | None) -> bool:
    return isinstance(error, Poison) and not isinstance(error, ConfigError)


def _dead_letter(settlement: Settlement, queue: Queue, reporter: Reporter) -> bool:
    message, reason = settlement.message, str(settlement.error)
    if _try("dead-letter a message", reporter, partial(queue.dead_letter, message, reason)):
        return False
    reporter.report(Outcome(Action.DEAD_LETTERED, _key_of(settlement), reason=reason))
    return True


def _report_return(settlement: Settlement, error: DualwayError | None, reporter: Reporter) -> None:
    cause = error.__cause__ if isinstance(error, Unexpected) else None
    if isinstance(cause, Exception):
        reporter.report_failure("process a message", cause)
    reporter.report(Outcome(Action.RETRIED, _key_of(settlement), reason=str(error)))


def _key_of(settlement: Settlement) -> str:
    if settlement.error is not None:
        return settlement.error.key
    return settlement.deferrals[0].key if settlement.deferrals else ""


def _return(
    messages: Sequence[Message], queue: Queue, reporter: Reporter, spread: Callable[[], float]
) -> None:
    by_pause: defaultdict[int, list[Message]] = defaultdict(list)
    for message in messages:
        by_pause[visibility_seconds(message.receive_count, spread=spread())].append(message)
    for seconds, group in by_pause.items():
        _try("return messages", reporter, partial(queue.change_visibility, group, seconds))


def _try(operation: str, reporter: Reporter, call: Callable[[], None]) -> DualwayError | None:
    """Call; what the queue refuses is reported and returned."""
    try:
        call()
    except DualwayError as error:
        reporter.report_failure(operation, error)
        return error
    return None
