"""AWS Lambda that compares both sides: the tasks of the finder's state machine, or a whole round.

| event | answer |
|---|---|
| task plan, round | round, is_busy, ranges: the states of all ranges |
| task compare, round, range: a state | the same, further on; is_done |
| task report, round, ranges: each a range with, where it failed, its failure | as a whole round |
| no task | what a whole round has seen: ended, scanned, hinted |

Where an invocation has no time for the rest, that is left to the next one.
"""

# First of all, because it has to come before botocore.
from sync_core.bootstrap import connect

# isort: split

from collections.abc import Callable
from functools import cache
from typing import Any, Protocol, cast

from aws_lambda_powertools import Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext

from sync_core import config
from sync_core.config import Config
from sync_core.errors import ConfigError
from sync_core.finder import FinderReport
from sync_core.shared_round import SharedRound
from sync_core.telemetry import SERVICE, Telemetry, new_logger

Event = dict[str, Any]
Handler = Callable[[Event, LambdaContext], dict[str, Any]]

LEFT_MILLISECONDS = 60_000
"""So much time must be left at a checkpoint: the next one has to be reached before the end."""

logger = new_logger()
tracer = Tracer(service=SERVICE, patch_modules=("botocore",))


class FindingDeployment(Protocol):
    """A deployment that can run finder rounds; `bootstrap.Connected` is one."""

    @property
    def config(self) -> Config:
        """How rounds are divided."""
        ...

    @property
    def telemetry(self) -> Telemetry:
        """Where the round is told."""
        ...

    def find(self, is_ending: Callable[[], bool]) -> FinderReport:
        """Run a round, or the rest of one, until `is_ending`."""
        ...

    def abort_orphans(self) -> None:
        """Abort uploads of our own, on both sides, that nobody goes on with."""
        ...

    def shared_round(self) -> SharedRound:
        """Return the calls of a round that several invocations run together."""
        ...


def make_handler(connect_once: Callable[[], FindingDeployment]) -> Handler:
    """Return a handler that connects at its first invocation and stays connected."""
    deployment = cache(connect_once)

    @logger.inject_lambda_context
    @tracer.capture_lambda_handler(capture_response=False)
    def handle(event: Event, context: LambdaContext) -> dict[str, Any]:
        task = event.get("task")
        if task is not None and task not in _TASKS:
            raise ConfigError("find", str(task), f"no such task: give {', '.join(_TASKS)}, or none")
        return (_whole if task is None else _TASKS[task])(deployment(), event, context)

    # Powertools' decorators do not keep the type.
    return cast("Handler", handle)


def _whole(found: FindingDeployment, _event: Event, context: LambdaContext) -> dict[str, Any]:
    report = found.find(lambda: _is_ending(context))
    found.telemetry.report_round(report)
    return _seen(report)


def _plan(found: FindingDeployment, event: Event, context: LambdaContext) -> dict[str, Any]:
    round_id = event.get("round") or context.aws_request_id
    depth, parallelism = found.config.finder_depth, found.config.finder_parallelism
    ranges = found.shared_round().plan(round_id, depth, parallelism)
    return {"round": round_id, "ranges": ranges or [], "is_busy": ranges is None}


def _compare(found: FindingDeployment, event: Event, context: LambdaContext) -> dict[str, Any]:
    state = found.shared_round().compare(
        event["round"], event["range"], lambda: _is_ending(context)
    )
    return {**event, "range": state, "is_done": state["is_done"]}


def _report(found: FindingDeployment, event: Event, _context: LambdaContext) -> dict[str, Any]:
    states = [{**each["range"], "failure": each.get("failure")} for each in event["ranges"]]
    tell = found.telemetry.report_round
    report = found.shared_round().report(event["round"], states, tell)
    found.abort_orphans()
    return _seen(report)


_TASKS = {"plan": _plan, "compare": _compare, "report": _report}


def _is_ending(context: LambdaContext) -> bool:
    return context.get_remaining_time_in_millis() < LEFT_MILLISECONDS


def _seen(report: FinderReport) -> dict[str, Any]:
    return {"ended": report.ended, "scanned": report.scanned, "hinted": report.hinted}


def _connect() -> FindingDeployment:
    found = config.load()
    logger.setLevel(found.log_level)
    own = found.pair.own
    return connect(found, Telemetry(logger, site=own.name, bucket=own.bucket))


handler = make_handler(_connect)
