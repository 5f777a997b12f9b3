"""The watch over shared uploads: the table of the module, row by row, and what may go wrong."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest

from sync_core.errors import ConfigError, Unavailable
from sync_core.events import part_job_body
from sync_core.model import PartJob, SharedUpload, UploadedPart
from sync_core.part_work import PartWork
from sync_core.parts import MIB
from sync_core.queues.memory import MemoryQueue
from sync_core.records.uploads_memory import MemoryUploadLedger
from sync_core.storage.memory import MemoryBucket, MemoryObjectStore
from sync_core.storage.prefixed import below
from sync_core.storage.protocol import ObjectWrite
from sync_core.storage.sync_store import SyncStore
from sync_core.watch import Seen, Status, Watch, Watched, WatchParts, watch_over
from tests.two_stacks import TwoStacks

KEY = "films/large.mov"
PREFIX = "data/"
PART_BYTES = 8 * MIB
PARTS, RUN_PARTS = 5, 2
RUNS = 3
SIZE_BYTES = PARTS * PART_BYTES
STALL_SECONDS, TIMEOUT_SECONDS = 900, 86_400


class FailingAbort:
    """The peer's store, which fails to abort as often as `failures` says."""

    def __init__(self, inner: SyncStore, failures: int) -> None:
        self._inner = inner
        self.failures = failures

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def abort_multipart_upload(self, key: str, upload_id: str) -> None:
        if self.failures:
            self.failures -= 1
            raise Unavailable("abort upload", key, "no answer")
        self._inner.abort_multipart_upload(key, upload_id)


