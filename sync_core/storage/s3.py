"""One bucket of Amazon S3, or of a store that speaks its protocol, through boto3.

Nothing is kept between calls: clients are asked for each time, so that rotated keys take effect.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from itertools import chain
from typing import Any

from botocore.exceptions import ClientError

from sync_core.errors import IntegrityError, PreconditionFailed
from sync_core.model import Ability, ListedObject, ObjectVersion
from sync_core.storage.effects import always
from sync_core.storage.exact_body import ExactBody
from sync_core.storage.protocol import ByteRange, ObjectWrite, Readable, Written
from sync_core.storage.s3_errors import (
    Call,
    Gone,
    Unexplained,
    status_of,
    translated,
)
from sync_core.storage.s3_headers import (
    condition_of,
    condition_parameters,
    content_parameters,
    covers,
    digest_parameters,
    is_forced,
    quoted,
    range_of,
    version_of,
    written,
)
from sync_core.storage.s3_inside import S3Inside
from sync_core.storage.s3_listing import Page
from sync_core.storage.s3_pages import Listing
from sync_core.storage.s3_reader import S3Reader
from sync_core.storage.s3_stream import STREAM, Plain, Trailed

_UNEXPLAINED_STATUSES = (400, 404)


class S3ObjectStore(S3Inside):
    """The `SyncStore` of one S3 bucket; its bases have what is about parts, copies and versions."""

    def head(self, key: str) -> ObjectVersion | None:
        """Return the current instance; None when there is none.

        HEAD's answers have no body, so its 404 may mean that the bucket is missing and its 400
        anything. Only then a GET is sent, whose answer names the reason (or is the object, should
        it have appeared meanwhile); its body is not read.
        """
        with translated(self._call("head", key)):
            try:
                response = self._clients().reads.head_object(
                    Bucket=self._bucket, Key=key, **self._show_digests()
                )
            except ClientError as error:
                if status_of(error) in _UNEXPLAINED_STATUSES:
                    return self._head_by_get(key)
                raise
        return version_of(key, response, self._dialect)

    def get(
        self, key: str, *, etag: str | None = None, byte_range: ByteRange | None = None
    ) -> S3Reader | None:
        """Open the current instance; of a range `version` has no CRC64NVME."""
        parameters: dict[str, Any] = {} if etag is None else {"IfMatch": quoted(etag)}
        # The digest of the whole is of no use to, and would be compared with, a part of it.
        parameters |= (
            self._show_digests() if byte_range is None else {"Range": range_of(byte_range)}
        )
        call = self._call("get", key)
        try:
            with translated(call):
                response = self._clients().reads.get_object(
                    Bucket=self._bucket, Key=key, **parameters
                )
        except (Gone, Unexplained) as error:
            if isinstance(error, Unexplained) and self._is_listed(key):
                raise
            if etag is not None:
                raise Gone(call.operation, key, f"{etag} is gone, and nothing is there") from error
            return None
        reader = self._reader(call, response, byte_range)
        if etag is not None and reader.version.etag != etag:
            # Some stores take the condition and do not look at it.
            reader.close()
            raise PreconditionFailed(call.operation, key, f"{etag} is gone: another one is there")
        return reader

    def put(self, write: ObjectWrite, body: Readable) -> Written:
        """Write the object whatever is there now."""
        return self._put(write, body, {})

    def put_if(self, write: ObjectWrite, body: Readable, replaces: ObjectVersion | None) -> Written:
        """Write the object in place of `replaces` (None: of nothing).

        Raises `Blocked` where stores of this dialect do not know the condition.
        """
        self._require(condition_of(replaces), "put", write.key)
        return self._put(write, body, condition_parameters(replaces))

    def delete(self, key: str) -> str | None:
        """Delete the current instance; an absent key is no error."""
        try:
            return self._delete(key, {})
        except Gone:
            return None

    def delete_if(self, instance: ObjectVersion) -> str | None:
        """Delete exactly this instance; raises `PreconditionFailed` when it is not current.

        Raises `Blocked` where stores of this dialect do not know the condition.
        """
        self._require(Ability.DELETES_IF_MATCH, "delete", instance.key)
        return self._delete(instance.key, condition_parameters(instance))

    def list(self, prefix: str = "", start_after: str = "") -> Iterator[ListedObject]:
        """Yield the current objects, page by page."""
        return chain.from_iterable(self._pages(prefix, start_after))

    def _pages(self, prefix: str, start_after: str) -> Iterator[Page]:
        listing = Listing(self._dialect.listing)
        position = listing.behind(start_after)
        while True:
            with translated(self._call("list", prefix)):
                page = listing.page(
                    self._clients().reads,
                    Bucket=self._bucket,
                    Prefix=prefix,
                    MaxKeys=self._dialect.page_keys,
                    **position,
                )
            yield page
            if page.next_token is None:
                return
            position = listing.after(page.next_token)

    def tags(self, key: str) -> Mapping[str, str] | None:
        """Return the current instance's tags; None when there is no object."""
        if Ability.HAS_TAGS in self._dialect.lacks:
            return None if self.head(key) is None else {}
        try:
            return self._tags(key, {})
        except Gone:
            return None

    def put_tags(self, key: str, tags: Mapping[str, str]) -> None:
        """Replace the current instance's tags; raises `PreconditionFailed` when it is gone.

        Raises `Blocked` where stores of this dialect have none: some would take the request for a
        PUT of the object itself.
        """
        self._require(Ability.HAS_TAGS, "write tags", key)
        with translated(self._call("write tags", key)):
            self._clients().writes.put_object_tagging(
                Bucket=self._bucket,
                Key=key,
                Tagging={"TagSet": [{"Key": name, "Value": tags[name]} for name in tags]},
            )

    def _put(self, write: ObjectWrite, body: Readable, condition: Mapping[str, Any]) -> Written:
        exact = ExactBody(body, write.key, write.size_bytes)
        parameters: dict[str, Any] = {
            STREAM: self._put_stream(exact, write),
            **content_parameters(write),
            **digest_parameters(write, self._dialect),
            **self._options.parameters(),
            **self._options.lock_parameters(write.lock),
            **condition,
        }
        call = self._call("put", write.key, lambda: exact.spent)
        with exact, translated(call):
            response = self._clients().writes.put_object(
                Bucket=self._bucket, Key=write.key, **parameters
            )
        return written(response["ETag"], response)

    def _put_stream(self, exact: ExactBody, write: ObjectWrite) -> Trailed | Plain:
        """Let S3 compare a digest even of a body of which none is known beforehand.

        Where objects are locked it takes no other (PutObject API reference, Content-MD5).
        """
        is_known = bool(digest_parameters(write, self._dialect))
        if is_known or not self._dialect.has_crc64nvme:
            return Plain(exact, write.size_bytes, with_md5=False)
        return Trailed(exact, write.size_bytes)

    def _delete(self, key: str, condition: Mapping[str, Any]) -> str | None:
        with translated(self._call("delete", key, always)):
            response = self._clients().writes.delete_object(
                Bucket=self._bucket, Key=key, **condition
            )
        return response.get("VersionId") if response.get("DeleteMarker") else None

    def _head_by_get(self, key: str) -> ObjectVersion | None:
        reader = self.get(key)
        if reader is None:
            return None
        with reader:
            return reader.version

    def _is_listed(self, key: str) -> bool:
        # Of all keys that begin with it, the key itself comes first.
        first = next(self.list(prefix=key), None)
        return first is not None and first.key == key

    def _own_headers(self, version: ObjectVersion) -> Mapping[str, str]:
        """Return what HEAD shows: in its answers, some stores add nothing for browsers."""
        with translated(self._call("head", version.key)):
            response = self._clients().reads.head_object(
                Bucket=self._bucket, Key=version.key, IfMatch=quoted(version.etag)
            )
        return version_of(version.key, response, self._dialect).headers

    def _reader(
        self, call: Call, response: Mapping[str, Any], byte_range: ByteRange | None
    ) -> S3Reader:
        with ExitStack() as unless_read:
            unless_read.callback(response["Body"].close)
            if self._dialect.get_counts_tags:
                response = {"TagCount": 0, **response}
            version = version_of(call.key, response, self._dialect)
            if byte_range is None and is_forced(response):
                version = replace(version, headers=self._own_headers(version))
            if byte_range is not None and not covers(response, byte_range):
                cause = f"asked for {byte_range}, got others"
                raise IntegrityError(call.operation, call.key, cause)
            unless_read.pop_all()
        return S3Reader(version, response["Body"], response["ContentLength"], call)
