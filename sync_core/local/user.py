"""A person at one side who works with an ordinary S3 client and knows nothing of dualway."""

from collections import Counter
from typing import Any
from urllib.parse import urlencode

from botocore.exceptions import ClientError

from sync_core.local.workload import DeleteObject, EditMetadata, Operation, PutObject
from sync_core.routing import is_excluded

_PARAMETERS = {
    "content-type": "ContentType",
    "content-encoding": "ContentEncoding",
    "content-language": "ContentLanguage",
    "content-disposition": "ContentDisposition",
    "cache-control": "CacheControl",
    "expires": "Expires",
}
_ABSENT = ("404", "NoSuchKey")


class User:
    """Carries out operations on one bucket with `s3`, a boto3 client.

    `done` counts what took effect: "created", "overwritten", "edited" and "deleted" objects;
    `writes` counts the same by key.
    """

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self.done: Counter[str] = Counter()
        self.writes: Counter[str] = Counter()

    def do(self, operation: Operation) -> None:
        """Carry the operation out; one on an object that is not there is passed over."""
        head = self._head(operation.key)
        if isinstance(operation, PutObject):
            self._put(operation)
            self._note("overwritten" if head else "created", operation.key)
        elif head and isinstance(operation, EditMetadata):
            if self._edit(operation, head):
                self._note("edited", operation.key)
        elif head and isinstance(operation, DeleteObject):
            self._s3.delete_object(Bucket=self._bucket, Key=operation.key)
            self._note("deleted", operation.key)

    def keys(self) -> list[str]:
        """Return the keys of all objects of the bucket but dualway's own, in order."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket)
        keys = [found["Key"] for page in pages for found in page.get("Contents", ())]
        return [key for key in keys if not is_excluded(key)]

    def _note(self, what: str, key: str) -> None:
        self.done[what] += 1
        self.writes[key] += 1

    def _head(self, key: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._s3.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if _is_absent(error):
                return None
            raise
        return found

    def _put(self, operation: PutObject) -> None:
        self._s3.put_object(
            Bucket=self._bucket,
            Key=operation.key,
            Body=operation.content(),
            Metadata=dict(operation.metadata),
            Tagging=urlencode(operation.tags),
            **{_PARAMETERS[name]: value for name, value in operation.headers.items()},
        )

    def _edit(self, operation: EditMetadata, head: dict[str, Any]) -> bool:
        """Copy the object onto itself, as consoles do; False where it is gone by now."""
        kept = {name: head[name] for name in _PARAMETERS.values() if name in head}
        if "ExpiresString" in head:
            kept["Expires"] = head["ExpiresString"]
        try:
            self._s3.copy_object(
                Bucket=self._bucket,
                Key=operation.key,
                CopySource={"Bucket": self._bucket, "Key": operation.key},
                MetadataDirective="REPLACE",
                Metadata={**head["Metadata"], **operation.metadata},
                **kept,
            )
        except ClientError as error:
            if _is_absent(error):
                return False
            raise
        return True


def _is_absent(error: ClientError) -> bool:
    return error.response["Error"]["Code"] in _ABSENT
