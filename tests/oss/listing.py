"""Listings of a bucket's objects, ListObjects and ListObjectsV2, in the order of UTF-8 bytes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from tests.oss.call import Call
from tests.oss.contents import Bucket, Stored
from tests.oss.objects import INSTANT
from tests.oss.wire import Answer, around, element, xml

Shown = Callable[[str], str]
"""How a key is written."""


@dataclass(frozen=True)
class Page:
    """So many entries: keys, or prefixes of several up to a delimiter; whether more follow."""

    entries: tuple[str, ...]
    more: bool


def list_objects(call: Call) -> Answer:
    query, bucket = call.request.query, call.bucket
    is_v2 = query.get("list-type") == "2"
    marker = query.get("marker", "")
    if is_v2:
        marker = query.get("continuation-token") or query.get("start-after", "")
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    limit = min(call.request.number("max-keys", 1000), 1000)
    page = _page(_entries(bucket, prefix, delimiter), marker, limit)
    shown: Shown = _url_encoded if query.get("encoding-type") == "url" else str
    inner = element("Name", bucket.name) + element("Prefix", shown(prefix))
    inner += element("MaxKeys", limit) + element("IsTruncated", "true" if page.more else "false")
    if "encoding-type" in query:
        inner += element("EncodingType", query["encoding-type"])
    if is_v2:
        inner += element("KeyCount", len(page.entries))
    if page.more:
        last = page.entries[-1]
        # A token is taken back as it is; a marker is a key, and shown as keys are.
        inner += element("NextContinuationToken", last) if is_v2 else ""
        inner += "" if is_v2 else element("NextMarker", shown(last))
    inner += "".join(_listed(bucket.objects.get(each), each, shown) for each in page.entries)
    return xml("ListBucketResult", inner)


def _entries(bucket: Bucket, prefix: str, delimiter: str) -> Iterator[str]:
    """Yield keys, and once each the prefixes that end with the delimiter."""
    seen = ""
    for key in sorted(bucket.objects, key=str.encode):
        if not key.startswith(prefix):
            continue
        head, found, _ = (
            key.removeprefix(prefix).partition(delimiter) if delimiter else (key, "", "")
        )
        entry = prefix + head + delimiter if found else key
        if not found or entry != seen:
            yield entry
        seen = entry if found else seen


def _page(entries: Iterator[str], marker: str, limit: int) -> Page:
    behind = [each for each in entries if each.encode() > marker.encode()]
    return Page(tuple(behind[:limit]), len(behind) > limit > 0)


def _url_encoded(text: str) -> str:
    return quote(text, safe="/")


def _listed(stored: Stored | None, entry: str, shown: Shown) -> str:
    if stored is None:
        return around("CommonPrefixes", element("Prefix", shown(entry)))
    inner = element("Key", shown(entry)) + element("ETag", f'"{stored.etag}"')
    inner += element("LastModified", stored.last_modified_at.strftime(INSTANT))
    inner += element("Size", len(stored.data)) + element("StorageClass", "Standard")
    return around("Contents", inner)
