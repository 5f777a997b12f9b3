"""5 TiB through the production pipeline, ledger and watch: only places of bytes are kept."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from sync_core.events import job_body
from sync_core.model import Site, SitePair
from sync_core.parts import TIB
from sync_core.pipeline import Pipeline
from sync_core.queues.protocol import Message
from sync_core.records.memory import MemoryRecordStore
from sync_core.records.uploads_memory import MemoryUploadLedger
from sync_core.sharing import STALL_SECONDS
from sync_core.stack import Context, Settings, Sharing, Sides, Stack
from sync_core.storage.memory import ChangeRecord, MemoryBucket
from sync_core.watch import Seen, Status, watch_over
from tests.inline_executor import Inline
from tests.sparse_store import Giants, SparseStore
from tests.two_stacks_parts import Mailbox

KEY = "backup.tar"
LOST, TWICE = 0.05, 0.1


class World:
    """One stack with a giant object at its side, and messages that get lost or come twice."""

    def __init__(self, part_bytes: int | None, seed: int) -> None:
        self.now = datetime(2026, 11, 21, tzinfo=UTC)
        self.chance = random.Random(seed)
        self.told: Counter[str] = Counter()
        self.completed: list[ChangeRecord] = []
        self.watched: set[tuple[str, str]] = set()
        self.queue = Mailbox(self.clock)
        self.ledger = MemoryUploadLedger()
        buckets = [MemoryBucket(name, self.clock) for name in ("bucket-a", "bucket-b")]
        buckets[1].listeners.append(self._changed)
        giants = Giants()
        own, peer = (SparseStore(bucket, "AWS:AIDASYNC", giants) for bucket in buckets)
        own.plant(KEY, 5 * TIB, part_bytes)
        self.peer, self.bucket = peer, buckets[1]
        pair = SitePair(Site("a", "bucket-a", "cn-north-1"), Site("b", "bucket-b", "us-west-2"))
        numbers = iter(range(1, 10**9))
        self.stack = Stack(
            Sides(pair, own, peer),
            MemoryRecordStore(),
            Settings(frozenset({"AIDASYNC"})),
            Context(
                self.clock,
                lambda: f"{next(numbers):016x}",
                Inline(),
                Inline(),
                lambda outcome: self.told.update([outcome.action]),
            ),
            Sharing(self.ledger, self.queue, lambda key, name: self.watched.add((key, name))),
        )
        self.pipeline = Pipeline(self.stack)

    def clock(self) -> datetime:
        return self.now

    def _changed(self, change: ChangeRecord) -> None:
        if change.event_name == "ObjectCreated:CompleteMultipartUpload":
            self.completed.append(change)

    def deliver(self) -> None:
        """Deliver all that waits, in any order; some is lost, and some comes twice."""
        while bodies := self.queue.take(100):
            self.chance.shuffle(bodies)
            kept = [body for body in bodies if self.chance.random() >= LOST]
            twice = [body for body in kept if self.chance.random() < TWICE]
            batch = [*kept, *twice]
            for first in range(0, len(batch), 10):
                self._run(batch[first : first + 10])

    def _run(self, bodies: list[str]) -> None:
        count = 1 + (self.chance.random() < TWICE)
        messages = [Message(str(n), body, str(n), count) for n, body in enumerate(bodies)]
        for settlement in self.pipeline.run(messages):
            if settlement.error is not None:
                self.queue.send(settlement.message.body)
            for deferral in settlement.deferrals:
                self.queue.send(job_body(deferral.key, for_tags=deferral.for_tags))


@pytest.mark.parametrize(
    ("part_bytes", "part_count"),
    [(None, 9_987), (-(-5 * TIB // 10_000), 10_000)],
    ids=["cut anew", "the source's own parts"],
)
def test_five_tebibytes_are_copied_once_whatever_becomes_of_their_messages(
    part_bytes: int | None, part_count: int
) -> None:
    world = World(part_bytes, seed=5)
    world.queue.send(job_body(KEY))
    while not world.watched:
        world.queue.send(job_body(KEY))
        world.deliver()
    [(key, upload_id)] = world.watched
    watch, looks = watch_over(world.stack, ""), Counter[Status]()
    seen: Seen | None = None
    while not world.completed:
        world.now += timedelta(seconds=STALL_SECONDS)
        found = watch.look(key, upload_id, seen)
        seen = found.seen
        looks[found.status] += 1
        assert looks.total() < 100, "the upload does not end"
        world.deliver()
    assert len(world.completed) == 1
    assert looks[Status.RESENT] > 1
    assert watch.look(key, upload_id, seen).status is Status.OVER
    _assert_whole(world, upload_id, part_count)


def _assert_whole(world: World, upload_id: str, part_count: int) -> None:
    parts = world.ledger.parts(upload_id)
    assert [part.number for part in parts] == list(range(1, part_count + 1))
    assert sum(part.size_bytes for part in parts) == 5 * TIB
    there = world.peer.head(KEY)
    assert there is not None
    assert there.size_bytes == 5 * TIB
    assert world.bucket.uploads == {}
    assert world.told["object_copied"] == 1
