"""How objects are written to a bucket, where its owner wants more than S3's defaults."""

from dataclasses import dataclass
from typing import Any

from sync_core.model import ObjectLock

STORAGE_CLASSES = ("STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR")
"""Those from which an object can be read at once (user guide, Storage classes): our own writes are
read again."""

CANNED_ACLS = (
    "private",
    "public-read",
    "public-read-write",
    "authenticated-read",
    "aws-exec-read",
    "bucket-owner-read",
    "bucket-owner-full-control",
)
"""API reference, PutObject, x-amz-acl."""

KMS = "aws:kms"
ENCRYPTIONS = ("AES256", KMS)
"""API reference, PutObject, x-amz-server-side-encryption."""


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """What new objects are given; None: what the bucket's settings say.

    `encryption` is one of ENCRYPTIONS; `kms_key_id`, for KMS only, an id or ARN, without which AWS
    takes the account's own key for S3. With KMS etags say nothing of the content. With
    `with_object_lock` what is written keeps the retention and the legal hold that its `ObjectWrite`
    names; the bucket has to have Object Lock enabled.
    """

    storage_class: str | None = None
    acl: str | None = None
    encryption: str | None = None
    kms_key_id: str | None = None
    with_object_lock: bool = False

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of PutObject, CopyObject and CreateMultipartUpload.

        With KMS a bucket key is asked for: a request to KMS for each object costs more than the
        request to S3 (user guide, Reducing the cost of SSE-KMS with S3 Bucket Keys).
        """
        chosen = {
            "StorageClass": self.storage_class,
            "ACL": self.acl,
            "ServerSideEncryption": self.encryption,
            "SSEKMSKeyId": self.kms_key_id,
            "BucketKeyEnabled": True if self.encryption == KMS else None,
        }
        return {name: value for name, value in chosen.items() if value is not None}

    def lock_parameters(self, lock: ObjectLock | None) -> dict[str, Any]:
        """Return the parameters of the same requests that lock the object."""
        if lock is None or not self.with_object_lock:
            return {}
        chosen = {
            "ObjectLockMode": lock.mode,
            "ObjectLockRetainUntilDate": lock.retain_until,
            "ObjectLockLegalHoldStatus": "ON" if lock.legal_hold else None,
        }
        return {name: value for name, value in chosen.items() if value is not None}
