"""Every error of dualway, in one tree; `retryable` says what becomes of the message.

DualwayError
 +- Retryable            the same message may succeed later: it goes back to the queue
 |   +- Throttled            the service asked to slow down
 |   +- Unavailable          no answer, or a 5xx before the request could have had an effect
 |   +- Ambiguous            the request may have had its effect although no success was seen
 |   +- AccessDenied         403: a key being rotated or a policy being mended
 |   +- IntegrityError       the bytes that arrived are not the bytes that were sent
 |   +- RangesFailed         parts of a finder round failed; the next round does them over
 |   `- Unexpected           a defect of ours: retried, so that nothing is lost, and logged
 +- Stale                the world is not as it was read: evaluate the key again, at once
 |   +- PreconditionFailed   412, or 404 on If-Match
 |   +- WriteConflict        409: two conditional writes raced
 |   `- LeaseLost            the key may be in another worker's hands by now
 `- Poison               no retry can help: dead-letter it, with the reason
     +- MalformedEvent       the message is no event that we know
     +- Blocked              the store will never take this object as it is
     |   `- Archived             it has to be restored before it can be read
     `- ConfigError          the deployment is wrong; nothing may start
"""

from typing import ClassVar


class DualwayError(Exception):
    """Something went wrong: in which operation, on which key, and why.

    `cause` is a sentence for the person who reads the log; the vendor's exception, where there is
    one, is chained as `__cause__`.
    """

    retryable: ClassVar[bool] = False

    def __init__(self, operation: str, key: str, cause: str) -> None:
        super().__init__(f"{operation} {key!r}: {cause}")
        self.operation = operation
        self.key = key
        self.cause = cause

    def __reduce__(self) -> tuple[type["DualwayError"], tuple[str, str, str]]:
        return type(self), (self.operation, self.key, self.cause)


class Retryable(DualwayError):
    """The same request may succeed later."""

    retryable = True


class Throttled(Retryable):
    """The service asked to slow down (503 SlowDown, 429, ProvisionedThroughputExceeded)."""


class Unavailable(Retryable):
    """The service did not answer, or failed before the request could have had an effect."""


class Ambiguous(Retryable):
    """A write was sent and no answer came (time-out, reset, 5xx): it may have had its effect."""


class AccessDenied(Retryable):
    """403. Retryable, because keys rotate and policies are mended; redrive bounds the retries."""


class IntegrityError(Retryable):
    """The bytes that arrived differ in length or digest from what the source's store declared."""


class RangesFailed(Retryable):
    """Parts of a finder round failed; `cause` names each of them with its error."""


class Unexpected(Retryable):
    """An exception that nobody translated; the original is chained as `__cause__`."""


class Stale(DualwayError):
    """The object is no longer the one that was decided on; the key is to be evaluated again."""

    retryable = True


class PreconditionFailed(Stale):
    """If-Match or If-None-Match did not hold (412; 404 where an instance was expected)."""


class WriteConflict(Stale):
    """409 ConditionalRequestConflict: another conditional write to the key was in flight."""


class LeaseLost(Stale):
    """The lease ran out before the write; what was read may be older than another's whole turn."""


class Poison(DualwayError):
    """No retry can help; the message belongs in the dead-letter queue with this reason."""


class MalformedEvent(Poison):
    """The message cannot be read as an event; `cause` names what is wrong and where."""


class Blocked(Poison):
    """The store refuses this object for good (archived, too large, key not allowed)."""


class Archived(Blocked):
    """The object is in an archive: its bytes cannot be read until it has been restored."""


class ConfigError(Poison):
    """The configuration is wrong; `key` names the setting and `cause` says what to do."""
