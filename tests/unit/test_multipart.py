"""The parts of an upload, between stores in memory that fail where they are told to."""

import io
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.checksums import crc64nvme
from sync_core.errors import (
    AccessDenied,
    DualwayError,
    IntegrityError,
    LeaseLost,
    PreconditionFailed,
    Throttled,
    Unavailable,
)
from sync_core.model import ObjectVersion, UploadedPart
from sync_core.multipart import (
    ATTEMPTS,
    Upload,
    require_whole,
    send_all,
    taken_earlier,
)
from sync_core.parts import MIB, PartPlan
from sync_core.storage.memory import MemoryBucket, MemoryObjectStore, MemoryReader
from sync_core.storage.parts_protocol import aborted_on_failure
from sync_core.storage.protocol import ByteRange as Range
from sync_core.storage.protocol import ObjectWrite, Readable

PART = 5 * MIB
DATA = b"a" * PART + b"b" * PART + b"c" * 10
PLAN = PartPlan(len(DATA), PART)
ABORT = 0
"""Stands for the abort among the numbers of parts."""


class Failing(MemoryObjectStore):
    """Fails so often at a part, or at an abort, and counts how often each part is sent."""

    def __init__(self, bucket: MemoryBucket) -> None:
        super().__init__(bucket, "AWS:AIDASYNC")
        self.failures: dict[int, list[DualwayError]] = {}
        self.sent: Counter[int] = Counter()

    def upload_part(
        self, key: str, upload_id: str, part_number: int, body: Readable, size_bytes: int
    ) -> UploadedPart:
        self.sent[part_number] += 1
        if self.failures.get(part_number):
            raise self.failures[part_number].pop()
        return super().upload_part(key, upload_id, part_number, body, size_bytes)

    def abort_multipart_upload(self, key: str, upload_id: str) -> None:
        if self.failures.get(ABORT):
            raise self.failures[ABORT].pop()
        super().abort_multipart_upload(key, upload_id)


class Changing(MemoryObjectStore):
    """A source that a user overwrites, once two parts were read, with as many other bytes."""

    reads = 0

    def get(
        self, key: str, *, etag: str | None = None, byte_range: Range | None = None
    ) -> MemoryReader | None:
        self.reads += 1
        if self.reads == 3:
            self.put(ObjectWrite(key, len(DATA)), io.BytesIO(DATA[::-1]))
        return super().get(key, etag=etag, byte_range=byte_range)


def bucket(name: str) -> MemoryBucket:
    return MemoryBucket(name, lambda: datetime(2026, 11, 21, tzinfo=UTC))


def put(store: MemoryObjectStore, data: bytes = DATA) -> ObjectVersion:
    store.put(ObjectWrite("k", len(data), crc64nvme=crc64nvme(data)), io.BytesIO(data))
    version = store.head("k")
    assert version is not None
    return version


def begun(source: MemoryObjectStore, destination: Failing, plan: PartPlan = PLAN) -> Upload:
    instance = put(source, DATA[: plan.size_bytes])
    upload_id = destination.create_multipart_upload(ObjectWrite("k", plan.size_bytes))
    return Upload(source, destination, "k", instance.etag, upload_id, plan)


@pytest.fixture
def upload() -> Upload:
    return begun(MemoryObjectStore(bucket("source"), "AWS:AIDAUSER"), Failing(bucket("there")))


def failing(upload: Upload) -> Failing:
    assert isinstance(upload.destination, Failing)
    return upload.destination


def nothing() -> None:
    pass


@pytest.fixture
def threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(4)


def test_all_parts_are_sent_and_come_back_in_their_order(
    upload: Upload, threads: ThreadPoolExecutor
) -> None:
    parts = send_all(upload, [1, 2, 3], threads, nothing)
    assert [part.size_bytes for part in parts] == [PART, PART, 10]
    assert [part.crc64nvme for part in parts] == [
        crc64nvme(b"a" * PART),
        crc64nvme(b"b" * PART),
        crc64nvme(b"c" * 10),
    ]
    assert upload.destination.list_parts("k", upload.upload_id) == parts


