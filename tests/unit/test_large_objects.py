"""Objects that are copied in parts: resumed, shared among workers, changed in the middle."""

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from sync_core import parts
from sync_core.checksums import crc64nvme
from sync_core.claim import Claim
from sync_core.draft import Draft
from sync_core.errors import AccessDenied, Archived, Blocked, Unavailable
from sync_core.events import job_body, part_job_body
from sync_core.finder import Ended
from sync_core.model import (
    Action,
    ConflictPolicy,
    Copy,
    Lease,
    SharedUpload,
    Side,
    SkipReason,
    SyncRecord,
    UploadedPart,
)
from sync_core.orphans import abort_orphans, end_orphans
from sync_core.parts import S3_LIMITS
from sync_core.queues.protocol import Message
from sync_core.sharing import STALL_SECONDS
from sync_core.storage.protocol import ObjectWrite
from sync_core.transfer import copy_object
from tests.two_stacks import Kind, TwoStacks
from tests.two_stacks_parts import Mailbox

KEY = "film.mov"
UNIT = 1024
"""Stands for a MiB, so that no test has to move as many."""

PART = 8 * UNIT
RUN = 64 * UNIT
DATA = b"a" * PART + b"b" * PART + b"c" * 100
NEW = b"n" * PART + b"m" * 50
ALONE = Kind(one_put_bytes=PART)
SHARED = Kind(one_put_bytes=PART, shared_upload_bytes=9 * UNIT)


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    scaled = {
        "MIB": UNIT,
        "PREFERRED_PART_BYTES": PART,
        "RUN_BYTES": RUN,
        "MOST_STREAMED_BYTES": 512 * UNIT,
    }
    for name, size_bytes in scaled.items():
        monkeypatch.setattr(parts, name, size_bytes)


def made(kind: Kind) -> TwoStacks:
    """Return a world whose stores take parts of that size."""
    world = TwoStacks(kind)
    for bucket in world.buckets.values():
        bucket.part_limits = replace(S3_LIMITS, least_bytes=1)
    return world


class Killed(BaseException):
    """The worker's process ends."""


def put(world: TwoStacks, data: bytes = DATA, side: str = "a", key: str = KEY) -> None:
    world.pass_time(1)
    write = ObjectWrite(
        key,
        len(data),
        {"content-type": "video/quicktime"},
        {"by": "me"},
        crc64nvme=crc64nvme(data),
    )
    world.users[side].put(write, io.BytesIO(data))


def put_in_parts(world: TwoStacks, *pieces: bytes) -> str:
    """Put an object made of these parts; return its etag."""
    store = world.users["a"]
    upload_id = store.create_multipart_upload(ObjectWrite(KEY, sum(map(len, pieces))))
    sent = [
        store.upload_part(KEY, upload_id, number, io.BytesIO(piece), len(piece))
        for number, piece in enumerate(pieces, start=1)
    ]
    return store.complete_if(KEY, upload_id, sent, None).etag


def hide_digest(world: TwoStacks) -> None:
    """Put the object at a once more, so that its store has no digest of the whole to show."""
    bucket = world.buckets["a"]
    stored = bucket.current(KEY)
    assert stored is not None
    version = replace(stored.version, crc64nvme=None)
    bucket.add(replace(stored, version=version), "AWS:AIDAUSERa", "Put")


def uploads(world: TwoStacks, side: str = "b") -> int:
    return len(world.buckets[side].uploads)


def shared(world: TwoStacks) -> list[SharedUpload]:
    return list(world.ledgers["a"].list())


def dies_before(world: TwoStacks, call: str, times: int = 1) -> None:
    """Have a's worker die just before it makes this call, and another one begin."""
    left = times

    def die() -> None:
        nonlocal left
        left -= 1
        if left:
            world.before[call] = die
            return
        raise Killed

    world.before[call] = die