class Bench:
    """A shared upload that has just begun, and what watches it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        own = MemoryBucket("own", self.clock)
        self.peers_bucket = MemoryBucket("peer", self.clock)
        self.user = below(MemoryObjectStore(own, "AIDAUSER"), PREFIX)
        self.peer: Any = MemoryObjectStore(self.peers_bucket, "AIDASYNC")
        self.queue = MemoryQueue(self.clock)
        self.ledger = MemoryUploadLedger()
        etag = self.write(b"the first")
        self.upload_id: str = self.peer.create_multipart_upload(ObjectWrite(KEY, SIZE_BYTES))
        self.ledger.open(
            SharedUpload(
                key=KEY,
                upload_id=self.upload_id,
                source_etag=etag,
                size_bytes=SIZE_BYTES,
                part_bytes=PART_BYTES,
                run_parts=RUN_PARTS,
                opened_at=self.now,
                changed_at=self.now,
            )
        )

    def clock(self) -> datetime:
        return self.now

    def write(self, data: bytes) -> str:
        """Put the source as a user does; what it holds is not its size, which nobody reads."""
        return self.user.put(ObjectWrite(KEY, len(data)), BytesIO(data)).etag

    def watch(self) -> Watch:
        own = self.user
        return Watch(WatchParts(own, self.peer, self.ledger, self.queue, PREFIX, self.clock))

    def look(self, seen: Seen | None = None) -> Watched:
        return self.watch().look(KEY, self.upload_id, seen)

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def count(self, run: int) -> None:
        """Count a run as a worker does that has sent it."""
        first = run * RUN_PARTS + 1
        numbers = range(first, min(first + RUN_PARTS, PARTS + 1))
        parts = [UploadedPart(number, f"etag-{number}", PART_BYTES) for number in numbers]
        assert self.ledger.note(self.upload_id, run, parts, self.now) is not None

    def sent(self) -> list[Any]:
        """Return the messages that were sent since the last time."""
        received = []
        while batch := self.queue.receive(10, 0):
            self.queue.delete(batch)
            received += [json.loads(message.body) for message in batch]
        return received

    def is_open_at_peer(self) -> bool:
        return self.upload_id in self.peers_bucket.uploads

    def ended(self) -> str | None:
        upload = self.ledger.read(self.upload_id)
        assert upload is not None
        return upload.ended


@pytest.fixture
def bench() -> Bench:
    return Bench()


def run_message(bench: Bench, run: int) -> Any:
    return json.loads(part_job_body(PREFIX + KEY, bench.upload_id, run))


JOB = {"key": PREFIX + KEY, "size": 0}


def stalled(bench: Bench) -> Seen:
    """Let so much time pass that messages may have been lost; return what was seen before."""
    seen = bench.look().seen
    assert seen is not None
    bench.pass_time(STALL_SECONDS)
    return seen


def test_what_the_ledger_does_not_know_is_over(bench: Bench) -> None:
    assert bench.watch().look(KEY, "another") == Watched(Status.OVER)


@pytest.mark.parametrize("how", ["completed", "another verdict"])
def test_what_somebody_has_ended_is_over_and_left_alone(bench: Bench, how: str) -> None:
    bench.ledger.end(bench.upload_id, how, bench.now)
    bench.write(b"another")
    assert bench.look().status is Status.OVER
    assert bench.is_open_at_peer()
    assert bench.sent() == []


def test_an_upload_that_moves_is_left_alone(bench: Bench) -> None:
    seen = None
    for run in range(RUNS - 1):
        bench.pass_time(STALL_SECONDS - 1)
        bench.count(run)
        found = bench.look(seen)
        assert (found.status, found.size_bytes) == (Status.UNDER_WAY, SIZE_BYTES)
        assert found.done_bytes == (run + 1) * RUN_PARTS * PART_BYTES
        assert found.seen == Seen((run + 1) * RUN_PARTS, bench.now)
        seen = found.seen
    assert bench.sent() == []
    assert bench.is_open_at_peer()


def test_messages_of_the_missing_runs_are_sent_again_once_nothing_moves(bench: Bench) -> None:
    bench.count(1)
    seen = stalled(bench)
    assert bench.look(seen).status is Status.RESENT
    assert bench.sent() == [run_message(bench, 0), run_message(bench, 2)]


def test_of_two_who_look_at_once_one_sends_messages(bench: Bench) -> None:
    seen = stalled(bench)
    assert bench.look(seen).status is Status.RESENT
    assert bench.look(seen).status is Status.UNDER_WAY
    assert len(bench.sent()) == RUNS


def test_who_comes_second_to_the_claim_sends_nothing(bench: Bench) -> None:
    seen = stalled(bench)

    class Late(MemoryUploadLedger):
        """A ledger in which somebody else always claims first."""

        def claim(self, _upload: SharedUpload, _at: datetime) -> bool:
            return False

    late = Late()
    upload = bench.ledger.read(bench.upload_id)
    assert upload is not None
    late.open(upload)
    bench.ledger = late
    assert bench.look(seen).status is Status.UNDER_WAY
    assert bench.sent() == []


def test_messages_are_sent_again_less_and_less_often_but_within_an_hour(bench: Bench) -> None:
    seen, resent_at = bench.look().seen, []
    began = bench.now
    while bench.now - began < timedelta(hours=5):
        bench.pass_time(300)
        found = bench.look(seen)
        seen = found.seen
        if found.status is Status.RESENT:
            resent_at.append(int((bench.now - began).total_seconds()) // 60)
    assert resent_at == [15, 30, 60, 120, 180, 240, 300]
    assert len(bench.sent()) == len(resent_at) * RUNS


def test_after_a_movement_patience_is_short_again(bench: Bench) -> None:
    seen = bench.look().seen
    for _ in range(4):
        bench.pass_time(4 * STALL_SECONDS)
        seen = bench.look(seen).seen
    bench.count(0)
    seen = bench.look(seen).seen
    bench.sent()
    bench.pass_time(STALL_SECONDS)
    assert bench.look(seen).status is Status.RESENT
    assert bench.sent() == [run_message(bench, 1), run_message(bench, 2)]


def test_when_all_parts_are_there_and_nobody_completes_it_the_key_is_evaluated(
    bench: Bench,
) -> None:
    for run in range(RUNS):
        bench.count(run)
    assert bench.look().status is Status.UNDER_WAY
    seen = stalled(bench)
    found = bench.look(seen)
    assert (found.status, found.done_bytes) == (Status.RESENT, SIZE_BYTES)
    assert bench.sent() == [JOB]
    assert bench.is_open_at_peer()


@pytest.mark.parametrize(
    "change",
    [lambda bench: bench.write(b"another"), lambda bench: bench.user.delete(KEY)],
    ids=["overwritten", "deleted"],
)
def test_when_the_source_changes_the_upload_is_cancelled_and_the_key_evaluated_anew(
    bench: Bench, change: Callable[[Bench], object]
) -> None:
    bench.count(0)
    change(bench)
    found = bench.look()
    assert (found.status, found.status.is_over) == (Status.CANCELLED, True)
    assert bench.ended() == "cancelled"
    assert not bench.is_open_at_peer()
    assert bench.sent() == [JOB]


def test_a_source_that_was_written_again_with_the_same_bytes_changes_nothing(bench: Bench) -> None:
    bench.write(b"the first")
    assert bench.look().status is Status.UNDER_WAY


def test_an_upload_that_is_gone_at_the_peer_is_cancelled_once_nothing_moves(bench: Bench) -> None:
    bench.peer.abort_multipart_upload(KEY, bench.upload_id)
    seen = stalled(bench)
    assert bench.look(seen).status is Status.CANCELLED
    assert bench.ended() == "cancelled"
    assert bench.sent() == [JOB]


def test_when_nothing_has_moved_for_a_day_the_upload_is_given_up(bench: Bench) -> None:
    seen, found = None, bench.look()
    while found.status in {Status.UNDER_WAY, Status.RESENT}:
        bench.sent()
        seen = found.seen
        bench.pass_time(STALL_SECONDS)
        found = bench.look(seen)
    assert (found.status, found.status.is_over) == (Status.TIMED_OUT, True)
    assert seen is not None
    assert bench.now - seen.since == timedelta(seconds=TIMEOUT_SECONDS)
    assert bench.ended() == "timed out"
    assert not bench.is_open_at_peer()
    assert bench.sent() == []


def test_the_day_begins_anew_with_each_part(bench: Bench) -> None:
    seen = bench.look().seen
    bench.pass_time(TIMEOUT_SECONDS - 1)
    bench.count(0)
    bench.pass_time(2)
    assert bench.look(seen).status is Status.UNDER_WAY


def test_a_changed_source_counts_before_the_time_out(bench: Bench) -> None:
    seen = bench.look().seen
    bench.pass_time(TIMEOUT_SECONDS)
    bench.write(b"another")
    assert bench.look(seen).status is Status.CANCELLED


@pytest.mark.parametrize(
    ("happens", "status", "messages"),
    [
        (lambda bench: bench.write(b"another"), Status.CANCELLED, [JOB]),
        (lambda bench: bench.pass_time(TIMEOUT_SECONDS), Status.TIMED_OUT, []),
    ],
    ids=["cancelled", "timed out"],
)
def test_a_look_that_was_cut_short_is_finished_by_the_next(
    bench: Bench, happens: Callable[[Bench], object], status: Status, messages: list[Any]
) -> None:
    seen = bench.look().seen
    happens(bench)
    bench.peer = FailingAbort(bench.peer, failures=1)
    with pytest.raises(Unavailable):
        bench.look(seen)
    assert bench.is_open_at_peer()
    # Back to what it was: what was ended stays ended.
    bench.write(b"the first")
    found = bench.look(seen)
    assert found.status is status
    assert not bench.is_open_at_peer()
    assert bench.sent() == messages


def test_who_comes_second_to_the_end_does_nothing(bench: Bench) -> None:
    bench.write(b"another")

    class Late(MemoryUploadLedger):
        """A ledger in which somebody else ends an upload just before."""

        def end(self, upload_id: str, _how: str, at: datetime) -> bool:
            super().end(upload_id, "completed", at)
            return False

    late = Late()
    upload = bench.ledger.read(bench.upload_id)
    assert upload is not None
    late.open(upload)
    bench.ledger = late
    assert bench.look().status is Status.OVER
    assert bench.ended() == "completed"
    assert bench.sent() == []


def test_a_stack_that_shares_no_uploads_has_nothing_to_watch() -> None:
    with pytest.raises(ConfigError, match="DUALWAY_PARTS_TABLE"):
        watch_over(TwoStacks().stack("a"), "")


def test_a_stack_that_shares_no_uploads_sends_no_parts() -> None:
    with pytest.raises(ConfigError, match="DUALWAY_PARTS_TABLE"):
        PartWork(TwoStacks().stack("a"), PartJob("k", "u", 0), receive_count=1).do()
