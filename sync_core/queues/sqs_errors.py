"""What SQS's refusals mean, in our words.

Codes as in the API reference, "Common Error Types" and the errors of each operation (2025). A code
comes with or without the prefix of the older query protocol, depending on the client's.
"""

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
)

from sync_core.errors import (
    AccessDenied,
    ConfigError,
    DualwayError,
    Poison,
    Throttled,
    Unavailable,
)

_PREFIX = "AWS.SimpleQueueService."
_THROTTLING = frozenset(
    {
        "KMS.ThrottlingException",
        "KmsThrottled",
        "OverLimit",
        "RequestThrottled",
        "Throttling",
        "ThrottlingException",
    }
)
_DENIED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSecurity",
        "KMS.AccessDeniedException",
        "KmsAccessDenied",
        "MissingAuthenticationToken",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_NO_QUEUE = frozenset({"NonExistentQueue", "QueueDoesNotExist", "QueueDeletedRecently"})
_FORBIDDEN = 403
_SERVER_ERROR = 500


def queue_failure(
    operation: str, queue_url: str, error: ClientError | BotoCoreError
) -> DualwayError:
    """Translate what stopped a call.

    Without an answer it is `Unavailable`, also where the call may have had its effect: whatever
    is done twice to a queue that delivers at least once does no harm.
    """
    if isinstance(error, NoCredentialsError | PartialCredentialsError | CredentialRetrievalError):
        return AccessDenied(operation, queue_url, str(error))
    if not isinstance(error, ClientError):
        return Unavailable(operation, queue_url, str(error))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = error.response.get("Error", {}).get("Code", "")
    return kind_of(code, status)(operation, queue_url, str(error))


def kind_of(code: str, status: int) -> type[DualwayError]:
    """Return the error that an SQS code stands for, or, for an unknown one, its HTTP status."""
    code = code.removeprefix(_PREFIX)
    if code in _THROTTLING:
        return Throttled
    if code in _DENIED or status == _FORBIDDEN:
        return AccessDenied
    if code in _NO_QUEUE:
        return ConfigError
    return Unavailable if status >= _SERVER_ERROR else Poison
