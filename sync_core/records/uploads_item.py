"""Shared uploads and their runs as DynamoDB items, and back: pure, and readable in the console.

An upload:

    pk            S  `uploads`                           the partition key of all of them
    sk            S  the upload_id
    key, source_etag                                     S
    size_bytes, part_bytes, run_parts                    N
    opened_at, changed_at                                S
    done_parts, done_bytes                               N  of the runs that were counted
    is_split      BOOL  whether a message for each run was sent; it was where this is missing
    ended, ended_at                                      S  how and when, once it has ended
    expires_at    N  epoch seconds                       only of an upload that has ended
    write_id      S  names the call that claimed or ended it

A run that was counted:

    pk            S  the upload_id
    sk            S  `run#` and its number, in five digits at least
    parts         S  JSON: [number, etag, size, crc64nvme or null] of each part
    expires_at    N  epoch seconds

`expires_at` is the table's time-to-live attribute. Values are as in `dynamodb_values`.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from sync_core.errors import Poison
from sync_core.model import SharedUpload, UploadedPart
from sync_core.records.dynamodb_values import (
    Item,
    Value,
    from_expiry,
    from_instant,
    from_number,
    from_text,
    present,
    to_instant,
    to_text,
)

UPLOADS = "uploads"
"""The partition key of all uploads."""

RUN_PREFIX = "run#"
"""What the sort keys of all runs begin with."""

ENDED_DAYS = 14
"""So long an upload that has ended can be looked at."""

RUN_DAYS = 180
"""So long the parts of a run are kept: longer than any upload takes, as its end needs them all."""

_Read = TypeVar("_Read")


def upload_key(upload_id: str) -> dict[str, Value]:
    """Return the primary key of an upload."""
    return {"pk": {"S": UPLOADS}, "sk": {"S": upload_id}}


def run_key(upload_id: str, run: int) -> dict[str, Value]:
    """Return the primary key of a run."""
    return {"pk": {"S": upload_id}, "sk": {"S": f"{RUN_PREFIX}{run:05}"}}


def to_upload_item(upload: SharedUpload) -> dict[str, Value]:
    """Return the item of an upload, for one that has not ended."""
    return upload_key(upload.upload_id) | present(
        key=from_text(upload.key),
        source_etag=from_text(upload.source_etag),
        size_bytes=from_number(upload.size_bytes),
        part_bytes=from_number(upload.part_bytes),
        run_parts=from_number(upload.run_parts),
        opened_at=from_instant(upload.opened_at),
        changed_at=from_instant(upload.changed_at),
        done_parts=from_number(upload.done_parts),
        done_bytes=from_number(upload.done_bytes),
        is_split={"BOOL": upload.is_split},
        ended=from_text(upload.ended),
    )


def from_upload_item(item: Item) -> SharedUpload:
    """Return the upload that an item holds; raises `Poison` when it does not hold one."""
    return _read(item, _upload, "upload")


def ended_expiry(ended_at: datetime) -> Value | None:
    """Return when an upload is forgotten that ended then."""
    return from_expiry(ended_at + timedelta(days=ENDED_DAYS))


def to_run_item(
    upload_id: str, run: int, parts: Sequence[UploadedPart], at: datetime
) -> dict[str, Value]:
    """Return the item of a run that is counted at that instant."""
    return run_key(upload_id, run) | present(
        parts=from_text(json.dumps(parts, separators=(",", ":"))),
        expires_at=from_expiry(at + timedelta(days=RUN_DAYS)),
    )


def from_run_key(item: Item) -> int:
    """Return the number of the run that an item is of; raises `Poison` when it is of none."""
    return _read(item, _run, "run of parts")


def from_run_item(item: Item) -> Sequence[UploadedPart]:
    """Return the parts that an item holds; raises `Poison` when it does not hold any."""
    return _read(item, _parts, "run of parts")


def _read(item: Item, read: Callable[[Item], _Read], what: str) -> _Read:
    try:
        return read(item)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise Poison(
            f"read {what}",
            str(item.get("sk", {}).get("S", "")),
            f"the table's item is no {what} ({error!r}): mend or delete it",
        ) from error


def _upload(item: Item) -> SharedUpload:
    return SharedUpload(
        key=item["key"]["S"],
        upload_id=item["sk"]["S"],
        source_etag=item["source_etag"]["S"],
        size_bytes=int(item["size_bytes"]["N"]),
        part_bytes=int(item["part_bytes"]["N"]),
        run_parts=int(item["run_parts"]["N"]),
        opened_at=to_instant(item["opened_at"]),
        changed_at=to_instant(item["changed_at"]),
        done_parts=int(item["done_parts"]["N"]),
        done_bytes=int(item["done_bytes"]["N"]),
        is_split=item["is_split"]["BOOL"] if "is_split" in item else True,
        ended=to_text(item, "ended"),
    )


def _run(item: Item) -> int:
    return int(item["sk"]["S"].removeprefix(RUN_PREFIX))


def _parts(item: Item) -> Sequence[UploadedPart]:
    return [UploadedPart(*each) for each in json.loads(item["parts"]["S"])]
