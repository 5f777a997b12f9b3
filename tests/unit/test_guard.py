"""The guard on two buckets and a table in memory."""

import io
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from sync_core.errors import ConfigError, Throttled
from sync_core.guard import Guard, GuardParts, GuardRules
from sync_core.holds import HoldReason, parse_state
from sync_core.model import ControlItem, ObjectVersion, Site, SitePair
from sync_core.records.memory import MemoryRecordStore
from sync_core.safety import Admission, Change, DeleteLimits
from sync_core.stack import Sides
from sync_core.storage.memory import MemoryBucket, MemoryObjectStore
from sync_core.storage.protocol import ObjectWrite, Readable, Written

PAIR = SitePair(Site("a", "bucket-a", "cn-north-1"), Site("b", "bucket-b", "us-west-2"))
SENTINEL = ".dualway/sentinel-a"
LIMITS = DeleteLimits(count=3, percent=25, window_seconds=3600, settle_seconds=300)
ALLOWED, DELAYED, HELD = Admission.ALLOWED, Admission.DELAYED, Admission.HELD


class Store(MemoryObjectStore):
    """A store before whose puts something may happen."""

    before_put: Callable[[], None] | None = None

    def put_if(self, write: ObjectWrite, body: Readable, replaces: ObjectVersion | None) -> Written:
        if self.before_put is not None:
            self.before_put()
        return super().put_if(write, body, replaces)


