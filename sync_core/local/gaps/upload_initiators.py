"""A listing of uploads tells who has begun each of them.

AWS: `Initiator` has the ARN of the user or of the role's session
(https://docs.aws.amazon.com/AmazonS3/latest/API/API_Initiator.html).
Emulator: the number of the account.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from sync_core.local.gaps.event_records import credential_resolver
from sync_core.local.gaps.seam import Seam
from sync_core.local.gateway import caller_access_key

_SEAM = Seam("initiators of uploads")
_MODULE = "services.s3"

_INITIATOR = "initiator"
_ENTRY = re.compile(rb"(<UploadId>([^<]*)</UploadId><Initiator><ID>)[^<]*")


def install() -> None:
    """Remember who begins an upload, and say so."""
    _SEAM.wrap(_MODULE, "_create_multipart_upload", _noting_the_caller)
    _SEAM.wrap(_MODULE, "_list_multipart_uploads", _telling)


def _noting_the_caller(create: Callable[..., Any]) -> Callable[..., Any]:
    uploads = _SEAM.take(_MODULE, "_multipart_uploads")
    credential = credential_resolver()

    def created(bucket: str, key: str, headers: Mapping[str, str]) -> Any:
        before = set(uploads)
        answer = create(bucket, key, headers)
        for upload_id in set(uploads) - before:
            if caller_access_key.get():
                caller = credential(caller_access_key.get())
                uploads[upload_id][_INITIATOR] = caller.principal_arn
        return answer

    return created


def _telling(list_uploads: Callable[..., Any]) -> Callable[..., Any]:
    uploads = _SEAM.take(_MODULE, "_multipart_uploads")

    def told(entry: re.Match[bytes]) -> bytes:
        before, upload_id = entry.groups()
        arn = uploads[upload_id.decode()].get(_INITIATOR)
        return entry[0] if arn is None else before + escape(arn).encode()

    def listed(bucket: str, query: Any) -> Any:
        status, headers, body = list_uploads(bucket, query)
        return status, headers, _ENTRY.sub(told, body)

    return listed
