"""What a run consists of, as data: the conditions it starts from and the steps that are taken.

A plan is all that a run depends on. Each step says for itself what is to happen; numbers in it are
taken modulo what there is, and a step that does not apply does nothing. So any part of a plan is a
plan, which is what makes a failing one easy to shrink.
"""

from dataclasses import dataclass
from enum import StrEnum

from sync_core.model import ConflictPolicy


class What(StrEnum):
    """The kinds of steps: those of the users, those of the stacks and those of the world."""

    PUT = "puts"
    REWRITE = "puts the same bytes again to"
    TOUCH = "edits the metadata of"
    EDIT = "reads, changes and puts back with its metadata"
    COPY = "copies to the next key"
    RENAME = "renames to the next key"
    DELETE = "deletes"
    DELETE_ABSENT = "deletes, whether it is there or not,"
    BEGIN = "begins an upload of"
    COMPLETE = "completes the upload of"
    TWINS = "both put the same object to"
    TAG = "tags"
    EXPIRE = "has a lifecycle rule expire"
    BY_HAND = "puts with the dedicated user's key pair"
    DELETE_BY_HAND = "deletes with the dedicated user's key pair"
    AS_ROOT = "puts as the account's root"
    RESTORE = "copies an old version on top of"
    UNDELETE = "removes the delete marker of"
    PURGE = "deletes a noncurrent version of"
    VERSIONING = "switches the versioning of the bucket of"
    EMPTY = "empties the bucket of"

    START = "start a worker"
    GO = "go on"
    GO_TO_EFFECT = "go on until a bucket has changed"
    FINISH = "finish"
    WORK = "process all that is due at"
    CRASH = "crash"
    FIND = "start a finder at"

    CLOCK = "time passes"
    SETTLE = "deliver all that is left"
    REDELIVER = "deliver again"
    LOSE_TABLE = "lose the table"
    SEND_JUNK = "send junk"


USER_OPERATIONS = tuple(What)[: list(What).index(What.START)]


class Fault(StrEnum):
    """What happens to the call that a worker is about to make, or to the answer that it awaits."""

    NONE = "none"
    UNAVAILABLE = "unavailable"
    THROTTLED = "throttled"
    DENIED = "denied"
    UNANSWERED = "unanswered"
    RACED = "raced"
    REFUSED = "refused"
    SHORT_READ = "short read"
    RETRIED_INSIDE = "retried inside"
    STALE_PAGE = "stale page"


class Fate(StrEnum):
    """What becomes of the events that a step causes, and in which form they come."""

    SENT = "sent"
    DROPPED = "dropped"
    TWICE = "twice"
    LATE = "late"
    COALESCED = "coalesced"
    BY_SNS = "by SNS"
    BY_EVENTBRIDGE = "by EventBridge"
    THREE_RECORDS = "three records in one message"
    NO_SEQUENCER = "no sequencer"
    SHORT_SEQUENCER = "a sequencer of another length"
    LOWER_SEQUENCER = "a sequencer in lower case"
    AFTER_A_TEST_EVENT = "after a test event"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens; `count` is of messages, points or seconds, `number` any choice."""

    what: What
    side: str = "a"
    key: int = 0
    number: int = 0
    count: int = 1
    fault: Fault = Fault.NONE
    fate: Fate = Fate.SENT

    def __str__(self) -> str:
        told = f"{self.what} side={self.side} key={self.key} n={self.number} count={self.count}"
        fault = "" if self.fault is Fault.NONE else f" fault={self.fault}"
        return told + fault + ("" if self.fate is Fate.SENT else f" fate={self.fate}")


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a run starts from; pairs are of sides a and b.

    Skews are in seconds. `in_parts` has the stacks copy every object as a multipart upload, one
    that workers share if `shared`.
    `ignores` are the conditions that both stores accept and do not look at; `most_deletes` is the
    guard's limit (0: none).
    """

    keys: int = 1
    bucket_skews: tuple[int, int] = (0, 0)
    worker_skews: tuple[int, int] = (0, 0)
    versioned: tuple[bool, bool] = (False, False)
    md5_etags: tuple[bool, bool] = (True, True)
    in_parts: bool = False
    shared: bool = False
    policy: ConflictPolicy = ConflictPolicy.KEEP_COPY
    ignores: frozenset[str] = frozenset()
    most_deletes: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole run."""

    conditions: Conditions
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return "\n".join((str(self.conditions), *map(str, self.steps)))
