"""What can be decided about a key, and what can be done about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum

from sync_core.model.objects import ObjectVersion


class Side(Enum):
    """Which side's bucket an action writes to."""

    OWN = "own"
    PEER = "peer"


class Direction(StrEnum):
    """Which way changes go: both ways, or only from the own side to the peer (a feed).

    A feed's peer has no stack of its own, and its users' changes stay where they are.
    """

    TWO_WAY = "two-way"
    TO_PEER = "to-peer"


class Link(StrEnum):
    """By what the two instances are known to be the same."""

    PAIR = "pair"
    MARKER = "marker"
    CONTENT = "content"


class SkipReason(StrEnum):
    """Every way to do nothing has a name."""

    BOTH_ABSENT = "both_absent"
    IN_SYNC = "in_sync"
    PEER_ACTS = "peer_acts"
    PEER_WINS = "peer_wins"
    ONE_WAY = "one_way"
    EXCLUDED = "excluded"
    CONFLICT_LEFT_OPEN = "conflict_left_open"
    NOT_A_CHANGE = "not_a_change"
    UPLOAD_UNDER_WAY = "upload_under_way"
    UPLOAD_OVER = "upload_over"
    ARCHIVED = "archived"
    RESTORING = "restoring"


@dataclass(frozen=True, slots=True)
class Copy:
    """Put the source's instance in place of `replaces` (None: of nothing) on the `to` side."""

    row: int
    source: ObjectVersion
    replaces: ObjectVersion | None
    to: Side = Side.PEER


@dataclass(frozen=True, slots=True)
class Conflict:
    """Keep the loser as a copy beside it, then put the source in its place on the `to` side."""

    row: int
    source: ObjectVersion
    loser: ObjectVersion
    to: Side = Side.PEER


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete exactly this instance on the `at` side."""

    row: int
    instance: ObjectVersion
    at: Side = Side.PEER


@dataclass(frozen=True, slots=True)
class CopyTags:
    """Both sides' objects are in sync: put these tags on the `at` side's `instance`.

    `is_agreed` says that the other side shows them already, so that both agree afterwards.
    """

    row: int
    instance: ObjectVersion
    tags: Mapping[str, str]
    is_agreed: bool
    at: Side = Side.PEER


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Both sides agree (or both are absent) and the record does not say so yet: record it."""

    row: int
    link: Link | None


@dataclass(frozen=True, slots=True)
class Skip:
    """Nothing is to be done here."""

    row: int
    reason: SkipReason


@dataclass(frozen=True, slots=True)
class Unsure:
    """Our own earlier write may or may not have happened: wait for the peer's evidence."""

    row: int


Verdict = Copy | Conflict | Delete | CopyTags | Acknowledge | Skip | Unsure


class ConflictPolicy(StrEnum):
    """What becomes of a true conflict; the same on both stacks of a pair.

    `keep-copy`: the later stamp wins, the loser is kept as a copy beside it. `keep-version`: the
    same, but where the loser's bucket is versioned the overwritten version is the copy. `prefer`:
    the preferred site's object wins, the loser is kept as a copy. `manual`: nothing is done until
    a user has deleted or overwritten one of the two.
    """

    KEEP_COPY = "keep-copy"
    KEEP_VERSION = "keep-version"
    PREFER = "prefer"
    MANUAL = "manual"


class Action(StrEnum):
    """What was done about a key; the stable machine name in logs and metrics."""

    OBJECT_COPIED = "object_copied"
    PARTS_COPIED = "parts_copied"
    ORPHAN_ABORTED = "orphan_aborted"
    OBJECT_DELETED = "object_deleted"
    LOSER_KEPT = "loser_kept"
    TAGS_COPIED = "tags_copied"
    ACKNOWLEDGED = "acknowledged"
    SKIPPED = "skipped"
    REPEATED_TRANSFER = "repeated_transfer"
    REPEATED_DELETE = "repeated_delete"
    PEER_NUDGED = "peer_nudged"
    DELETE_HELD = "delete_held"
    DELETE_DELAYED = "delete_delayed"
    CONFLICT_LEFT_OPEN = "conflict_left_open"
    DEFERRED = "deferred"
    RETRIED = "retried"
    DEAD_LETTERED = "dead_lettered"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One thing that was done, for logs and metrics.

    `bucket` is the bucket that was written to, or, for events, the one they came from. `reason`
    is a skip's reason or an error's sentence. `lag_seconds` runs from the event's time to now.
    """

    action: Action
    key: str
    bucket: str = ""
    row: int | None = None
    reason: str = ""
    principal_id: str | None = None
    size_bytes: int = 0
    lag_seconds: float | None = None
