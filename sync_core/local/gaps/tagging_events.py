"""Changes of an object's tags raise events.

AWS: `s3:ObjectTagging:Put` and `s3:ObjectTagging:Delete`, without a sequencer
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html).
Emulator: none.
"""

from collections.abc import Callable
from typing import Any

from sync_core.local.gaps.seam import Seam

_SEAM = Seam("tagging events")
_MODULE = "services.s3"


def install() -> None:
    """Raise an event after each successful change of tags."""
    _SEAM.wrap(_MODULE, "_put_object_tagging", _announcing("s3:ObjectTagging:Put"))
    _SEAM.wrap(_MODULE, "_delete_object_tagging", _announcing("s3:ObjectTagging:Delete"))


def _announcing(event_name: str) -> Callable[..., Any]:
    fire = _SEAM.take(_MODULE, "_fire_s3_event_async")
    buckets = _SEAM.take(_MODULE, "_buckets")

    def around(change: Callable[..., Any]) -> Callable[..., Any]:
        def changed(bucket: str, key: str, *rest: Any) -> Any:
            status, headers, body = change(bucket, key, *rest)
            if status in {200, 204}:
                current = buckets[bucket]["objects"][key]
                fire(
                    bucket,
                    key,
                    event_name,
                    etag=current["etag"],
                    version_id=headers.get("x-amz-version-id"),
                )
            return status, headers, body

        return changed

    return around
