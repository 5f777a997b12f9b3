"""An object that was sent without a content type has S3's default.

AWS: `binary/octet-stream`
(https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html, observed on every SDK).
Emulator: `application/octet-stream`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sync_core.local.gaps.seam import Seam

_SEAM = Seam("default content type")
_MODULE = "services.s3"

DEFAULT_CONTENT_TYPE = "binary/octet-stream"


def install() -> None:
    """Fill the header in."""
    _SEAM.wrap(_MODULE, "_put_object", _with_default)
    _SEAM.wrap(_MODULE, "_create_multipart_upload", _with_default)


def _with_default(write: Callable[..., Any]) -> Callable[..., Any]:
    def written(*request: Any) -> Any:
        headers: Mapping[str, str] = request[-1]
        return write(*request[:-1], {"content-type": DEFAULT_CONTENT_TYPE, **headers})

    return written
