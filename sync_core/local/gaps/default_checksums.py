"""An object that was sent without a checksum has one nevertheless.

AWS: S3 computes the CRC-64/NVME of the whole object and keeps it
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html).
Emulator: no checksum. Here it is computed when it is first asked for, and only of objects up to
1 MiB: in Python a MiB takes a fifth of a second, in which the emulator does nothing else. Larger
ones are like objects that are older than this feature of S3.
"""

from collections.abc import Callable
from typing import Any

from sync_core.local.gaps.seam import Seam

_SEAM = Seam("checksums of objects sent without one")
_MODULE = "services.s3"

MAX_OBJECT_BYTES = 1024 * 1024


def install() -> None:
    """Compute the checksum before it is read."""
    _SEAM.wrap(_MODULE, "_head_object", _with_checksum)
    _SEAM.wrap(_MODULE, "_get_object", _with_checksum)


def _with_checksum(read: Callable[..., Any]) -> Callable[..., Any]:
    buckets = _SEAM.take(_MODULE, "_buckets")
    content = _SEAM.take(_MODULE, "_read_body")
    compute = _SEAM.take(_MODULE, "_compute_s3_checksum")

    def complete(bucket: str, key: str) -> None:
        found = buckets.get(bucket, {}).get("objects", {}).get(key)
        if found is not None and not found["checksums"] and found["size"] <= MAX_OBJECT_BYTES:
            value = compute("CRC64NVME", content(bucket, key, found))
            found["checksums"] = {"CRC64NVME": value}

    def answered(bucket: str, key: str, headers: Any, *rest: Any) -> Any:
        if headers.get("x-amz-checksum-mode", "").upper() == "ENABLED":
            complete(bucket, key)
        return read(bucket, key, headers, *rest)

    return answered
