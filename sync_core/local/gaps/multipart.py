"""Multipart uploads keep their tags and their date, and refuse parts that are too small.

AWS: `CreateMultipartUpload` takes the tags of the object to be
(https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html); the object's
Last-Modified is the date on which the upload was initiated
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html); each part but the last
has at least 5 MiB (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
Emulator: no tags, the date of completion, any size.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from sync_core.local.gaps.seam import Seam

_SEAM = Seam("multipart uploads")
_MODULE = "services.s3"

MIN_PART_BYTES = 5 * 1024 * 1024


def install() -> None:
    """Mend creation and completion."""
    _SEAM.wrap(_MODULE, "_create_multipart_upload", _remembering_tags)
    _SEAM.wrap(_MODULE, "_complete_multipart_upload", _completing)


def _remembering_tags(create: Callable[..., Any]) -> Callable[..., Any]:
    uploads = _SEAM.take(_MODULE, "_multipart_uploads")

    def created(bucket: str, key: str, headers: Mapping[str, str]) -> Any:
        before = set(uploads)
        answer = create(bucket, key, headers)
        for upload_id in set(uploads) - before:
            pairs = parse_qsl(headers.get("x-amz-tagging", ""), keep_blank_values=True)
            uploads[upload_id]["tags"] = dict(pairs)
        return answer

    return created


def _completing(complete: Callable[..., Any]) -> Callable[..., Any]:
    uploads = _SEAM.take(_MODULE, "_multipart_uploads")
    buckets = _SEAM.take(_MODULE, "_buckets")
    tags = _SEAM.take(_MODULE, "_object_tags")
    versions = _SEAM.take(_MODULE, "_object_versions")
    error = _SEAM.take(_MODULE, "_error")

    def completed(bucket: str, key: str, body: bytes, query: Any, *rest: Any) -> Any:
        upload = uploads.get(query["uploadId"][0])
        if upload is None:
            return complete(bucket, key, body, query, *rest)
        if _has_small_part(upload["parts"]):
            message = "Your proposed upload is smaller than the minimum allowed size"
            return error("EntityTooSmall", message, 400, f"/{bucket}/{key}")
        answer = complete(bucket, key, body, query, *rest)
        if answer[0] == 200:  # noqa: PLR2004 - HTTP's OK
            current = buckets[bucket]["objects"][key]
            current["last_modified"] = upload["created"]
            for version in versions.get((bucket, key), [])[-1:]:
                version["last_modified"] = upload["created"]
            if upload["tags"]:
                tags[(bucket, key, current.get("version_id"))] = upload["tags"]
        return answer

    return completed


def _has_small_part(parts: Mapping[int, Mapping[str, Any]]) -> bool:
    """Tell whether a part before the last one stored is below the minimum."""
    return any(len(parts[number]["body"]) < MIN_PART_BYTES for number in sorted(parts)[:-1])
