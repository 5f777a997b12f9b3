"""The stand-in for giant objects: what it makes up, and what it does not let pass."""

from datetime import UTC, datetime

import pytest

from sync_core.errors import Blocked, IntegrityError, PreconditionFailed
from sync_core.model import ObjectVersion, UploadedPart
from sync_core.parts import MIB, TIB, PartPlan, plan_parts
from sync_core.storage.memory import MemoryBucket
from sync_core.storage.parts_protocol import Piece
from sync_core.storage.protocol import ByteRange, ObjectWrite
from sync_core.storage.sync_store import SyncStore
from tests.object_benches import Stream, present, put, put_in_parts, read, write_of
from tests.sparse_store import GIANT_BYTES, Giants, SparseReader, SparseStore

NOW = datetime(2026, 11, 21, tzinfo=UTC)
SIZE_BYTES = GIANT_BYTES + 3 * MIB + 1


class Bench:
    """Two buckets, the second of which can read the first."""

    def __init__(self) -> None:
        one, other = (MemoryBucket(name, lambda: NOW) for name in ("one", "other"))
        giants = Giants()
        self.source = SparseStore(one, "AWS:AIDASYNC", giants)
        self.destination = SparseStore(other, "AWS:AIDASYNC", giants, [one])

    def begin(self, size_bytes: int = SIZE_BYTES) -> str:
        return self.destination.create_multipart_upload(ObjectWrite("k", size_bytes))

    def send(self, upload_id: str, number: int, first: int, size_bytes: int) -> UploadedPart:
        """Read some bytes of the source and send them as part `number`."""
        reader = self.source.get("k", byte_range=ByteRange(first, first + size_bytes - 1))
        assert reader is not None
        return self.destination.upload_part("k", upload_id, number, reader, size_bytes)

    def copy(self, plan: PartPlan) -> ObjectVersion:
        upload_id = self.begin(plan.size_bytes)
        parts = [
            self.send(upload_id, number, *plan.span(number)) for number in range(1, plan.count + 1)
        ]
        self.destination.complete_if("k", upload_id, parts, None)
        return present(self.destination.head("k"))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def bytes_of(store: SyncStore, first: int, size_bytes: int) -> bytes:
    return read(store.get("k", byte_range=ByteRange(first, first + size_bytes - 1)))


def test_a_giant_shows_its_size_and_its_number_of_parts_and_no_digest(bench: Bench) -> None:
    planted = bench.source.plant("k", 5 * TIB)
    assert planted == bench.source.head("k")
    assert planted.size_bytes == 5 * TIB
    assert planted.etag.endswith("-9987")
    assert (planted.md5, planted.crc64nvme) == (None, None)
    assert next(bench.source.list()).size_bytes == 5 * TIB
    assert [entry.size_bytes for entry in bench.source.versions("k", 9)] == [5 * TIB]


def test_its_bytes_follow_from_where_they_stand(bench: Bench) -> None:
    bench.source.plant("k", 5 * TIB)
    last = 5 * TIB // MIB - 1
    assert bytes_of(bench.source, last * MIB - 2, 11) == b"\0\0" + last.to_bytes(8, "big") + b"\0"
    assert bytes_of(bench.source, last * MIB + 6, 4) == last.to_bytes(8, "big")[6:] + b"\0\0"
    assert len(bytes_of(bench.source, 5 * TIB - 3 * MIB, 4 * MIB)) == 3 * MIB


def test_a_reader_gives_the_same_bytes_in_any_portions(bench: Bench) -> None:
    bench.source.plant("k", SIZE_BYTES)
    reader = bench.source.get("k", byte_range=ByteRange(MIB - 5, MIB + 99))
    assert reader is not None
    portions = b"".join(iter(lambda: reader.read(3), b""))
    assert portions == bytes_of(bench.source, MIB - 5, 105)


def test_a_read_names_its_instance(bench: Bench) -> None:
    planted = bench.source.plant("k", SIZE_BYTES)
    reader = bench.source.get("k", etag=planted.etag)
    assert isinstance(reader, SparseReader)
    assert reader.version == planted
    bench.source.plant("k", SIZE_BYTES)
    with pytest.raises(PreconditionFailed):
        bench.source.get("k", etag=planted.etag)
    with pytest.raises(PreconditionFailed):
        bench.source.get("k", byte_range=ByteRange(SIZE_BYTES, SIZE_BYTES))


