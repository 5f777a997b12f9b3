"""What lies in an archive cannot be copied before it is restored.

AWS: CopyObject answers ObjectNotInActiveTierError
(https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html, Errors), UploadPartCopy
InvalidObjectState (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).
Emulator: copies it; only GET is refused.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sync_core.local.gaps.copy_sources import source_of
from sync_core.local.gaps.seam import Seam

_SEAM = Seam("copies of archived objects")
_MODULE = "services.s3"


def install() -> None:
    """Refuse both kinds of copy."""
    _SEAM.wrap(_MODULE, "_copy_object", _refusing("ObjectNotInActiveTierError"))
    _SEAM.wrap(_MODULE, "_upload_part_copy", _refusing("InvalidObjectState"))


def _refusing(code: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    buckets = _SEAM.take(_MODULE, "_buckets")
    phase = _SEAM.take(_MODULE, "_sync_restore")
    archives = _SEAM.take(_MODULE, "_ARCHIVE_STORAGE_CLASSES")
    error = _SEAM.take(_MODULE, "_error")

    def around(copy: Callable[..., Any]) -> Callable[..., Any]:
        def copied(*request: Any) -> Any:
            headers: Mapping[str, str] = request[-1]
            name, key = source_of(headers)
            record = buckets.get(name, {}).get("objects", {}).get(key)
            is_archived = record is not None and record.get("storage_class") in archives
            if is_archived and phase(name, key, record) != "restored":
                message = "The source object is not in an active tier."
                return error(code, message, 403, f"/{name}/{key}")
            return copy(*request)

        return copied

    return around
