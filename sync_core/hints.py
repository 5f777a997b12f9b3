"""Whether a key has to be looked at, judged by listings and its record alone: pure.

| own | peer | record | reason |
|---|---|---|---|
| x | y | both as recorded | in sync |
| x | y | an intent or a wait is open | unfinished |
| x | y | none of one of them | unrecorded |
| x' | | x | own changed |
| x | y' | y | peer changed |
| x | - | x, y | gone at the peer |
| x | - | no pair | new |
| - | y | x, y | gone here |
| - | y | no pair | left to the peer's finder: new there |
| - | - | x, y | gone on both sides |
| - | - | nothing | nothing there |

A listing may be stale and an entry of it says little: a reason only asks for a look. What is known
of the peer's instance may be its etag and size without its time (our own write told no more); then
an edit of its metadata is for the peer's finder to see, whose record of its own object is exact.
Where nothing is known of it but its name (a replica's marker told no more), it should show the same
etag, in whichever case, and size as the own one; otherwise it is read, once.
"""

from collections.abc import Iterable
from enum import StrEnum

from sync_core.compare import Known
from sync_core.model import ListedObject, ListedRecord


class Reason(StrEnum):
    """Why a key is looked at, or why it is not."""

    NEW = "new"
    UNRECORDED = "unrecorded"
    OWN_CHANGED = "own_changed"
    PEER_CHANGED = "peer_changed"
    GONE_HERE = "gone_here"
    GONE_AT_PEER = "gone_at_peer"
    GONE_ON_BOTH_SIDES = "gone_on_both_sides"
    UNFINISHED = "unfinished"
    # From here on there is nothing to do.
    IN_SYNC = "in_sync"
    NOTHING_THERE = "nothing_there"
    LEFT_TO_PEER = "left_to_peer"
    BLOCKED = "blocked"
    DELETE_HELD = "delete_held"

    @property
    def asks_for_a_look(self) -> bool:
        """Tell whether the key is to be evaluated."""
        return self not in _PASSED


_IN_SYNC = Reason.IN_SYNC
_PASSED = frozenset(
    {
        Reason.IN_SYNC,
        Reason.NOTHING_THERE,
        Reason.LEFT_TO_PEER,
        Reason.BLOCKED,
        Reason.DELETE_HELD,
    }
)


def reason_of(
    own: ListedObject | None, peer: ListedObject | None, record: ListedRecord | None
) -> Reason:
    """Return the reason for one key that a listing shows or that has a record."""
    if record is None:
        return _without_pair(own, peer)
    if own is not None and peer is not None and not record.is_open:
        # Most keys come this way: `_with_pair` would find the same, but not as soon.
        own_lid, peer_lid = record.own, record.peer
        if (
            own_lid is not None
            and peer_lid is not None
            and f"{own.etag}|{own.size_bytes}|{own.modified}".startswith(own_lid)
            and (
                f"{peer.etag}|{peer.size_bytes}|{peer.modified}".startswith(peer_lid)
                if peer_lid
                else _look_alike(own, peer)
            )
        ):
            return _IN_SYNC
    elif record.is_open:
        return Reason.UNFINISHED
    if record.blocked is not None and own is not None and own.lid == record.blocked:
        return Reason.BLOCKED
    if record.own is None and record.peer is None:
        return _without_pair(own, peer)
    return _with_pair(own, peer, record)


def reasons_of(run: Iterable[Known]) -> list[Reason]:
    """Return `reason_of` for each of these keys, in two thirds of the time."""
    # Nearly all keys are found here; what is not is left to `reason_of`, in sync or not.
    return [
        _IN_SYNC
        if own
        and peer
        and record
        and not record[3]
        and own[1] == peer[1]
        and own[2] == peer[2]
        and record[1] == (told := f"{own[1]}|{own[2]}|") + own[3]
        and (record[2] == told or record[2] == "" or record[2] == told + peer[3])
        else reason_of(own, peer, record)
        for _, own, peer, record in run
    ]


def _without_pair(own: ListedObject | None, peer: ListedObject | None) -> Reason:
    if own is not None:
        return Reason.NEW if peer is None else Reason.UNRECORDED
    return Reason.NOTHING_THERE if peer is None else Reason.LEFT_TO_PEER


def _with_pair(own: ListedObject | None, peer: ListedObject | None, record: ListedRecord) -> Reason:
    if own is None:
        return Reason.GONE_ON_BOTH_SIDES if peer is None else Reason.GONE_HERE
    if not _shows(own, record.own):
        return Reason.OWN_CHANGED
    if peer is None:
        return Reason.GONE_AT_PEER
    if record.peer == "" and not _look_alike(own, peer):
        return Reason.PEER_CHANGED
    return Reason.IN_SYNC if _shows(peer, record.peer) else Reason.PEER_CHANGED


def _look_alike(own: ListedObject, peer: ListedObject) -> bool:
    """Tell whether both listings show the same etag, which some stores write in capitals."""
    return own.size_bytes == peer.size_bytes and own.etag.lower() == peer.etag.lower()


def _shows(listed: ListedObject, lid: str | None) -> bool:
    """Tell whether the listing shows the recorded instance, as far as that is known.

    What is not known of an instance is the end of its lid, all of it or its time.
    """
    return lid is not None and listed.lid.startswith(lid)
