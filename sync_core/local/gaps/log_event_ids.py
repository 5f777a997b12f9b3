"""Every event that FilterLogEvents returns has an id.

AWS: `eventId` of FilteredLogEvent
(https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilteredLogEvent.html).
Emulator: what its Lambda functions have written has none.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from sync_core.local.gaps.seam import Seam

_SEAM = Seam("ids of log events")
_ID_DIGITS = 32


def install() -> None:
    """Add what is missing, the same at each look: streams only grow."""

    def around(filter_events: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def identified(request: Any) -> Any:
            status, headers, body = filter_events(request)
            answer = json.loads(body)
            seen: Counter[str] = Counter()
            for event in answer.get("events", ()):
                told = _told(event)
                seen[told] += 1
                text = f"{told}|{seen[told]}"
                event.setdefault("eventId", hashlib.sha256(text.encode()).hexdigest()[:_ID_DIGITS])
            return status, headers, json.dumps(answer, ensure_ascii=False).encode()

        return identified

    _SEAM.wrap("services.cloudwatch_logs", "_filter_log_events", around)


def _told(event: Mapping[str, Any]) -> str:
    return f"{event['logStreamName']}|{event['timestamp']}|{event['message']}"
