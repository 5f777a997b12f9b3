"""How objects are cut into parts, and parts into runs."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_core.model import PartLimits
from sync_core.parts import (
    MIB,
    RUN_BYTES,
    S3_LIMITS,
    S3_LIMITS_BEFORE_2025,
    TIB,
    PartPlan,
    numbers_in,
    plan_parts,
    plan_streamed_parts,
    run_count,
    uniform_part_bytes,
)

LIMITS = st.sampled_from([S3_LIMITS, S3_LIMITS_BEFORE_2025])


def sizes_of(plan: PartPlan) -> list[int]:
    return [plan.span(number)[1] for number in plan.numbers]


class TestPlan:
    @pytest.mark.parametrize(
        ("size_bytes", "expected"),
        [
            (0, [0]),
            (1, [1]),
            (8 * MIB - 1, [8 * MIB - 1]),
            (8 * MIB, [8 * MIB]),
            (8 * MIB + 1, [8 * MIB, 1]),
            (16 * MIB, [8 * MIB, 8 * MIB]),
            (20 * MIB, [8 * MIB, 8 * MIB, 4 * MIB]),
        ],
    )
    def test_parts_have_eight_mebibytes_and_the_last_one_the_rest(
        self, size_bytes: int, expected: list[int]
    ) -> None:
        assert sizes_of(plan_parts(size_bytes, S3_LIMITS)) == expected

    @pytest.mark.parametrize(
        ("size_bytes", "expected_mib"),
        [
            (10_000 * 8 * MIB, 8),
            (10_000 * 8 * MIB + 1, 9),
            (5 * TIB, 525),
            (S3_LIMITS.most_object_bytes, 5 * 1024),
        ],
    )
    def test_parts_grow_by_mebibytes_where_ten_thousand_would_not_suffice(
        self, size_bytes: int, expected_mib: int
    ) -> None:
        assert plan_parts(size_bytes, S3_LIMITS).part_bytes == expected_mib * MIB

    def test_the_largest_object_of_s3_has_almost_49_tebibytes(self) -> None:
        assert 48.8 < S3_LIMITS.most_object_bytes / TIB < 48.9

    @pytest.mark.parametrize(
        ("size_bytes", "limits"),
        [
            (-1, S3_LIMITS),
            (S3_LIMITS.most_object_bytes + 1, S3_LIMITS),
            (5 * TIB + 1, S3_LIMITS_BEFORE_2025),
        ],
    )
    def test_a_size_that_no_object_has_is_refused(
        self, size_bytes: int, limits: PartLimits
    ) -> None:
        with pytest.raises(ValueError, match="an object has 0 to"):
            plan_parts(size_bytes, limits)

    def test_parts_are_as_large_as_the_store_demands(self) -> None:
        limits = replace(S3_LIMITS, least_bytes=100 * MIB)
        assert sizes_of(plan_parts(150 * MIB, limits)) == [100 * MIB, 50 * MIB]

    @given(st.data(), LIMITS)
    def test_parts_are_the_object_within_the_limits(
        self, data: st.DataObject, limits: PartLimits
    ) -> None:
        size_bytes = data.draw(st.integers(0, limits.most_object_bytes))
        own_bytes = data.draw(st.none() | st.integers(0, 2 * limits.most_bytes))
        plan = plan_parts(size_bytes, limits, own_bytes)
        assert 1 <= plan.count <= limits.most_parts
        assert plan.part_bytes <= limits.most_bytes
        assert plan.count == 1 or plan.part_bytes >= limits.least_bytes
        assert_tiles(plan)


class TestPartsOfTheSource:
    @pytest.mark.parametrize(
        ("size_bytes", "own_bytes"),
        [
            (100 * MIB, 5 * MIB),
            (100 * MIB, 17 * MIB + 1),
            (100 * MIB, 100 * MIB),
            (3, 3),
            (50_000 * MIB, 5 * MIB),
            (5 * TIB, 5 * 1024 * MIB),
        ],
    )
    def test_they_are_kept_where_the_limits_allow_it(self, size_bytes: int, own_bytes: int) -> None:
        assert plan_parts(size_bytes, S3_LIMITS, own_bytes) == PartPlan(size_bytes, own_bytes)

    @pytest.mark.parametrize(
        ("size_bytes", "own_bytes"),
        [
            (100 * MIB, 5 * MIB - 1),
            (50_000 * MIB + 1, 5 * MIB),
            (5 * TIB, 5 * 1024 * MIB + 1),
            (100 * MIB, 0),
            (0, 0),
        ],
        ids=["too small", "too many", "too large", "none", "empty"],
    )
    def test_they_are_not_kept_where_the_limits_forbid_it(
        self, size_bytes: int, own_bytes: int
    ) -> None:
        assert plan_parts(size_bytes, S3_LIMITS, own_bytes) == plan_parts(size_bytes, S3_LIMITS)

    @given(st.integers(1, 5 * TIB), st.integers(1, 6 * 1024 * MIB))
    def test_equal_parts_are_known_by_the_first_and_their_number(
        self, size_bytes: int, part_bytes: int
    ) -> None:
        plan = PartPlan(size_bytes, part_bytes)
        _first, first_bytes = plan.span(1)
        found = uniform_part_bytes(size_bytes, first_bytes, plan.count)
        assert found == min(part_bytes, size_bytes)

    @pytest.mark.parametrize(
        ("size_bytes", "first_bytes", "part_count"),
        [(30, 10, 2), (30, 10, 4), (31, 10, 3), (0, 0, 1)],
    )
    def test_parts_that_cannot_all_be_equal_have_no_size(
        self, size_bytes: int, first_bytes: int, part_count: int
    ) -> None:
        assert uniform_part_bytes(size_bytes, first_bytes, part_count) is None


class TestStreamedParts:
    @pytest.mark.parametrize(
        ("size_bytes", "own_bytes"),
        [(100 * MIB, 5 * MIB), (5 * TIB, 525 * MIB), (2048 * MIB, 512 * MIB), (100 * MIB, None)],
    )
    def test_they_are_the_sources_own_where_one_can_be_sent_in_one_go(
        self, size_bytes: int, own_bytes: int | None
    ) -> None:
        plan = plan_parts(size_bytes, S3_LIMITS, own_bytes)
        assert plan_streamed_parts(size_bytes, S3_LIMITS, own_bytes) == plan

    @pytest.mark.parametrize(
        ("size_bytes", "own_bytes"),
        [
            (1024 * MIB, 1024 * MIB),
            (50_000 * MIB, 4768 * MIB),
            (5 * TIB, 526 * MIB),
            (2048 * MIB, 512 * MIB + 1),
        ],
    )
    def test_larger_ones_are_cut_anew(self, size_bytes: int, own_bytes: int) -> None:
        plan = plan_parts(size_bytes, S3_LIMITS)
        assert plan_streamed_parts(size_bytes, S3_LIMITS, own_bytes) == plan


class TestRuns:
    @pytest.mark.parametrize(
        ("part_mib", "expected"), [(5, 12), (8, 8), (9, 7), (64, 1), (65, 1), (525, 1)]
    )
    def test_a_run_has_about_64_mebibytes_and_a_part_at_least(
        self, part_mib: int, expected: int
    ) -> None:
        plan = PartPlan(5 * TIB, part_mib * MIB)
        assert plan.run_parts == expected
        assert expected == 1 or expected * plan.part_bytes <= RUN_BYTES

    def test_the_last_run_has_the_rest(self) -> None:
        assert [list(numbers_in(run, 7, 3)) for run in range(3)] == [[1, 2, 3], [4, 5, 6], [7]]

    @given(st.integers(1, 10_000), st.integers(1, 20_000))
    def test_runs_are_the_parts_each_once_and_in_order(
        self, part_count: int, run_parts: int
    ) -> None:
        runs = [
            numbers_in(run, part_count, run_parts)
            for run in range(run_count(part_count, run_parts))
        ]
        assert [number for run in runs for number in run] == list(range(1, part_count + 1))
        assert all(runs)


def assert_tiles(plan: PartPlan) -> None:
    """Check first, second, middle and last; in between all parts are alike."""
    assert plan.span(1)[0] == 0
    first, size_bytes = plan.span(plan.count)
    assert first + size_bytes == plan.size_bytes
    assert 0 < size_bytes <= plan.part_bytes or plan.size_bytes == 0
    for number in {2, plan.count // 2, plan.count} & set(range(2, plan.count + 1)):
        before, before_bytes = plan.span(number - 1)
        assert before_bytes == plan.part_bytes
        assert before + before_bytes == plan.span(number)[0]
