"""HEAD tells how many tags an object has.

AWS: `x-amz-tagging-count`, absent when there are none
(https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html).
Emulator: GET alone tells it.
"""

from collections.abc import Callable
from typing import Any

from sync_core.local.gaps.seam import Seam

_SEAM = Seam("tag count of HEAD")
_MODULE = "services.s3"


def install() -> None:
    """Add the header."""
    count = _SEAM.take(_MODULE, "_object_tagging_count_header")

    def around(head: Callable[..., Any]) -> Callable[..., Any]:
        def told(bucket: str, key: str, *rest: Any) -> Any:
            status, headers, body = head(bucket, key, *rest)
            if status in {200, 206}:
                headers.update(count(bucket, key, headers.get("x-amz-version-id")))
            return status, headers, body

        return told

    _SEAM.wrap(_MODULE, "_head_object", around)