def killed(world: TwoStacks) -> None:
    """Deliver until the worker dies; its messages come back when the lease has run out."""
    bodies: list[str] = []
    while not is_killed(world, bodies):
        world.pass_time(1)
    for body in bodies:
        world.queues["a"].send(body)
    world.receive_count = 2
    world.start_again()
    world.pass_time(200)


def is_killed(world: TwoStacks, bodies: list[str]) -> bool:
    assert world.queues["a"].bodies(), "the worker has outlived its work"
    bodies[:] = world.queues["a"].bodies()
    try:
        world.deliver("a")
    except Killed:
        return True
    return False


@pytest.mark.parametrize("kind", [ALONE, SHARED], ids=["alone", "shared"])
@pytest.mark.parametrize("versioned", ["", "ab"])
def test_a_large_object_is_copied_once_with_all_it_has(kind: Kind, versioned: str) -> None:
    world = made(replace(kind, versioned=versioned))
    put(world)
    world.tag("a", KEY, colour="red")
    world.quiesce()
    assert world.values("b") == world.values("a")
    assert world.actions()[Action.OBJECT_COPIED] == 1
    assert world.head("b", KEY).crc64nvme == crc64nvme(DATA)
    assert (uploads(world), shared(world)) == (0, [])
    world.find()
    assert world.actions()[Action.OBJECT_COPIED] == 1


@pytest.mark.parametrize(
    "pieces",
    [
        (b"a" * 5 * UNIT, b"b" * 5 * UNIT, b"c"),
        (b"a" * 12 * UNIT, b"b" * 12 * UNIT),
        (b"a" * 9 * UNIT,),
    ],
    ids=["smaller parts", "larger parts", "one part"],
)
def test_the_sources_own_equal_parts_are_kept_and_with_them_its_etag(
    pieces: tuple[bytes, ...],
) -> None:
    world = made(ALONE)
    etag = put_in_parts(world, *pieces)
    world.quiesce()
    assert world.head("b", KEY).etag == etag
    assert world.read("b", KEY) == b"".join(pieces)


def test_unequal_parts_are_cut_anew() -> None:
    world = made(ALONE)
    pieces = (b"a" * 5 * UNIT, b"b" * 7 * UNIT, b"c" * 100)
    etag = put_in_parts(world, *pieces)
    world.quiesce()
    assert world.read("b", KEY) == b"".join(pieces)
    assert world.head("b", KEY).etag != etag


@pytest.mark.parametrize("peer_fetches", [False, True])
def test_equal_parts_that_take_too_long_to_send_are_kept_by_who_need_not_send_them(
    *, peer_fetches: bool
) -> None:
    world = made(replace(ALONE, peer_fetches=peer_fetches))
    etag = put_in_parts(world, b"a" * 513 * UNIT, b"b" * 10)
    world.quiesce()
    assert world.read("b", KEY) == b"a" * 513 * UNIT + b"b" * 10
    assert (world.head("b", KEY).etag == etag) is peer_fetches


@pytest.mark.parametrize(
    "call", ["create_multipart_upload", "upload_part", "complete_if", "list_parts"]
)
@pytest.mark.parametrize("kind", [ALONE, SHARED], ids=["alone", "shared"])
def test_a_copy_whose_worker_dies_is_gone_on_with(kind: Kind, call: str) -> None:
    world = made(kind)
    put(world)
    dies_before(world, f"a.peer.{call}", 2 if call == "upload_part" else 1)
    if call == "list_parts":
        world.before.pop(f"a.peer.{call}")
        dies_before(world, "a.peer.upload_part", 2)
        killed(world)
        dies_before(world, f"a.peer.{call}")
    killed(world)
    world.quiesce()
    assert world.values("b") == world.values("a")
    assert world.actions()[Action.OBJECT_COPIED] == 1
    assert (uploads(world), shared(world)) == (0, [])


