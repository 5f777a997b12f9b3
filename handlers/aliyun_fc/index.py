"""Function Compute's entry: forwards events of Alibaba OSS to an Amazon SQS queue.

| event | what becomes of it |
|---|---|
| one of FORWARDED or IN_SOME_REGIONS | it is sent, untouched, as `{"events": [event]}` |
| one of PASSED_OVER | nothing: a part of an upload is no object, an aborted upload removes none |
| any other | ValueError, once everything else is sent |

What is not sent in full is raised. Function Compute then invokes again and, after its last attempt,
gives the event to the failure destination. A message may come twice; none is lost without a word.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from typing import Any

from handlers.aliyun_fc.connection import Clock
from handlers.aliyun_fc.events import name_of, read_events
from handlers.aliyun_fc.sending import Forwarder
from handlers.aliyun_fc.settings import read_settings

FORWARDED = frozenset(
    {
        "ObjectCreated:PutObject",
        "ObjectCreated:PostObject",
        "ObjectCreated:CopyObject",
        "ObjectCreated:AppendObject",
        "ObjectCreated:CompleteMultipartUpload",
        "ObjectRemoved:DeleteObject",
        "ObjectRemoved:DeleteObjects",
        "ObjectReplication:ObjectCreated",
        "ObjectReplication:ObjectModified",
        "ObjectReplication:ObjectRemoved",
    }
)
"""Events after which an object is another one, or gone (Function Compute, OSS triggers)."""

IN_SOME_REGIONS = frozenset({"ObjectModified:UpdateObjectMeta"})
"""The same, where OSS tells of it: a trigger elsewhere cannot have it (OSS, event types)."""

PASSED_OVER = frozenset(
    {
        "ObjectCreated:InitiateMultipartUpload",
        "ObjectCreated:UploadPart",
        "ObjectCreated:UploadPartCopy",
        "ObjectRemoved:AbortMultipartUpload",
    }
)
"""Events of an upload before its end: the last one's name says removed, and no object is."""

_logger = logging.getLogger("oss_event_forwarder")
_logger.setLevel(logging.INFO)


class Function:
    """The function, which reads its settings and connects when there is something to send."""

    def __init__(self, environ: Mapping[str, str], clock: Clock = time.time) -> None:
        self._environ = environ
        self._clock = clock
        self._forwarder: Forwarder | None = None

    def handle(self, event: bytes, context: Any) -> str:
        """Return in words what was done with what Function Compute has invoked this with.

        Raises ValueError for what is no event of OSS, or has a name that is in neither list, and
        whatever `read_settings` and `Forwarder.send` raise.
        """
        events = read_events(event)
        chosen = [each for each in events if name_of(each) in FORWARDED | IN_SOME_REGIONS]
        if chosen:
            self._connected().send(chosen, context)
        done = f"{len(chosen)} of {len(events)} events sent"
        unknown = {name_of(each) for each in events} - FORWARDED - IN_SOME_REGIONS - PASSED_OVER
        if unknown:
            names = ", ".join(sorted(unknown))
            raise ValueError(f"{done}; take {names} out of the trigger, it is not forwarded")
        _logger.info("%s", done)
        return done

    def close(self) -> None:
        """Close the connection that is kept for the next invocation."""
        if self._forwarder is not None:
            self._forwarder.close()

    def _connected(self) -> Forwarder:
        if self._forwarder is None:
            self._forwarder = Forwarder(read_settings(self._environ), self._clock)
        return self._forwarder


handler = Function(os.environ).handle
"""What Function Compute calls as `index.handler`."""