def test_an_empty_object_is_one_empty_part(threads: ThreadPoolExecutor) -> None:
    source = MemoryObjectStore(bucket("source"), "AWS:AIDAUSER")
    upload = begun(source, Failing(bucket("there")), PartPlan(0, PART))
    [part] = send_all(upload, [1], threads, nothing)
    assert (part.number, part.size_bytes) == (1, 0)


@pytest.mark.parametrize("error", [Unavailable, IntegrityError])
def test_a_part_that_was_damaged_on_the_way_is_sent_again(
    upload: Upload, threads: ThreadPoolExecutor, error: type[DualwayError]
) -> None:
    failing(upload).failures[2] = [error("upload part", "k", "broken") for _ in range(ATTEMPTS - 1)]
    assert len(send_all(upload, [1, 2, 3], threads, nothing)) == 3
    assert failing(upload).sent == {1: 1, 2: ATTEMPTS, 3: 1}


def test_a_part_that_never_arrives_fails_the_others(
    upload: Upload, threads: ThreadPoolExecutor
) -> None:
    failing(upload).failures[2] = [Unavailable("upload part", "k", "broken")] * ATTEMPTS
    with pytest.raises(Unavailable, match="broken"):
        send_all(upload, [1, 2, 3], threads, nothing)


@pytest.mark.parametrize("error", [Throttled, AccessDenied])
def test_what_takes_longer_is_left_to_the_queue(
    upload: Upload, threads: ThreadPoolExecutor, error: type[DualwayError]
) -> None:
    failing(upload).failures[2] = [error("upload part", "k", "not now")]
    with pytest.raises(error):
        send_all(upload, [1, 2, 3], threads, nothing)
    assert failing(upload).sent[2] == 1


def test_after_a_failure_no_part_is_begun(upload: Upload) -> None:
    failing(upload).failures[1] = [AccessDenied("upload part", "k", "no")]
    with ThreadPoolExecutor(1) as one_at_a_time, pytest.raises(AccessDenied):
        send_all(upload, [1, 2, 3], one_at_a_time, nothing)
    assert failing(upload).sent.total() < 3


def test_a_source_that_changes_in_the_middle_gives_no_further_part() -> None:
    upload = begun(Changing(bucket("source"), "AWS:AIDAUSER"), Failing(bucket("there")))
    with ThreadPoolExecutor(1) as one_at_a_time, pytest.raises(PreconditionFailed):
        send_all(upload, [1, 2, 3], one_at_a_time, nothing)
    kept = upload.destination.list_parts("k", upload.upload_id)
    assert kept is not None
    assert [part.crc64nvme for part in kept] == [crc64nvme(b"a" * PART), crc64nvme(b"b" * PART)]


def test_parts_under_way_are_waited_for_when_another_fails() -> None:
    both_are_under_way = threading.Barrier(2, timeout=60)

    class Slow(Failing):
        def upload_part(
            self, key: str, upload_id: str, part_number: int, body: Readable, size_bytes: int
        ) -> UploadedPart:
            both_are_under_way.wait()
            if part_number == 1:
                raise AccessDenied("upload part", "k", "no")
            # Whoever does not wait comes back before that.
            threading.Event().wait(0.2)
            return super().upload_part(key, upload_id, part_number, body, size_bytes)

    slow = begun(MemoryObjectStore(bucket("source"), "AWS:AIDAUSER"), Slow(bucket("there")))
    with ThreadPoolExecutor(2) as two_at_a_time:
        with pytest.raises(AccessDenied):
            send_all(slow, [1, 2], two_at_a_time, nothing)
        kept = slow.destination.list_parts("k", slow.upload_id)
    assert kept is not None
    assert [part.number for part in kept] == [2]


def test_who_loses_the_lease_stops(upload: Upload) -> None:
    released = threading.Event()

    class Slow(Failing):
        def upload_part(
            self, key: str, upload_id: str, part_number: int, body: Readable, size_bytes: int
        ) -> UploadedPart:
            assert released.wait(60)
            return super().upload_part(key, upload_id, part_number, body, size_bytes)

    def beat() -> None:
        released.set()
        raise LeaseLost("copy", "k", "another writer came first")

    slow = begun(MemoryObjectStore(bucket("source"), "AWS:AIDAUSER"), Slow(bucket("there")))
    with ThreadPoolExecutor(1) as one_at_a_time, pytest.raises(LeaseLost):
        send_all(slow, [1, 2, 3], one_at_a_time, beat)