def test_parts_that_were_sent_before_a_crash_are_not_sent_again() -> None:
    world = made(ALONE)
    put(world)
    dies_before(world, "a.peer.upload_part", 3)
    killed(world)
    world.calls.clear()
    world.quiesce()
    assert world.calls.count("a.peer.upload_part") == 1
    assert world.contents("b") == {KEY: DATA}


@pytest.mark.parametrize("is_first_lost", [False, True])
def test_an_upload_whose_parts_were_cut_otherwise_is_begun_anew(
    monkeypatch: pytest.MonkeyPatch, *, is_first_lost: bool
) -> None:
    world = made(ALONE)
    pieces = (b"a" * 2 * PART, b"b" * PART)
    put_in_parts(world, *pieces)
    hide_digest(world)
    dies_before(world, "a.peer.complete_if")
    killed(world)
    [upload] = world.buckets["b"].uploads.values()
    if is_first_lost:
        del upload.parts[1]
    # The second of two parts is as long as that of three, which begins elsewhere.
    monkeypatch.setattr(parts, "MOST_STREAMED_BYTES", PART)
    world.quiesce()
    assert world.contents("b") == {KEY: b"".join(pieces)}
    assert world.actions()[Action.OBJECT_COPIED] == 1
    assert uploads(world) == 0


def test_a_worker_that_comes_second_leaves_the_first_ones_upload_alone() -> None:
    world = made(ALONE)
    put(world)
    dies_before(world, "a.peer.upload_part", 2)
    killed(world)

    def another_claims_it() -> None:
        held = Lease("another", world.now + timedelta(seconds=30))
        assert not world.tables["a"].write([replace(world.record("a", KEY), lease=held)])

    world.before["a.records.write"] = another_claims_it
    world.deliver("a")
    assert uploads(world) == 1
    world.pass_time(60)
    world.calls.clear()
    world.quiesce()
    assert world.calls.count("a.peer.create_multipart_upload") == 0
    assert world.contents("b") == {KEY: DATA}


def test_a_worker_that_was_held_up_leaves_the_end_to_who_has_the_key_now() -> None:
    world = made(ALONE)
    put(world)

    def is_held_up() -> None:
        world.pass_time(200)
        held = Lease("another", world.now + timedelta(seconds=30))
        assert not world.tables["a"].write([replace(world.record("a", KEY), lease=held)])

    world.before["a.peer.upload_part"] = is_held_up
    while "a.peer.upload_part" not in world.calls:
        world.deliver("a")
        world.pass_time(1)
    assert "a.peer.complete_if" not in world.calls
    world.pass_time(60)
    world.quiesce()
    assert world.contents("b") == {KEY: DATA}
    assert uploads(world) == 0


def test_parts_that_were_sent_before_an_outage_are_not_sent_again() -> None:
    world = made(ALONE)
    put(world)

    def fail() -> None:
        world.before["a.peer.complete_if"] = lambda: None
        raise Unavailable("complete upload", KEY, "no answer")

    world.before["a.peer.complete_if"] = fail
    world.deliver("a")
    assert world.record("a", KEY).intent is not None
    world.calls.clear()
    world.quiesce()
    assert world.calls.count("a.peer.upload_part") == 0
    assert world.contents("b") == {KEY: DATA}


def overwrite(world: TwoStacks) -> None:
    put(world, NEW)


def grow(world: TwoStacks) -> None:
    put(world, DATA + b"more")


def delete(world: TwoStacks) -> None:
    world.delete("a", KEY)


