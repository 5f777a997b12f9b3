"""The shape of an item in the table, as an operator sees it in the console."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from sync_core.errors import Poison
from sync_core.model import Intent, Lease, NotedConflict, Pair, SideState, SyncRecord, Waiting
from sync_core.records.dynamodb_item import (
    HASHED,
    SHARDS,
    from_item,
    primary_key,
    to_item,
    write_id_of,
)
from sync_core.records.dynamodb_values import Item
from sync_core.records.shown import from_shown

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def test_an_item_is_readable() -> None:
    record = SyncRecord(
        "dir/ü.txt",
        gen=3,
        pair=Pair(own=SideState("o:1", "lid"), peer=SideState("n:2"), tags="t"),
        intent=Intent("o:1", None, "nonce", NOON),
        lease=Lease("worker", NOON),
        waiting=Waiting("o:1|n:2", NOON),
        expires_at=datetime(2026, 3, 1, tzinfo=UTC),
        past=("r:2", "r:1"),
        blocked="e|1|m",
        conflict=NotedConflict(NOON, "b", "f|1|m", "e|1|m", "dir/ü.conflict.txt"),
    )
    assert to_item(record, "w") == {
        "pk": {"S": "r4"},
        "sk": {"S": "dir/ü.txt"},
        "gen": {"N": "3"},
        "shown": {"S": "=lid = open,conflict =e|1|m"},
        "pair": {
            "M": {
                "own": {"M": {"id": {"S": "o:1"}, "lid": {"S": "lid"}}},
                "peer": {"M": {"id": {"S": "n:2"}}},
                "tags": {"S": "t"},
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
        "past": {"L": [{"S": "r:2"}, {"S": "r:1"}]},
        "blocked": {"S": "e|1|m"},
        "conflict": {
            "M": {
                "at": {"S": "2026-03-01T12:00:00.123456+00:00"},
                "winner_side": {"S": "b"},
                "winner": {"S": "f|1|m"},
                "loser": {"S": "e|1|m"},
                "loser_key": {"S": "dir/ü.conflict.txt"},
                "is_open": {"BOOL": False},
            }
        },
        "expires_at": {"N": "1772323200"},
        "write_id": {"S": "w"},
    }


def test_what_is_none_is_no_attribute() -> None:
    attributes = {"pk", "sk", "gen", "shown", "write_id"}
    assert set(to_item(SyncRecord("k", gen=1), "w")) == attributes
    assert set(to_item(SyncRecord("", gen=1), "w")) == attributes | {"key"}


def test_a_tombstone_is_an_empty_pair() -> None:
    assert to_item(SyncRecord("k", gen=1, pair=Pair()), "w")["pair"] == {"M": {}}


def test_another_zone_is_stored_as_utc() -> None:
    shanghai = NOON.astimezone(timezone(timedelta(hours=8)))
    item = to_item(SyncRecord("k", gen=1, lease=Lease("w", shanghai)), "w")
    assert item["lease"]["M"]["until"] == {"S": "2026-03-01T12:00:00.123456+00:00"}


@pytest.mark.parametrize("key", ["k", "x" * 1024, "é" * 512, "a b", "//", "sha256:0"])
def test_a_key_that_an_object_can_have_is_its_own_sort_key(key: str) -> None:
    made = primary_key(key)
    assert made["sk"] == {"S": key}
    assert made["pk"]["S"] in SHARDS


@pytest.mark.parametrize(("key", "shard"), [("a", "rc"), ("b", "r3"), ("dir/ü.txt", "r4")])
def test_a_key_stays_in_its_shard_from_release_to_release(key: str, shard: str) -> None:
    assert primary_key(key)["pk"] == {"S": shard}


def test_keys_spread_over_all_shards() -> None:
    assert {primary_key(f"dir/{n}.txt")["pk"]["S"] for n in range(300)} == set(SHARDS)
    assert len(SHARDS) == 16


@pytest.mark.parametrize("key", ["", "x" * 1025, "é" * 513])
def test_any_other_key_is_hashed_into_a_shard_that_is_not_listed(key: str) -> None:
    made = primary_key(key)
    assert made["pk"] == {"S": HASHED}
    assert HASHED not in SHARDS
    assert made["sk"]["S"].startswith("sha256:")
    assert from_item(to_item(SyncRecord(key, gen=1), "w")) == SyncRecord(key, gen=1)


def test_what_is_shown_is_never_read_for_the_record() -> None:
    item = to_item(SyncRecord("k", gen=1), "w")
    assert from_item({**item, "shown": {"S": "nonsense"}}) == SyncRecord("k", gen=1)


def test_what_a_newer_release_shows_besides_is_passed_over() -> None:
    listed = from_shown("k", "= - conflict,frozen -")
    assert (listed.own, listed.is_open, listed.has_conflict) == ("", False, True)


@pytest.mark.parametrize("shown", ["", "- -", "- - - - -", "lid - - -", "- - - lid", " - - -"])
def test_what_is_shown_in_another_form_is_refused(shown: str) -> None:
    with pytest.raises(ValueError, match=r"lid|unpack"):
        from_shown("k", shown)


def test_the_mark_of_a_write_is_found_again() -> None:
    assert write_id_of(to_item(SyncRecord("k", gen=1), "w")) == "w"
    assert write_id_of({}) is None


GOOD: Item = to_item(SyncRecord("k", gen=1, lease=Lease("w", NOON)), "w")


@pytest.mark.parametrize(
    "change",
    [
        {"gen": {"S": "1"}},
        {"gen": {"N": "1.5"}},
        {"pk": {}},
        {"pk": {"S": HASHED}},
        {"past": {"S": "r:1"}},
        {"past": {"L": [{"N": "1"}]}},
        {"conflict": {"M": {"winner": {"S": "b"}}}},
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
