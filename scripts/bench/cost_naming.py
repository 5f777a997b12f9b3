"""The name that AWS gives to a request, from what went over the wire. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl


class Unnamed(Exception):
    """A request of which it cannot be told what it is, or who sent it."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer.

    `service` and `access_key_id` are as signed; header names are in lower case. Bodies are kept of
    all services but S3; `sent_bytes` is the size of any request's body.
    """

    access_key_id: str
    service: str
    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    request: bytes = b""
    answer: bytes = b""
    status: int = 200
    sent_bytes: int = 0


# What chooses no operation (S3 API reference, 2025; x-id repeats the operation's own name).
_S3_PARAMETERS = frozenset(
    {"continuation-token", "delimiter", "encoding-type", "fetch-owner", "key-marker", "list-type"}
    | {"max-keys", "max-parts", "max-uploads", "part-number-marker", "prefix", "start-after"}
    | {"upload-id-marker", "version-id-marker", "versionId", "x-id"}
)
_OBJECT, _BUCKET, _COPY = "object", "bucket", "copy"
_S3_OPERATIONS = {
    ("GET", _OBJECT, ""): "GetObject",
    ("GET", _OBJECT, "tagging"): "GetObjectTagging",
    ("GET", _OBJECT, "uploadId"): "ListParts",
    ("HEAD", _OBJECT, ""): "HeadObject",
    ("PUT", _OBJECT, ""): "PutObject",
    ("PUT", _COPY, ""): "CopyObject",
    ("PUT", _OBJECT, "tagging"): "PutObjectTagging",
    ("PUT", _OBJECT, "partNumber uploadId"): "UploadPart",
    ("PUT", _COPY, "partNumber uploadId"): "UploadPartCopy",
    ("POST", _OBJECT, "uploads"): "CreateMultipartUpload",
    ("POST", _OBJECT, "uploadId"): "CompleteMultipartUpload",
    ("DELETE", _OBJECT, ""): "DeleteObject",
    ("DELETE", _OBJECT, "tagging"): "DeleteObjectTagging",
    ("DELETE", _OBJECT, "uploadId"): "AbortMultipartUpload",
    ("GET", _BUCKET, "versioning"): "GetBucketVersioning",
    ("GET", _BUCKET, "versions"): "ListObjectVersions",
    ("GET", _BUCKET, "uploads"): "ListMultipartUploads",
    ("HEAD", _BUCKET, ""): "HeadBucket",
    ("POST", _BUCKET, "delete"): "DeleteObjects",
}


def operation_of(exchange: Exchange) -> str:
    """Return the operation's name; raises `Unnamed` where there is any doubt."""
    if exchange.service == "s3":
        return _s3_operation(exchange)
    _, _, name = exchange.headers.get("x-amz-target", "").rpartition(".")
    fields = dict(parse_qsl(exchange.request.decode(errors="replace"))) if not name else {}
    name = name or fields.get("Action", "")
    if not name:
        raise Unnamed(f"no operation: {exchange.service} {exchange.method} {exchange.path}")
    return name


def _s3_operation(exchange: Exchange) -> str:
    bucket, _, key = exchange.path.lstrip("/").partition("/")
    given = {name for name, _ in parse_qsl(exchange.query, keep_blank_values=True)}
    chosen = " ".join(sorted(given - _S3_PARAMETERS))
    what = _OBJECT if key else _BUCKET
    if key and "x-amz-copy-source" in exchange.headers:
        what = _COPY
    if (exchange.method, what, chosen) == ("GET", _BUCKET, "") and "list-type" in given:
        return "ListObjectsV2"
    name = _S3_OPERATIONS.get((exchange.method, what, chosen)) if bucket else None
    if name is None:
        raise Unnamed(f"no operation: s3 {exchange.method} a {what} with {chosen or 'nothing'!r}")
    return name