@pytest.mark.parametrize("change", [overwrite, grow, delete])
@pytest.mark.parametrize("kind", [ALONE, SHARED], ids=["alone", "shared"])
@pytest.mark.parametrize("versioned", ["", "ab"])
@pytest.mark.parametrize("call", ["a.own.get", "a.peer.upload_part", "a.peer.complete_if"])
def test_a_source_that_changes_in_the_middle_is_never_mixed(
    kind: Kind, versioned: str, call: str, change: Callable[[TwoStacks], None]
) -> None:
    world = made(replace(kind, versioned=versioned))
    put(world)
    seen: list[bytes] = []
    world.buckets["b"].listeners.append(
        lambda _: seen.extend(world.contents("b").get(KEY, b"") for _ in "1")
    )
    world.before[call] = lambda: change(world)
    world.quiesce()
    assert world.values("b") == world.values("a")
    assert set(seen) <= {DATA, NEW, DATA + b"more", b""}
    assert (uploads(world), shared(world)) == (0, [])


def test_an_upload_of_a_source_that_changed_after_a_crash_is_thrown_away() -> None:
    world = made(ALONE)
    put(world)
    dies_before(world, "a.peer.upload_part", 2)
    killed(world)
    put(world, NEW)
    world.quiesce()
    assert world.contents("b") == {KEY: NEW}
    assert uploads(world) == 0


@pytest.mark.parametrize("kind", [ALONE, SHARED], ids=["alone", "shared"])
def test_a_peers_object_that_came_first_keeps_its_loser(kind: Kind) -> None:
    world = made(kind)
    put(world)
    world.before["a.peer.complete_if"] = lambda: put(world, NEW, side="b")
    world.quiesce()
    assert world.values("a") == world.values("b")
    assert sorted(world.contents("a").values()) == sorted([DATA, NEW])
    assert uploads(world) + uploads(world, "a") == 0


def test_parts_of_a_source_that_was_overwritten_after_a_crash_are_not_gone_on_with() -> None:
    world = made(ALONE)
    put(world)
    hide_digest(world)
    dies_before(world, "a.peer.upload_part", 3)
    killed(world)
    put(world, DATA[::-1])
    hide_digest(world)
    world.quiesce()
    assert world.contents("b") == {KEY: DATA[::-1]}
    assert uploads(world) == 0


def test_an_upload_in_place_of_what_the_peer_has_changed_after_a_crash_is_begun_anew() -> None:
    world = made(replace(ALONE, policy=ConflictPolicy.PREFER, preferred_site="a"))
    put(world, NEW)
    world.quiesce()
    put(world)
    dies_before(world, "a.peer.upload_part", 2)
    killed(world)
    put(world, b"of the peer", side="b")
    world.calls.clear()
    world.quiesce()
    assert world.values("a") == world.values("b")
    assert sorted(world.contents("b").values()) == [DATA, b"of the peer"]
    assert world.head("b", KEY).size_bytes == len(DATA)
    assert world.calls.count("a.peer.create_multipart_upload") == 1
    assert uploads(world) + uploads(world, "a") == 0


def test_metadata_that_the_peers_user_edits_meanwhile_are_kept() -> None:
    world = made(ALONE)
    put(world, b"small")
    world.quiesce()
    put(world)
    # The etag stays as it is, so that the condition of the completion would hold.
    world.before["a.peer.upload_part"] = lambda: world.edit_metadata("b", KEY, edited="meanwhile")
    world.quiesce()
    assert world.values("a") == world.values("b")
    assert {"edited": "meanwhile"} in [metadata for _, metadata, _ in world.values("b").values()]


@pytest.mark.parametrize("held_seconds", [0, 30])
def test_an_upload_that_could_not_be_noted_is_thrown_away_at_once(held_seconds: int) -> None:
    world = made(ALONE)
    put(world)

    def another_claims_it() -> None:
        held = Lease("another", world.now + timedelta(seconds=held_seconds))
        assert not world.tables["a"].write([replace(world.record("a", KEY), lease=held)])

    world.before["a.peer.create_multipart_upload"] = another_claims_it
    world.deliver("a")
    assert "a.peer.create_multipart_upload" in world.calls
    assert uploads(world) == 0
    world.pass_time(60)
    world.quiesce()
    assert world.contents("b") == {KEY: DATA}


