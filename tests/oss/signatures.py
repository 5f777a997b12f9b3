"""Who has signed a request: RAM users by their access keys, signature version 4.

botocore's own signer is the oracle: it signs what has arrived once more, as the user whom the
request names, and both signatures have to be the same.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.oss.wire import Refused, Request

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 "
    r"Credential=(?P<id>[^/]+)/(?P<date>\d{8})/(?P<region>[^/]+)/s3/aws4_request, ?"
    r"SignedHeaders=(?P<names>[^,]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)
_UNSIGNED = "UNSIGNED-PAYLOAD"
_STREAMING = "STREAMING-"
_LONGEST_SKEW = timedelta(minutes=15)


@dataclass(frozen=True)
class RamUser:
    """A RAM user: the key pair, and the 18 digits by which events name them."""

    user_id: str
    access_key_id: str
    secret_access_key: str


def refuse_trailers(request: Request) -> None:
    """Refuse a body that is sent in chunks with a digest behind it.

    400 InvalidArgument, EC 0017-00000804, whoever has signed it.
    """
    headers = request.headers
    is_chunked = "aws-chunked" in headers.get("content-encoding", "")
    is_streaming = headers.get("x-amz-content-sha256", "").startswith(_STREAMING)
    if is_chunked or is_streaming or "x-amz-trailer" in headers:
        raise Refused(400, "InvalidArgument", "aws-chunked encoding is not supported")


def signer_of(request: Request, users: Mapping[str, RamUser], now: datetime) -> RamUser:
    """Return who has signed the request; raises `Refused` where that is nobody who is known."""
    given = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    if given is None:
        raise Refused(403, "AccessDenied", "no signature of version 4")
    user = users.get(given["id"])
    if user is None:
        raise Refused(403, "InvalidAccessKeyId", "the access key does not exist")
    _require_now(request, now)
    signature = _signature_of(request, user, given["region"], given["names"].split(";"))
    if not hmac.compare_digest(signature, given["signature"]):
        raise Refused(403, "SignatureDoesNotMatch", "it is not signed with this user's secret")
    _require_signed_body(request)
    return user


def _signature_of(request: Request, user: RamUser, region: str, names: list[str]) -> str:
    missing = {"host", "x-amz-date", "x-amz-content-sha256"} - set(names)
    if missing or not set(names) <= set(request.headers):
        raise Refused(403, "SignatureDoesNotMatch", f"not signed: {sorted(missing)}")
    again = AWSRequest(
        request.method,
        f"http://{request.headers['host']}{request.target}",
        headers={name: request.headers[name] for name in names},
    )
    again.context["timestamp"] = request.headers["x-amz-date"]
    credentials = Credentials(user.access_key_id, user.secret_access_key)
    signer = S3SigV4Auth(credentials, "s3", region)
    to_sign = signer.string_to_sign(again, signer.canonical_request(again))
    return str(signer.signature(to_sign, again))


def _require_now(request: Request, now: datetime) -> None:
    sent = request.headers.get("x-amz-date", "")
    try:
        at = datetime.strptime(sent, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise Refused(403, "AccessDenied", f"no date: {sent!r}") from error
    if abs(now - at) > _LONGEST_SKEW:
        raise Refused(403, "RequestTimeTooSkewed", "it was signed at another time")


def _require_signed_body(request: Request) -> None:
    digest = request.headers["x-amz-content-sha256"]
    if digest not in {_UNSIGNED, hashlib.sha256(request.body).hexdigest()}:
        raise Refused(400, "XAmzContentSHA256Mismatch", "the body is not what was signed")
