"""A record as a DynamoDB item, and back: pure, and readable in the console.

    pk          S  the shard, r0 to rf, or `hashed`        the partition key
    sk          S  the object's key, or sha256:<hex> of it the sort key
    key         S  the object's key                        only where `sk` is a hash
    gen         N  the generation, from 1
    shown       S  what a listing needs (see `shown`)      repeats the rest, for listings only
    pair        M  own, peer: M of id, lid, replica; tags  a missing side is absent; {}: tombstone
    intent      M  source_id, replaced_id, nonce, opened_at, upload_id
    lease       M  owner, until
    waiting     M  snapshot, since
    past        L  of S
    blocked     S
    conflict    M  at, winner_side, winner, loser, loser_key, is_open
    expires_at  N  epoch seconds                           the table's time-to-live attribute
    write_id    S  names the call that wrote the item

Sixteen shards spread the load and are listed in one order by merging them. Items are written whole,
so an attribute that only a newer release knows is passed over when read and is gone after this
release has written the item. Values are as in `dynamodb_values`.
"""

import hashlib

from sync_core.errors import Poison
from sync_core.model import Intent, Lease, NotedConflict, Pair, SideState, SyncRecord, Waiting
from sync_core.records.dynamodb_values import (
    Item,
    Value,
    from_expiry,
    from_instant,
    from_number,
    from_part,
    from_text,
    from_texts,
    present,
    to_expiry,
    to_instant,
    to_part,
    to_text,
    to_texts,
)
from sync_core.records.shown import to_shown
from sync_core.records.stored import as_listed, is_listable

SHARDS = tuple(f"r{digit}" for digit in "0123456789abcdef")
"""The partition keys of all records that a listing shows."""

HASHED = "hashed"
"""The partition key of the records whose keys cannot be sort keys."""


def primary_key(key: str) -> dict[str, Value]:
    """Return the partition key and the sort key of an object's key; no two keys share both.

    The shard is the first hex digit of the key's SHA-256. A sort key has 1 to 1,024 bytes
    (DynamoDB developer guide, "Quotas", 2025), just as an S3 key has.
    """
    digest = hashlib.sha256(key.encode()).hexdigest()
    if is_listable(key):
        return {"pk": {"S": f"r{digest[0]}"}, "sk": {"S": key}}
    return {"pk": {"S": HASHED}, "sk": {"S": f"sha256:{digest}"}}


def to_item(record: SyncRecord, write_id: str) -> dict[str, Value]:
    """Return the item that holds exactly this record, `gen` and all, marked with `write_id`.

    `expires_at` must be a whole second, as `as_stored` makes it; a fraction would be cut off.
    """
    return primary_key(record.key) | present(
        key=None if is_listable(record.key) else from_text(record.key),
        gen=from_number(record.gen),
        shown=from_text(to_shown(as_listed(record))),
        pair=from_part(record.pair, _from_pair),
        intent=from_part(record.intent, _from_intent),
        lease=from_part(record.lease, _from_lease),
        waiting=from_part(record.waiting, _from_waiting),
        past=from_texts(record.past),
        blocked=from_text(record.blocked),
        conflict=from_part(record.conflict, _from_conflict),
        expires_at=from_expiry(record.expires_at),
        write_id=from_text(write_id),
    )


def from_item(item: Item) -> SyncRecord:
    """Return the record that an item holds; raises `Poison` when it does not hold one."""
    try:
        return SyncRecord(
            key=item["key" if item["pk"]["S"] == HASHED else "sk"]["S"],
            gen=int(item["gen"]["N"]),
            pair=to_part(item, "pair", _to_pair),
            intent=to_part(item, "intent", _to_intent),
            lease=to_part(item, "lease", _to_lease),
            waiting=to_part(item, "waiting", _to_waiting),
            expires_at=to_expiry(item, "expires_at"),
            past=to_texts(item, "past"),
            blocked=to_text(item, "blocked"),
            conflict=to_part(item, "conflict", _to_conflict),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise no_record(item, error) from error


def no_record(item: Item, error: Exception) -> Poison:
    """Return what to raise for an item that holds no record."""
    return Poison(
        "read record",
        str(item.get("sk", {}).get("S", "")),
        f"the table's item is no record ({error!r}): mend or delete it",
    )


def write_id_of(item: Item) -> str | None:
    """Return which call wrote the item; None when it bears no such mark."""
    return to_text(item, "write_id")


def _from_pair(pair: Pair) -> dict[str, Value]:
    return present(
        own=from_part(pair.own, _from_side),
        peer=from_part(pair.peer, _from_side),
        tags=from_text(pair.tags),
    )


def _to_pair(content: Item) -> Pair:
    return Pair(
        own=to_part(content, "own", _to_side),
        peer=to_part(content, "peer", _to_side),
        tags=to_text(content, "tags"),
    )


def _from_side(side: SideState) -> dict[str, Value]:
    return present(id=from_text(side.id), lid=from_text(side.lid), replica=from_text(side.replica))


def _to_side(content: Item) -> SideState:
    return SideState(
        id=content["id"]["S"], lid=to_text(content, "lid"), replica=to_text(content, "replica")
    )


def _from_intent(intent: Intent) -> dict[str, Value]:
    return present(
        source_id=from_text(intent.source_id),
        replaced_id=from_text(intent.replaced_id),
        nonce=from_text(intent.nonce),
        opened_at=from_instant(intent.opened_at),
        upload_id=from_text(intent.upload_id),
    )


def _to_intent(content: Item) -> Intent:
    return Intent(
        source_id=content["source_id"]["S"],
        replaced_id=to_text(content, "replaced_id"),
        nonce=content["nonce"]["S"],
        opened_at=to_instant(content["opened_at"]),
        upload_id=to_text(content, "upload_id"),
    )


def _from_lease(lease: Lease) -> dict[str, Value]:
    return present(owner=from_text(lease.owner), until=from_instant(lease.until))


def _to_lease(content: Item) -> Lease:
    return Lease(owner=content["owner"]["S"], until=to_instant(content["until"]))


def _from_waiting(waiting: Waiting) -> dict[str, Value]:
    return present(snapshot=from_text(waiting.snapshot), since=from_instant(waiting.since))


def _to_waiting(content: Item) -> Waiting:
    return Waiting(snapshot=content["snapshot"]["S"], since=to_instant(content["since"]))


def _from_conflict(conflict: NotedConflict) -> dict[str, Value]:
    return present(
        at=from_instant(conflict.at),
        winner_side=from_text(conflict.winner_side),
        winner=from_text(conflict.winner),
        loser=from_text(conflict.loser),
        loser_key=from_text(conflict.loser_key),
        is_open={"BOOL": conflict.is_open},
    )


def _to_conflict(content: Item) -> NotedConflict:
    return NotedConflict(
        at=to_instant(content["at"]),
        winner_side=content["winner_side"]["S"],
        winner=content["winner"]["S"],
        loser=content["loser"]["S"],
        loser_key=to_text(content, "loser_key"),
        is_open=content["is_open"]["BOOL"],
    )
