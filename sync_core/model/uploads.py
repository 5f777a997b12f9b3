"""Multipart uploads: how they are cut, what stores and tables hold of them while they go on."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class PartLimits:
    """What a store demands of a multipart upload; `least_bytes` of every part but the last.

    `most_copy_bytes`: the largest source of a copy in one request, be it an object or a part
    (default: API reference of S3, CopyObject and UploadPartCopy).
    """

    least_bytes: int
    most_bytes: int
    most_parts: int
    most_object_bytes: int
    most_copy_bytes: int = 5 * 1024**3


class UploadedPart(NamedTuple):
    """A part that the store has taken; a tuple, because there may be ten thousand.

    `crc64nvme` (base64) is the digest of what was sent, or what the store says of it; None where
    neither is known.
    """

    number: int
    etag: str
    size_bytes: int
    crc64nvme: str | None = None


@dataclass(frozen=True, slots=True)
class OpenUpload:
    """An upload that is neither complete nor aborted, as the store lists it."""

    key: str
    upload_id: str
    initiated_at: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """Where the store has an object: the bucket as a whole and the key in it, prefix and all."""

    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class PartJob:
    """Run `run` of an upload's parts (see `parts.PartPlan.runs`), for any worker to send."""

    key: str
    upload_id: str
    run: int


def count_of_parts(size_bytes: int, part_bytes: int) -> int:
    """Return how many parts of that size make an object; an empty one has one."""
    return max(1, -(-size_bytes // part_bytes))


@dataclass(frozen=True, slots=True)
class SharedUpload:
    """What the ledger says of an upload whose parts several workers send.

    `source_etag` names the instance that is copied. `part_bytes` and `run_parts` are the plan.
    `changed_at` is when a run was last counted, or its messages were last sent; before the first
    were, it lies so far before `opened_at` that the upload has stalled. `is_split`: a message for
    each run was sent. Once `ended` says how it ended, no part is counted any more.
    """

    key: str
    upload_id: str
    source_etag: str
    size_bytes: int
    part_bytes: int
    run_parts: int
    opened_at: datetime
    changed_at: datetime
    done_parts: int = 0
    done_bytes: int = 0
    is_split: bool = False
    ended: str | None = None

    @property
    def part_count(self) -> int:
        """How many parts there are to be."""
        return count_of_parts(self.size_bytes, self.part_bytes)

    @property
    def is_whole(self) -> bool:
        """Tell whether all parts are there."""
        return self.done_parts == self.part_count
