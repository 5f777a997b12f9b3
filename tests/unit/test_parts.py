"""How objects are cut into parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.parts import (
    MAX_OBJECT_BYTES,
    MAX_PART_BYTES,
    MAX_PARTS,
    MIB,
    MIN_PART_BYTES,
    part_size_bytes,
    part_sizes,
)

TIB = 1024**4


@pytest.mark.parametrize(
    ("size_bytes", "expected"),
    [
        (0, [0]),
        (1, [1]),
        (8 * MIB, [8 * MIB]),
        (8 * MIB + 1, [8 * MIB, 1]),
        (16 * MIB, [8 * MIB, 8 * MIB]),
        (20 * MIB, [8 * MIB, 8 * MIB, 4 * MIB]),
    ],
)
def test_parts_have_eight_mebibytes_and_the_last_one_the_rest(
    size_bytes: int, expected: list[int]
) -> None:
    assert part_sizes(size_bytes) == expected


@pytest.mark.parametrize(
    ("size_bytes", "expected_mib"),
    [
        (MAX_PARTS * 8 * MIB, 8),
        (MAX_PARTS * 8 * MIB + 1, 9),
        (5 * TIB, 525),
        (MAX_OBJECT_BYTES, 5 * 1024),
    ],
)
def test_parts_grow_by_mebibytes_where_ten_thousand_would_not_suffice(
    size_bytes: int, expected_mib: int
) -> None:
    assert part_size_bytes(size_bytes) == expected_mib * MIB


@pytest.mark.parametrize("size_bytes", [-1, MAX_OBJECT_BYTES + 1])
def test_a_size_that_no_object_has_is_refused(size_bytes: int) -> None:
    with pytest.raises(ValueError, match="an object has 0 to"):
        part_sizes(size_bytes)


@given(st.integers(0, MAX_OBJECT_BYTES))
def test_parts_are_the_object_within_the_limits_of_s3(size_bytes: int) -> None:
    sizes = part_sizes(size_bytes)
    assert sum(sizes) == size_bytes
    assert 1 <= len(sizes) <= MAX_PARTS
    assert all(MIN_PART_BYTES <= size <= MAX_PART_BYTES for size in sizes[:-1])
    assert len(set(sizes[:-1])) <= 1
    assert sizes[-1] <= part_size_bytes(size_bytes)
