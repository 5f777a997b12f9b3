"""How an object is cut into the parts of a multipart upload."""

MIB = 1024**2

MIN_PART_BYTES = 8 * MIB
"""The size of a part as long as the parts suffice; S3's own minimum is 5 MiB."""

MAX_PART_BYTES = 5 * 1024 * MIB
"""S3 user guide, Amazon S3 multipart upload limits (2026-11)."""

MAX_PARTS = 10_000
"""S3 user guide, Amazon S3 multipart upload limits (2026-11)."""

MAX_OBJECT_BYTES = MAX_PARTS * MAX_PART_BYTES
"""48.8 TiB (S3 user guide, Amazon S3 multipart upload limits, 2026-11)."""


def part_size_bytes(size_bytes: int) -> int:
    """Return the size of every part but the last: whole MiB, the smallest that suffices.

    A pure function of the object's size, so that both sides and every attempt cut alike. Raises
    ValueError for a size that no upload can have.
    """
    if not 0 <= size_bytes <= MAX_OBJECT_BYTES:
        raise ValueError(f"an object has 0 to {MAX_OBJECT_BYTES} bytes, not {size_bytes}")
    needed_bytes = -(-size_bytes // MAX_PARTS)
    return max(MIN_PART_BYTES, -(-needed_bytes // MIB) * MIB)


def part_sizes(size_bytes: int) -> list[int]:
    """Return the size of each part in bytes, in order; an empty object has one empty part."""
    each = part_size_bytes(size_bytes)
    full, rest = divmod(size_bytes, each)
    return [each] * full + ([rest] if rest or not full else [])
