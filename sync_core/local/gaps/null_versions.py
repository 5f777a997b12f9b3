"""An object that was written before versioning can be copied by its version id, `null`.

AWS: such an object has the version id null, also while no other version is kept
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/manage-versioning-examples.html).
Emulator: HEAD and GET know the id, CopyObject does so only once another version lies upon it.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from sync_core.local.gaps.seam import Seam

_SEAM = Seam("copies of null versions")
_MODULE = "services.s3"

_SOURCE = "x-amz-copy-source"
_NULL = "?versionId=null"


def install() -> None:
    """Leave the id out where the current object is the null version and has no history."""
    buckets = _SEAM.take(_MODULE, "_buckets")
    histories = _SEAM.take(_MODULE, "_object_versions")

    def is_current(path: str) -> bool:
        name, _, key = unquote(path).lstrip("/").partition("/")
        return key in buckets.get(name, {}).get("objects", {}) and not histories.get((name, key))

    def around(copy: Callable[..., Any]) -> Callable[..., Any]:
        def copied(bucket: str, key: str, headers: Mapping[str, str]) -> Any:
            source = headers.get(_SOURCE, "")
            if source.endswith(_NULL) and is_current(source.removesuffix(_NULL)):
                headers = {**headers, _SOURCE: source.removesuffix(_NULL)}
            return copy(bucket, key, headers)

        return copied

    _SEAM.wrap(_MODULE, "_copy_object", around)
