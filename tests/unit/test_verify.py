"""The deep comparison of two buckets."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from io import BytesIO

import pytest

from sync_core.storage.memory import MemoryBucket, MemoryObjectStore
from sync_core.storage.protocol import ObjectWrite
from sync_core.verify import compare_stores

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as made:
        yield made


def store(name: str, objects: Mapping[str, bytes]) -> MemoryObjectStore:
    made = MemoryObjectStore(MemoryBucket(name, lambda: AT), "AWS:AIDAUSER")
    for key, data in objects.items():
        made.put(ObjectWrite(key, len(data)), BytesIO(data))
    return made


def test_equal_buckets_have_no_difference(executor: ThreadPoolExecutor) -> None:
    objects = {f"k{number}": b"x" * number for number in range(30)}
    compared = list(compare_stores(store("a", objects), store("b", objects), executor))
    assert [each.key for each in compared] == sorted(objects)
    assert [each.differences for each in compared] == [()] * 30


def test_bytes_are_read_although_size_is_equal(executor: ThreadPoolExecutor) -> None:
    [compared] = compare_stores(store("a", {"k": b"1"}), store("b", {"k": b"2"}), executor)
    assert [each.what for each in compared.differences] == ["content"]


def test_an_object_of_one_side_only_is_a_difference(executor: ThreadPoolExecutor) -> None:
    [compared] = compare_stores(store("a", {"k": b"1"}), store("b", {}), executor)
    assert compared.sizes_bytes == (1, None)
    assert [each.what for each in compared.differences] == ["presence"]


def test_tags_are_compared(executor: ThreadPoolExecutor) -> None:
    first, second = store("a", {"k": b"1"}), store("b", {"k": b"1"})
    first.put_tags("k", {"team": "blue"})
    [compared] = compare_stores(first, second, executor)
    assert [each.what for each in compared.differences] == ["tag team"]


def test_our_own_prefix_is_left_out(executor: ThreadPoolExecutor) -> None:
    assert list(compare_stores(store("a", {".dualway/x": b"1"}), store("b", {}), executor)) == []
