"""The objects of the benchmark of large ones: what every process of it knows of them."""

MIB = 1024**2

BUCKETS = {"source": "bench-source", "sink": "bench-sink"}
"""The buckets by the servers that serve them."""


def keys(count: int) -> list[str]:
    """Return the keys of so many objects."""
    return [f"large/object-{number:03}.bin" for number in range(count)]