def test_what_the_store_has_changed_since_is_found_when_the_whole_is_put_together() -> None:
    world = made(ALONE)
    put(world)
    hide_digest(world)

    def change() -> None:
        [upload] = world.buckets["b"].uploads.values()
        kept = upload.parts[2]
        upload.parts[2] = type(kept)(kept.part, b"x" * len(kept.data))

    world.before["a.peer.complete_if"] = change
    world.quiesce()
    assert world.contents("b") == {KEY: DATA}


def help_own_side(world: TwoStacks) -> None:
    """Have a's stack copy the object at b, with what it needs for that in hand."""
    stack, draft = world.stack("a"), Draft(KEY)
    draft.record = SyncRecord(KEY, lease=Lease("worker", world.now + timedelta(seconds=180)))
    verdict = Copy(7, world.head("b", KEY), None, to=Side.OWN)
    copy_object(stack, verdict, draft.require(), None, Claim(stack, draft, "worker"))


def test_what_helps_the_own_side_leaves_no_upload_behind_when_it_fails() -> None:
    world = made(ALONE)
    put(world, side="b")

    def fail() -> None:
        raise AccessDenied("upload part", KEY, "no")

    world.before["a.own.upload_part"] = fail
    with pytest.raises(AccessDenied):
        help_own_side(world)
    assert "a.own.create_multipart_upload" in world.calls
    assert uploads(world, "a") == 0


def test_what_is_archived_at_the_peer_is_not_for_this_stack_to_restore() -> None:
    world = made(ALONE)
    put(world, side="b")
    world.buckets["b"].archive(KEY)
    with pytest.raises(Blocked) as raised:
        help_own_side(world)
    assert not isinstance(raised.value, Archived)
    assert uploads(world, "a") == 0


def test_bytes_that_change_on_the_way_never_become_the_object() -> None:
    world = made(ALONE)
    put(world)
    dies_before(world, "a.peer.complete_if")
    killed(world)
    [upload] = world.buckets["b"].uploads.values()
    kept = upload.parts[2]
    wrong = b"x" * len(kept.data)
    upload.parts[2] = type(kept)(
        UploadedPart(2, hashlib.md5(wrong).hexdigest(), len(wrong), crc64nvme(wrong)), wrong
    )
    world.users["a"].head(KEY)
    world.quiesce()
    assert world.contents("b") == {KEY: DATA}


# --- shared among workers ---


def started(kind: Kind) -> TwoStacks:
    """Return a world whose stacks have tried their stores and heard of it."""
    world = made(kind)
    for side in "ab":
        world.running(side)
    world.quiesce()
    world.calls.clear()
    return world


def test_the_parts_of_a_giant_object_become_messages_and_are_watched() -> None:
    world = started(SHARED)
    put(world)
    world.deliver("a")
    [upload] = shared(world)
    assert (upload.key, upload.size_bytes, upload.done_parts) == (KEY, len(DATA), 0)
    assert world.watched == {(KEY, upload.upload_id)}
    assert len(world.queues["a"].bodies()) == 1
    assert world.calls.count("a.peer.upload_part") == 0
    told = [each.reason for each in world.outcomes if each.action is Action.SKIPPED]
    assert told == [SkipReason.UPLOAD_UNDER_WAY]


def giant(world: TwoStacks, runs: int = 3) -> bytes:
    data = b"".join(bytes([65 + run]) * RUN for run in range(runs - 1)) + b"end"
    put(world, data)
    return data


def test_the_last_part_completes_the_upload_at_once() -> None:
    world = started(SHARED)
    data = giant(world)
    world.deliver("a")
    bodies = world.queues["a"].take()
    assert len(bodies) == 3
    for body in bodies[:-1]:
        world.queues["a"].send(body)
        world.deliver("a")
        assert world.contents("b") == {}
    world.queues["a"].send(bodies[-1])
    world.deliver("a")
    assert world.contents("b") == {KEY: data}


