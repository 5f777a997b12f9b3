"""A delete marker on top of nothing raises an event too.

AWS: a DELETE in a versioned bucket adds a delete marker whether or not the key exists
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html), and each marker is an
`s3:ObjectRemoved:DeleteMarkerCreated`. So two services that forward each other's deletions without
looking would never come to rest.
Emulator: an event only when the marker hides an object.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sync_core.local.gaps.seam import Seam

_SEAM = Seam("events of delete markers on nothing")
_MODULE = "services.s3"


def install() -> None:
    """Raise the missing event."""
    fire = _SEAM.take(_MODULE, "_fire_s3_event_async")

    def around(record: Callable[..., str]) -> Callable[..., str]:
        def recorded(bucket: str, key: str, hidden: Mapping[str, Any] | None) -> str:
            version_id = record(bucket, key, hidden)
            if hidden is None:
                event_name = "s3:ObjectRemoved:DeleteMarkerCreated"
                fire(bucket, key, event_name, version_id=version_id)
            return version_id

        return recorded

    _SEAM.wrap(_MODULE, "_record_delete_marker", around)
