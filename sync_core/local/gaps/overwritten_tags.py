"""Overwriting an object takes its tags away.

AWS: tags belong to an object (to a version of it), and a new object has those of its own request
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html).
Emulator: in a bucket that keeps no versions the old object's tags stay if the new one has none.
"""

from collections.abc import Callable
from typing import Any

from sync_core.local.gaps.seam import Seam

_SEAM = Seam("tags of overwritten objects")
_MODULE = "services.s3"

# What the emulator calls the only version of an unversioned and of a suspended bucket.
_REPLACED_IN_PLACE = (None, "null")


def install() -> None:
    """Drop the tags that the write did not set."""
    for name in ("_put_object", "_copy_object", "_complete_multipart_upload"):
        _SEAM.wrap(_MODULE, name, _dropping_old_tags)


def _dropping_old_tags(write: Callable[..., Any]) -> Callable[..., Any]:
    tags = _SEAM.take(_MODULE, "_object_tags")
    buckets = _SEAM.take(_MODULE, "_buckets")

    def current(bucket: str, key: str) -> Any:
        return buckets.get(bucket, {}).get("objects", {}).get(key)

    def written(bucket: str, key: str, *rest: Any) -> Any:
        before = current(bucket, key)
        old = {version: tags.get((bucket, key, version)) for version in _REPLACED_IN_PLACE}
        answer = write(bucket, key, *rest)
        after = current(bucket, key)
        if after is not None and after is not before:
            version = after.get("version_id")
            # A write that sets tags stores a new mapping, even when it copies equal ones.
            if old.get(version) is not None and tags.get((bucket, key, version)) is old[version]:
                tags.pop((bucket, key, version))
        return answer

    return written