def aborted(upload: Upload) -> AbstractContextManager[None]:
    return aborted_on_failure(upload.destination, upload.key, upload.upload_id)


def test_an_upload_that_fails_is_thrown_away(upload: Upload) -> None:
    with pytest.raises(LeaseLost), aborted(upload):
        raise LeaseLost("copy", "k", "another writer came first")
    assert upload.destination.list_parts("k", upload.upload_id) is None


def test_an_upload_that_cannot_be_thrown_away_fails_for_its_first_reason(upload: Upload) -> None:
    failing(upload).failures[ABORT] = [Unavailable("abort upload", "k", "no answer")]
    with pytest.raises(LeaseLost) as raised, aborted(upload):
        raise LeaseLost("copy", "k", "another writer came first")
    [note] = raised.value.__notes__
    assert upload.upload_id in note
    assert "no answer" in note


def test_an_upload_that_does_not_fail_stays(upload: Upload) -> None:
    with aborted(upload):
        upload.send(1)
    assert len(upload.destination.list_parts("k", upload.upload_id) or ()) == 1


def uploaded(*pieces: bytes) -> list[UploadedPart]:
    return [
        UploadedPart(number, f"{number:032x}", len(piece), crc64nvme(piece))
        for number, piece in enumerate(pieces, start=1)
    ]


WHOLE = uploaded(b"a" * PART, b"b" * PART, b"c" * 10)


def source_of(data: bytes) -> ObjectVersion:
    return put(MemoryObjectStore(bucket("source"), "AWS:AIDAUSER"), data)


def test_parts_that_make_up_the_source_give_the_digest_of_the_whole() -> None:
    assert require_whole(source_of(DATA), WHOLE, PLAN) == crc64nvme(DATA)


def test_without_digests_of_parts_there_is_none_of_the_whole() -> None:
    bare = [part._replace(crc64nvme=None) for part in WHOLE]
    assert require_whole(source_of(DATA), bare, PLAN) is None


@pytest.mark.parametrize(
    "parts",
    [
        WHOLE[:2],
        [WHOLE[0], WHOLE[2]],
        [*WHOLE, WHOLE[2]._replace(number=4)],
        uploaded(b"a" * PART, b"c" * PART, b"c" * 10),
        uploaded(b"b" * PART, b"a" * PART, b"c" * 10),
        [WHOLE[0]._replace(size_bytes=PART - 1), *WHOLE[1:]],
    ],
    ids=["one missing", "a gap", "one too many", "other bytes", "other order", "too short"],
)
def test_parts_that_do_not_make_up_the_source_are_refused(parts: list[UploadedPart]) -> None:
    with pytest.raises(IntegrityError):
        require_whole(source_of(DATA), parts, PLAN)


def parts_of(plan: PartPlan, *numbers: int) -> list[UploadedPart]:
    return [UploadedPart(number, f"{number:032x}", plan.span(number)[1]) for number in numbers]


@pytest.mark.parametrize("numbers", [(), (1,), (1, 2), (2, 3), (1, 3), (1, 2, 3)])
def test_parts_of_an_earlier_attempt_by_the_same_plan_are_gone_on_with(
    numbers: tuple[int, ...],
) -> None:
    found = taken_earlier(parts_of(PLAN, *numbers), PLAN)
    assert found is not None
    assert tuple(found) == numbers


@given(st.integers(2, 60), st.integers(1, 20), st.integers(1, 20), st.data())
def test_parts_that_were_cut_otherwise_are_never_taken_for_those_of_the_plan(
    size_bytes: int, part_bytes: int, other_bytes: int, data: st.DataObject
) -> None:
    plan, other = PartPlan(size_bytes, part_bytes), PartPlan(size_bytes, other_bytes)
    numbers = data.draw(st.sets(st.sampled_from(other.numbers)))
    found = taken_earlier(parts_of(other, *sorted(numbers)), plan)
    for number in found or ():
        assert plan.span(number) == other.span(number)
