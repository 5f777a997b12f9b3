"""The boto3 clients of one key pair: one may repeat a request, one may not."""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from boto3.session import Session
from botocore.config import Config

from sync_core.storage.dialects import AWS, Dialect
from sync_core.storage.s3_dialect import speak
from sync_core.storage.s3_own_domain import is_own_domain, leave_bucket_out
from sync_core.storage.s3_stream import send_streams

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RAW_EXPIRES = "RawExpires"
"""Our own request parameter: the text of the Expires header.

boto3's `Expires` takes a date and reformats it; a header such as `0` or `never` would not survive.
"""

READ_ATTEMPTS = 3

_OPERATIONS_WITH_EXPIRES = ("PutObject", "CopyObject", "CreateMultipartUpload")
_CONTEXT_KEY = "dualway_expires"


@dataclass(frozen=True, slots=True)
class S3Clients:
    """`reads` sends what may be sent twice: reads, tags, copies of parts; `writes` sends all once.

    A body that is streamed cannot be sent again, and a conditional write that is repeated after an
    unseen success would answer that its condition does not hold; whether to try again is for the
    caller to decide, who knows what was written.
    """

    reads: "S3Client"
    writes: "S3Client"


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A key pair; `session_token` for temporary ones."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


def s3_clients(  # noqa: PLR0913 - what boto3 wants to know of a client
    session: Session,
    region: str,
    *,
    access_key: AccessKey | None = None,
    endpoint_url: str | None = None,
    dialect: Dialect = AWS,
    max_connections: int = 64,
    requester_pays: bool = False,
) -> S3Clients:
    """Make both clients, ready for `S3ObjectStore`.

    Without an `access_key` the session's own credentials are used (a role's, which renew
    themselves); without an `endpoint_url` AWS's endpoint of the region. Each of the two keeps up to
    `max_connections`. With `requester_pays` each request says that whoever sends it pays for it.
    Clients are safe to share between threads, but making them is not: call this from one thread at
    a time. It takes tens of milliseconds, so keep the result for as long as the key pair is valid.
    """
    is_own = is_own_domain(dialect, endpoint_url)
    spoken = replace(dialect, addressing="path") if is_own else dialect
    configured = partial(client_config, spoken, custom_endpoint=endpoint_url is not None)
    make = partial(session.client, "s3", region_name=region, endpoint_url=endpoint_url)

    def client(attempts: int) -> "S3Client":
        config = configured(attempts=attempts, max_connections=max_connections)
        made: S3Client = make(config=config, **_credentials(access_key))
        _prepare(made, spoken)
        if is_own:
            leave_bucket_out(made)
        if requester_pays:
            made.meta.events.register("before-parameter-build.s3", _pay)
        return made

    return S3Clients(reads=client(READ_ATTEMPTS), writes=client(1))


def client_config(
    dialect: Dialect, *, attempts: int, custom_endpoint: bool, max_connections: int = 64
) -> Config:
    """Return the settings of a client that `S3ObjectStore` can work with.

    `attempts` is how often botocore may send one request (1: it never retries). Digests are sent
    by the adapter where they are known, so botocore computes none that is not required; payloads
    are not signed, because that would read a streamed body twice: over TLS the signature of the
    headers and the digest protect them (SigV4, UNSIGNED-PAYLOAD). Environment variables and
    profiles cannot change any of it.
    """
    return Config(
        signature_version=dialect.signature_version,
        retries={"mode": "standard", "total_max_attempts": attempts},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={
            "addressing_style": dialect.addressing if custom_endpoint else "auto",
            "payload_signing_enabled": False,
        },
        connect_timeout=5,
        # S3 keeps a slow copy's or completion's connection alive by sending spaces.
        read_timeout=60,
        max_pool_connections=max_connections,
        tcp_keepalive=True,
    )


def _credentials(access_key: AccessKey | None) -> dict[str, Any]:
    if access_key is None:
        return {}
    return {
        "aws_access_key_id": access_key.access_key_id,
        "aws_secret_access_key": access_key.secret_access_key,
        "aws_session_token": access_key.session_token,
    }


def _prepare(client: "S3Client", dialect: Dialect) -> None:
    _send_raw_expires(client)
    send_streams(client)
    speak(client, dialect)


def _send_raw_expires(client: "S3Client") -> None:
    """Let RAW_EXPIRES through: off the parameters before they are validated, then on the wire."""
    for operation in _OPERATIONS_WITH_EXPIRES:
        client.meta.events.register(f"before-parameter-build.s3.{operation}", _take_expires)
        client.meta.events.register(f"before-call.s3.{operation}", _set_expires)


def _pay(params: dict[str, Any], model: Any, **_: Any) -> None:
    if "RequestPayer" in model.input_shape.members:
        params.setdefault("RequestPayer", "requester")


def _take_expires(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    if RAW_EXPIRES in params:
        context[_CONTEXT_KEY] = params.pop(RAW_EXPIRES)


def _set_expires(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    if _CONTEXT_KEY in context:
        params["headers"]["Expires"] = context[_CONTEXT_KEY]
