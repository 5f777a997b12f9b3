"""AWS Lambda on a schedule: a finder round, or as much of one as an invocation has time for.

The rest is left to the next invocation, which goes on behind the last checkpoint.
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
from sync_core.finder import FinderReport
from sync_core.telemetry import SERVICE, Telemetry, new_logger

Handler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]

LEFT_MILLISECONDS = 60_000
"""So much time must be left at a checkpoint: the next one has to be reached before the end."""

logger = new_logger()
tracer = Tracer(service=SERVICE, patch_modules=("botocore",))


class FindingDeployment(Protocol):
    """A deployment that can run finder rounds; `bootstrap.Connected` is one."""

    @property
    def telemetry(self) -> Telemetry:
        """Where the round is told."""
        ...

    def find(self, is_ending: Callable[[], bool]) -> FinderReport:
        """Run a round, or the rest of one, until `is_ending`."""
        ...


def make_handler(connect_once: Callable[[], FindingDeployment]) -> Handler:
    """Return a handler that connects at its first invocation and stays connected."""
    deployment = cache(connect_once)

    @logger.inject_lambda_context
    @tracer.capture_lambda_handler(capture_response=False)
    def handle(_event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        found = deployment()
        report = found.find(lambda: context.get_remaining_time_in_millis() < LEFT_MILLISECONDS)
        found.telemetry.report_round(report)
        return {"ended": report.ended, "scanned": report.scanned, "hinted": report.hinted}

    # Powertools' decorators do not keep the type.
    return cast("Handler", handle)


def _connect() -> FindingDeployment:
    found = config.load()
    logger.setLevel(found.log_level)
    own = found.pair.own
    return connect(found, Telemetry(logger, site=own.name, bucket=own.bucket))


handler = make_handler(_connect)
