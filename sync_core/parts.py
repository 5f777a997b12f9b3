"""How an object is cut into the parts of a multipart upload, and parts into runs. Pure."""

from dataclasses import dataclass

from sync_core.model import PartLimits, count_of_parts

MIB = 1024**2
TIB = 1024**4

PREFERRED_PART_BYTES = 8 * MIB
"""The size of a part as long as the parts suffice: what aws-cli and boto3 take as well."""

S3_LIMITS = PartLimits(
    least_bytes=5 * MIB,
    most_bytes=5 * 1024 * MIB,
    most_parts=10_000,
    most_object_bytes=10_000 * 5 * 1024 * MIB,
)
"""S3 user guide, Amazon S3 multipart upload limits (2026-11): 48.8 TiB."""

S3_LIMITS_BEFORE_2025 = PartLimits(5 * MIB, 5 * 1024 * MIB, 10_000, 5 * TIB)
"""The same of regions and imitations of S3 that hold no object above 5 TiB."""

RUN_BYTES = 64 * MIB
"""About so many bytes one message asks a worker to send."""


MOST_STREAMED_BYTES = 512 * MIB
"""The largest of a source's own parts that are kept where their bytes come by here.

A part is sent in one go: one that takes longer than a Lambda function may run never arrives.
"""


@dataclass(frozen=True, slots=True)
class PartPlan:
    """Parts of `part_bytes`, of which the last one has the rest; an empty object has one."""

    size_bytes: int
    part_bytes: int

    @property
    def count(self) -> int:
        """How many parts there are."""
        return count_of_parts(self.size_bytes, self.part_bytes)

    @property
    def numbers(self) -> range:
        """The numbers of the parts, from 1."""
        return range(1, self.count + 1)

    def span(self, number: int) -> tuple[int, int]:
        """Return where part `number` (from 1) begins, and its size."""
        first = (number - 1) * self.part_bytes
        return first, min(self.part_bytes, self.size_bytes - first)

    @property
    def run_parts(self) -> int:
        """How many parts make up a run."""
        return max(1, RUN_BYTES // self.part_bytes)


def run_count(part_count: int, run_parts: int) -> int:
    """Return how many runs of so many parts there are."""
    return -(-part_count // run_parts)


def numbers_in(run: int, part_count: int, run_parts: int) -> range:
    """Return the numbers of the parts in a run (from 0)."""
    first = run * run_parts + 1
    return range(first, min(first + run_parts, part_count + 1))


def plan_parts(
    size_bytes: int, limits: PartLimits, source_part_bytes: int | None = None
) -> PartPlan:
    """Return how to cut an object of that size.

    `source_part_bytes` is the size of the source's own parts, which are kept where the limits allow
    it: then both etags are alike for those who compare them. Otherwise all parts have whole MiB, as
    few as suffice, and 8 at least. Raises ValueError for a size that no upload can have.
    """
    if not 0 <= size_bytes <= limits.most_object_bytes:
        raise ValueError(f"an object has 0 to {limits.most_object_bytes} bytes, not {size_bytes}")
    if source_part_bytes is not None and _fits(size_bytes, limits, source_part_bytes):
        return PartPlan(size_bytes, source_part_bytes)
    needed_bytes = -(-size_bytes // limits.most_parts)
    whole_bytes = -(-needed_bytes // MIB) * MIB
    least_bytes = max(PREFERRED_PART_BYTES, limits.least_bytes)
    return PartPlan(size_bytes, min(max(least_bytes, whole_bytes), limits.most_bytes))


def plan_streamed_parts(
    size_bytes: int, limits: PartLimits, source_part_bytes: int | None
) -> PartPlan:
    """Return how to cut an object whose bytes come by here; raises ValueError as `plan_parts`.

    The source's own parts are kept up to `MOST_STREAMED_BYTES`, or where they have to be as large.
    """
    kept, plain = plan_parts(size_bytes, limits, source_part_bytes), plan_parts(size_bytes, limits)
    return kept if kept.part_bytes <= max(MOST_STREAMED_BYTES, plain.part_bytes) else plain


def uniform_part_bytes(size_bytes: int, first_bytes: int, part_count: int) -> int | None:
    """Return the size of a source's parts, where its first one and their number allow equal ones.

    It may still be wrong of parts in between, so nothing may rest on it but the plan.
    """
    if first_bytes <= 0 or -(-size_bytes // first_bytes) != part_count:
        return None
    return first_bytes


def _fits(size_bytes: int, limits: PartLimits, part_bytes: int) -> bool:
    if part_bytes <= 0 or -(-size_bytes // part_bytes) > limits.most_parts:
        return False
    is_one = part_bytes >= size_bytes
    return part_bytes <= limits.most_bytes and (is_one or part_bytes >= limits.least_bytes)
