"""A listing of versions encodes its keys when it is asked to.

AWS: with `encoding-type=url` keys are percent-encoded, because XML cannot carry every character
(https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html).
Emulator: does so in listings of objects only; a control character makes the answer unreadable.
"""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import unescape

from sync_core.local.gaps.seam import Seam

_SEAM = Seam("encoded keys in listings of versions")
_MODULE = "services.s3"

_KEYS = re.compile(rb"<(Key|Prefix|KeyMarker|NextKeyMarker)>(.*?)</\1>", re.DOTALL)
_END = b"</ListVersionsResult>"


def install() -> None:
    """Encode the keys in the answer."""
    parameter = _SEAM.take(_MODULE, "_qp")

    def around(list_versions: Callable[..., Any]) -> Callable[..., Any]:
        def listed(bucket: str, query: Any) -> Any:
            status, headers, body = list_versions(bucket, query)
            if parameter(query, "encoding-type", "") == "url":
                body = _KEYS.sub(_encoded, body)
                body = body.replace(_END, b"<EncodingType>url</EncodingType>" + _END)
            return status, headers, body

        return listed

    _SEAM.wrap(_MODULE, "_list_object_versions", around)


def _encoded(element: re.Match[bytes]) -> bytes:
    name, text = (group.decode() for group in element.groups())
    return f"<{name}>{quote(unescape(text))}</{name}>".encode()
