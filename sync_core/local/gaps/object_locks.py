"""Copies and multipart uploads lock their objects as their requests say.

AWS: CopyObject and CreateMultipartUpload take the headers of Object Lock as PutObject does; a copy
has no lock of its source (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html).
Emulator: only PutObject; a copy has the lock of its source.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sync_core.local.gaps.seam import Seam

_SEAM = Seam("locks of copies and multipart uploads")
_MODULE = "services.s3"

_LOCK = "lock"
_HEADERS = "x-amz-object-lock-"
_OK = 200


def install() -> None:
    """Lock what was written, once it is there."""
    _SEAM.wrap(_MODULE, "_copy_object", _locking_copies)
    _SEAM.wrap(_MODULE, "_create_multipart_upload", _remembering)
    _SEAM.wrap(_MODULE, "_complete_multipart_upload", _locking_uploads)


def _locking_copies(copy: Callable[..., Any]) -> Callable[..., Any]:
    lock = _locker()

    def copied(bucket: str, key: str, headers: Mapping[str, str]) -> Any:
        answer = copy(bucket, key, headers)
        if answer[0] == _OK:
            lock(bucket, key, headers)
        return answer

    return copied


def _remembering(create: Callable[..., Any]) -> Callable[..., Any]:
    uploads = _SEAM.take(_MODULE, "_multipart_uploads")

    def created(bucket: str, key: str, headers: Mapping[str, str]) -> Any:
        before = set(uploads)
        answer = create(bucket, key, headers)
        named = {name: headers[name] for name in headers if name.startswith(_HEADERS)}
        for upload_id in set(uploads) - before:
            uploads[upload_id][_LOCK] = named
        return answer

    return created


def _locking_uploads(complete: Callable[..., Any]) -> Callable[..., Any]:
    uploads = _SEAM.take(_MODULE, "_multipart_uploads")
    lock = _locker()

    def completed(bucket: str, key: str, body: bytes, query: Any, *rest: Any) -> Any:
        upload = uploads.get(query["uploadId"][0])
        answer = complete(bucket, key, body, query, *rest)
        if upload is not None and answer[0] == _OK:
            lock(bucket, key, upload[_LOCK])
        return answer

    return completed


def _locker() -> Callable[[str, str, Mapping[str, str]], None]:
    apply = _SEAM.take(_MODULE, "_apply_object_lock_from_headers")
    tables = [_SEAM.take(_MODULE, name) for name in ("_object_retention", "_object_legal_hold")]
    buckets = _SEAM.take(_MODULE, "_buckets")

    def lock(bucket: str, key: str, headers: Mapping[str, str]) -> None:
        version_id = buckets[bucket]["objects"][key].get("version_id")
        for table in tables:
            table.pop((bucket, key, version_id), None)
        apply(bucket, key, headers, version_id)

    return lock
