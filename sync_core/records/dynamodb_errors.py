"""What DynamoDB's refusals mean, in our words.

Codes as in the API reference: "Error handling with DynamoDB", "Common Errors" and
`TransactionCanceledException` (2025). The client repeats requests by itself, so the last failure
tells nothing of the tries before it: a write without a definite answer is always `Ambiguous`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
)

from sync_core.errors import (
    AccessDenied,
    Ambiguous,
    ConfigError,
    DualwayError,
    Poison,
    Throttled,
    Unavailable,
)

Reason = Mapping[str, Any]
"""Why one write of a transaction failed: `Code` ("None" for a bystander), `Message`, `Item`."""

CONDITION_FAILED = "ConditionalCheckFailed"
RETRIED_REASONS = frozenset(
    {
        "TransactionConflict",
        "ThrottlingError",
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
    }
)
_KNOWN_REASONS = RETRIED_REASONS | {CONDITION_FAILED, "None"}

_THROTTLING = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
_DENIED = frozenset(
    {
        "AccessDeniedException",
        "ExpiredTokenException",
        "IncompleteSignatureException",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "UnrecognizedClientException",
    }
)
_FORBIDDEN = 403
_SERVER_ERROR = 500


def reasons_of(error: ClientError) -> Sequence[Reason] | None:
    """Return why each write of the request was refused, in the order of the request.

    None when the refusal is not about single writes, or when one can never succeed: then translate
    the error. A conditional PutItem counts as a transaction of one.
    """
    match _code(error):
        case "ConditionalCheckFailedException":
            return [{"Code": CONDITION_FAILED, "Item": error.response.get("Item", {})}]
        case "TransactionConflictException":
            return [{"Code": "TransactionConflict"}]
        case "TransactionCanceledException":
            reasons = _cancellation_reasons(error)
            return reasons if _KNOWN_REASONS.issuperset(r["Code"] for r in reasons) else None
        case _:
            return None


def read_failure(
    error: ClientError | BotoCoreError, context: tuple[str, str], table_name: str
) -> DualwayError:
    """Translate what stopped a read; nothing was changed in any case.

    `context` is the operation, such as "read records", and the key.
    """
    return _definite(error, context, table_name) or Unavailable(*context, str(error))


def write_failure(
    error: ClientError | BotoCoreError, context: tuple[str, str], table_name: str
) -> DualwayError:
    """Translate what stopped a write; without a definite answer it may have had its effect."""
    return _definite(error, context, table_name) or Ambiguous(*context, str(error))


def _definite(
    error: ClientError | BotoCoreError, context: tuple[str, str], table_name: str
) -> DualwayError | None:
    if isinstance(error, NoCredentialsError | PartialCredentialsError | CredentialRetrievalError):
        return AccessDenied(*context, str(error))
    if not isinstance(error, ClientError):
        return None
    if _code(error) == "ResourceNotFoundException":
        return ConfigError(context[0], table_name, "there is no such table: create it")
    kind = _kind(_code(error), _status(error))
    return None if kind is None else kind(*context, _explanation(error))


def _kind(code: str, status: int) -> type[DualwayError] | None:
    if code in _THROTTLING:
        return Throttled
    if code in _DENIED or status == _FORBIDDEN:
        return AccessDenied
    return Poison if status < _SERVER_ERROR else None


def _explanation(error: ClientError) -> str:
    messages = [r.get("Message") for r in _cancellation_reasons(error)]
    return "; ".join([str(error), *filter(None, messages)])


def _cancellation_reasons(error: ClientError) -> Sequence[Reason]:
    reasons: Sequence[Reason] = error.response.get("CancellationReasons", [])
    return reasons


def _code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")


def _status(error: ClientError) -> int:
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
