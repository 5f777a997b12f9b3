"""An object that was sent without a checksum has one nevertheless.

AWS: S3 computes the CRC-64/NVME of the whole object and keeps it
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html).
Emulator: no checksum. Here it is computed when it is first asked for.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from sync_core.local.gaps.seam import Seam

_SEAM = Seam("checksums of objects sent without one")
_MODULE = "services.s3"

_Found = tuple[dict[str, Any], Callable[[], bytes]]


def install() -> None:
    """Compute the checksum before it is read."""
    _SEAM.wrap(_MODULE, "_head_object", _with_checksum)
    _SEAM.wrap(_MODULE, "_get_object", _with_checksum)


def _with_checksum(read: Callable[..., Any]) -> Callable[..., Any]:
    found = _finder()
    compute = _SEAM.take(_MODULE, "_compute_s3_checksum")

    def answered(bucket: str, key: str, headers: Any, query: Any) -> Any:
        if headers.get("x-amz-checksum-mode", "").upper() == "ENABLED":
            for record, content in found(bucket, key, query):
                if not record["checksums"]:
                    record["checksums"] = {"CRC64NVME": compute("CRC64NVME", content())}
        return read(bucket, key, headers, query)

    return answered


def _finder() -> Callable[..., Iterator[_Found]]:
    """Return a function that yields the current object and the version that is asked for."""
    buckets = _SEAM.take(_MODULE, "_buckets")
    histories = _SEAM.take(_MODULE, "_object_versions")
    current_content = _SEAM.take(_MODULE, "_read_body")
    version_content = _SEAM.take(_MODULE, "_version_body")
    parameter = _SEAM.take(_MODULE, "_qp")

    def found(name: str, key: str, query: Any) -> Iterator[_Found]:
        bucket = buckets.get(name, {"objects": {}})
        if key in bucket["objects"]:
            current = bucket["objects"][key]
            yield current, partial(current_content, name, key, current)
        version_id = parameter(query, "versionId", "")
        for version in histories.get((name, key), ()):
            if version["version_id"] == version_id and not version.get("is_delete_marker"):
                yield version, partial(version_content, bucket, name, key, version)

    return found
