"""What botocore raises, in the words of `sync_core.errors`.

First S3's error code decides (API reference, Error responses, List of error codes), because an
error may travel in a 200 answer, then the HTTP status, then the kind of botocore's own exception.

| seen | becomes |
|---|---|
| NoSuchKey, NoSuchVersion, NoSuchUpload | Gone, a PreconditionFailed |
| PreconditionFailed, FileAlreadyExists, InvalidRange, 304, 412, 416 | PreconditionFailed |
| ConditionalRequestConflict, OperationAborted, 409 | WriteConflict |
| AccessDenied, keys or tokens not accepted, no credentials, 401, 403 | AccessDenied |
| SlowDown and its kin, 429, 503 | Throttled |
| BadDigest, IncompleteBody, InvalidPart, a digest that differs | IntegrityError |
| InvalidObjectState, ObjectNotInActiveTierError | Archived, a Blocked |
| too long, too large, FileImmutable, no download of apps, any other 4xx | Blocked |
| NoSuchBucket, another region's bucket, 301, 501 | ConfigError |
| no ACLs here, a KMS key that is of no use, an endpoint that may not be used | ConfigError |
| never connected; RequestTimeout, TemporaryRedirect, 307, 408 | Unavailable |
| 404 without a code that S3 has | Unexplained, an Unavailable |
| any other 5xx, a time-out, a reset | Ambiguous if it may have had an effect, else Unavailable |
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from sync_core.errors import (
    AccessDenied,
    Archived,
    Blocked,
    ConfigError,
    DualwayError,
    IntegrityError,
    PreconditionFailed,
    Throttled,
    Unavailable,
    WriteConflict,
)
from sync_core.storage.effects import never, unanswered


class Gone(PreconditionFailed):
    """404: the object, or the upload, is not there."""


class Unexplained(Unavailable):
    """404 without a code that S3 has: by itself it proves nothing.

    A proxy or another web server answers like this, and so does S3 for a key with a character
    that its XML cannot carry.
    """


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as errors name it; `may_have_effect` is asked once it has failed."""

    operation: str
    bucket: str
    key: str
    may_have_effect: Callable[[], bool] = never


_BY_CODE: Mapping[str, type[DualwayError]] = {
    **dict.fromkeys(("NoSuchKey", "NoSuchVersion", "NoSuchUpload"), Gone),
    # A 409, which says of OSS's x-oss-forbid-overwrite what 412 says of If-None-Match.
    "FileAlreadyExists": PreconditionFailed,
    **dict.fromkeys(("PreconditionFailed", "InvalidRange"), PreconditionFailed),
    **dict.fromkeys(("ConditionalRequestConflict", "OperationAborted"), WriteConflict),
    **dict.fromkeys(
        (
            "AccessDenied",
            "AllAccessDisabled",
            "AccountProblem",
            "ExpiredToken",
            "InvalidAccessKeyId",
            "InvalidToken",
            "RequestTimeTooSkewed",
            "SignatureDoesNotMatch",
            "TokenRefreshRequired",
        ),
        AccessDenied,
    ),
    **dict.fromkeys(
        (
            "SlowDown",
            "ServiceUnavailable",
            "RequestLimitExceeded",
            "RequestThrottled",
            "Throttling",
            "ThrottlingException",
            "TooManyRequests",
            "TooManyRequestsException",
        ),
        Throttled,
    ),
    **dict.fromkeys(
        (
            "BadDigest",
            "IncompleteBody",
            "InvalidDigest",
            "InvalidPart",
            "InvalidPartOrder",
            "XAmzContentChecksumMismatch",
            "XAmzContentSHA256Mismatch",
        ),
        IntegrityError,
    ),
    **dict.fromkeys(("InvalidObjectState", "ObjectNotInActiveTierError"), Archived),
    **dict.fromkeys(
        (
            # At OSS and COS, of .apk and .ipa by way of a bucket's own domain.
            "ApkDownloadForbidden",
            "DownloadForbidden",
            "EntityTooLarge",
            "EntityTooSmall",
            # A 409 again: OSS's retention policies keep objects from being written over or deleted.
            "FileImmutable",
            "InvalidTag",
            "KeyTooLong",
            "KeyTooLongError",
            "MetadataTooLarge",
        ),
        Blocked,
    ),
    **dict.fromkeys(
        (
            "AccessControlListNotSupported",
            "AuthorizationHeaderMalformed",
            "IllegalLocationConstraintException",
            "InvalidStorageClass",
            "KMS.DisabledException",
            "KMS.InvalidKeyUsageException",
            "KMS.KMSInvalidStateException",
            "KMS.NotFoundException",
            "NoSuchBucket",
            "NotImplemented",
            "PermanentRedirect",
            # OSS: for accounts since 2025-03-20 in mainland China, and for addresses with paths.
            "PublicEndpointForbidden",
            "SecondLevelDomainForbidden",
        ),
        ConfigError,
    ),
    **dict.fromkeys(("RequestTimeout", "TemporaryRedirect"), Unavailable),
}

