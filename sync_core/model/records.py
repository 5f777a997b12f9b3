"""What a stack's table holds: one record for each key, and a few items that control the stack."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class SideState:
    """One side of a recorded pair: the instance's id and, where known, how a listing shows it.

    `lid` is a `listed_id`, or the beginning of one (`written_id`) where the time is not known.
    `replica` is the `replica_id` of an instance that is a replica of ours.
    """

    id: str
    lid: str | None = None
    replica: str | None = None

    @property
    def etag(self) -> str | None:
        """The instance's etag, where it is known."""
        return self.lid.partition("|")[0] if self.lid else None


@dataclass(frozen=True, slots=True)
class Pair:
    """The last state in which both sides are known to have agreed; both None is a tombstone.

    `tags` is the `tags_hash` of both sides' tags then; None where it is not known.
    """

    own: SideState | None = None
    peer: SideState | None = None
    tags: str | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """Written before a create or an overwrite: what is about to be put, and in place of what."""

    source_id: str
    replaced_id: str | None
    nonce: str
    opened_at: datetime
    upload_id: str | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """Who evaluates the key at present, and until when that counts."""

    owner: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """Since when one snapshot, named by both instances' ids, has waited for the peer to act."""

    snapshot: str
    since: datetime


@dataclass(frozen=True, slots=True)
class NotedConflict:
    """How a conflict went: who won, and under which key the loser is kept (None: as a version).

    `winner` and `loser` are listed ids; `winner_side` is a site's name. `is_open`: the policy is
    to leave it to a person, so nothing was done.
    """

    at: datetime
    winner_side: str
    winner: str
    loser: str
    loser_key: str | None
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class SyncRecord:
    """What the own stack knows of one key; `gen` is the generation it was read with (0: none).

    `past` names replicas that were there and were then seen to be gone, on either side (their
    `replica_id`s, latest last): should one reappear, a user has put it back. `blocked` is the
    `listed_id` of the own instance that can never be copied. `conflict` is the key's latest one.
    """

    key: str
    gen: int = 0
    pair: Pair | None = None
    intent: Intent | None = None
    lease: Lease | None = None
    waiting: Waiting | None = None
    expires_at: datetime | None = None
    past: tuple[str, ...] = ()
    blocked: str | None = None
    conflict: NotedConflict | None = None


class ListedRecord(NamedTuple):
    """A record as far as a comparison with listings needs it; a tuple, as `ListedObject` is.

    `own` and `peer` are the pair's lids: None where the side is absent from the pair (or there is
    no pair), "" where it is present and its lid is not known. `is_open` says that an intent or a
    wait is noted, `has_conflict` that a conflict is; `blocked` is the record's.
    """

    key: str
    own: str | None
    peer: str | None
    is_open: bool = False
    blocked: str | None = None
    has_conflict: bool = False


@dataclass(frozen=True, slots=True)
class ControlItem:
    """An item of the table that is no key's record: `text` is JSON of whoever owns the `name`.

    `gen` is the generation it was read with (0: there is none).
    """

    name: str
    text: str
    gen: int = 0
    expires_at: datetime | None = None
