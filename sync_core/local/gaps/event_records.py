"""Event records tell who did it, from where, to whose bucket, and no more than AWS tells.

AWS (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html):
`userIdentity.principalId` is the unique id of whoever caused the event (`AWS:AIDA...` for an IAM
user, `AWS:AROA...:session` for a role), `requestParameters.sourceIPAddress` the address of the
request, `ownerIdentity.principalId` the owner's customer id, and the bucket's ARN is in the
partition of its region. A record of a removal has neither size nor etag, except that one of a
delete marker has the etag of nothing.
Emulator: `EXAMPLE` for every principal, a fixed address, partition `aws`, size 0 and an empty etag.
"""

import hashlib
from collections.abc import Callable, Mapping
from contextvars import Token
from typing import Any

from sync_core.local.gaps.seam import Seam
from sync_core.local.gateway import caller_access_key

_SEAM = Seam("who did it in event records")
_MODULE = "services.s3"

ETAG_OF_NOTHING = hashlib.md5(b"", usedforsecurity=False).hexdigest()

Record = dict[str, Any]


def install() -> None:
    """Complete every record on its way to a queue, a topic or a function."""
    for name in ("_deliver_event_to_sqs", "_deliver_event_to_sns", "_deliver_event_to_lambda"):
        _SEAM.wrap(_MODULE, name, _completing(_completion()))
    _SEAM.wrap(_MODULE, "_post_object", _noting_the_signer_of_a_form())


def _completing(complete: Callable[[Record], Record]) -> Callable[..., Any]:
    def around(deliver: Callable[..., None]) -> Callable[..., None]:
        def delivered(arn: str, payload: Mapping[str, Any], *rest: Any, **named: Any) -> None:
            if "Records" in payload:
                payload = {"Records": [complete(record) for record in payload["Records"]]}
            deliver(arn, payload, *rest, **named)

        return delivered

    return around


def _completion() -> Callable[[Record], Record]:
    principal_id = _principal_resolver()
    source_address = _SEAM.take("core.responses", "get_request_client_ip")
    bucket_owner = _SEAM.take(_MODULE, "_bucket_owner_account")

    def complete(record: Record) -> Record:
        entry = record["s3"]
        name, region = entry["bucket"]["name"], record["awsRegion"]
        bucket = {
            "name": name,
            "ownerIdentity": {"principalId": customer_id(bucket_owner(name) or "")},
            "arn": f"arn:{partition(region)}:s3:::{name}",
        }
        return {
            **record,
            "userIdentity": {"principalId": principal_id(caller_access_key.get())},
            "requestParameters": {"sourceIPAddress": source_address()},
            "s3": {
                **entry,
                "bucket": bucket,
                "object": _as_documented(record["eventName"], entry["object"]),
            },
        }

    return complete


def customer_id(account_id: str) -> str:
    """Return a made-up retail customer id of an account: always the same, of the usual form."""
    digest = hashlib.sha256(account_id.encode()).hexdigest().upper()
    return f"A{digest[:13]}"


def partition(region: str) -> str:
    """Return the partition that a region belongs to."""
    return "aws-cn" if region.startswith("cn-") else "aws"


def _as_documented(event_name: str, described: Mapping[str, Any]) -> Record:
    """Return the object's description without what AWS leaves out for this kind of event."""
    if event_name.startswith("ObjectCreated:"):
        return dict(described)
    kept = {name: value for name, value in described.items() if name not in {"size", "eTag"}}
    if event_name == "ObjectRemoved:DeleteMarkerCreated":
        kept["eTag"] = ETAG_OF_NOTHING
    elif event_name.startswith("ObjectTagging:"):
        kept["eTag"] = described["eTag"]
    return kept


def credential_resolver() -> Callable[[str], Any]:
    """Return a function that tells whose access key it is given: the emulator's credential."""
    owner_of_key = _SEAM.take("core.iam_evaluator", "find_iam_access_key_account")
    resolve = _SEAM.take("core.iam_evaluator", "resolve_credential")
    session_account = _SEAM.take("core.responses", "_account_from_sts_session")

    def credential(access_key_id: str) -> Any:
        account_id = session_account(access_key_id) or owner_of_key(access_key_id)
        return resolve(access_key_id, account_id)

    return credential


def _principal_resolver() -> Callable[[str], str]:
    resolve = credential_resolver()

    def principal_id(access_key_id: str) -> str:
        if not access_key_id:
            return "Anonymous"
        credential = resolve(access_key_id)
        if credential.principal_type == "Root":
            return str(credential.account_id)
        return f"AWS:{credential.principal_id}"

    return principal_id


def _noting_the_signer_of_a_form() -> Callable[..., Any]:
    """A browser's upload carries its signature in the form, where the gateway does not look."""
    parse = _SEAM.take(_MODULE, "_parse_multipart_form")
    signer_of = _SEAM.take(_MODULE, "_post_form_access_key_id")

    def around(post: Callable[..., Any]) -> Callable[..., Any]:
        def posted(bucket: str, body: bytes, headers: Mapping[str, str]) -> Any:
            fields = parse(headers.get("content-type", ""), body)
            token: Token[str] = caller_access_key.set(signer_of(fields))
            try:
                return post(bucket, body, headers)
            finally:
                caller_access_key.reset(token)

        return posted

    return around