class Table(MemoryRecordStore):
    """A table that counts the writes of control items, and where others may come first."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []
        self.before_write: Callable[[], object] | None = None

    def write_control(self, item: ControlItem) -> bool:
        happening, self.before_write = self.before_write, None
        if happening is not None:
            happening()
        self.written.append(item.name)
        return super().write_control(item)


class Crash(BaseException):
    """The process dies here."""


@dataclass
class Bench:
    """One stack: its buckets, its table, and any number of workers with a guard each."""

    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.numbers = itertools.count(1)
        self.table = Table()
        self.own, self.peer = self.store("bucket-a"), self.store("bucket-b")

    def store(self, bucket: str) -> Store:
        return Store(MemoryBucket(bucket, lambda: self.now), "AWS:AROAROLE:worker")

    def guard(self, epoch: str | None = "1", limits: DeleteLimits = LIMITS) -> Guard:
        parts = GuardParts(
            Sides(PAIR, self.own, self.peer),
            self.table,
            clock=lambda: self.now,
            nonce=lambda: f"{next(self.numbers):016x}",
        )
        return Guard(parts, GuardRules(limits, epoch), self)

    def deletes_held(self, reason: str, detail: str) -> None:
        self.told.append(f"held: {reason}")

    def deletes_released(self, until: datetime) -> None:
        self.told.append(f"released for {(until - self.now).total_seconds():.0f}")

    def pass_time(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    def changes(self, *keys: str) -> list[Change]:
        return [Change(key, frozenset({f"content of {key}"}), self.now) for key in keys]

    def renamed(self, *keys: str) -> list[Change]:
        """Return new keys with the content of those."""
        return [Change(f"new {key}", frozenset({f"content of {key}"}), self.now) for key in keys]

    def ask(self, guard: Guard, *keys: str) -> Admission:
        """Ask for the deletes of these keys as one batch."""
        admissions = guard.admit(self.changes(*keys))
        assert admissions.keys() == set(keys)
        (admission,) = set(admissions.values())
        return admission

    def sentinels(self) -> list[bytes | None]:
        return [self.read(store) for store in (self.own, self.peer)]

    def read(self, store: Store) -> bytes | None:
        reader = store.get(SENTINEL)
        if reader is None:
            return None
        with reader:
            return reader.read()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def reasons(guard: Guard) -> list[HoldReason]:
    return [hold.reason for hold in guard.status().holds]


# --- sentinels --------------------------------------------------------------------------------


def test_the_first_start_plants_the_same_sentinel_in_both_buckets(bench: Bench) -> None:
    assert not bench.guard().begin().is_held
    own, peer = bench.sentinels()
    assert own == peer
    assert own is not None
    assert PAIR.pair_id.encode() in own
    assert parse_state(bench.table.controls["deletes"].text).is_planted


def test_a_later_start_changes_nothing(bench: Bench) -> None:
    bench.guard().begin()
    before, written = bench.sentinels(), list(bench.table.written)
    assert not bench.guard().begin().is_held
    assert (bench.sentinels(), bench.table.written) == (before, written)


def test_deletes_need_no_start_before_them(bench: Bench) -> None:
    assert bench.ask(bench.guard(), "k") is ALLOWED
    assert None not in bench.sentinels()


def test_no_deletes_ask_for_nothing(bench: Bench) -> None:
    assert bench.guard().admit([]) == {}
    assert bench.table.written == []


@pytest.mark.parametrize("side", ["own", "peer"])
def test_a_crash_while_planting_is_made_good_by_the_next_start(bench: Bench, side: str) -> None:
    def crash() -> None:
        raise Crash

    store: Store = getattr(bench, side)
    store.before_put = crash
    with pytest.raises(Crash):
        bench.guard().begin()
    store.before_put = None
    guard = bench.guard()
    assert bench.ask(guard, "k") is ALLOWED
    assert len(set(bench.sentinels())) == 1
    assert bench.told == []


def test_two_workers_that_start_at_once_plant_one_sentinel(bench: Bench) -> None:
    bench.table.before_write = bench.guard().begin
    assert not bench.guard().begin().is_held
    assert len(set(bench.sentinels())) == 1


@pytest.mark.parametrize(
    ("side", "reason"), [("own", HoldReason.OWN_BUCKET), ("peer", HoldReason.PEER_BUCKET)]
)
def test_an_emptied_bucket_holds_deletes_until_they_are_approved(
    bench: Bench, side: str, reason: HoldReason
) -> None:
    guard = bench.guard()
    guard.begin()
    getattr(bench, side).delete(SENTINEL)
    assert bench.ask(guard, "k") is HELD
    assert reasons(guard) == [reason]
    guard.approve(seconds=600)
    assert bench.ask(guard, "k") is ALLOWED
    assert len(set(bench.sentinels())) == 1
    assert bench.told == [f"held: {reason}", "released for 600"]


def test_a_bucket_that_was_made_again_holds_deletes_of_every_worker(bench: Bench) -> None:
    bench.guard().begin()
    bench.peer = bench.store("bucket-b")
    assert bench.ask(bench.guard(), "k") is HELD
    assert bench.ask(bench.guard(), "k") is HELD
    assert bench.told == ["held: peer_bucket_emptied_or_recreated"]


def test_a_sentinel_with_another_text_is_none(bench: Bench) -> None:
    guard = bench.guard()
    guard.begin()
    bench.own.put(ObjectWrite(SENTINEL, 2), io.BytesIO(b"{}"))
    assert bench.ask(guard, "k") is HELD
    guard.approve(seconds=60)
    assert bench.ask(guard, "k") is ALLOWED


def test_a_sentinel_that_came_back_releases_nothing(bench: Bench) -> None:
    guard = bench.guard()
    guard.begin()
    text = bench.read(bench.own)
    assert text is not None
    bench.own.delete(SENTINEL)
    assert bench.ask(guard, "k") is HELD
    bench.own.put(ObjectWrite(SENTINEL, len(text)), io.BytesIO(text))
    assert bench.ask(guard, "k") is HELD


def test_a_bucket_that_is_not_there_is_an_error_and_no_absence(bench: Bench) -> None:
    guard = bench.guard()
    guard.begin()
    gone = MemoryBucket("bucket-b", lambda: bench.now)
    gone.remove()
    bench.peer = Store(gone, "AWS:AROAROLE:worker")
    with pytest.raises(ConfigError):
        bench.guard().admit(bench.changes("k"))
    assert reasons(guard) == []


def test_a_lost_table_holds_deletes_and_keeps_the_sentinels(bench: Bench) -> None:
    bench.guard().begin()
    before = bench.sentinels()
    bench.table = Table()
    guard = bench.guard()
    assert bench.ask(guard, "k") is HELD
    assert reasons(guard) == [HoldReason.RECORDS_LOST]
    guard.approve(seconds=60)
    assert bench.ask(guard, "k") is ALLOWED
    assert bench.sentinels() == before


def test_a_lost_table_and_an_emptied_bucket_are_both_told(bench: Bench) -> None:
    bench.guard().begin()
    bench.table = Table()
    bench.own.delete(SENTINEL)
    guard = bench.guard()
    assert bench.ask(guard, "k") is HELD
    assert reasons(guard) == [HoldReason.RECORDS_LOST, HoldReason.OWN_BUCKET]


def test_the_two_stacks_of_a_pair_do_not_meddle_with_each_other(bench: Bench) -> None:
    bench.guard().begin()
    swapped = Sides(SitePair(PAIR.peer, PAIR.own), bench.peer, bench.own)
    parts = GuardParts(swapped, Table(), lambda: bench.now, lambda: "0" * 16)
    assert not Guard(parts, GuardRules(LIMITS, "1"), bench).begin().is_held


# --- the count --------------------------------------------------------------------------------


def test_deletes_above_the_limit_wait_and_are_held_when_they_have_settled(bench: Bench) -> None:
    guard = bench.guard()
    assert bench.ask(guard, "1", "2", "3") is ALLOWED
    assert bench.ask(guard, "4") is DELAYED
    bench.pass_time(200)
    assert bench.ask(guard, "4") is DELAYED
    bench.pass_time(200)
    assert bench.ask(guard, "4") is HELD
    assert reasons(guard) == [HoldReason.MASS_DELETION]
    assert bench.told == ["held: mass_deletion"]


def test_a_hold_outlasts_the_window(bench: Bench) -> None:
    guard = bench.guard()
    bench.ask(guard, "1", "2", "3", "4")
    bench.pass_time(301)
    assert bench.ask(guard, "4") is HELD
    bench.pass_time(10 * 3600)
    assert bench.ask(bench.guard(), "5") is HELD


def test_deletes_of_the_past_do_not_count(bench: Bench) -> None:
    guard = bench.guard()
    for hour in range(5):
        assert bench.ask(guard, f"{hour} 1", f"{hour} 2", f"{hour} 3") is ALLOWED
        bench.pass_time(3601)


def test_two_workers_count_together(bench: Bench) -> None:
    one, other = bench.guard(), bench.guard()
    assert bench.ask(one, "1", "2") is ALLOWED
    assert bench.ask(other, "3") is ALLOWED
    assert bench.ask(one, "4") is DELAYED
    bench.pass_time(301)
    assert bench.ask(other, "5") is HELD
    assert bench.ask(one, "6") is HELD


def test_a_delete_that_another_worker_is_given_again_counts_once(bench: Bench) -> None:
    for _ in range(5):
        assert bench.ask(bench.guard(), "1", "2", "3") is ALLOWED


def test_a_worker_whose_clock_is_behind_is_counted(bench: Bench) -> None:
    one, late = bench.guard(), bench.guard()
    assert bench.ask(one, "1", "2") is ALLOWED
    bench.pass_time(-30)
    assert bench.ask(late, "3") is ALLOWED
    bench.pass_time(31)
    assert bench.ask(one, "4") is DELAYED


def test_renames_are_admitted_as_their_creates_arrive(bench: Bench) -> None:
    guard, other = bench.guard(), bench.guard()
    keys = [f"{number}" for number in range(200)]
    assert bench.ask(guard, *keys) is DELAYED
    other.note_created(bench.renamed(*keys))
    assert bench.ask(guard, *keys) is ALLOWED
    bench.pass_time(301)
    assert bench.ask(guard, "another") is ALLOWED
    tally = guard.status().tally
    assert tally is not None
    assert (tally.deleted, tally.renamed) == (201, 200)


def test_copies_that_came_first_still_pay_for_their_deletes_after_an_hour(bench: Bench) -> None:
    guard = bench.guard()
    guard.note_created(bench.renamed("1", "2", "3", "4"))
    bench.pass_time(1800)
    assert bench.ask(guard, "1", "2", "3", "4") is ALLOWED
    bench.pass_time(3000)
    assert bench.ask(guard, "5") is ALLOWED


def test_many_synced_keys_allow_more_deletes(bench: Bench) -> None:
    guard = bench.guard()
    guard.note_synced(400)
    assert bench.ask(guard, *(f"{number}" for number in range(100))) is ALLOWED
    assert bench.ask(guard, "one more") is DELAYED


def test_a_count_of_zero_turns_the_count_off_and_nothing_else(bench: Bench) -> None:
    guard = bench.guard(limits=DeleteLimits(count=0))
    assert bench.ask(guard, *(f"{number}" for number in range(1000))) is ALLOWED
    guard.note_created(bench.changes("new"))
    assert not [name for name in bench.table.written if name.startswith("journal/")]
    bench.peer.delete(SENTINEL)
    assert bench.ask(guard, "k") is HELD


def test_a_large_batch_is_written_down_in_small_items(bench: Bench) -> None:
    bench.guard().admit(bench.changes(*(f"{number}" for number in range(120))))
    written = [item for name, item in bench.table.controls.items() if name.startswith("journal/")]
    assert len(written) == 3
    assert all(len(item.text) < 4096 for item in written)
    assert all(item.expires_at and item.expires_at > bench.now for item in written)


# --- operators --------------------------------------------------------------------------------


def test_an_approval_ends_and_the_window_begins_anew(bench: Bench) -> None:
    guard = bench.guard()
    bench.ask(guard, "1", "2", "3", "4")
    bench.pass_time(301)
    assert bench.ask(guard, "4") is HELD
    guard.approve(seconds=600)
    assert bench.ask(guard, *(f"{number}" for number in range(50))) is ALLOWED
    assert guard.status().approved_until is not None
    bench.pass_time(600)
    assert guard.status().approved_until is None
    bench.pass_time(1)
    assert bench.ask(guard, "51", "52", "53") is ALLOWED
    assert bench.ask(guard, "54") is DELAYED


def test_an_operators_hold_ends_an_approval(bench: Bench) -> None:
    guard = bench.guard()
    guard.approve(seconds=600)
    guard.hold()
    assert bench.ask(guard, "k") is HELD
    assert reasons(guard) == [HoldReason.OPERATOR]
    assert bench.told == ["held: operator"]


def test_an_emptied_bucket_is_held_in_spite_of_an_approval(bench: Bench) -> None:
    guard = bench.guard()
    guard.approve(seconds=600)
    bench.own.delete(SENTINEL)
    assert bench.ask(guard, "k") is HELD


def test_an_approval_that_comes_while_a_worker_counts_is_not_undone(bench: Bench) -> None:
    guard, operator = bench.guard(), bench.guard(epoch=None)
    bench.ask(guard, "1", "2", "3", "4")
    bench.pass_time(301)

    def approve() -> None:
        operator.approve(seconds=600)

    def at_the_journal() -> None:
        bench.table.before_write = approve

    bench.table.before_write = at_the_journal
    assert bench.ask(guard, "5") is DELAYED
    assert bench.ask(guard, "5") is ALLOWED


def test_a_table_that_others_keep_changing_is_an_error_and_no_admission(bench: Bench) -> None:
    guard = bench.guard()
    guard.begin()

    class Busy(Table):
        def write_control(self, item: ControlItem) -> bool:
            return False

    busy = Busy()
    busy.controls.update(bench.table.controls)
    bench.table = busy
    with pytest.raises(Throttled):
        bench.guard(epoch="2").admit(bench.changes("k"))


def test_another_configuration_holds_deletes_until_it_is_approved(bench: Bench) -> None:
    bench.guard("1").begin()
    changed = bench.guard("2")
    assert bench.ask(changed, "k") is HELD
    assert reasons(changed) == [HoldReason.CONFIGURATION_CHANGED]
    bench.guard(epoch=None).approve(seconds=60)
    assert bench.ask(changed, "k") is ALLOWED
    bench.pass_time(61)
    assert bench.ask(bench.guard("2"), "k") is ALLOWED
    assert bench.ask(bench.guard("1"), "k") is HELD


def test_an_operators_command_may_come_before_any_worker(bench: Bench) -> None:
    operator = bench.guard(epoch=None)
    assert not operator.status().is_held
    assert bench.table.written == []
    operator.approve(seconds=60)
    assert bench.ask(bench.guard("1"), "k") is ALLOWED
    bench.pass_time(61)
    assert bench.ask(bench.guard("2"), "k") is HELD


def test_a_state_that_cannot_be_read_is_an_error_that_says_what_to_do(bench: Bench) -> None:
    bench.table.write_control(ControlItem("deletes", "{}"))
    with pytest.raises(ConfigError, match="delete it from the table"):
        bench.guard().begin()


def test_a_journal_that_cannot_be_read_is_an_error(bench: Bench) -> None:
    bench.table.write_control(ControlItem("journal/deleted/2026-01-01T00:00:00.000Z#1", "[1]"))
    with pytest.raises(ConfigError, match="journal"):
        bench.ask(bench.guard(), "k")
