"""Objects in parts: 100 KB for each but the last, up to 10,000, and an event at every step."""

import secrets

from tests.oss.call import Call
from tests.oss.contents import Part, Stored, Upload, Value, md5_etag, require_key, this_second
from tests.oss.happening import Happening
from tests.oss.objects import INSTANT, range_in, require_digest, result_of_copy
from tests.oss.wire import Answer, Refused, around, element, elements, xml

MIN_PART_BYTES = 100 * 1024
_MOST_PARTS = 10_000


def initiate_multipart_upload(call: Call) -> Answer:
    key = call.request.key
    require_key(key)
    call.require_write()
    upload_id, value = secrets.token_hex(16).upper(), Value.of(call.request)
    call.bucket.uploads[upload_id] = Upload(key, value)
    call.tell(Happening("ObjectCreated:InitiateMultipartUpload", key, value=value))
    inner = element("Bucket", call.bucket.name) + element("Key", key)
    return xml("InitiateMultipartUploadResult", inner + element("UploadId", upload_id))


def upload_part(call: Call) -> Answer:
    require_digest(call.request)
    part = _keep(call, "ObjectCreated:UploadPart", call.request.body)
    return Answer(headers={"ETag": f'"{part.etag}"'})


def upload_part_copy(call: Call) -> Answer:
    source = call.copied()
    asked = call.request.header("x-amz-copy-source-range")
    first, last = range_in(asked, len(source.data)) if asked else (0, len(source.data))
    part = _keep(call, "ObjectCreated:UploadPartCopy", source.data[first : last + 1])
    copy = Stored(b"", part.etag, source.value, part.last_modified_at)
    return xml("CopyPartResult", result_of_copy(copy))


def list_parts(call: Call) -> Answer:
    upload_id, after = call.request.query["uploadId"], call.request.number("part-number-marker", 0)
    found = call.bucket.upload(call.request.key, upload_id).parts
    limit = min(call.request.number("max-parts", 1000), 1000)
    behind = [number for number in sorted(found) if number > after]
    page = behind[:limit]
    inner = element("UploadId", upload_id) + element("Key", call.request.key)
    inner += element("IsTruncated", "true" if len(behind) > len(page) else "false")
    inner += element("NextPartNumberMarker", page[-1] if page else after)
    inner += "".join(around("Part", _listed(number, found[number])) for number in page)
    return xml("ListPartsResult", inner)


def complete_multipart_upload(call: Call) -> Answer:
    request, upload_id = call.request, call.request.query["uploadId"]
    upload = call.bucket.upload(request.key, upload_id)
    call.require_write()
    parts = _chosen(upload, elements(request.body, "Part"))
    # Not S3's way, and no MD5 of the content either.
    etag = f"{md5_etag(''.join(part.etag for part in parts).encode())}-{len(parts)}"
    data = b"".join(part.data for part in parts)
    del call.bucket.uploads[upload_id]
    stored = Stored(data, etag, upload.value, this_second())
    call.store("ObjectCreated:CompleteMultipartUpload", stored)
    inner = element("Bucket", call.bucket.name) + element("Key", request.key)
    return xml("CompleteMultipartUploadResult", inner + element("ETag", f'"{etag}"'))


def abort_multipart_upload(call: Call) -> Answer:
    """Throw the parts away; the event's name says removed, and no object is."""
    key, upload_id = call.request.key, call.request.query["uploadId"]
    call.bucket.upload(key, upload_id)
    del call.bucket.uploads[upload_id]
    call.tell(Happening("ObjectRemoved:AbortMultipartUpload", key))
    return Answer(204)


def _keep(call: Call, name: str, data: bytes) -> Part:
    number = call.request.number("partNumber", 0)
    if not 1 <= number <= _MOST_PARTS:
        raise Refused(400, "InvalidArgument", "no number of a part")
    upload = call.bucket.upload(call.request.key, call.request.query["uploadId"])
    part = upload.parts[number] = Part(data, md5_etag(data), this_second())
    size_bytes = len(data)
    call.tell(Happening(name, upload.key, part.etag, size_bytes, size_bytes, upload.value))
    return part


def _listed(number: int, part: Part) -> str:
    inner = element("PartNumber", number) + element("ETag", f'"{part.etag}"')
    inner += element("LastModified", part.last_modified_at.strftime(INSTANT))
    return inner + element("Size", len(part.data))


def _chosen(upload: Upload, named: list[dict[str, str]]) -> list[Part]:
    """Return the parts that a completion names, in ascending order, each as it was taken."""
    numbers = [int(each["PartNumber"]) for each in named]
    if not numbers:
        raise Refused(400, "MalformedXML", "no parts")
    if numbers != sorted(set(numbers)):
        raise Refused(400, "InvalidPartOrder", "parts are not in ascending order")
    chosen = []
    for number, each in zip(numbers, named, strict=True):
        part = upload.parts.get(number)
        if part is None or part.etag != each["ETag"].strip('"'):
            raise Refused(400, "InvalidPart", f"part {number} was not sent like this")
        chosen.append(part)
    if any(len(part.data) < MIN_PART_BYTES for part in chosen[:-1]):
        raise Refused(400, "EntityTooSmall", "a part of less than 100 KB that is not the last")
    return chosen
