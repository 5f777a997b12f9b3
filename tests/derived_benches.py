"""Benches over stores that are made of another: a part of it, without conditions or metadata."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import count

from sync_core.model import Capabilities
from sync_core.storage.bare import without_metadata
from sync_core.storage.prefixed import below
from sync_core.storage.sync_store import SyncStore
from sync_core.storage.weak import WeakStore
from tests.object_benches import Bench, Raw, put

PREFIX = "data/"
NO_CONDITIONS = Capabilities(
    creates_if_absent=False, replaces_if_match=False, deletes_if_match=False
)
ABOUT_METADATA = frozenset(
    {
        "test_a_copy_from_another_bucket_is_what_the_write_says",
        "test_a_copy_in_parts_is_the_source_without_the_marker",
        "test_a_copy_is_the_source_without_the_marker",
        "test_an_expires_header_survives_as_text",
        "test_an_older_version_is_copied_without_the_marker",
        "test_everything_comes_back_as_it_was_written",
        "test_everything_that_belongs_to_an_object_is_stored",
        "test_metadata_names_are_lower_case",
        "test_metadata_of_an_upload_is_bounded_too",
        "test_nothing_is_visible_before_completion",
        "test_so_it_is_in_parts_where_it_is_too_large_for_one_request",
        "test_too_much_metadata_is_blocked",
    }
)
"""What a store without metadata does not do of all that stores promise."""


def prefixed_bench(whole: Bench) -> Bench:
    """Give the part of a bucket below a prefix; there are strangers before, on and behind it."""
    for stranger in ("data", PREFIX, "data0"):
        put(whole.store, stranger)

    def raw(key: str) -> Raw | None:
        return whole.raw(PREFIX + key)

    part, missing, cramped = (
        below(store, PREFIX) for store in (whole.store, whole.missing, whole.cramped)
    )
    return replace(
        whole,
        store=part,
        raw=raw,
        missing=missing,
        cramped=cramped,
        neighbour=below(whole.neighbour, "other/prefix/"),
        stranger=lambda key: whole.stranger(PREFIX + key),
        archive=lambda key: whole.archive(PREFIX + key),
        restored=lambda key: whole.restored(PREFIX + key),
    )


def bare_bench(whole: Bench) -> Bench:
    """Give a store that shows no headers and no user metadata."""
    store, missing, cramped = map(without_metadata, (whole.store, whole.missing, whole.cramped))
    return replace(whole, store=store, missing=missing, cramped=cramped)


def weak_bench(whole: Bench) -> Bench:
    """Give a store that leaves no condition to the bucket, which should ignore them all."""
    numbers = map(str, count(1))

    def weak(store: SyncStore) -> WeakStore:
        return WeakStore(store, NO_CONDITIONS, lambda: datetime.now(UTC), lambda: next(numbers))

    store, missing, cramped = (weak(store) for store in (whole.store, whole.missing, whole.cramped))
    return replace(whole, store=store, missing=missing, cramped=cramped)
