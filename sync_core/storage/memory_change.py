"""What is told of a change to a bucket in memory."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ChangeRecord:
    """One change, with what an S3 event record says of it.

    `event_name` is such as `ObjectCreated:Put`; `principal_id` that of the store that made the
    change; `etag` and `sequencer` are None where S3 leaves them out; `at` is the bucket's clock.
    `version_id` is None for a null version.
    """

    event_name: str
    bucket: str
    key: str
    principal_id: str
    at: datetime
    size_bytes: int = 0
    etag: str | None = None
    sequencer: str | None = None
    version_id: str | None = None
