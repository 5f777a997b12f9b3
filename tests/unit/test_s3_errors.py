"""Each row of the table in s3_errors.py."""

import io

import pytest
from botocore import exceptions as boto
from botocore.parsers import ResponseParserError
from urllib3.exceptions import ReadTimeoutError

from sync_core.errors import (
    AccessDenied,
    Ambiguous,
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
from sync_core.storage.effects import always
from sync_core.storage.s3_errors import Call, Gone, Unexplained, translate, translated

READ = Call("get", "bucket", "k")
WRITE = Call("put", "bucket", "k", always)
URL = "https://bucket.example"

ROWS = [
    (404, "NoSuchKey", Gone),
    (404, "NoSuchVersion", Gone),
    (404, "NoSuchUpload", Gone),
    (412, "PreconditionFailed", PreconditionFailed),
    (200, "PreconditionFailed", PreconditionFailed),
    (412, "412", PreconditionFailed),
    (304, "304", PreconditionFailed),
    (416, "InvalidRange", PreconditionFailed),
    (416, "416", PreconditionFailed),
    (409, "ConditionalRequestConflict", WriteConflict),
    (409, "OperationAborted", WriteConflict),
    (409, "409", WriteConflict),
    (403, "AccessDenied", AccessDenied),
    (403, "403", AccessDenied),
    (401, "401", AccessDenied),
    (403, "InvalidAccessKeyId", AccessDenied),
    (403, "SignatureDoesNotMatch", AccessDenied),
    (403, "RequestTimeTooSkewed", AccessDenied),
    (403, "AllAccessDisabled", AccessDenied),
    (403, "AccountProblem", AccessDenied),
    (400, "ExpiredToken", AccessDenied),
    (400, "InvalidToken", AccessDenied),
    (400, "TokenRefreshRequired", AccessDenied),
    (503, "SlowDown", Throttled),
    (200, "SlowDown", Throttled),
    (503, "ServiceUnavailable", Throttled),
    (503, "503", Throttled),
    (429, "429", Throttled),
    (400, "RequestLimitExceeded", Throttled),
    (400, "RequestThrottled", Throttled),
    (400, "Throttling", Throttled),
    (400, "ThrottlingException", Throttled),
    (429, "TooManyRequests", Throttled),
    (429, "TooManyRequestsException", Throttled),
    (400, "BadDigest", IntegrityError),
    (400, "InvalidDigest", IntegrityError),
    (400, "XAmzContentChecksumMismatch", IntegrityError),
    (400, "XAmzContentSHA256Mismatch", IntegrityError),
    (400, "IncompleteBody", IntegrityError),
    (400, "InvalidPart", IntegrityError),
    (400, "InvalidPartOrder", IntegrityError),
    (403, "InvalidObjectState", Archived),
    (403, "ObjectNotInActiveTierError", Archived),
    (400, "KeyTooLongError", Blocked),
    (400, "KeyTooLong", Blocked),
    (400, "EntityTooLarge", Blocked),
    (400, "EntityTooSmall", Blocked),
    (400, "MetadataTooLarge", Blocked),
    (400, "InvalidTag", Blocked),
    (400, "InvalidArgument", Blocked),
    (409, "FileImmutable", Blocked),
    (400, "ApkDownloadForbidden", Blocked),
    (403, "DownloadForbidden", Blocked),
    (405, "MethodNotAllowed", Blocked),
    (404, "NoSuchBucket", ConfigError),
    (301, "PermanentRedirect", ConfigError),
    (301, "301", ConfigError),
    (400, "AuthorizationHeaderMalformed", ConfigError),
    (400, "IllegalLocationConstraintException", ConfigError),
    (501, "NotImplemented", ConfigError),
    (400, "PublicEndpointForbidden", ConfigError),
    (403, "SecondLevelDomainForbidden", ConfigError),
    (501, "501", ConfigError),
    (307, "TemporaryRedirect", Unavailable),
    (307, "307", Unavailable),
    (400, "RequestTimeout", Unavailable),
    (408, "408", Unavailable),
    (404, "404", Unexplained),
    (404, "NotFound", Unexplained),
]

WITHOUT_AN_ANSWER = [
    (boto.EndpointConnectionError(endpoint_url=URL), Unavailable),
    (boto.ConnectTimeoutError(endpoint_url=URL), Unavailable),
    (boto.ProxyConnectionError(proxy_url=URL), Unavailable),
    (boto.NoCredentialsError(), AccessDenied),
    (boto.PartialCredentialsError(provider="env", cred_var="secret"), AccessDenied),
    (boto.CredentialRetrievalError(provider="role", error_msg="no"), AccessDenied),
    (boto.TokenRetrievalError(provider="sso", error_msg="no"), AccessDenied),
    (boto.UnauthorizedSSOTokenError(), AccessDenied),
    (boto.FlexibleChecksumError(error_msg="differs"), IntegrityError),
    (boto.IncompleteReadError(actual_bytes=1, expected_bytes=2), IntegrityError),
    (boto.ParamValidationError(report="Invalid length for parameter Key"), Blocked),
    (boto.UnseekableStreamError(stream_object=io.BytesIO()), ConfigError),
    (boto.NoRegionError(), ConfigError),
    (boto.InvalidRegionError(region_name="?"), ConfigError),
]

NO_ANSWER = [
    boto.ReadTimeoutError(endpoint_url=URL),
    boto.ConnectionClosedError(endpoint_url=URL),
    boto.HTTPClientError(error="reset"),
    boto.ResponseStreamingError(error="cut"),
    boto.SSLError(endpoint_url=URL, error=OSError("bad record")),
    ResponseParserError("no XML"),
    ReadTimeoutError(None, URL, "slow"),  # type: ignore[arg-type] # there is no pool here
]


def answer(status: int, code: str) -> boto.ClientError:
    metadata = {"HTTPStatusCode": status, "RequestId": "R1", "HTTPHeaders": {}, "RetryAttempts": 0}
    response = {"Error": {"Code": code, "Message": "said so"}, "ResponseMetadata": metadata}
    return boto.ClientError(response, "Operation")  # type: ignore[arg-type] # HostId is left out


@pytest.mark.parametrize(("status", "code", "expected"), ROWS)
@pytest.mark.parametrize("call", [READ, WRITE], ids=["read", "write"])
def test_an_answer_means_the_same_for_reads_and_writes(
    call: Call, status: int, code: str, expected: type[DualwayError]
) -> None:
    assert type(translate(answer(status, code), call)) is expected


@pytest.mark.parametrize(("status", "code"), [(500, "InternalError"), (502, "502"), (504, "504")])
def test_a_server_error_leaves_the_effect_of_a_write_open(status: int, code: str) -> None:
    assert type(translate(answer(status, code), READ)) is Unavailable
    assert type(translate(answer(status, code), WRITE)) is Ambiguous


@pytest.mark.parametrize(("error", "expected"), WITHOUT_AN_ANSWER, ids=lambda row: str(row)[:40])
def test_a_request_that_cannot_have_had_an_effect_is_never_ambiguous(
    error: Exception, expected: type[DualwayError]
) -> None:
    assert type(translate(error, READ)) is expected
    assert type(translate(error, WRITE)) is expected


@pytest.mark.parametrize("error", NO_ANSWER, ids=lambda error: type(error).__name__)
def test_no_answer_leaves_the_effect_of_a_write_open(error: Exception) -> None:
    assert type(translate(error, READ)) is Unavailable
    assert type(translate(error, WRITE)) is Ambiguous


def test_an_error_says_what_was_done_to_which_key_and_why() -> None:
    error = answer(403, "AccessDenied")
    with pytest.raises(AccessDenied) as raised, translated(WRITE):
        raise error
    assert raised.value.__cause__ is error
    assert str(raised.value) == "put 'k': said so (AccessDenied, request R1)"


def test_an_error_of_the_configuration_names_the_bucket() -> None:
    error = translate(answer(404, "NoSuchBucket"), READ)
    assert error.key == "bucket bucket"
    assert "check the bucket's name and region" in error.cause


def test_what_is_no_error_of_the_store_goes_through() -> None:
    with pytest.raises(KeyError), translated(READ):
        raise KeyError
