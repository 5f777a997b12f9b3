"""What the URL of a queue tells.

Forms of the URL's host: Amazon SQS endpoints and quotas, AWS General Reference, as of 2026-11.
"""

import re

_REGION = "[a-z]+(?:-[a-z]+)+-[0-9]+"
_HOST = re.compile(
    rf"https?://(?:[^/.]+\.)?sqs(?:-fips)?\.({_REGION})\.|https?://({_REGION})\.queue\."
)


def region_of(queue_url: str) -> str | None:
    """Return the region that stands in the URL of a queue; None where it is no URL of SQS."""
    found = _HOST.match(queue_url)
    return (found[1] or found[2]) if found else None
