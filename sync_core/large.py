"""Objects that are too large for one request: copied in parts, by this worker or by all of them.

The upload belongs to the intent in the key's record. It is gone on with as long as the verdict is
to put the same instance in place of the same one, and is never found by listing. Whoever completes
it has just read both sides and decided.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sync_core import marker
from sync_core.claim import Claim
from sync_core.copy_task import CopyTask, Sent
from sync_core.errors import Blocked, PreconditionFailed
from sync_core.model import SharedUpload, Side, UploadedPart
from sync_core.multipart import Upload, require_whole, send_all, taken_earlier
from sync_core.parts import PartPlan, plan_parts, plan_streamed_parts
from sync_core.sharing import share
from sync_core.stack import Sharing, Stack
from sync_core.storage.parts_protocol import aborted_on_failure
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
    # What helps the own side stands in no intent: nobody would find it.
    with aborted_on_failure(task.destination, upload.key, upload.upload_id):
        return _gone_on_with(task, claim, upload, write, is_resumed=False)


def _gone_on_with(
    task: CopyTask, claim: Claim, upload: Upload, write: ObjectWrite, *, is_resumed: bool
) -> Sent | UnderWay:
    sharing = _sharing(task)
    if sharing is None:
        plan, parts = upload.plan, _own_parts(task, claim, upload, is_resumed=is_resumed)
    else:
        shared = _shared(task.stack, sharing, upload)
        if not shared.is_whole:
            return UnderWay(shared)
        # What the workers have gone by, should another release cut otherwise.
        plan = PartPlan(shared.size_bytes, shared.part_bytes)
        parts = _counted(sharing, upload)
    whole = require_whole(task.source, parts, plan)
    kept = task.keep_loser(claim)
    # A worker that was held up must not finish what another one has taken over meanwhile.
    claim.renew()
    task.require_unchanged()
    written = task.written(
        lambda: task.destination.complete_if(
            write.key, upload.upload_id, parts, task.replaces, whole
        )
    )
    claim.upload_is_complete(upload.upload_id)
    if sharing is not None:
        sharing.ledger.end(upload.upload_id, "completed", task.stack.now())
    return Sent(write, written, kept, was_begun_earlier=is_resumed)


def _plan(task: CopyTask) -> PartPlan:
    source, limits = task.source, task.destination.part_limits
    kept_bytes = task.source_store.uniform_part_bytes(source)
    plan = plan_parts if _is_fetched(task) else plan_streamed_parts
    try:
        return plan(source.size_bytes, limits, kept_bytes)
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
    by_store = _is_fetched(task)
    source, store = task.source, task.source_store
    upload = Upload(store, task.destination, source.key, source.etag, upload_id, plan, by_store)
    return upload, is_resumed


def _is_fetched(task: CopyTask) -> bool:
    """Tell whether the destination's store fetches the parts itself."""
    return task.verdict.to is Side.PEER and task.stack.sides.peer_fetches


def _sharing(task: CopyTask) -> Sharing | None:
    """Return what the upload is shared by; None where this worker sends all of its parts."""
    is_giant = task.source.size_bytes >= task.stack.settings.shared_upload_bytes
    return task.stack.sharing if is_giant and task.verdict.to is Side.PEER else None


def _shared(stack: Stack, sharing: Sharing, upload: Upload) -> SharedUpload:
    shared = share(stack, sharing, upload)
    if shared.ended is not None:
        raise PreconditionFailed("copy", upload.key, f"the upload was {shared.ended}")
    return shared


def _counted(sharing: Sharing, upload: Upload) -> Sequence[UploadedPart]:
    """Return the parts of all runs as the store has them now.

    Of a run that two workers sent at once the ledger has the parts of the one who came first, and
    the store those that came last: with KMS under other etags.
    """
    listed = upload.destination.list_parts(upload.key, upload.upload_id) or ()
    stored = {part.number: part for part in listed}
    counted = [(part, stored.get(part.number)) for part in sharing.ledger.parts(upload.upload_id)]
    return [part if kept is None or kept.etag == part.etag else kept for part, kept in counted]


def _own_parts(
    task: CopyTask, claim: Claim, upload: Upload, *, is_resumed: bool
) -> Sequence[UploadedPart]:
    key, upload_id, plan = upload.key, upload.upload_id, upload.plan
    listed = task.destination.list_parts(key, upload_id) if is_resumed else ()
    have = None if listed is None else taken_earlier(listed, plan)
    if have is None:
        cause = f"the upload {upload_id} is gone, or has parts that do not fit"
        raise PreconditionFailed("copy", key, cause)
    missing = [number for number in plan.numbers if number not in have]
    sent = send_all(upload, missing, task.stack.context.part_executor, claim.renew)
    have.update({part.number: part for part in sent})
    return [have[number] for number in sorted(have)]
