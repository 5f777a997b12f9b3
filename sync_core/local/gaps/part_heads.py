"""HEAD tells of one part of an object, if it is asked to.

AWS: with `partNumber` the answer is a 206 with the part's Content-Length and Content-Range and, of
an object that came in parts, their number in `x-amz-mp-parts-count`
(https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html); an object that was put in one
is its own part 1. Another number is answered by 416.
Emulator: so does GET; HEAD always tells of the whole object.
"""

from collections.abc import Callable, Sequence
from typing import Any

from sync_core.local.gaps.seam import Seam

_SEAM = Seam("HEAD of a part")
_MODULE = "services.s3"


def install() -> None:
    """Answer for one part."""
    buckets = _SEAM.take(_MODULE, "_buckets")
    parameter = _SEAM.take(_MODULE, "_qp")

    def around(head: Callable[..., Any]) -> Callable[..., Any]:
        def told(bucket: str, key: str, headers: Any, query: Any) -> Any:
            status, answered, body = head(bucket, key, headers, query)
            number = parameter(query, "partNumber", "")
            is_current = not parameter(query, "versionId", "")
            if status != 200 or not number or not is_current:  # noqa: PLR2004 - HTTP's OK
                return status, answered, body
            return _told_of_part(answered, buckets[bucket]["objects"][key], int(number), body)

        return told

    _SEAM.wrap(_MODULE, "_head_object", around)


def _told_of_part(answered: dict[str, str], record: Any, number: int, body: bytes) -> Any:
    parts: Sequence[Any] = record.get("parts") or [{"PartNumber": 1, "Size": record["size"]}]
    before = 0
    for part in parts:
        if part["PartNumber"] == number:
            last = max(0, before + part["Size"] - 1)
            answered["Content-Length"] = str(part["Size"])
            answered["Content-Range"] = f"bytes {before}-{last}/{record['size']}"
            if record.get("parts"):
                answered["x-amz-mp-parts-count"] = str(len(parts))
            return 206, answered, body
        before += part["Size"]
    return 416, {"Content-Type": "application/xml"}, b""
