"""Which operation a request is; those that OSS's facade does not have are answered with 501."""

from collections.abc import Callable, Mapping

from tests.oss import listing, objects, uploads
from tests.oss.call import Call
from tests.oss.wire import Answer, Refused, Request

Operation = Callable[[Call], Answer]

_COPY = "x-amz-copy-source"

# What a query may name besides the object or the bucket itself (S3, API reference).
_SUBRESOURCES = frozenset(
    {
        "accelerate",
        "acl",
        "attributes",
        "cors",
        "delete",
        "encryption",
        "legal-hold",
        "lifecycle",
        "location",
        "notification",
        "object-lock",
        "ownershipControls",
        "partNumber",
        "policy",
        "policyStatus",
        "publicAccessBlock",
        "replication",
        "requestPayment",
        "restore",
        "retention",
        "select",
        "tagging",
        "uploadId",
        "uploads",
        "versionId",
        "versioning",
        "versions",
        "website",
    }
)

_OF_OBJECTS: Mapping[str, Operation] = {
    "PUT": objects.put_object,
    "PUT copy": objects.copy_object,
    "GET": objects.get_object,
    "HEAD": objects.get_object,
    "DELETE": objects.delete_object,
    "POST uploads": uploads.initiate_multipart_upload,
    "PUT partNumber uploadId": uploads.upload_part,
    "PUT partNumber uploadId copy": uploads.upload_part_copy,
    "GET uploadId": uploads.list_parts,
    "POST uploadId": uploads.complete_multipart_upload,
    "DELETE uploadId": uploads.abort_multipart_upload,
}

_OF_BUCKETS: Mapping[str, Operation] = {
    "PUT": objects.create_bucket,
    "HEAD": objects.head_bucket,
    "GET": listing.list_objects,
    "POST delete": objects.delete_objects,
}


def operation_of(request: Request) -> Operation:
    """Return what carries the request out.

    Raises `Refused` (501 NotImplemented) for what Aliyun's list of compatible operations does not
    have: tags, versions, listings of uploads and the rest.
    """
    words = [request.method, *sorted(_SUBRESOURCES & set(request.query))]
    if words[0] in {"GET", "HEAD"} and words[1:] == ["partNumber"]:
        # It is not looked at: all of the object is the answer.
        words = words[:1]
    if _COPY in request.headers:
        words.append("copy")
    table = _OF_OBJECTS if request.key else _OF_BUCKETS
    found = table.get(" ".join(words))
    if found is None:
        raise Refused(501, "NotImplemented", f"{' '.join(words)} is not implemented")
    return found
