"""Objects that are too large for one request: copied in parts, by this worker or by all of them.

The upload belongs to the intent in the key's record. It is gone on with as long as the verdict is
to put the same instance in place of the same one, and is never found by listing. Whoever completes
it has just read both sides and decided.
"""

from dataclasses import dataclass

from sync_core import marker
from sync_core.claim import Claim
from sync_core.copy_task import CopyTask, Sent
from sync_core.errors import Blocked, DualwayError, PreconditionFailed
from sync_core.losers import keep_loser
from sync_core.model import Conflict, SharedUpload, Side, UploadedPart
from sync_core.multipart import Upload, fitting, require_whole, send_all
from sync_core.parts import PartPlan, plan_parts
from sync_core.sharing import share
from sync_core.storage.protocol import ObjectWrite


@dataclass(frozen=True, slots=True)
class UnderWay:
    """The copy goes on in other hands: who sends the last part evaluates the key again."""

    shared: SharedUpload


def put_in_parts(task: CopyTask, claim: Claim) -> Sent | UnderWay:
    """Copy a large object, or take the step that is due; both sides are looked at before the end.

    Raises `PreconditionFailed` when a side has changed, `Ambiguous` when it stays unknown whether
    the upload was completed, and `Blocked` for an object that is too large for the destination.
    """
    plan = _plan(task)
    write = task.write(None, marker.digest_of(None, plan.count))
    upload, is_resumed = _upload(task, claim, write, plan)
    if task.verdict.to is Side.PEER:
        return _gone_on_with(task, claim, upload, write, is_resumed=is_resumed)
    try:
        return _gone_on_with(task, claim, upload, write, is_resumed=False)
    except BaseException as error:
        # What helps the own side stands in no intent: nobody would find it.
        _abort(task, upload, error)
        raise


def _gone_on_with(
    task: CopyTask, claim: Claim, upload: Upload, write: ObjectWrite, *, is_resumed: bool
) -> Sent | UnderWay:
    parts = _shared_parts(task, upload) if _is_shared(task) else None
    if isinstance(parts, SharedUpload):
        return UnderWay(parts)
    if parts is None:
        parts = _own_parts(task, claim, upload, is_resumed=is_resumed)
    whole = require_whole(task.source, parts, upload.plan)
    verdict = task.verdict
    kept = keep_loser(task.stack, verdict) if isinstance(verdict, Conflict) else None
    task.require_unchanged()
    written = task.written(
        lambda: task.destination.complete_if(
            write.key, upload.upload_id, parts, task.replaces, whole
        )
    )
    claim.upload_is_complete(upload.upload_id)
    sharing = task.stack.sharing
    if sharing is not None and _is_shared(task):
        sharing.ledger.end(upload.upload_id, "completed", task.stack.now())
    return Sent(write, written, kept, was_begun_earlier=is_resumed)


def _abort(task: CopyTask, upload: Upload, error: BaseException) -> None:
    """Throw the parts away; should that fail too, the first error keeps the word."""
    try:
        task.destination.abort_multipart_upload(upload.key, upload.upload_id)
    except DualwayError as failure:
        error.add_note(f"the upload {upload.upload_id} was left behind: {failure}")


def _plan(task: CopyTask) -> PartPlan:
    source, limits = task.source, task.destination.part_limits
    kept_bytes = task.source_store.uniform_part_bytes(source)
    try:
        return plan_parts(source.size_bytes, limits, kept_bytes)
    except ValueError as error:
        raise Blocked("copy", source.key, f"too large for the destination: {error}") from error


def _upload(
    task: CopyTask, claim: Claim, write: ObjectWrite, plan: PartPlan
) -> tuple[Upload, bool]:
    """Return the upload to work on, and whether it was begun earlier."""
    intent = task.record.intent
    upload_id = intent.upload_id if intent is not None else None
    is_resumed = upload_id is not None
    if upload_id is None:
        upload_id = task.destination.create_multipart_upload(write)
        # What the own side is helped with is one worker's, and is begun anew after a crash.
        if task.verdict.to is Side.PEER:
            claim.note_upload(upload_id)
    by_store = task.verdict.to is Side.PEER and task.stack.sides.peer_fetches
    source, store = task.source, task.source_store
    upload = Upload(store, task.destination, source.key, source.etag, upload_id, plan, by_store)
    return upload, is_resumed


def _is_shared(task: CopyTask) -> bool:
    is_giant = task.source.size_bytes >= task.stack.settings.shared_upload_bytes
    return is_giant and task.verdict.to is Side.PEER and task.stack.sharing is not None


def _shared_parts(task: CopyTask, upload: Upload) -> list[UploadedPart] | SharedUpload:
    sharing = task.stack.sharing
    if sharing is None:
        raise AssertionError("a shared upload has a ledger")
    shared = share(task.stack, sharing, upload)
    if shared.ended is not None:
        raise PreconditionFailed("copy", upload.key, f"the upload was {shared.ended}")
    return list(sharing.ledger.parts(upload.upload_id)) if shared.is_whole else shared


def _own_parts(
    task: CopyTask, claim: Claim, upload: Upload, *, is_resumed: bool
) -> list[UploadedPart]:
    key, upload_id, plan = upload.key, upload.upload_id, upload.plan
    listed = task.destination.list_parts(key, upload_id) if is_resumed else ()
    if listed is None:
        raise PreconditionFailed("copy", key, f"the upload {upload_id} is gone")
    have = fitting(listed, plan)
    missing = [number for number in range(1, plan.count + 1) if number not in have]
    sent = send_all(upload, missing, task.stack.context.part_executor, claim.renew)
    have.update({part.number: part for part in sent})
    return [have[number] for number in sorted(have)]
