"""A bucket that takes objects and keeps nothing of them but their sizes, etags and headers."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count

from scripts.bench.large_http import Answer, Body, Request
from scripts.bench.large_source import MODIFIED, failed, listing, xml

_PART = re.compile(rb"<PartNumber>(\d+)</PartNumber>")
_TRAILER = re.compile(rb"x-amz-checksum-crc64nvme:([A-Za-z0-9+/=]+)")
_DIGEST = "x-amz-checksum-crc64nvme"
_KEPT = ("content-type", "content-encoding", "cache-control", "x-amz-meta-")


@dataclass(frozen=True, slots=True)
class _Part:
    size_bytes: int
    etag: str


@dataclass(frozen=True, slots=True)
class _Upload:
    key: str
    headers: Mapping[str, str]
    parts: dict[int, _Part] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Stored:
    size_bytes: int
    etag: str
    headers: Mapping[str, str]


class Sink:
    """Takes PutObject and multipart uploads. `GET /` tells the sizes by key, as JSON.

    The etag of a part is the Content-MD5 that was sent with it, which is what S3 would answer;
    without one, bytes are not hashed and the etag is any. Conditions and digests are not checked.
    """

    def __init__(self) -> None:
        self._objects: dict[str, _Stored] = {}
        self._uploads: dict[str, _Upload] = {}
        self._numbers = count(1)
        self._on_objects = {
            ("HEAD", False): self._head,
            ("GET", False): self._get,
            ("PUT", False): self._put,
            ("POST", True): self._create,
        }
        self._on_uploads = {
            "PUT": self._upload_part,
            "GET": self._list_parts,
            "POST": self._complete,
            "DELETE": self._abort,
        }

    def __call__(self, request: Request, body: Body) -> Answer:
        """Answer a request; what no client of this benchmark sends is refused."""
        if not request.key:
            return self._bucket(request)
        if "uploadId" in request.query:
            upload = self._uploads.get(request.query["uploadId"])
            if upload is None:
                return failed(404, "NoSuchUpload")
            return self._on_uploads[request.method](request, body, upload)
        handle = self._on_objects.get((request.method, "uploads" in request.query))
        return handle(request, body) if handle else failed(405, "MethodNotAllowed")

    def _bucket(self, request: Request) -> Answer:
        if request.method == "PUT":
            return Answer()
        if not request.bucket:
            sizes = {key: stored.size_bytes for key, stored in self._objects.items()}
            return Answer(body=json.dumps(sizes).encode())
        return listing(request, {key: (o.size_bytes, o.etag) for key, o in self._objects.items()})

    def _head(self, request: Request, _: Body) -> Answer:
        stored = self._objects.get(request.key)
        if stored is None:
            return Answer(404)
        headers = {**stored.headers, "ETag": f'"{stored.etag}"', "Last-Modified": MODIFIED}
        return Answer(200, headers, length=stored.size_bytes)

    def _get(self, request: Request, _: Body) -> Answer:
        if request.key in self._objects:
            return failed(405, "MethodNotAllowed")
        return failed(404, "NoSuchKey")

    def _put(self, request: Request, body: Body) -> Answer:
        body.tail()
        part = _taken(request, body, request.key)
        self._objects[request.key] = _Stored(part.size_bytes, part.etag, _kept(request))
        return Answer(200, {"ETag": f'"{part.etag}"'})

    def _create(self, request: Request, _: Body) -> Answer:
        upload_id = f"upload-{next(self._numbers)}"
        self._uploads[upload_id] = _Upload(request.key, _kept(request))
        return xml(
            f"<InitiateMultipartUploadResult><Bucket>{request.bucket}</Bucket>"
            f"<Key>{request.key}</Key><UploadId>{upload_id}</UploadId>"
            "</InitiateMultipartUploadResult>"
        )

    def _upload_part(self, request: Request, body: Body, upload: _Upload) -> Answer:
        trailer = _TRAILER.search(body.tail())
        number = request.query["partNumber"]
        part = _taken(request, body, f"{upload.key}/{number}")
        upload.parts[int(number)] = part
        digest = trailer[1].decode() if trailer else request.headers.get(_DIGEST)
        shown = {_DIGEST: digest} if digest else {}
        return Answer(200, {"ETag": f'"{part.etag}"', **shown})

    def _list_parts(self, _: Request, __: Body, upload: _Upload) -> Answer:
        entries = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>&quot;{part.etag}&quot;</ETag>"
            f"<Size>{part.size_bytes}</Size></Part>"
            for number, part in sorted(upload.parts.items())
        )
        return xml(f"<ListPartsResult><IsTruncated>false</IsTruncated>{entries}</ListPartsResult>")

    def _complete(self, request: Request, body: Body, upload: _Upload) -> Answer:
        numbers = [int(number) for number in _PART.findall(body.read())]
        if not numbers or numbers != sorted(upload.parts):
            return failed(400, "InvalidPart")
        parts = [upload.parts[number] for number in numbers]
        etag = f"{_md5(b''.join(bytes.fromhex(part.etag) for part in parts))}-{len(parts)}"
        size_bytes = sum(part.size_bytes for part in parts)
        self._objects[upload.key] = _Stored(size_bytes, etag, upload.headers)
        self._abort(request, body, upload)
        return xml(
            f"<CompleteMultipartUploadResult><Bucket>{request.bucket}</Bucket>"
            f"<Key>{upload.key}</Key><ETag>&quot;{etag}&quot;</ETag>"
            "</CompleteMultipartUploadResult>"
        )

    def _abort(self, request: Request, _: Body, __: _Upload) -> Answer:
        self._uploads.pop(request.query["uploadId"], None)
        return Answer(204)


def _taken(request: Request, body: Body, name: str) -> _Part:
    sent = request.headers.get("content-md5")
    etag = base64.b64decode(sent).hex() if sent else _md5(name.encode())
    declared = request.headers.get("x-amz-decoded-content-length", body.size_bytes)
    return _Part(int(declared), etag)


def _kept(request: Request) -> dict[str, str]:
    return {name: text for name, text in request.headers.items() if name.startswith(_KEPT)}


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
