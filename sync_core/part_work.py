"""One part message: a run of an upload's parts is sent, and counted in the ledger."""

from dataclasses import replace

from sync_core.errors import Archived, MalformedEvent, Stale
from sync_core.model import Action, Outcome, PartJob, SharedUpload, SkipReason
from sync_core.multipart import Upload, send_all
from sync_core.parts import PartPlan, numbers_in
from sync_core.stack import Sharing, Stack


class PartWork:
    """The work that one part message asks for; `job.key` is as it is behind the own prefix.

    Afterwards `calls_for_a_look` says that the key has to be evaluated: all parts are there, or
    the upload is of no use any more.
    """

    def __init__(self, stack: Stack, job: PartJob, receive_count: int) -> None:
        self.key = job.key
        self.calls_for_a_look = False
        self._stack = stack
        self._job = job
        self._is_redelivered = receive_count > 1

    def do(self) -> None:
        """Send the parts and count them; raises what the stores and the ledger raise.

        `ConfigError` where the stack shares no uploads.
        """
        sharing = self._stack.require_sharing("send parts")
        shared = sharing.ledger.read(self._job.upload_id)
        if shared is None or shared.ended is not None:
            # Whoever ended it may have died before it was recorded, with this message in hand.
            self.calls_for_a_look = self._is_redelivered
            self._report(Action.SKIPPED, reason=SkipReason.UPLOAD_OVER)
            return
        if sharing.ledger.has_run(shared.upload_id, self._job.run):
            self.calls_for_a_look = shared.is_whole
            return
        try:
            self._send(sharing, shared)
        except (Stale, Archived):
            # The source cannot be read any more, or the upload is gone: an evaluation tells, and
            # tidies up.
            self.calls_for_a_look = True

    def _send(self, sharing: Sharing, shared: SharedUpload) -> None:
        plan = PartPlan(shared.size_bytes, shared.part_bytes)
        sides, executor = self._stack.sides, self._stack.context.part_executor
        upload = Upload(
            sides.own,
            sides.peer,
            self.key,
            shared.source_etag,
            shared.upload_id,
            plan,
            by_store=sides.peer_fetches,
        )
        numbers = numbers_in(self._job.run, plan.count, shared.run_parts)
        if not numbers or shared.key != self.key:
            cause = f"the upload {shared.upload_id} has no run {self._job.run} of this key"
            raise MalformedEvent("send parts", self.key, cause)
        parts = send_all(upload, numbers, executor, beat=lambda: None)
        now = self._stack.now()
        after = sharing.ledger.note(shared.upload_id, self._job.run, parts, now)
        self.calls_for_a_look = after is not None and after.is_whole
        self._report(Action.PARTS_COPIED, size_bytes=sum(part.size_bytes for part in parts))

    def _report(self, action: Action, reason: str = "", size_bytes: int = 0) -> None:
        bucket = self._stack.sides.peer.bucket
        outcome = Outcome(action, self.key, bucket, reason=reason, size_bytes=size_bytes)
        self._stack.context.report(outcome)


def behind_prefix(job: PartJob, prefix: str) -> PartJob | None:
    """Return the job with its key as it is behind the own prefix; None if it has no part in it."""
    if not job.key.startswith(prefix) or job.key == prefix:
        return None
    return replace(job, key=job.key.removeprefix(prefix))
