"""The part job `{"key", "upload_id", "run"}`: any worker is to send a run of an upload's parts.

The key stands there as it is in the own bucket as a whole. Further fields are ignored.
"""

import json

from sync_core.events import fields
from sync_core.model import PartJob

_MOST_ID_BYTES = 1024
"""The longest id that the ledger takes; S3's have some 130."""


def is_part_job(message: dict[str, object]) -> bool:
    """Tell whether the message has the shape of a part job, which is a job's and more."""
    return {"key", "upload_id", "run"} <= message.keys()


def read_part_job(message: dict[str, object]) -> PartJob:
    """Return the part job; raises `MalformedEvent` for a key, an id or a run that none can have."""
    return PartJob(
        key=fields.raw_key(message["key"], "key"),
        upload_id=_upload_id(message["upload_id"]),
        run=_run(message["run"]),
    )


def part_job_body(key: str, upload_id: str, run: int) -> str:
    """Return the body of a message that asks to send the parts of run `run` (from 0)."""
    return json.dumps({"key": key, "upload_id": upload_id, "run": run})


def _upload_id(value: object) -> str:
    upload_id = fields.required_text(value, "upload_id")
    if len(upload_id.encode(errors="replace")) > _MOST_ID_BYTES or not upload_id.isprintable():
        fields.refuse(f"the upload_id {fields.shown(upload_id)} is none that a store gives")
    return upload_id


def _run(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        fields.refuse(f"run should be a whole number from 0 on and is {fields.shown(value)}")
    return value


def asks_for_parts(body: str) -> bool:
    """Tell whether a body looks like that of a part job, without reading it: a matter of cost."""
    return '"upload_id"' in body and '"run"' in body
