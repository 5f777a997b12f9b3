"""A record as a DynamoDB item, and back: pure, and readable in the console.

    pk          S  the key, or sha256:<hex> of it          the partition key
    key         S  the object's key
    gen         N  the generation, from 1
    pair        M  own, peer: M of id, lid                 a missing side is absent; {}: tombstone
    intent      M  source_id, replaced_id, nonce, opened_at, upload_id
    lease       M  owner, until
    waiting     M  snapshot, since
    expires_at  N  epoch seconds                           the table's time-to-live attribute
    write_id    S  names the call that wrote the item

None is a missing attribute; instants are ISO 8601 in UTC with microseconds. Items are written
whole, so an attribute that only a newer release knows is passed over when read and is gone after
this release has written the item.
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sync_core.errors import Poison
from sync_core.model import Intent, Lease, Pair, SideState, SyncRecord, Waiting

Value = Mapping[str, Any]
"""One attribute value in DynamoDB's own form, such as `{"S": "text"}`."""

Item = Mapping[str, Value]
"""An item, or the content of a map: attribute values by name."""

_HASHED = "sha256:"
_LONGEST_READABLE_KEY_BYTES = 1024
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_Built = TypeVar("_Built")


def partition_key(key: str) -> str:
    """Return the `pk` of an object's key; no two keys share one.

    A partition key has 1 to 2,048 bytes (DynamoDB developer guide, "Quotas", 2025). Keys that are
    empty, longer than an S3 key may be, or look like a hashed one are hashed.
    """
    encoded = key.encode()
    if 0 < len(encoded) <= _LONGEST_READABLE_KEY_BYTES and not key.startswith(_HASHED):
        return key
    return _HASHED + hashlib.sha256(encoded).hexdigest()


def to_item(record: SyncRecord, write_id: str) -> dict[str, Value]:
    """Return the item that holds exactly this record, `gen` and all, marked with `write_id`.

    `expires_at` must be a whole second, as `as_stored` makes it; a fraction would be cut off.
    """
    return _present(
        pk=_text(partition_key(record.key)),
        key=_text(record.key),
        gen=_number(record.gen),
        pair=_map(record.pair, _from_pair),
        intent=_map(record.intent, _from_intent),
        lease=_map(record.lease, _from_lease),
        waiting=_map(record.waiting, _from_waiting),
        expires_at=None if record.expires_at is None else _number(_epoch(record.expires_at)),
        write_id=_text(write_id),
    )


def from_item(item: Item) -> SyncRecord:
    """Return the record that an item holds; raises `Poison` when it does not hold one."""
    try:
        return SyncRecord(
            key=item["key"]["S"],
            gen=int(item["gen"]["N"]),
            pair=_build(item, "pair", _to_pair),
            intent=_build(item, "intent", _to_intent),
            lease=_build(item, "lease", _to_lease),
            waiting=_build(item, "waiting", _to_waiting),
            expires_at=_to_expiry(item),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise Poison(
            "read record",
            str(item.get("pk", {}).get("S", "")),
            f"the table's item is no record ({error!r}): mend or delete it",
        ) from error


def write_id_of(item: Item) -> str | None:
    """Return which call wrote the item; None when it bears no such mark."""
    return _optional_text(item, "write_id")


def _from_pair(pair: Pair) -> dict[str, Value]:
    return _present(own=_map(pair.own, _from_side), peer=_map(pair.peer, _from_side))


def _to_pair(content: Item) -> Pair:
    return Pair(own=_build(content, "own", _to_side), peer=_build(content, "peer", _to_side))


def _from_side(side: SideState) -> dict[str, Value]:
    return _present(id=_text(side.id), lid=_text(side.lid))


def _to_side(content: Item) -> SideState:
    return SideState(id=content["id"]["S"], lid=_optional_text(content, "lid"))


def _from_intent(intent: Intent) -> dict[str, Value]:
    return _present(
        source_id=_text(intent.source_id),
        replaced_id=_text(intent.replaced_id),
        nonce=_text(intent.nonce),
        opened_at=_instant(intent.opened_at),
        upload_id=_text(intent.upload_id),
    )


def _to_intent(content: Item) -> Intent:
    return Intent(
        source_id=content["source_id"]["S"],
        replaced_id=_optional_text(content, "replaced_id"),
        nonce=content["nonce"]["S"],
        opened_at=_to_instant(content["opened_at"]),
        upload_id=_optional_text(content, "upload_id"),
    )


def _from_lease(lease: Lease) -> dict[str, Value]:
    return _present(owner=_text(lease.owner), until=_instant(lease.until))


def _to_lease(content: Item) -> Lease:
    return Lease(owner=content["owner"]["S"], until=_to_instant(content["until"]))


def _from_waiting(waiting: Waiting) -> dict[str, Value]:
    return _present(snapshot=_text(waiting.snapshot), since=_instant(waiting.since))


def _to_waiting(content: Item) -> Waiting:
    return Waiting(snapshot=content["snapshot"]["S"], since=_to_instant(content["since"]))


def _present(**values: Value | None) -> dict[str, Value]:
    return {name: value for name, value in values.items() if value is not None}


def _text(text: str | None) -> Value | None:
    return None if text is None else {"S": text}


def _optional_text(content: Item, name: str) -> str | None:
    return content[name]["S"] if name in content else None


def _number(number: int) -> Value:
    return {"N": str(number)}


def _instant(instant: datetime) -> Value:
    return {"S": instant.astimezone(UTC).isoformat()}


def _to_instant(value: Value) -> datetime:
    instant = datetime.fromisoformat(value["S"])
    if instant.tzinfo is None:
        raise ValueError(f"{value['S']} names no zone")
    return instant


def _epoch(instant: datetime) -> int:
    return (instant - _EPOCH) // _SECOND


def _to_expiry(item: Item) -> datetime | None:
    return _EPOCH + int(item["expires_at"]["N"]) * _SECOND if "expires_at" in item else None


def _map(part: _Built | None, content: Callable[[_Built], dict[str, Value]]) -> Value | None:
    return None if part is None else {"M": content(part)}


def _build(content: Item, name: str, part: Callable[[Item], _Built]) -> _Built | None:
    return part(content[name]["M"]) if name in content else None