_BY_STATUS: Mapping[int, type[DualwayError]] = {
    301: ConfigError,
    304: PreconditionFailed,
    307: Unavailable,
    401: AccessDenied,
    403: AccessDenied,
    404: Unexplained,
    408: Unavailable,
    409: WriteConflict,
    412: PreconditionFailed,
    416: PreconditionFailed,
    429: Throttled,
    501: ConfigError,
    503: Throttled,
}

_NEVER_CONNECTED = (
    boto.ConnectTimeoutError,
    boto.EndpointConnectionError,
    boto.ProxyConnectionError,
)
_NO_CREDENTIALS = (
    boto.CredentialRetrievalError,
    boto.NoCredentialsError,
    boto.PartialCredentialsError,
    boto.TokenRetrievalError,
    boto.UnauthorizedSSOTokenError,
)
_OTHER_BYTES = (boto.FlexibleChecksumError, boto.IncompleteReadError)


@contextmanager
def translated(call: Call) -> Iterator[None]:
    """Raise what botocore raises inside as a DualwayError, with the original as its cause."""
    try:
        yield
    except (boto.BotoCoreError, boto.ClientError, ResponseParserError, HTTPError) as error:
        raise translate(error, call) from error


def translate(error: Exception, call: Call) -> DualwayError:
    """Return the error of our own that says the same."""
    if isinstance(error, boto.ClientError):
        return _answered(error, call)
    return _made(_kind_without_answer(error, call), call, f"{type(error).__name__}: {error}")


def status_of(error: boto.ClientError) -> int:
    """Return the HTTP status of the answer."""
    status: int = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return status


def _answered(error: boto.ClientError, call: Call) -> DualwayError:
    code: str = error.response["Error"].get("Code", "")
    kind = _BY_CODE.get(code) or _kind_of_status(status_of(error), call)
    return _made(kind, call, _sentence(error.response["Error"], error.response["ResponseMetadata"]))


def _kind_of_status(status: int, call: Call) -> type[DualwayError]:
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return unanswered(call.may_have_effect) if status >= 500 else Blocked  # noqa: PLR2004 - HTTP's server errors


def _kind_without_answer(error: Exception, call: Call) -> type[DualwayError]:
    match error:
        case boto.ParamValidationError():
            return Blocked
        # botocore wanted to send a body again that it cannot rewind; it does so for redirects only.
        case boto.UnseekableStreamError() | boto.NoRegionError() | boto.InvalidRegionError():
            return ConfigError
        case _ if isinstance(error, _NO_CREDENTIALS):
            return AccessDenied
        case _ if isinstance(error, _OTHER_BYTES):
            return IntegrityError
        case _ if isinstance(error, _NEVER_CONNECTED):
            return Unavailable
        case _:
            return unanswered(call.may_have_effect)


def _sentence(error: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    request = metadata.get("RequestId") or "unknown"
    return f"{error.get('Message') or 'no message'} ({error.get('Code')}, request {request})"


def _made(kind: type[DualwayError], call: Call, cause: str) -> DualwayError:
    if kind is ConfigError:
        advice = "check the bucket's name and region, the endpoint, and the options for writing"
        return ConfigError(call.operation, f"bucket {call.bucket}", f"{cause}; {advice}")
    return kind(call.operation, call.key, cause)
