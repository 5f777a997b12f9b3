"""What the people who run dualway see of it: one JSON line per outcome, and metrics.

Lines are written by Powertools' Logger; metrics as CloudWatch embedded metric format (EMF), which
CloudWatch reads from the log of a Lambda function or of a container alike. Every metric has the
dimensions `service` and `Bucket` (the own bucket).
"""

import json
import logging
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import IO, Any, Literal, get_args

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from sync_core.errors import DualwayError
from sync_core.finder import Ended, FinderReport
from sync_core.model import Action, Outcome

SERVICE = "dualway"
NAMESPACE = "Dualway"

Metric = Literal[
    "ObjectsCopied",  # Count: objects written to the other side, or back to our own
    "PartRunsCopied",  # Count: runs of parts that were sent for uploads that workers share
    "OrphansAborted",  # Count: uploads that nobody went on with
    "BytesCopied",  # Bytes: their content
    "ObjectsDeleted",  # Count: objects deleted because a user had deleted their counterpart
    "TagsCopied",  # Count: objects whose tags alone were written
    "ConflictsKept",  # Count: losers of a conflict that were kept as a copy
    "EchoesAcknowledged",  # Count: events of our own writes, which transferred nothing
    "AgreementsRecorded",  # Count: keys found equal and recorded so
    "EventsSkipped",  # Count: keys with nothing to do here, also by the dimension Reason
    "PeersNudged",  # Count: hints sent to the peer's queue
    "KeysDeferred",  # Count: keys to be looked at again later
    "ConflictsLeftOpen",  # Count: looks at a conflict that waits for a person
    "DeletesHeld",  # Count: deletes that a guard holds back until an operator approves
    "DeletesDelayed",  # Count: deletes put off, because they may turn out to be renames
    "KeysCompared",  # Count: keys that a finder round has compared
    "KeysHinted",  # Count: keys that a finder round has sent to the queue, also by Reason
    "FinderRounds",  # Count: complete finder rounds
    "FinderSeconds",  # Seconds: that a complete finder round has taken
    "TransfersRetried",  # Count: messages returned to the queue after an error
    "MessagesDeadLettered",  # Count: messages that no retry could help
    "OperationsFailed",  # Count: the worker's own failures, such as a receive that was refused
    "MessagesReceived",  # Count: messages taken from the queue by a Lambda function
    "ReplicationLagSeconds",  # Seconds: from a user's write to its effect on the other side
]
METRICS: tuple[Metric, ...] = get_args(Metric)
"""Every metric there is; alarms and dashboards may name no other."""

MOST_LAGS = 100
"""The most values of one metric in a line of EMF (CloudWatch User Guide, EMF specification)."""

# Half surrogates cannot be encoded, and the others end or hide a line for some readers.
_NOT_PRINTED = re.compile(r"[\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\ud800-\udfff\ufeff]")


@dataclass(frozen=True, slots=True)
class _Saying:
    """How an action is told: its sentence, the metric that counts it, and how loudly."""

    message: str
    metric: Metric
    say: Callable[..., None] = Logger.info


_SAYINGS = {
    Action.OBJECT_COPIED: _Saying("Copied the object", "ObjectsCopied"),
    Action.PARTS_COPIED: _Saying("Copied parts of the object", "PartRunsCopied"),
    Action.ORPHAN_ABORTED: _Saying("Aborted an upload that nobody goes on with", "OrphansAborted"),
    Action.OBJECT_DELETED: _Saying("Deleted the object", "ObjectsDeleted"),
    Action.LOSER_KEPT: _Saying("Kept the loser of a conflict", "ConflictsKept", Logger.warning),
    Action.TAGS_COPIED: _Saying("Copied the tags", "TagsCopied"),
    Action.ACKNOWLEDGED: _Saying("Recorded that both sides agree", "AgreementsRecorded"),
    Action.SKIPPED: _Saying("Nothing to do here", "EventsSkipped"),
    # These two sentences are searched for in CloudWatch Logs Insights: they stay as they are.
    Action.REPEATED_TRANSFER: _Saying("Repeated transfer job!", "EchoesAcknowledged"),
    Action.REPEATED_DELETE: _Saying("Repeated delete job!", "EchoesAcknowledged"),
    Action.PEER_NUDGED: _Saying("Asked the peer to look at the key", "PeersNudged"),
    Action.CONFLICT_LEFT_OPEN: _Saying(
        "A conflict waits for a person", "ConflictsLeftOpen", Logger.warning
    ),
    Action.DELETE_HELD: _Saying("Held the delete", "DeletesHeld", Logger.warning),
    Action.DELETE_DELAYED: _Saying("Put the delete off", "DeletesDelayed"),
    Action.DEFERRED: _Saying("Will look at the key again", "KeysDeferred"),
    Action.RETRIED: _Saying("Will try the message again", "TransfersRetried", Logger.warning),
    Action.DEAD_LETTERED: _Saying(
        "Moved the message to the dead-letter queue", "MessagesDeadLettered", Logger.error
    ),
}


