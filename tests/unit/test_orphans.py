"""Forgotten uploads: which they are, and that nothing else is aborted."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sync_core import orphans as orphans_module
from sync_core.model import Action, Intent, OpenUpload, SharedUpload, Side, SyncRecord
from sync_core.orphans import abort_orphans, end_orphans, orphans_among
from sync_core.records.memory import MemoryRecordStore
from sync_core.records.uploads_memory import MemoryUploadLedger
from sync_core.routing import OWN_PREFIX
from sync_core.storage.memory import MemoryBucket, MemoryObjectStore
from sync_core.storage.prefixed import below
from sync_core.storage.protocol import ObjectWrite
from tests.two_stacks import TwoStacks

DAYS = 7


def intent(upload_id: str | None) -> Intent:
    return Intent("source", None, "0" * 16, datetime(2026, 1, 1, tzinfo=UTC), upload_id)


class Bench:
    """A peer's bucket with uploads, and what the stack knows of them."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.bucket = MemoryBucket("peer", lambda: self.now)
        self.store = MemoryObjectStore(self.bucket, "AIDASYNC")
        self.records = MemoryRecordStore()
        self.ledger = MemoryUploadLedger()

    def begin(self, key: str, *, by: str = "AIDASYNC") -> str:
        store = MemoryObjectStore(self.bucket, by)
        return store.create_multipart_upload(ObjectWrite(key, 10))

    def intend(self, key: str, upload_id: str | None) -> None:
        self.records.write([SyncRecord(key, intent=intent(upload_id))])

    def share(self, key: str, upload_id: str) -> None:
        self.ledger.open(SharedUpload(key, upload_id, "etag", 10, 10, 1, self.now, self.now))

    def pass_days(self, days: float) -> None:
        self.now += timedelta(days=days)

    def sweep(self, days: int = DAYS) -> list[str]:
        found = abort_orphans(self.store, self.ledger, self.records, self.now, days)
        return [orphan.upload_id for orphan in found]

    def left(self) -> set[str]:
        return set(self.bucket.uploads)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_an_upload_that_nobody_knows_is_aborted_after_so_many_days(bench: Bench) -> None:
    upload_id = bench.begin("k")
    bench.pass_days(DAYS)
    assert bench.sweep() == []
    bench.pass_days(0.01)
    assert bench.sweep() == [upload_id]
    assert bench.left() == set()


def test_the_upload_of_a_records_intent_stays_and_others_of_the_key_go(bench: Bench) -> None:
    intended, forgotten = bench.begin("k"), bench.begin("k")
    bench.intend("k", intended)
    bench.pass_days(30)
    assert bench.sweep() == [forgotten]
    assert bench.left() == {intended}


def test_an_upload_that_is_open_in_the_ledger_stays_until_it_has_ended(bench: Bench) -> None:
    upload_id = bench.begin("k")
    bench.share("k", upload_id)
    bench.pass_days(30)
    assert bench.sweep() == []
    bench.ledger.end(upload_id, "cancelled", bench.now)
    assert bench.sweep() == [upload_id]


def test_uploads_of_others_are_none_of_ours(bench: Bench) -> None:
    upload_id = bench.begin("k", by="AIDAUSER")
    bench.pass_days(30)
    assert bench.sweep() == []
    assert bench.left() == {upload_id}


def test_our_own_folder_is_swept_too(bench: Bench) -> None:
    upload_id = bench.begin(f"{OWN_PREFIX}trash/k")
    bench.pass_days(30)
    assert bench.sweep() == [upload_id]


def test_days_0_means_never(bench: Bench) -> None:
    bench.begin("k")
    bench.pass_days(3650)
    assert bench.sweep(days=0) == []


def test_without_a_ledger_records_alone_decide(bench: Bench) -> None:
    intended, forgotten = bench.begin("k"), bench.begin("l")
    bench.intend("k", intended)
    bench.pass_days(30)
    found = abort_orphans(bench.store, None, bench.records, bench.now, DAYS)
    assert [orphan.upload_id for orphan in found] == [forgotten]


def test_behind_a_prefix_keys_are_those_of_the_records(bench: Bench) -> None:
    intended, forgotten = bench.begin("data/k"), bench.begin("data/l")
    elsewhere = bench.begin("other/l")
    bench.intend("k", intended)
    bench.pass_days(30)
    store = below(bench.store, "data/")
    found = abort_orphans(store, bench.ledger, bench.records, bench.now, DAYS)
    assert [(orphan.key, orphan.upload_id) for orphan in found] == [("l", forgotten)]
    assert bench.left() == {intended, elsewhere}


def test_many_are_looked_up_in_batches(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orphans_module, "_KEYS_AT_ONCE", 2)
    ids = {key: bench.begin(key) for key in "abcde"}
    bench.intend("c", ids["c"])
    bench.pass_days(30)
    assert bench.sweep() == [ids[key] for key in "abde"]
    assert bench.left() == {ids["c"]}


def test_an_intent_without_an_upload_or_with_another_protects_nothing() -> None:
    upload = OpenUpload("k", "1", datetime(2026, 1, 1, tzinfo=UTC))
    for known in (SyncRecord("k"), SyncRecord("k", intent=intent(None))):
        assert list(orphans_among([upload], set(), {"k": known})) == [upload]
    other = SyncRecord("k", intent=intent("2"))
    assert list(orphans_among([upload], set(), {"k": other})) == [upload]
    own = replace(other, intent=intent("1"))
    assert list(orphans_among([upload], set(), {"k": own})) == []
    assert list(orphans_among([upload], {"1"}, {})) == []


def test_a_stack_ends_its_orphans_on_both_sides_and_tells_of_each() -> None:
    world = TwoStacks()
    stack = world.stack("a")
    for side in Side:
        stack.sides.store(side).create_multipart_upload(ObjectWrite(f"left-{side.value}", 10))
    end_orphans(stack, DAYS)
    assert world.outcomes == []
    world.pass_time((DAYS + 1) * 24 * 3600)
    end_orphans(stack, DAYS)
    told = [(outcome.action, outcome.key) for outcome in world.outcomes]
    assert told == [(Action.ORPHAN_ABORTED, f"left-{side.value}") for side in Side]
    assert not any(bucket.uploads for bucket in world.buckets.values())
