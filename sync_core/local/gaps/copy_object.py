"""Copies obey conditions on their destination, and REPLACE replaces all metadata.

AWS: `If-Match` and `If-None-Match` of CopyObject are conditions on the destination; with the
metadata directive REPLACE nothing of the source's metadata remains; the storage class is STANDARD
unless named; a copy of an object that came in parts is in one, with the etag of such an object
(https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html).
Emulator: ignores the conditions, and keeps content type, encoding, storage class and etag.
"""

import hashlib
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
    in_one = _making_one()

    def around(copy: Callable[..., Any]) -> Callable[..., Any]:
        def copied(bucket: str, key: str, headers: Mapping[str, str]) -> Any:
            destination = buckets.get(bucket, {}).get("objects", {}).get(key)
            refused = check(headers, destination)
            return refused or in_one(copy(bucket, key, _completed(headers)), bucket, key)

        return copied

    _SEAM.wrap(_MODULE, "_copy_object", around)


def _making_one() -> Callable[[Any, str, str], Any]:
    buckets = _SEAM.take(_MODULE, "_buckets")
    histories = _SEAM.take(_MODULE, "_object_versions")
    content = _SEAM.take(_MODULE, "_read_body")

    def in_one(answer: Any, bucket: str, key: str) -> Any:
        status, headers, body = answer
        record = buckets[bucket]["objects"][key] if status == 200 else {"etag": ""}  # noqa: PLR2004 - HTTP's OK
        old: str = record["etag"]
        if "-" not in old:
            return answer
        digest = hashlib.md5(content(bucket, key, record), usedforsecurity=False).hexdigest()
        for each in (record, *histories.get((bucket, key), [])[-1:]):
            each["etag"] = f'"{digest}"'
        return status, headers, body.replace(old.strip('"').encode(), digest.encode())

    return in_one


def _completed(headers: Mapping[str, str]) -> dict[str, str]:
    completed = {"x-amz-storage-class": "STANDARD", **headers}
    if headers.get("x-amz-metadata-directive", "").upper() == "REPLACE":
        # An empty encoding is stored as given and not sent to readers.
        completed.setdefault("content-encoding", "")
        completed.setdefault("content-type", DEFAULT_CONTENT_TYPE)
    return completed
