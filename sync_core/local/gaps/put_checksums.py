"""The answer to PutObject carries the checksums that were stored.

AWS: `x-amz-checksum-<algorithm>` and `x-amz-checksum-type`
(https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html).
Emulator: only HEAD and GET carry them.
"""

from collections.abc import Callable
from typing import Any

from sync_core.local.gaps.seam import Seam

_SEAM = Seam("checksums in the answer to PutObject")
_MODULE = "services.s3"


def install() -> None:
    """Add the headers."""
    buckets = _SEAM.take(_MODULE, "_buckets")

    def around(put: Callable[..., Any]) -> Callable[..., Any]:
        def stored(bucket: str, key: str, *rest: Any) -> Any:
            status, headers, body = put(bucket, key, *rest)
            if status == 200:  # noqa: PLR2004 - HTTP's OK
                checksums = buckets[bucket]["objects"][key]["checksums"]
                for algorithm, value in checksums.items():
                    headers[f"x-amz-checksum-{algorithm.lower()}"] = value
                    headers["x-amz-checksum-type"] = "FULL_OBJECT"
            return status, headers, body

        return stored

    _SEAM.wrap(_MODULE, "_put_object", around)
