"""Where a forwarder in AWS Lambda sends events: the site's queue, told by its URL alone.

The queue may be in another region than the function: the region stands in the URL.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sync_core.connections import aws_session
from sync_core.queues.sqs import SQSQueue
from sync_core.queues.urls import region_of
from sync_core.variables import Variables, log_level, url


@dataclass(frozen=True, slots=True)
class Forwarding:
    """What an operator has set. `endpoint_url` replaces AWS's endpoint, as in `Config`."""

    queue_url: str
    region: str
    endpoint_url: str | None = None
    log_level: str = "INFO"

    @staticmethod
    def from_environment(environ: Mapping[str, str]) -> "Forwarding":
        """Read the variables; raises `ConfigError` that names every missing or invalid one."""
        variables = Variables(environ)
        queue_url = variables.required("DUALWAY_QUEUE_URL", url, "")
        region = region_of(queue_url) or variables.optional("AWS_REGION", str, "")
        if queue_url and not region:
            cause = "names no region: give the URL as SQS shows it, or set AWS_REGION as well"
            variables.complain("DUALWAY_QUEUE_URL", cause)
        found = Forwarding(
            queue_url=queue_url,
            region=region,
            endpoint_url=variables.optional("AWS_ENDPOINT_URL", url, None),
            log_level=variables.optional("DUALWAY_LOG_LEVEL", log_level, "INFO"),
        )
        variables.raise_complaints()
        return found


def open_queue(forwarding: Forwarding) -> SQSQueue:
    """Return the site's queue; sends nothing."""
    client = aws_session().client(
        "sqs", region_name=forwarding.region, endpoint_url=forwarding.endpoint_url
    )
    return SQSQueue(client, forwarding.queue_url)
