"""What the emulator does differently from AWS, mended: one module for each gap.

Each module says in its docstring what AWS does, where that is documented, and what the emulator
does instead; `tests/contract/test_local_gaps*.py` show each of them over HTTP. The modules patch
private names of one pinned version; `seam` makes a missing name an error.
"""

from functools import cache

from sync_core.local.gaps import (
    alarm_metrics,
    answer_url,
    archived_sources,
    batch_permissions,
    content_type,
    copy_object,
    copy_sources,
    default_checksums,
    encoded_listings,
    event_records,
    foreign_principals,
    function_workers,
    head_tag_count,
    limits,
    log_event_ids,
    marker_events,
    multipart,
    null_versions,
    object_locks,
    overwritten_tags,
    part_heads,
    policy_wildcards,
    put_checksums,
    query_definitions,
    queue_url,
    scaling_numbers,
    stack_properties,
    stale_receipt,
    tagging_events,
    upload_initiators,
    whole_checksums,
    worker_pipes,
)


def install(port: int) -> None:
    """Mend the imported emulator, which will be reached on `port`.

    Raises EmulatorChanged, naming the gap and the missing name, when the installed emulator is not
    the one that these modules were written for. May be called again for another start.
    """
    _mend_modules()
    queue_url.install(port)
    answer_url.install(port)


@cache
def _mend_modules() -> None:
    """Patch once in a process: a second time would patch the patches."""
    event_records.install()
    tagging_events.install()
    marker_events.install()
    stack_properties.install()
    alarm_metrics.install()
    scaling_numbers.install()
    worker_pipes.install()
    query_definitions.install()
    log_event_ids.install()
    function_workers.install()
    stale_receipt.install()
    batch_permissions.install()
    policy_wildcards.install()
    head_tag_count.install()
    put_checksums.install()
    default_checksums.install()
    content_type.install()
    overwritten_tags.install()
    multipart.install()
    copy_object.install()
    null_versions.install()
    encoded_listings.install()
    upload_initiators.install()
    whole_checksums.install()
    part_heads.install()
    object_locks.install()
    archived_sources.install()
    copy_sources.install()
    foreign_principals.install()
    limits.install()
