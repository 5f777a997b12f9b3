"""Copies that S3 makes of objects in another bucket, and of those in its archive."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sync_core.errors import Blocked, IntegrityError
from sync_core.model import ObjectVersion, Place, UploadedPart
from sync_core.storage.effects import always
from sync_core.storage.parts_protocol import Piece
from sync_core.storage.protocol import ByteRange, ObjectWrite, Written
from sync_core.storage.s3_errors import status_of, translated
from sync_core.storage.s3_headers import (
    content_parameters,
    quoted,
    range_of,
    unquoted,
    written,
)
from sync_core.storage.s3_versions import S3Versions

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CopySourceTypeDef, RestoreRequestTypeDef

# One request is under way, or there is nothing to restore (RestoreObject API reference, Errors, and
# Error responses: the storage class of an object that can be read allows no restore).
_RESTORING = ("RestoreAlreadyInProgress", "InvalidObjectState", "ObjectAlreadyInActiveTierError")


_RETRIEVAL: "RestoreRequestTypeDef" = {"GlacierJobParameters": {"Tier": "Standard"}}
_BAD_REQUEST = 400


class S3Copies(S3Versions):
    """The `SupportsPeerCopy` and `SupportsRestore` of one S3 bucket."""

    def place(self, key: str) -> Place:
        """Return where the store has a key."""
        return Place(self._bucket, key)

    def copy_from(
        self,
        source: Place,
        instance: ObjectVersion,
        write: ObjectWrite,
        replaces: ObjectVersion | None,
    ) -> Written:
        """Have S3 put the bytes of `instance`, which is at `source`, in place of `replaces`."""
        self._require_copyable(instance)
        with translated(self._call("copy", write.key, always)):
            response = self._clients().writes.copy_object(
                Bucket=self._bucket,
                Key=write.key,
                CopySource=copy_source(source, instance.version_id),
                CopySourceIfMatch=quoted(instance.etag),
                MetadataDirective="REPLACE",
                # Where the request has no tags, the copy has none.
                TaggingDirective="REPLACE",
                **content_parameters(write),
                **self._options.parameters(),
                **self._options.lock_parameters(write.lock),
                **self._digest_choice(),
                **self._condition(replaces),
            )
        return written(response["CopyObjectResult"]["ETag"], response)

    def copy_part_from(
        self, key: str, upload_id: str, part_number: int, piece: Piece
    ) -> UploadedPart:
        """Have S3 take one part from `piece`.

        Raises `Blocked` where stores of this dialect copy no parts.
        """
        if not self._dialect.has_part_copy:
            raise Blocked("copy part", key, f"{self._dialect.name} copies no parts of objects")
        where: Any = {
            "Bucket": self._bucket,
            "Key": key,
            "UploadId": upload_id,
        }
        byte_range = piece.byte_range
        what: Any = {} if byte_range is None else {"CopySourceRange": range_of(byte_range)}
        with translated(self._call("copy part", key)):
            response = self._clients().reads.upload_part_copy(
                PartNumber=part_number,
                CopySource=copy_source(piece.place, piece.version_id),
                CopySourceIfMatch=quoted(piece.etag),
                **where,
                **what,
            )
            result: Mapping[str, Any] = response.get("CopyPartResult") or {}
            if "ETag" not in result:
                # Some stores take it for an upload of a part without a body, and answer as to that.
                raise IntegrityError("copy part", key, "the answer tells of no copy")
            size_bytes = self._part_bytes(where, part_number, byte_range)
        return UploadedPart(
            part_number, unquoted(result["ETag"]), size_bytes, result.get("ChecksumCRC64NVME")
        )

    def restore(self, instance: ObjectVersion, days: int) -> None:
        """Ask for a readable copy; one that is under way, or not needed, is no error.

        What Intelligent-Tiering has archived leaves the archive for good, and to name days is an
        error (S3 control API reference, S3InitiateRestoreObjectOperation).
        """
        where: Any = {"Bucket": self._bucket, "Key": instance.key}
        if instance.version_id is not None:
            where["VersionId"] = instance.version_id
        with translated(self._call("restore", instance.key)):
            try:
                self._ask_for(where, {"Days": days, **_RETRIEVAL})
            except ClientError as error:
                is_refused = status_of(error) == _BAD_REQUEST
                if not is_refused or "ArchiveStatus" not in self._clients().reads.head_object(
                    **where
                ):
                    raise
                self._ask_for(where, _RETRIEVAL)

    def _ask_for(self, where: Mapping[str, Any], request: "RestoreRequestTypeDef") -> None:
        try:
            self._clients().reads.restore_object(RestoreRequest=request, **where)
        except ClientError as error:
            if error.response["Error"].get("Code") not in _RESTORING:
                raise

    def _require_copyable(self, source: ObjectVersion) -> None:
        most_bytes = self._dialect.part_limits.most_copy_bytes
        if source.size_bytes > most_bytes:
            cause = f"{source.size_bytes} bytes: {most_bytes} can be copied in one request"
            raise Blocked("copy", source.key, cause)

    def _part_bytes(self, where: Any, part_number: int, byte_range: ByteRange | None) -> int:
        if byte_range is not None:
            return byte_range.last - byte_range.first + 1
        # The answer to a copy does not say how much was copied.
        page = self._clients().reads.list_parts(
            PartNumberMarker=part_number - 1, MaxParts=1, **where
        )
        return page["Parts"][0]["Size"]

    def _digest_choice(self) -> dict[str, Any]:
        """Return the parameter that makes S3 compute the digest that it has of every new object."""
        return {"ChecksumAlgorithm": "CRC64NVME"} if self._dialect.has_crc64nvme else {}


def copy_source(source: Place, version_id: str | None = None) -> "CopySourceTypeDef":
    """Return how a request names what it copies; without a version the current one."""
    named: CopySourceTypeDef = {"Bucket": source.bucket, "Key": source.key}
    if version_id is not None:
        named["VersionId"] = version_id
    return named
