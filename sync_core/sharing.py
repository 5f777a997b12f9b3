"""An upload whose parts several workers send: entered in the ledger, and cut into messages.

| step | a crash after it |
|---|---|
| the upload stands in the record's intent | the next evaluation enters it in the ledger |
| it is entered in the ledger, as one that has stalled | ... has it watched |
| it is watched | ... sends the messages |
| a message for each run is sent | ... sends them again; what was sent twice is counted once |
| the ledger notes that they were | nothing is left to do |

An error in between is made good by the same message, when it is delivered again.
"""

from datetime import timedelta

from sync_core.errors import PreconditionFailed
from sync_core.events import part_job_body
from sync_core.model import SharedUpload
from sync_core.multipart import Upload
from sync_core.parts import run_count
from sync_core.stack import Sharing, Stack
from sync_core.storage.protocol import ByteRange

STALL_SECONDS = 900
"""When no run was counted for so long, messages may have been lost."""

_STALL = timedelta(seconds=STALL_SECONDS)


def share(stack: Stack, sharing: Sharing, upload: Upload) -> SharedUpload:
    """Have the upload's parts sent by whoever receives their messages; return how far it is.

    Messages are sent for a new upload, and again for the missing runs of one that has stalled; one
    whose messages were never noted as sent counts as such.
    Raises `Archived` where parts are missing that cannot be read, and `PreconditionFailed` where
    their instance, or an upload that has stalled, is gone.
    """
    now, plan = stack.now(), upload.plan
    fresh = SharedUpload(
        key=upload.key,
        upload_id=upload.upload_id,
        source_etag=upload.etag,
        size_bytes=plan.size_bytes,
        part_bytes=plan.part_bytes,
        run_parts=plan.run_parts,
        opened_at=now,
        changed_at=now - _STALL,
    )
    shared = sharing.ledger.open(fresh)
    if shared.is_whole or shared.ended is not None:
        return shared
    _require_readable(upload)
    if sharing.watch is not None:
        sharing.watch(upload.key, upload.upload_id)
    if not shared.is_split or now - shared.changed_at >= _STALL:
        counted: frozenset[int] = frozenset()
        if shared != fresh:
            _require_upload(upload)
            counted = sharing.ledger.runs(shared.upload_id)
        send_runs(sharing, stack.sides.pair.own.prefix, shared, counted)
        # Not before: whoever dies in between leaves this to the next one.
        sharing.ledger.note_split(shared.upload_id, now)
    return shared


def _require_readable(upload: Upload) -> None:
    """Ask for one byte: that an object is archived shows only when it is read."""
    reader = upload.source.get(upload.key, etag=upload.etag, byte_range=ByteRange(0, 0))
    if reader is None:
        raise PreconditionFailed("copy", upload.key, "the source is gone")
    reader.close()


def _require_upload(upload: Upload) -> None:
    if upload.destination.list_parts(upload.key, upload.upload_id, limit=1) is None:
        cause = f"the upload {upload.upload_id} is gone"
        raise PreconditionFailed("copy", upload.key, cause)


def send_runs(sharing: Sharing, prefix: str, shared: SharedUpload, counted: frozenset[int]) -> None:
    """Send a message for each run that was not counted."""
    runs = run_count(shared.part_count, shared.run_parts)
    missing = [run for run in range(runs) if run not in counted]
    key, upload_id = prefix + shared.key, shared.upload_id
    sharing.queue.send_many([part_job_body(key, upload_id, run) for run in missing])