def test_redelivered_parts_are_harmless() -> None:
    world = started(SHARED)
    data = giant(world)
    world.deliver("a")
    bodies = world.queues["a"].take()
    for body in [*bodies, *reversed(bodies), *bodies]:
        world.queues["a"].send(body)
    world.quiesce()
    assert world.contents("b") == {KEY: data}
    assert world.actions()[Action.OBJECT_COPIED] == 1


def test_a_worker_that_dies_before_it_has_recorded_the_end_is_made_good() -> None:
    world = started(SHARED)
    data = giant(world)
    world.before["a.ledger.end"] = lambda: dies_before(world, "a.peer.head")
    killed(world)
    assert (shared(world), world.contents("b")) == ([], {KEY: data})
    world.quiesce()
    assert world.record("a", KEY).intent is None
    assert world.actions()[Action.OBJECT_COPIED] == 0


def test_what_the_ledger_has_and_no_record_is_ended_by_the_finder() -> None:
    world = started(SHARED)
    giant(world)
    world.deliver("a")
    world.lose_events()
    world.tables["a"].records.clear()
    end_orphans(world.running("a").stack, days=7)
    assert (uploads(world), shared(world)) == (0, [])


@pytest.mark.parametrize(("key", "run"), [("another", 0), (KEY, 3)])
def test_a_message_for_parts_that_the_upload_does_not_have_is_poison(key: str, run: int) -> None:
    world = started(SHARED)
    giant(world)
    world.deliver("a")
    [upload] = shared(world)
    world.queues["a"].take()
    world.queues["a"].send(part_job_body(key, upload.upload_id, run))
    world.deliver("a")
    assert len(world.dead_letters) == 1
    assert shared(world) == [upload]


def test_a_second_event_neither_begins_a_second_upload_nor_sends_messages_again() -> None:
    world = started(SHARED)
    data = giant(world)
    world.deliver("a")
    world.pass_time(1)
    before = world.queues["a"].bodies()
    world.queues["a"].waiting.clear()
    for _ in range(3):
        world.queues["a"].send(job_body(KEY))
        world.deliver("a")
        world.pass_time(5)
    assert (uploads(world), world.queues["a"].bodies()) == (1, [])
    for body in before:
        world.queues["a"].send(body)
    world.quiesce()
    assert world.contents("b") == {KEY: data}


@pytest.mark.parametrize(
    "call",
    ["a.ledger.open", "a.own.get", "a.queue.send_many", "a.ledger.note_split", "a.ledger.read"],
)
def test_a_split_whose_worker_dies_is_done_by_who_gets_its_message_next(call: str) -> None:
    world = started(SHARED)
    data = giant(world)
    began_at = world.now
    dies_before(world, call)
    killed(world)
    world.quiesce()
    assert world.contents("b") == {KEY: data}
    assert (uploads(world), shared(world)) == (0, [])
    assert world.now - began_at < timedelta(seconds=STALL_SECONDS)


@pytest.mark.parametrize("call", ["a.own.get", "a.queue.send_many", "a.ledger.note_split"])
def test_a_split_that_fails_is_done_when_its_message_is_delivered_again(call: str) -> None:
    world = started(SHARED)
    data = giant(world)
    began_at = world.now

    def fail() -> None:
        raise Unavailable("split", KEY, "no answer")

    world.before[call] = fail
    world.quiesce()
    assert world.actions()[Action.OBJECT_COPIED] == 1
    assert world.contents("b") == {KEY: data}
    assert world.now - began_at < timedelta(seconds=STALL_SECONDS)


class DyingQueue(Mailbox):
    """A queue whose sender dies once behind the first batch of messages."""

    has_died = False

    def send_many(self, bodies: Sequence[str]) -> None:
        if self.has_died:
            super().send_many(bodies)
            return
        self.has_died = True
        super().send_many(bodies[:10])
        raise Killed


