"""The transfer job `{"key", "size"}` that a finder or a forwarder sends; our own hints have it too.

It is the body that Data Transfer Hub's finder sends (data-transfer-hub-cli 1.x), so that senders
written for it go on working. The key stands there as it is; further fields are ignored.
"""

import json

from sync_core.events import fields
from sync_core.model import EventKind, ObjectEvent

PEER_HINT = "Peer"
"""Name of the event behind a job that the peer's stack sent: it takes us for the one to act."""


def is_job(message: dict[str, object]) -> bool:
    """Tell whether the message has the shape of a job."""
    return "key" in message


def read_job(message: dict[str, object]) -> ObjectEvent:
    """Return the job as a hint; raises `MalformedEvent` for a key that no object can have."""
    return ObjectEvent(
        key=fields.raw_key(message.get("key"), "key"),
        kind=EventKind.TAGGED if message.get("tags") is True else EventKind.HINT,
        name=PEER_HINT if message.get("from") == "peer" else "",
        size_bytes=fields.size_bytes(message.get("size")),
    )


def job_body(key: str, *, from_peer: bool = False, for_tags: bool = False) -> str:
    """Return the body of a message that asks to look at `key`; its size is found out then.

    `from_peer` marks a job for the other side's queue, which must not be answered in kind;
    `for_tags` asks to compare the tags as well.
    """
    marks = {**({"from": "peer"} if from_peer else {}), **({"tags": True} if for_tags else {})}
    return json.dumps({"key": key, "size": 0, **marks})
