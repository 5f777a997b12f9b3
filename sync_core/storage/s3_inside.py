"""Copies that S3 makes inside one bucket, of objects of any size."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sync_core.errors import Blocked
from sync_core.model import Ability, ObjectVersion, UploadedPart
from sync_core.parts import plan_parts
from sync_core.storage.effects import always
from sync_core.storage.parts_protocol import Piece, aborted_on_failure
from sync_core.storage.protocol import ByteRange, ObjectWrite, Written
from sync_core.storage.s3_copies import copy_source
from sync_core.storage.s3_errors import translated
from sync_core.storage.s3_headers import quoted, replacement_parameters, written
from sync_core.storage.s3_parts import S3Parts
from sync_core.storage.s3_versions import NULL_VERSION

_PART_BYTES = 1024**3
_PARTS_AT_ONCE = 8


class S3Inside(S3Parts):
    """The `SupportsServerSideCopy` of one S3 bucket, and copies of its versions."""

    def copy_if(self, source: ObjectVersion, destination_key: str) -> Written:
        """Copy `source` inside the bucket, without the marker, in parts where that is demanded.

        Raises `Blocked` for an object that has to be copied in parts where stores of this dialect
        copy none, and `Ambiguous` as `put` does; to repeat it is harmless.
        """
        return self._copy(source, destination_key, None)

    def copy_version(self, source: ObjectVersion, destination_key: str) -> Written:
        """Copy a version, current or not, without the marker; errors as `copy_if`.

        The version's etag is a condition, because a null version may have been replaced.
        """
        return self._copy(source, destination_key, source.version_id or NULL_VERSION)

    def _tags(self, key: str, version: Mapping[str, Any]) -> dict[str, str]:
        with translated(self._call("read tags", key)):
            response = self._clients().reads.get_object_tagging(
                Bucket=self._bucket, Key=key, **version
            )
        return {tag["Key"]: tag["Value"] for tag in response.get("TagSet") or ()}

    def _copy(self, source: ObjectVersion, destination_key: str, version_id: str | None) -> Written:
        self._require_current(source, version_id)
        if source.size_bytes > self.part_limits.most_copy_bytes:
            return self._copy_in_parts(source, destination_key, version_id)
        with translated(self._call("copy", source.key, always)):
            response = self._clients().writes.copy_object(
                Bucket=self._bucket,
                Key=destination_key,
                CopySource=copy_source(self.place(source.key), version_id),
                CopySourceIfMatch=quoted(source.etag),
                **replacement_parameters(source),
                **self._options.parameters(),
            )
        return written(response["CopyObjectResult"]["ETag"], response)

    def _copy_in_parts(
        self, source: ObjectVersion, destination_key: str, version_id: str | None
    ) -> Written:
        if not self._dialect.has_part_copy or Ability.HAS_PARTS in self._dialect.lacks:
            cause = (
                f"stores of the dialect {self._dialect.name} do not copy {source.size_bytes} bytes"
            )
            raise Blocked("copy", source.key, cause)
        limits = self.part_limits
        plan = plan_parts(source.size_bytes, limits, min(_PART_BYTES, limits.most_copy_bytes))
        upload_id = self.create_multipart_upload(self._copy_of(source, destination_key, version_id))
        place = self.place(source.key)

        def copy(number: int) -> UploadedPart:
            first, size_bytes = plan.span(number)
            byte_range = ByteRange(first, first + size_bytes - 1)
            piece = Piece(place, source.etag, byte_range, version_id)
            return self.copy_part_from(destination_key, upload_id, number, piece)

        with aborted_on_failure(self, destination_key, upload_id):
            with ThreadPoolExecutor(_PARTS_AT_ONCE, thread_name_prefix="copy") as executor:
                parts = list(executor.map(copy, plan.numbers))
            self._require_current(source, version_id)
            return self._complete(destination_key, upload_id, parts, {})

    def _require_current(self, source: ObjectVersion, version_id: str | None) -> None:
        """Look where the store's copies heed no condition; a version of its own cannot change."""
        if version_id is None and Ability.COPIES_IF_MATCH in self._dialect.lacks:
            self._look("copy", source.key, source.etag)

    def _copy_of(
        self, source: ObjectVersion, destination_key: str, version_id: str | None
    ) -> ObjectWrite:
        """Return what the copy is begun with; the parts bring nothing but bytes."""
        has_tags = Ability.HAS_TAGS not in self._dialect.lacks and source.tag_count != 0
        version = {} if version_id is None else {"VersionId": version_id}
        tags = self._tags(source.key, version) if has_tags else {}
        headers, metadata = source.headers, source.metadata
        return ObjectWrite(destination_key, source.size_bytes, headers, metadata, tags=tags)
