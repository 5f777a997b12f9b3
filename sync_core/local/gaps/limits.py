"""Keys and metadata that are too large are refused.

AWS: a key has at most 1,024 bytes of UTF-8
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html), user metadata at most
2 KB, names and values added up
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html).
Emulator: no limit.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sync_core.local.gaps.seam import Seam
from sync_core.routing import MAX_KEY_BYTES, MAX_METADATA_BYTES

_SEAM = Seam("limits of keys and metadata")
_MODULE = "services.s3"

_PREFIX = "x-amz-meta-"


def install() -> None:
    """Refuse before anything is stored."""
    for name in ("_put_object", "_copy_object", "_create_multipart_upload"):
        _SEAM.wrap(_MODULE, name, _refusing)


def _refusing(write: Callable[..., Any]) -> Callable[..., Any]:
    error = _SEAM.take(_MODULE, "_error")

    def written(bucket: str, key: str, *rest: Any) -> Any:
        key_bytes, metadata_bytes = len(key.encode()), _metadata_bytes(rest[-1])
        if key_bytes > MAX_KEY_BYTES:
            sizes = {"Size": str(key_bytes), "MaxSizeAllowed": str(MAX_KEY_BYTES)}
            return error("KeyTooLongError", "Your key is too long", 400, extra=sizes)
        if metadata_bytes > MAX_METADATA_BYTES:
            sizes = {"Size": str(metadata_bytes), "MaxSizeAllowed": str(MAX_METADATA_BYTES)}
            message = "Your metadata headers exceed the maximum allowed metadata size"
            return error("MetadataTooLarge", message, 400, extra=sizes)
        return write(bucket, key, *rest)

    return written


def _metadata_bytes(headers: Mapping[str, str]) -> int:
    return sum(
        len(name) - len(_PREFIX) + len(value.encode())
        for name, value in headers.items()
        if name.startswith(_PREFIX)
    )