def test_a_split_whose_worker_dies_between_two_batches_is_done_by_who_gets_its_message_next() -> (
    None
):
    world = started(SHARED)
    world.queues["a"] = DyingQueue(world.clock)
    world.start_again()
    data = giant(world, runs=13)
    began_at = world.now
    killed(world)
    world.quiesce()
    assert world.contents("b") == {KEY: data}
    assert (uploads(world), shared(world)) == (0, [])
    assert world.now - began_at < timedelta(seconds=STALL_SECONDS)


def test_a_split_is_not_done_again_while_its_runs_are_sent() -> None:
    world = started(SHARED)
    giant(world, runs=13)
    world.deliver("a")
    world.pass_time(1)
    world.deliver("a")
    [upload] = shared(world)
    left = world.queues["a"].bodies()
    assert (upload.is_split, upload.done_parts, len(left)) == (True, 10 * RUN // PART, 3)
    world.queues["a"].waiting.clear()
    world.queues["a"].send(job_body(KEY))
    world.deliver("a")
    assert world.queues["a"].bodies() == []


def test_messages_that_were_lost_are_sent_again_once_the_upload_has_stalled() -> None:
    world = started(SHARED)
    data = giant(world)
    world.deliver("a")
    lost = world.queues["a"].take()[1]
    world.queues["a"].send(lost)
    world.deliver("a")
    world.lose_events()
    world.pass_time(STALL_SECONDS)
    assert world.find()[0].ended is Ended.COMPLETE
    assert world.contents("b") == {KEY: data}
    assert world.calls.count("a.peer.upload_part") == RUN // PART * 2 + 1


def test_a_run_whose_message_comes_in_two_copies_is_sent_once() -> None:
    world = started(SHARED)
    giant(world)
    world.deliver("a")
    bodies = world.queues["a"].take()
    world.queues["a"].send(bodies[0])
    world.deliver("a")
    world.calls.clear()
    world.queues["a"].send(bodies[0])
    world.deliver("a")
    assert world.calls.count("a.peer.upload_part") == 0


def test_a_run_that_two_workers_send_at_once_is_harmless_where_etags_are_never_equal() -> None:
    world = started(replace(SHARED, has_opaque_etags=True))
    data = giant(world)
    world.deliver("a")
    bodies = world.queues["a"].take()
    copy = [Message("copy", bodies[0], "copy", 1)]
    world.before["a.peer.upload_part"] = lambda: world.startups["a"].run(copy)
    for body in bodies:
        world.queues["a"].send(body)
    world.deliver("a")
    assert world.contents("b") == {KEY: data}
    assert world.calls.count("a.peer.create_multipart_upload") == 1


def test_an_upload_is_gone_on_with_by_the_plan_that_it_was_begun_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = started(SHARED)
    data = giant(world)
    world.deliver("a")
    monkeypatch.setattr(parts, "PREFERRED_PART_BYTES", 2 * PART)
    world.pass_time(1)
    world.quiesce()
    assert world.contents("b") == {KEY: data}
    assert world.calls.count("a.peer.create_multipart_upload") == 1


def test_an_upload_that_is_gone_at_the_peer_is_begun_anew_once_it_has_stalled() -> None:
    world = started(SHARED)
    data = giant(world)
    world.deliver("a")
    world.buckets["b"].uploads.clear()
    world.pass_time(1)
    world.quiesce()
    world.pass_time(STALL_SECONDS)
    world.find()
    assert world.contents("b") == {KEY: data}
    assert (uploads(world), shared(world)) == (0, [])


def test_a_giant_object_that_is_excluded_in_the_middle_is_not_copied() -> None:
    world = started(SHARED)
    giant(world)
    world.deliver("a")
    world.kind = replace(SHARED, excluded=("*.mov",))
    world.start_again()
    world.pass_time(1)
    world.quiesce()
    assert world.contents("b") == {}
    assert "a.peer.upload_part" not in world.calls


@pytest.mark.parametrize("restore_days", [0, 7])
def test_a_giant_object_that_was_archived_is_left_alone_or_restored(restore_days: int) -> None:
    world = started(replace(SHARED, restore_days=restore_days))
    data = giant(world)
    world.buckets["a"].archive(KEY)
    world.quiesce()
    reason = SkipReason.RESTORING if restore_days else SkipReason.ARCHIVED
    assert reason in [each.reason for each in world.outcomes if each.action is Action.SKIPPED]
    assert (world.dead_letters, uploads(world), shared(world)) == ([], 0, [])
    world.buckets["a"].restore(KEY)
    world.find()
    assert world.contents("b") == {KEY: data}


def test_a_giant_object_that_is_archived_in_the_middle_is_left_alone() -> None:
    world = started(SHARED)
    giant(world)
    world.deliver("a")
    world.buckets["a"].archive(KEY)
    world.quiesce()
    assert (world.dead_letters, uploads(world), shared(world)) == ([], 0, [])
    reasons = [each.reason for each in world.outcomes if each.action is Action.SKIPPED]
    assert SkipReason.ARCHIVED in reasons


def test_deletes_of_orphans_leave_uploads_that_are_gone_on_with_alone() -> None:
    world = started(SHARED)
    data = giant(world)
    world.deliver("a")
    stack = world.running("a").stack
    forgotten = stack.sides.peer.create_multipart_upload(ObjectWrite("old", 1))
    world.pass_time(8 * 24 * 3600)
    orphans = abort_orphans(stack.sides.peer, world.ledgers["a"], stack.records, world.now, 7)
    assert [orphan.upload_id for orphan in orphans] == [forgotten]
    world.quiesce()
    assert world.contents("b") == {KEY: data}


# --- copied by the store ---


@pytest.mark.parametrize("size_bytes", [0, 1, PART, len(DATA)])
def test_where_the_peers_store_can_read_the_source_no_byte_comes_by_here(size_bytes: int) -> None:
    world = started(Kind(one_put_bytes=PART, peer_fetches=True))
    put(world, DATA[:size_bytes])
    world.tag("a", KEY, colour="red")
    world.quiesce()
    assert world.values("b") == world.values("a")
    assert {"a.peer.put_if", "a.peer.upload_part"}.isdisjoint(world.calls)
    assert world.calls.count("a.peer.copy_from") == 1
    world.find()
    assert world.actions()[Action.OBJECT_COPIED] == 1


def test_the_store_copies_part_by_part_where_that_keeps_the_etag() -> None:
    world = started(Kind(one_put_bytes=PART, peer_fetches=True))
    etag = put_in_parts(world, b"a" * 5 * UNIT, b"b" * 100)
    world.quiesce()
    assert world.head("b", KEY).etag == etag
    assert world.calls.count("a.peer.copy_part_from") == 2


def test_parts_of_a_giant_object_are_copied_by_the_store_whoever_has_their_messages() -> None:
    world = started(replace(SHARED, peer_fetches=True))
    etag = put_in_parts(world, b"a" * RUN, b"b" * RUN, b"c" * 100)
    world.deliver("a")
    assert len(world.queues["a"].bodies()) == 3
    world.quiesce()
    assert world.head("b", KEY).etag == etag
    assert world.calls.count("a.peer.copy_part_from") == 3
    assert {"a.peer.put_if", "a.peer.upload_part"}.isdisjoint(world.calls)


def test_a_source_that_changes_before_the_store_copies_it_is_not_mixed() -> None:
    world = started(Kind(one_put_bytes=PART, peer_fetches=True))
    put(world, b"old")
    world.before["a.peer.copy_from"] = lambda: put(world, b"new!")
    world.quiesce()
    assert world.contents("b") == {KEY: b"new!"}
