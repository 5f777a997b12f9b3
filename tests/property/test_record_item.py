"""Whatever a record holds comes back from an item and from a store as it was."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sync_core.model import Intent, Lease, Pair, SideState, SyncRecord, Waiting
from sync_core.records.dynamodb_item import from_item, partition_key, to_item, write_id_of
from sync_core.records.memory import MemoryRecordStore
from sync_core.records.stored import as_stored

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
    "pair": st.none() | st.builds(Pair, own=SIDES, peer=SIDES),
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
}
RECORDS = st.builds(SyncRecord, **FIELDS)


def test_every_field_of_a_record_is_tried_here() -> None:
    assert {field.name for field in fields(SyncRecord)} == set(FIELDS)


@given(RECORDS, TEXTS)
def test_a_stored_record_comes_back_from_its_item(record: SyncRecord, write_id: str) -> None:
    stored = as_stored(record)
    item = to_item(stored, write_id)
    assert from_item(item) == stored
    assert write_id_of(item) == write_id


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
def test_no_two_keys_share_a_partition_key(keys: set[str]) -> None:
    keys |= {partition_key(key) for key in keys}
    partition_keys = {partition_key(key) for key in keys}
    assert len(partition_keys) == len(keys)
    assert all(1 <= len(pk.encode()) <= 1024 for pk in partition_keys)
