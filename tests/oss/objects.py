"""What can be asked of whole objects, and of buckets."""

import base64
import hashlib
from email.utils import format_datetime

from tests.oss.call import Call, require_match
from tests.oss.contents import Bucket, Stored, Value, md5_etag, require_key, this_second
from tests.oss.happening import Happening
from tests.oss.wire import Answer, Refused, Request, around, element, elements, xml

INSTANT = "%Y-%m-%dT%H:%M:%S.000Z"


def create_bucket(call: Call) -> Answer:
    name = call.request.bucket
    if name in call.buckets:
        raise Refused(409, "BucketAlreadyExists", "the bucket exists")
    call.buckets[name] = Bucket(name)
    return Answer()


def head_bucket(call: Call) -> Answer:
    return Answer(200 if call.bucket else 404)


def put_object(call: Call) -> Answer:
    request = call.request
    require_key(request.key)
    call.require_write()
    require_digest(request)
    stored = Stored.put(request.body, Value.of(request))
    call.store("ObjectCreated:PutObject", stored)
    return Answer(headers={"ETag": f'"{stored.etag}"'})


def copy_object(call: Call) -> Answer:
    require_key(call.request.key)
    call.require_write()
    source = call.copied()
    etag = source.etag if "-" not in source.etag else md5_etag(source.data)
    stored = Stored(source.data, etag, call.value(source.value), this_second())
    call.store("ObjectCreated:CopyObject", stored)
    return xml("CopyObjectResult", result_of_copy(stored))


def result_of_copy(copy: Stored) -> str:
    when = element("LastModified", copy.last_modified_at.strftime(INSTANT))
    return when + element("ETag", f'"{copy.etag}"')


def get_object(call: Call) -> Answer:
    """Return the object, or a range of it; HEAD's answer is the same without the bytes."""
    stored = call.bucket.current(call.request.key)
    require_match(stored, call.request.headers, "if-")
    headers = {
        **stored.value.headers,
        **{f"x-amz-meta-{name}": text for name, text in stored.value.metadata.items()},
        "ETag": f'"{stored.etag}"',
        "Last-Modified": format_datetime(stored.last_modified_at, usegmt=True),
        "Accept-Ranges": "bytes",
    }
    asked = call.request.header("range")
    if asked is None:
        return Answer(200, stored.data, headers)
    first, last = range_in(asked, len(stored.data))
    shown = f"bytes {first}-{last}/{len(stored.data)}"
    return Answer(206, stored.data[first : last + 1], {**headers, "Content-Range": shown})


def delete_object(call: Call) -> Answer:
    """Delete what is there, whatever condition the request states."""
    remove(call, call.request.key, "ObjectRemoved:DeleteObject")
    return Answer(204)


def delete_objects(call: Call) -> Answer:
    if "content-md5" not in call.request.headers:
        raise Refused(400, "MissingArgument", "Content-MD5 is missing")
    require_digest(call.request)
    keys = [entry["Key"] for entry in elements(call.request.body, "Object")]
    for key in keys:
        remove(call, key, "ObjectRemoved:DeleteObjects")
    return xml("DeleteResult", "".join(around("Deleted", element("Key", key)) for key in keys))


def remove(call: Call, key: str, name: str) -> None:
    before = call.bucket.objects.pop(key, None)
    if before is not None:
        call.tell(Happening(name, key, more_bytes=-len(before.data)))


def require_digest(request: Request) -> None:
    """Refuse a body that is not the one whose MD5 the request states."""
    stated = request.headers.get("content-md5")
    found = hashlib.md5(request.body, usedforsecurity=False).digest()
    if stated is not None and stated != base64.b64encode(found).decode():
        raise Refused(400, "InvalidDigest", "the body has another MD5")


def range_in(text: str, size_bytes: int) -> tuple[int, int]:
    """Return the first and the last byte of a Range header."""
    unit, _, named = text.partition("=")
    first, _, last = named.partition("-")
    if unit != "bytes" or not (first + last).isdecimal():
        raise Refused(400, "InvalidArgument", f"no range: {text!r}")
    begins = int(first) if first else max(0, size_bytes - int(last))
    ends = min(int(last), size_bytes - 1) if first and last else size_bytes - 1
    if begins > ends:
        raise Refused(416, "InvalidRange", "the object does not reach so far")
    return begins, ends
