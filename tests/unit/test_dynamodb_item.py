"""The shape of an item in the table, as an operator sees it in the console."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from sync_core.errors import Poison
from sync_core.model import Intent, Lease, Pair, SideState, SyncRecord, Waiting
from sync_core.records.dynamodb_item import (
    Item,
    from_item,
    partition_key,
    to_item,
    write_id_of,
)

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def test_an_item_is_readable() -> None:
    record = SyncRecord(
        "dir/ü.txt",
        gen=3,
        pair=Pair(own=SideState("o:1", "lid"), peer=SideState("n:2")),
        intent=Intent("o:1", None, "nonce", NOON),
        lease=Lease("worker", NOON),
        waiting=Waiting("o:1|n:2", NOON),
        expires_at=datetime(2026, 3, 1, tzinfo=UTC),
    )
    assert to_item(record, "w") == {
        "pk": {"S": "dir/ü.txt"},
        "key": {"S": "dir/ü.txt"},
        "gen": {"N": "3"},
        "pair": {
            "M": {
                "own": {"M": {"id": {"S": "o:1"}, "lid": {"S": "lid"}}},
                "peer": {"M": {"id": {"S": "n:2"}}},
            }
        },
        "intent": {
            "M": {
                "source_id": {"S": "o:1"},
                "nonce": {"S": "nonce"},
                "opened_at": {"S": "2026-03-01T12:00:00.123456+00:00"},
            }
        },
        "lease": {
            "M": {
                "owner": {"S": "worker"},
                "until": {"S": "2026-03-01T12:00:00.123456+00:00"},
            }
        },
        "waiting": {
            "M": {
                "snapshot": {"S": "o:1|n:2"},
                "since": {"S": "2026-03-01T12:00:00.123456+00:00"},
            }
        },
        "expires_at": {"N": "1772323200"},
        "write_id": {"S": "w"},
    }


def test_what_is_none_is_no_attribute() -> None:
    assert set(to_item(SyncRecord("k", gen=1), "w")) == {"pk", "key", "gen", "write_id"}


def test_a_tombstone_is_an_empty_pair() -> None:
    assert to_item(SyncRecord("k", gen=1, pair=Pair()), "w")["pair"] == {"M": {}}


def test_another_zone_is_stored_as_utc() -> None:
    shanghai = NOON.astimezone(timezone(timedelta(hours=8)))
    item = to_item(SyncRecord("k", gen=1, lease=Lease("w", shanghai)), "w")
    assert item["lease"]["M"]["until"] == {"S": "2026-03-01T12:00:00.123456+00:00"}


@pytest.mark.parametrize("key", ["k", "x" * 1024, "é" * 512, "a b", "//"])
def test_a_key_that_an_object_can_have_is_its_own_partition_key(key: str) -> None:
    assert partition_key(key) == key


@pytest.mark.parametrize("key", ["", "x" * 1025, "é" * 513, partition_key("x" * 1025)])
def test_any_other_key_is_hashed_and_never_meets_another_one(key: str) -> None:
    hashed = partition_key(key)
    assert hashed.startswith("sha256:")
    assert len(hashed) == 71
    assert hashed != key


def test_the_mark_of_a_write_is_found_again() -> None:
    assert write_id_of(to_item(SyncRecord("k", gen=1), "w")) == "w"
    assert write_id_of({}) is None


GOOD: Item = to_item(SyncRecord("k", gen=1, lease=Lease("w", NOON)), "w")


@pytest.mark.parametrize(
    "change",
    [
        {"gen": {"S": "1"}},
        {"gen": {"N": "1.5"}},
        {"key": {"N": "1"}},
        {"lease": {"S": "worker"}},
        {"lease": {"M": {"owner": {"S": "w"}}}},
        {"lease": {"M": {"owner": {"S": "w"}, "until": {"S": "noon"}}}},
        {"lease": {"M": {"owner": {"S": "w"}, "until": {"S": "2026-03-01T12:00:00"}}}},
        {"expires_at": {"S": "tomorrow"}},
        {"expires_at": {"N": "99999999999999999999"}},
    ],
    ids=str,
)
def test_an_item_that_is_no_record_is_poison(change: Item) -> None:
    with pytest.raises(Poison, match=r"'k'.*no record"):
        from_item({**GOOD, **change})