def test_five_tebibytes_are_copied_in_ten_thousand_parts(bench: Bench) -> None:
    planted = bench.source.plant("k", 5 * TIB)
    copied = bench.copy(plan_parts(5 * TIB, bench.destination.part_limits))
    assert (copied.size_bytes, copied.etag) == (5 * TIB, planted.etag)
    assert bytes_of(bench.destination, 5 * TIB - MIB, 8) == (5 * TIB // MIB - 1).to_bytes(8, "big")


def test_other_parts_make_another_etag(bench: Bench) -> None:
    planted = bench.source.plant("k", SIZE_BYTES, part_bytes=17 * MIB)
    assert bench.source.uniform_part_bytes(planted) == 17 * MIB
    copied = bench.copy(plan_parts(SIZE_BYTES, bench.destination.part_limits))
    assert copied.etag != planted.etag
    assert bench.destination.uniform_part_bytes(copied) == 8 * MIB
    assert bench.destination.uniform_part_bytes(planted) is None


@pytest.mark.parametrize(
    "spans",
    [
        [(0, 128 * MIB), (129 * MIB, SIZE_BYTES - 129 * MIB)],
        [(0, 128 * MIB), (127 * MIB, SIZE_BYTES - 127 * MIB)],
        [(0, 128 * MIB), (128 * MIB, SIZE_BYTES - 128 * MIB - 1)],
        [(1, 128 * MIB - 1), (128 * MIB, SIZE_BYTES - 128 * MIB)],
        [(128 * MIB, SIZE_BYTES - 128 * MIB), (0, 128 * MIB)],
        [(0, MIB), (MIB, SIZE_BYTES - MIB)],
    ],
    ids=["a gap", "an overlap", "an end too soon", "a late beginning", "swapped", "too small"],
)
def test_parts_that_do_not_tile_the_object_are_not_joined(
    bench: Bench, spans: list[tuple[int, int]]
) -> None:
    bench.source.plant("k", SIZE_BYTES)
    upload_id = bench.begin()
    parts = [
        bench.send(upload_id, number, first, size_bytes)
        for number, (first, size_bytes) in enumerate(spans, start=1)
    ]
    with pytest.raises(IntegrityError):
        bench.destination.complete_if("k", upload_id, parts, None)
    assert bench.destination.head("k") is None


def test_parts_of_two_instances_are_not_joined(bench: Bench) -> None:
    half = 128 * MIB
    upload_id = bench.begin(2 * half)
    parts = []
    for number in (1, 2):
        bench.source.plant("k", 2 * half)
        parts.append(bench.send(upload_id, number, (number - 1) * half, half))
    with pytest.raises(IntegrityError):
        bench.destination.complete_if("k", upload_id, parts, None)


def test_a_part_has_the_size_that_was_declared(bench: Bench) -> None:
    bench.source.plant("k", SIZE_BYTES)
    upload_id = bench.begin()
    reader = bench.source.get("k", byte_range=ByteRange(0, 99))
    assert reader is not None
    with pytest.raises(IntegrityError):
        bench.destination.upload_part("k", upload_id, 1, reader, 101)
    assert bench.destination.list_parts("k", upload_id) == []


def test_parts_are_listed_with_their_sizes(bench: Bench) -> None:
    bench.source.plant("k", SIZE_BYTES)
    upload_id = bench.begin()
    part = bench.send(upload_id, 1, 0, 128 * MIB)
    assert bench.destination.list_parts("k", upload_id) == [part]
    assert part.size_bytes == 128 * MIB


def test_the_store_may_take_the_parts_from_the_other_bucket_itself(bench: Bench) -> None:
    planted = bench.source.plant("k", SIZE_BYTES)
    plan = PartPlan(SIZE_BYTES, 128 * MIB)
    upload_id, place = bench.begin(), bench.source.place("k")
    parts = []
    for number in range(1, plan.count + 1):
        first, size_bytes = plan.span(number)
        wanted = ByteRange(first, first + size_bytes - 1)
        parts.append(
            bench.destination.copy_part_from(
                "k", upload_id, number, Piece(place, planted.etag, wanted)
            )
        )
    bench.destination.complete_if("k", upload_id, parts, None)
    assert present(bench.destination.head("k")).size_bytes == SIZE_BYTES
    bench.source.plant("k", SIZE_BYTES)
    with pytest.raises(PreconditionFailed):
        bench.destination.copy_part_from("k", bench.begin(), 1, Piece(place, planted.etag))


def test_conditions_are_those_of_the_store_in_memory(bench: Bench) -> None:
    planted = bench.source.plant("k", SIZE_BYTES)
    newer = bench.source.plant("k", SIZE_BYTES)
    with pytest.raises(PreconditionFailed):
        bench.source.delete_if(planted)
    with pytest.raises(PreconditionFailed):
        bench.source.put_if(write_of("k", b"small"), Stream(b"small"), planted)
    bench.source.put_if(write_of("k", b"small"), Stream(b"small"), newer)
    assert read(bench.source.get("k")) == b"small"


def test_a_giant_cannot_be_copied_in_one_request(bench: Bench) -> None:
    planted = bench.source.plant("k", SIZE_BYTES)
    for copy in (bench.source.copy_if, bench.source.copy_version):
        with pytest.raises(Blocked):
            copy(planted, "copy")


def test_small_objects_are_whole(bench: Bench) -> None:
    assert read(bench.source.get("k", etag=put(bench.source, "k", b"data").etag)) == b"data"
    assert put_in_parts(bench.source, "parts", bytes(5 * MIB), b"rest").size_bytes == 5 * MIB + 4
    reader = bench.source.get("parts", byte_range=ByteRange(5 * MIB, 5 * MIB + 9))
    assert read(reader) == b"rest"
