"""Objects that are written to an S3 bucket in parts."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from sync_core.errors import IntegrityError
from sync_core.model import Ability, ObjectVersion, OpenUpload, PartLimits, UploadedPart
from sync_core.parts import uniform_part_bytes
from sync_core.storage.effects import always
from sync_core.storage.exact_body import ExactBody
from sync_core.storage.protocol import ObjectWrite, Readable, Written
from sync_core.storage.s3_copies import S3Copies
from sync_core.storage.s3_errors import Gone, status_of, translated
from sync_core.storage.s3_headers import (
    content_parameters,
    md5_of,
    quoted,
    unquoted,
    written,
)
from sync_core.storage.s3_part_fields import (
    decoded_key,
    etag_of_parts,
    listed_part,
    open_upload,
    part_parameters,
    whole_digest_parameters,
)
from sync_core.storage.s3_stream import STREAM, Plain, Trailed

_PAGE_PARTS = 1000

# HEAD's answers have no body; 416 is InvalidPartNumber, 501 a store that knows no parts.
_NOT_TOLD_STATUSES = (400, 404, 405, 412, 416, 501)


class S3Parts(S3Copies):
    """The `SupportsMultipart` of one S3 bucket."""

    @property
    def part_limits(self) -> PartLimits:
        """What the store demands of parts."""
        return self._dialect.part_limits

    def uniform_part_bytes(self, instance: ObjectVersion) -> int | None:
        """Return the size of the parts of which the instance was made, if they are equal.

        Asked only of etags of objects that came in parts.
        """
        if "-" not in instance.etag:
            return None
        with translated(self._call("head part", instance.key)):
            try:
                response = self._clients().reads.head_object(
                    Bucket=self._bucket,
                    Key=instance.key,
                    PartNumber=1,
                    IfMatch=quoted(instance.etag),
                )
            except ClientError as error:
                if status_of(error) in _NOT_TOLD_STATUSES:
                    return None
                raise
        count = response.get("PartsCount")
        if not count:
            return None
        return uniform_part_bytes(instance.size_bytes, response["ContentLength"], count)

    def create_multipart_upload(self, write: ObjectWrite) -> str:
        """Begin an upload; digests of the whole content are for its end."""
        with translated(self._call("begin upload", write.key)):
            response = self._clients().reads.create_multipart_upload(
                Bucket=self._bucket,
                Key=write.key,
                **content_parameters(write),
                **self._options.parameters(),
                **self._options.lock_parameters(write.lock),
                **self._digest_choice(),
                **self._whole_digest_type(),
            )
        return response["UploadId"]

    def upload_part(
        self, key: str, upload_id: str, part_number: int, body: Readable, size_bytes: int
    ) -> UploadedPart:
        """Stream one part; its digest follows it, or else is compared with its etag."""
        exact = ExactBody(body, key, size_bytes, "upload part")
        stream = self._stream(exact, size_bytes)
        parameters: dict[str, Any] = {STREAM: stream}
        with exact, translated(self._call("upload part", key)):
            response = self._clients().writes.upload_part(
                Bucket=self._bucket,
                Key=key,
                UploadId=upload_id,
                PartNumber=part_number,
                **parameters,
            )
        crc64nvme = self._taken(key, stream, response)
        return UploadedPart(part_number, unquoted(response["ETag"]), size_bytes, crc64nvme)

    def list_parts(
        self, key: str, upload_id: str, limit: int | None = None
    ) -> Sequence[UploadedPart] | None:
        """Return the parts that the store has, by number; None: there is no such upload."""
        parts: list[UploadedPart] = []
        left = limit
        position: dict[str, Any] = {}
        while left is None or left > 0:
            try:
                page = self._parts_page(key, upload_id, left, position)
            except Gone:
                return None
            parts += map(listed_part, page.get("Parts", ()))
            # Some stores leave it out of a last page.
            if not page.get("IsTruncated"):
                break
            position = {"PartNumberMarker": page["NextPartNumberMarker"]}
            left = None if limit is None else limit - len(parts)
        return parts

    def complete_if(
        self,
        key: str,
        upload_id: str,
        parts: Sequence[UploadedPart],
        replaces: ObjectVersion | None,
        crc64nvme: str | None = None,
    ) -> Written:
        """Make the object of parts 1..n current, in place of `replaces` (None: of nothing)."""
        if Ability.COMPLETES_IF_ABSENT in self._dialect.lacks:
            self._look("complete upload", key, None if replaces is None else replaces.etag)
        condition = self._condition(replaces)
        condition |= whole_digest_parameters(crc64nvme, self._dialect)
        return self._complete(key, upload_id, parts, condition)

    def abort_multipart_upload(self, key: str, upload_id: str) -> None:
        """Throw the parts away; an unknown upload is no error."""
        try:
            with translated(self._call("abort upload", key)):
                self._clients().reads.abort_multipart_upload(
                    Bucket=self._bucket, Key=key, UploadId=upload_id
                )
        except Gone:
            return

    def open_uploads(self) -> Iterator[OpenUpload]:
        """Yield the uploads under way that one of this store's own identities has begun, by key."""
        own = {_principal(arn) for arn in self._identities()}
        if not own:
            return
        for page in self._upload_pages():
            for upload in page.get("Uploads", ()):
                if _principal(upload["Initiator"]["ID"]) in own:
                    yield open_upload(page, upload)

    def _complete(
        self, key: str, upload_id: str, parts: Sequence[UploadedPart], conditions: dict[str, Any]
    ) -> Written:
        with translated(self._call("complete upload", key, always)):
            response = self._clients().writes.complete_multipart_upload(
                Bucket=self._bucket,
                Key=key,
                UploadId=upload_id,
                MultipartUpload={"Parts": [part_parameters(part, self._dialect) for part in parts]},
                **conditions,
            )
        # Some stores have made the object, and answer without its etag.
        return written(response.get("ETag") or etag_of_parts(parts), response)

    def _parts_page(
        self, key: str, upload_id: str, left: int | None, position: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        with translated(self._call("list parts", key)):
            page = self._clients().reads.list_parts(
                Bucket=self._bucket,
                Key=key,
                UploadId=upload_id,
                MaxParts=_PAGE_PARTS if left is None else min(left, _PAGE_PARTS),
                **position,
            )
            if not page.keys() & {"IsTruncated", "UploadId"}:
                raise ResponseParserError("the answer is no listing of parts")
            return page

    def _upload_pages(self) -> Iterator[Mapping[str, Any]]:
        position: dict[str, Any] = {}
        while True:
            with translated(self._call("list uploads", "")):
                page = self._clients().reads.list_multipart_uploads(
                    Bucket=self._bucket,
                    EncodingType="url",
                    MaxUploads=self._dialect.page_keys,
                    **position,
                )
            yield page
            if not page["IsTruncated"]:
                return
            position = {
                "KeyMarker": decoded_key(page, page["NextKeyMarker"]),
                "UploadIdMarker": page["NextUploadIdMarker"],
            }

    def _whole_digest_type(self) -> dict[str, Any]:
        return {"ChecksumType": "FULL_OBJECT"} if self._dialect.has_crc64nvme else {}

    def _stream(self, exact: ExactBody, size_bytes: int) -> Trailed | Plain:
        if self._dialect.has_crc64nvme:
            return Trailed(exact, size_bytes)
        return Plain(exact, size_bytes, with_md5=self._dialect.part_etag_is_md5)

    def _taken(self, key: str, stream: Trailed | Plain, response: Mapping[str, Any]) -> str | None:
        """Return the CRC64NVME of what was sent, if known; raises when S3 has others."""
        if isinstance(stream, Trailed):
            _require_same(key, stream.crc64nvme, response.get("ChecksumCRC64NVME"))
            return stream.crc64nvme
        if stream.md5 is not None:
            _require_same(key, stream.md5, md5_of(response))
        return None


def _require_same(key: str, sent: str | None, stored: str | None) -> None:
    if stored is not None and stored != sent:
        raise IntegrityError("upload part", key, f"sent {sent}, and the store has {stored}")


def _principal(arn: str) -> str:
    """Return whose credentials they are: a role and all of its sessions are one.

    A session is arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION, without the path that its role
    arn:aws:iam::ACCOUNT:role/PATH/NAME may have (IAM user guide, IAM identifiers).
    """
    if ":assumed-role/" in arn:
        return arn.rpartition("/")[0]
    account, is_role, path = arn.partition(":role/")
    if not is_role:
        return arn
    return f"{account.replace(':iam:', ':sts:')}:assumed-role/{path.rpartition('/')[2]}"
