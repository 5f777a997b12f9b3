"""Copies obey conditions on their destination, and REPLACE replaces all metadata.

AWS: `If-Match` and `If-None-Match` of CopyObject are conditions on the destination; with the
metadata directive REPLACE nothing of the source's metadata remains; the storage class is STANDARD
unless named (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html).
Emulator: ignores the conditions, keeps content type and encoding, and keeps the storage class.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sync_core.local.gaps.content_type import DEFAULT_CONTENT_TYPE
from sync_core.local.gaps.seam import Seam

_SEAM = Seam("conditions and directives of copies")
_MODULE = "services.s3"


def install() -> None:
    """Check the conditions and complete the headers before the emulator copies."""
    check = _SEAM.take(_MODULE, "_check_put_preconditions")
    buckets = _SEAM.take(_MODULE, "_buckets")

    def around(copy: Callable[..., Any]) -> Callable[..., Any]:
        def copied(bucket: str, key: str, headers: Mapping[str, str]) -> Any:
            destination = buckets.get(bucket, {}).get("objects", {}).get(key)
            return check(headers, destination) or copy(bucket, key, _completed(headers))

        return copied

    _SEAM.wrap(_MODULE, "_copy_object", around)


def _completed(headers: Mapping[str, str]) -> dict[str, str]:
    completed = {"x-amz-storage-class": "STANDARD", **headers}
    if headers.get("x-amz-metadata-directive", "").upper() == "REPLACE":
        # An empty encoding is stored as given and not sent to readers.
        completed.setdefault("content-encoding", "")
        completed.setdefault("content-type", DEFAULT_CONTENT_TYPE)
    return completed
