"""How objects are written to a bucket, where its owner wants more than S3's defaults."""

from dataclasses import dataclass
from typing import Any

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
    takes the account's own key for S3. With KMS etags say nothing of the content.
    """

    storage_class: str | None = None
    acl: str | None = None
    encryption: str | None = None
    kms_key_id: str | None = None

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
