"""Listings of versions and of uploads encode their keys when they are asked to.

AWS: with `encoding-type=url` keys are percent-encoded, because XML cannot carry every character
(https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html).
Emulator: does so in listings of objects only; a control character makes the answer unreadable.
"""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import unescape

from sync_core.local.gaps.seam import Seam

_SEAM = Seam("encoded keys in listings of versions and uploads")
_MODULE = "services.s3"
_OK = 200

_KEYS = re.compile(rb"<(Key|Prefix|KeyMarker|NextKeyMarker)>(.*?)</\1>", re.DOTALL)


def install() -> None:
    """Encode the keys in the answer."""
    _SEAM.wrap(_MODULE, "_list_object_versions", _encoding)
    _SEAM.wrap(_MODULE, "_list_multipart_uploads", _encoding)


def _encoding(list_them: Callable[..., Any]) -> Callable[..., Any]:
    parameter = _SEAM.take(_MODULE, "_qp")

    def listed(bucket: str, query: Any) -> Any:
        status, headers, body = list_them(bucket, query)
        if status == _OK and parameter(query, "encoding-type", "") == "url":
            listing, end, name = _KEYS.sub(_encoded, body).rpartition(b"</")
            body = listing + b"<EncodingType>url</EncodingType>" + end + name
        return status, headers, body

    return listed


def _encoded(element: re.Match[bytes]) -> bytes:
    name, text = (group.decode() for group in element.groups())
    return f"<{name}>{quote(unescape(text))}</{name}>".encode()
