"""Whatever a record holds comes back from an item and from a store as it was."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sync_core.model import (
    ControlItem,
    Intent,
    Lease,
    ListedRecord,
    NotedConflict,
    Pair,
    SideState,
    SyncRecord,
    Waiting,
)
from sync_core.records.dynamodb_control import from_control_item, to_control_item
from sync_core.records.dynamodb_item import from_item, primary_key, to_item, write_id_of
from sync_core.records.memory import MemoryRecordStore
from sync_core.records.shown import from_shown, to_shown
from sync_core.records.stored import as_stored, as_stored_control

TEXTS = st.text(max_size=20)
MAYBE_TEXTS = st.none() | TEXTS
INSTANTS = st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001  the strategy adds the zone
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001  the strategy adds the zone
    timezones=st.just(UTC),
)
SIDES = st.none() | st.builds(SideState, id=TEXTS, lid=MAYBE_TEXTS)
FIELDS = {
    "key": TEXTS,
    "gen": st.integers(0, 10**12),
    "pair": st.none() | st.builds(Pair, own=SIDES, peer=SIDES, tags=MAYBE_TEXTS),
    "intent": st.none()
    | st.builds(
        Intent,
        source_id=TEXTS,
        replaced_id=MAYBE_TEXTS,
        nonce=TEXTS,
        opened_at=INSTANTS,
        upload_id=MAYBE_TEXTS,
    ),
    "lease": st.none() | st.builds(Lease, owner=TEXTS, until=INSTANTS),
    "waiting": st.none() | st.builds(Waiting, snapshot=TEXTS, since=INSTANTS),
    "expires_at": st.none() | INSTANTS,
    "past": st.lists(TEXTS, max_size=3).map(tuple),
    "blocked": MAYBE_TEXTS,
    "conflict": st.none()
    | st.builds(
        NotedConflict,
        at=INSTANTS,
        winner_side=TEXTS,
        winner=TEXTS,
        loser=TEXTS,
        loser_key=MAYBE_TEXTS,
        is_open=st.booleans(),
    ),
}
RECORDS = st.builds(SyncRecord, **FIELDS)
LISTED_FIELDS = {
    "key": TEXTS,
    "own": MAYBE_TEXTS,
    "peer": MAYBE_TEXTS,
    "is_open": st.booleans(),
    "blocked": MAYBE_TEXTS,
    "has_conflict": st.booleans(),
}
LISTED = st.builds(ListedRecord, **LISTED_FIELDS)
CONTROL_FIELDS = {
    "name": TEXTS,
    "text": st.text(),
    "gen": FIELDS["gen"],
    "expires_at": FIELDS["expires_at"],
}
CONTROL_ITEMS = st.builds(ControlItem, **CONTROL_FIELDS)


def test_every_field_of_a_record_is_tried_here() -> None:
    assert {field.name for field in fields(SyncRecord)} == set(FIELDS)
    assert set(ListedRecord._fields) == set(LISTED_FIELDS)
    assert {field.name for field in fields(ControlItem)} == set(CONTROL_FIELDS)


@given(RECORDS, TEXTS)
def test_a_stored_record_comes_back_from_its_item(record: SyncRecord, write_id: str) -> None:
    stored = as_stored(record)
    item = to_item(stored, write_id)
    assert from_item(item) == stored
    assert write_id_of(item) == write_id


@given(CONTROL_ITEMS, TEXTS)
def test_a_stored_control_item_comes_back_from_its_item(item: ControlItem, write_id: str) -> None:
    stored = as_stored_control(item)
    made = to_control_item(stored, write_id)
    assert from_control_item(made) == stored
    assert write_id_of(made) == write_id


@given(LISTED)
def test_what_a_listing_shows_comes_back_from_its_text(listed: ListedRecord) -> None:
    assert from_shown(listed.key, to_shown(listed)) == listed


@given(RECORDS)
def test_a_stored_record_comes_back_from_memory(record: SyncRecord) -> None:
    store = MemoryRecordStore()
    assert store.write([replace(record, gen=0)]) == frozenset()
    assert store.read([record.key]) == {record.key: as_stored(replace(record, gen=0))}


@given(INSTANTS)
def test_a_record_expires_within_the_second_and_never_early(instant: datetime) -> None:
    expires_at = as_stored(SyncRecord("k", expires_at=instant)).expires_at
    assert expires_at is not None
    assert timedelta(0) <= expires_at - instant < timedelta(seconds=1)
    assert expires_at.microsecond == 0


@given(st.sets(st.text() | st.text().map(lambda text: 1025 * "k" + text), min_size=2))
def test_no_two_keys_share_a_primary_key(keys: set[str]) -> None:
    keys |= {primary_key(key)["sk"]["S"] for key in keys}
    found = {(made["pk"]["S"], made["sk"]["S"]) for made in map(primary_key, keys)}
    assert len(found) == len(keys)
    assert all(1 <= len(sk.encode()) <= 1024 for _, sk in found)
