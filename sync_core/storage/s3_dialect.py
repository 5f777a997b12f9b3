"""What a dialect changes in what boto3 sends and gets; Amazon S3's changes nothing."""

import base64
import hashlib
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from sync_core.model import Ability
from sync_core.storage.dialects import Dialect

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_LISTINGS = ("ListObjects", "ListObjectsV2", "ListObjectVersions", "ListMultipartUploads")
_READS = ("GetObject", "HeadObject")
_WRITES = ("PutObject", "CopyObject", "CompleteMultipartUpload", "DeleteObject")

# The operations of `S3ObjectStore` for which S3 demands a digest (their models in botocore:
# httpChecksum, requestChecksumRequired).
_NEED_DIGEST = ("PutObjectTagging",)
_DIGESTS = ("x-amz-checksum-", "x-amz-sdk-checksum-")


def speak(client: "S3Client", dialect: Dialect) -> None:
    """Let the client send what stores of this dialect understand."""
    if not dialect.encodes_listings:
        # Last of all: botocore asks for the encoding wherever nobody else did.
        _before(client, "before-parameter-build", _LISTINGS, _ask_for_plain_keys)
    if not dialect.quotes_conditions:
        _before(client, "before-parameter-build", _WRITES, _take_quotes_off)
    if dialect.create_header is not None:
        name, value = dialect.create_header
        _before(client, "before-call", _WRITES, partial(_say_create, name, value))
    if dialect.needs_content_md5:
        _before(client, "before-sign", _NEED_DIGEST, _send_content_md5)
    if dialect.decodes_gzip:
        _before(client, "before-send", _READS, _take_gzip)
        _before(client, "after-call", _READS, _show_stored_size)
    if Ability.IS_VERSIONED in dialect.lacks:
        client.meta.events.register("after-call.s3", _hide_version)


def _before(
    client: "S3Client", event: str, operations: tuple[str, ...], hook: Callable[..., None]
) -> None:
    for operation in operations:
        client.meta.events.register_last(f"{event}.s3.{operation}", hook)


def _ask_for_plain_keys(params: dict[str, Any], **_: Any) -> None:
    params.pop("EncodingType", None)


def _take_quotes_off(params: dict[str, Any], **_: Any) -> None:
    if "IfMatch" in params:
        params["IfMatch"] = params["IfMatch"].strip('"')


def _say_create(name: str, value: str, params: dict[str, Any], **_: Any) -> None:
    if params["headers"].pop("If-None-Match", None) is not None:
        params["headers"][name] = value


def _send_content_md5(request: Any, **_: Any) -> None:
    for name in list(request.headers.keys()):
        if name.lower().startswith(_DIGESTS):
            del request.headers[name]
    digest = hashlib.md5(request.data, usedforsecurity=False).digest()
    # A request that is repeated is signed again, and a header that is set again is there twice.
    del request.headers["Content-MD5"]
    request.headers["Content-MD5"] = base64.b64encode(digest).decode()


def _hide_version(parsed: dict[str, Any], **_: Any) -> None:
    """Take the id off that a bucket may show whose history cannot be asked for."""
    parsed.pop("VersionId", None)


def _take_gzip(request: Any, **_: Any) -> None:
    """Say it once all is signed: on its way to the store this header may change."""
    request.headers["Accept-Encoding"] = "gzip"


def _show_stored_size(parsed: dict[str, Any], **_: Any) -> None:
    """Show the size of what comes without a length, as what is stored as gzip may."""
    headers = parsed["ResponseMetadata"]["HTTPHeaders"]
    if "ContentLength" not in parsed and "x-goog-stored-content-length" in headers:
        parsed["ContentLength"] = int(headers["x-goog-stored-content-length"])