def new_logger(
    service: str = SERVICE, level: str | None = None, stream: IO[str] | None = None
) -> Logger:
    """Return the logger that writes one JSON line per entry to `stream` (None: standard output).

    There is one logger for each service name in a process; the stream given last is its stream.
    """
    logger = Logger(
        service=service,
        level=level,
        stream=stream,
        json_serializer=one_line,
        use_rfc3339=True,
        utc=True,
        location=None,
    )
    if level is not None:
        logger.setLevel(level)
    for handler in logger.handlers:
        if isinstance(handler, logging.StreamHandler):
            # setStream would flush the former stream, which may be closed by now.
            handler.stream = stream or sys.stdout
    return logger


def one_line(entry: Any) -> str:
    """Return the entry as one line of JSON, readable where its characters can be printed."""
    text = json.dumps(entry, default=str, ensure_ascii=False, separators=(",", ":"))
    return _NOT_PRINTED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


@dataclass(slots=True)
class _Tally:
    """What has been counted since the last flush."""

    counts: Counter[Metric] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    lags_seconds: list[float] = field(default_factory=list)


class Telemetry:
    """Logs and counts outcomes; safe to use from any thread.

    `bucket` is the own bucket: the dimension of every metric, and told of every outcome that names
    none. Metrics go to `metrics_stream` (None: standard output) when `flush` is called.
    """

    def __init__(
        self, logger: Logger, *, site: str, bucket: str, metrics_stream: IO[str] | None = None
    ) -> None:
        self._logger = logger
        self._site = site
        self._bucket = bucket
        self._stream = metrics_stream
        self._lock = Lock()
        self._tally = _Tally()

    def report(self, outcome: Outcome) -> None:
        """Log the outcome as one line and count it."""
        saying = _SAYINGS[outcome.action]
        saying.say(self._logger, saying.message, extra=self._details(outcome))
        with self._lock:
            self._count(outcome, saying.metric)
            is_full = len(self._tally.lags_seconds) == MOST_LAGS
            full = self._take() if is_full else _Tally()
        self._write(full)

    def report_failure(self, operation: str, error: Exception) -> None:
        """Log that an operation of the worker itself failed, and count it.

        An error that nobody translated is logged with its traceback.
        """
        details = {"action": "operation_failed", "site": self._site, "operation": operation}
        if isinstance(error, DualwayError):
            self._logger.warning("An operation failed", extra=details | {"reason": str(error)})
        else:
            self._logger.error("An operation failed", exc_info=error, extra=details)
        with self._lock:
            self._tally.counts["OperationsFailed"] += 1

    def report_round(self, report: FinderReport) -> None:
        """Log what a finder round has seen, and count it once it is complete."""
        details = {
            "action": f"finder_{report.ended}",
            "site": self._site,
            "scanned": report.scanned,
            "equal": report.equal,
            "hinted": report.hinted,
            "seconds": round(report.seconds, 3),
            "keys_per_second": round(report.keys_per_second),
        }
        self._logger.info("Compared both sides", extra=details)
        if report.ended is not Ended.COMPLETE:
            return
        stream, bucket = self._stream or sys.stdout, self._bucket
        hinted = report.hinted
        values: dict[Metric, list[float]] = {
            "FinderRounds": [1],
            "FinderSeconds": [report.seconds],
            "KeysCompared": [report.scanned],
            "KeysHinted": [sum(hinted.values())],
            # Told in every round, so that its alarm stays as long as the hold does.
            "DeletesHeld": [float(report.deletes_are_held)],
        }
        lines = [_emf(values, Bucket=bucket)]
        lines += [_emf({"KeysHinted": [n]}, Bucket=bucket, Reason=why) for why, n in hinted.items()]
        stream.write("".join(line + "\n" for line in lines))
        stream.flush()

    def say_guarantee(self, sentence: str) -> None:
        """Log what a store's abilities allow to promise."""
        details = {"action": "guarantee", "site": self._site}
        self._logger.info(sentence, extra=details)

    def deletes_held(self, reason: str, detail: str) -> None:
        """Log that from now on deletes are held, and why."""
        details = {"action": "deletes_held", "site": self._site, "reason": reason}
        self._logger.error("Deletes are held: %s", detail, extra=details)
        with self._lock:
            self._tally.counts["DeletesHeld"] += 1

    def deletes_released(self, until: datetime) -> None:
        """Log that an operator has approved deletes up to an instant."""
        details = {"action": "deletes_released", "site": self._site, "until": until.isoformat()}
        self._logger.warning("Deletes are approved", extra=details)

    def flush(self) -> None:
        """Write what has been counted since the last flush as lines of EMF, if there is any."""
        with self._lock:
            tally = self._take()
        self._write(tally)

    def _details(self, outcome: Outcome) -> dict[str, object]:
        details = {
            "action": outcome.action.value,
            "site": self._site,
            "key": outcome.key,
            "bucket": outcome.bucket or self._bucket,
            "principal_id": outcome.principal_id,
            "row": outcome.row,
            "reason": str(outcome.reason) or None,
            "size_bytes": outcome.size_bytes or None,
            "lag_seconds": outcome.lag_seconds,
        }
        return {name: value for name, value in details.items() if value is not None}

    def _count(self, outcome: Outcome, metric: Metric) -> None:
        self._tally.counts[metric] += 1
        if outcome.action is Action.SKIPPED:
            self._tally.reasons[str(outcome.reason) or "unknown"] += 1
        if outcome.action is Action.OBJECT_COPIED:
            self._tally.counts["BytesCopied"] += outcome.size_bytes
        if outcome.lag_seconds is not None:
            self._tally.lags_seconds.append(outcome.lag_seconds)

    def _take(self) -> _Tally:
        taken, self._tally = self._tally, _Tally()
        return taken

    def _write(self, tally: _Tally) -> None:
        stream = self._stream or sys.stdout
        for line in _emf_lines(tally, self._bucket):
            # One write, so that no other thread's line can come between the line and its end.
            stream.write(line + "\n")
            stream.flush()


def _emf_lines(tally: _Tally, bucket: str) -> Iterator[str]:
    """Yield one line for all that was counted, and one for each reason to skip."""
    values: dict[Metric, list[float]] = {name: [count] for name, count in tally.counts.items()}
    if tally.lags_seconds:
        values["ReplicationLagSeconds"] = tally.lags_seconds
    if values:
        yield _emf(values, Bucket=bucket)
    for reason, count in tally.reasons.items():
        yield _emf({"EventsSkipped": [count]}, Bucket=bucket, Reason=reason)


def _emf(values: Mapping[Metric, list[float]], **dimensions: str) -> str:
    metrics = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
    for name, value in dimensions.items():
        metrics.add_dimension(name, value)
    measured = {name: {"Unit": _unit(name), "Value": values[name]} for name in values}
    return one_line(metrics.serialize_metric_set(metrics=measured))


def _unit(name: Metric) -> str:
    if name == "BytesCopied":
        return MetricUnit.Bytes.value
    return MetricUnit.Seconds.value if name.endswith("Seconds") else MetricUnit.Count.value
