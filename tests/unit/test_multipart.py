"""Copies in parts, between stores in memory that fail where they are told to."""

import io
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest

from sync_core.errors import (
    Ambiguous,
    DualwayError,
    IntegrityError,
    PreconditionFailed,
    Unavailable,
)
from sync_core.model import ObjectVersion
from sync_core.multipart import copy_in_parts
from sync_core.parts import MIN_PART_BYTES
from sync_core.storage.memory import MemoryBucket, MemoryObjectStore, MemoryReader
from sync_core.storage.protocol import ByteRange, ObjectWrite, Written

DATA = b"a" * MIN_PART_BYTES + b"b" * MIN_PART_BYTES + b"c" * 10
HEADERS = {"content-type": "text/plain", "cache-control": "no-cache"}


class Failing(MemoryObjectStore):
    """Fails at the named call, before it has its effect."""

    fails: str = ""
    error: type[DualwayError] = Unavailable

    def _trip(self, call: str) -> None:
        if call == self.fails:
            raise self.error(call, "k", "no answer")

    def upload_part(self, key: str, upload_id: str, part_number: int, body: bytes) -> str:
        self._trip(f"part {part_number}")
        return super().upload_part(key, upload_id, part_number, body)

    def complete_if(
        self, key: str, upload_id: str, etags: Sequence[str], replaces: ObjectVersion | None
    ) -> Written:
        self._trip("complete")
        return super().complete_if(key, upload_id, etags, replaces)


class Unabortable(Failing):
    """Fails to abort as well."""

    def abort_multipart_upload(self, key: str, upload_id: str) -> None:
        raise Unavailable("abort upload", key, "no answer either")


class Truncating(MemoryObjectStore):
    """Gives a byte too few of every range."""

    def get(
        self, key: str, *, etag: str | None = None, byte_range: ByteRange | None = None
    ) -> MemoryReader | None:
        assert byte_range is not None
        shorter = ByteRange(byte_range.first, byte_range.last - 1)
        return super().get(key, etag=etag, byte_range=shorter)


def bucket(name: str) -> MemoryBucket:
    return MemoryBucket(name, lambda: datetime(2026, 11, 21, tzinfo=UTC))


@pytest.fixture
def source() -> MemoryObjectStore:
    return MemoryObjectStore(bucket("source"), "AWS:AIDAUSER")


@pytest.fixture
def destination() -> Failing:
    return Failing(bucket("destination"), "AWS:AIDASYNC")


def put(store: MemoryObjectStore, data: bytes) -> ObjectVersion:
    store.put(ObjectWrite("k", len(data), HEADERS, {"owner": "me"}), io.BytesIO(data))
    version = store.head("k")
    assert version is not None
    return version


def copy(
    source: MemoryObjectStore,
    destination: MemoryObjectStore,
    instance: ObjectVersion,
    replaces: ObjectVersion | None = None,
    check: Callable[[], None] = lambda: None,
) -> Written:
    write = ObjectWrite(
        "k", instance.size_bytes, instance.headers, instance.metadata, "1;x", {"a": "b"}
    )
    return copy_in_parts(source, destination, instance, write, replaces, check)


def uploads(store: MemoryObjectStore) -> int:
    return len(store._bucket.uploads)  # noqa: SLF001 - the bucket of a store that a test made


@pytest.mark.parametrize("data", [DATA, DATA[:MIN_PART_BYTES], b"x", b""])
def test_a_copy_is_the_source_with_the_marker(
    source: MemoryObjectStore, destination: Failing, data: bytes
) -> None:
    instance = put(source, data)
    written = copy(source, destination, instance)
    version = destination.head("k")
    assert version is not None
    assert (version.etag, version.marker, version.tag_count) == (written.etag, "1;x", 1)
    assert (version.headers, version.metadata) == (instance.headers, instance.metadata)
    reader = destination.get("k")
    assert reader is not None
    assert reader.read() == data
    assert uploads(destination) == 0


def test_the_check_comes_once_before_anything_is_visible(
    source: MemoryObjectStore, destination: Failing
) -> None:
    visible: list[bool] = []

    def check() -> None:
        visible.append(destination.head("k") is not None)

    copy(source, destination, put(source, DATA), check=check)
    assert visible == [False]


def test_a_copy_that_is_no_longer_wanted_is_aborted(
    source: MemoryObjectStore, destination: Failing
) -> None:
    def check() -> None:
        raise PreconditionFailed("complete", "k", "the source has changed")

    with pytest.raises(PreconditionFailed, match="the source has changed"):
        copy(source, destination, put(source, DATA), check=check)
    assert destination.head("k") is None
    assert uploads(destination) == 0


def test_a_source_that_changes_between_two_parts_is_not_mixed(
    source: MemoryObjectStore, destination: Failing
) -> None:
    instance = put(source, DATA)
    put(source, DATA[::-1])
    with pytest.raises(PreconditionFailed):
        copy(source, destination, instance)
    assert uploads(destination) == 0


def test_a_source_that_is_gone_is_not_copied(
    source: MemoryObjectStore, destination: Failing
) -> None:
    instance = put(source, DATA)
    source.delete("k")
    with pytest.raises(PreconditionFailed):
        copy(source, destination, instance)
    assert uploads(destination) == 0


def test_a_part_that_comes_short_is_refused(destination: Failing) -> None:
    truncating = Truncating(bucket("source"), "AWS:AIDAUSER")
    with pytest.raises(IntegrityError):
        copy(truncating, destination, put(truncating, DATA))
    assert uploads(destination) == 0


@pytest.mark.parametrize("call", ["part 1", "part 3", "complete"])
def test_a_failure_aborts_the_upload(
    source: MemoryObjectStore, destination: Failing, call: str
) -> None:
    destination.fails = call
    with pytest.raises(Unavailable):
        copy(source, destination, put(source, DATA))
    assert uploads(destination) == 0


def test_a_destination_that_has_changed_aborts_the_upload(
    source: MemoryObjectStore, destination: Failing
) -> None:
    old = put(destination, b"old")
    put(destination, b"new")
    with pytest.raises(PreconditionFailed):
        copy(source, destination, put(source, DATA), old)
    assert uploads(destination) == 0


def test_a_completion_without_an_answer_leaves_the_upload_alone(
    source: MemoryObjectStore, destination: Failing
) -> None:
    destination.fails, destination.error = "complete", Ambiguous
    with pytest.raises(Ambiguous):
        copy(source, destination, put(source, DATA))
    assert uploads(destination) == 1


def test_an_ambiguous_part_aborts_the_upload(
    source: MemoryObjectStore, destination: Failing
) -> None:
    destination.fails, destination.error = "part 2", Ambiguous
    with pytest.raises(Ambiguous):
        copy(source, destination, put(source, DATA))
    assert uploads(destination) == 0


def test_a_failing_abort_does_not_hide_the_failure(source: MemoryObjectStore) -> None:
    destination = Unabortable(bucket("destination"), "AWS:AIDASYNC")
    destination.fails = "part 2"
    with pytest.raises(Unavailable, match="part 2 'k': no answer") as raised:
        copy(source, destination, put(source, DATA))
    (note,) = raised.value.__notes__
    assert "left behind" in note
