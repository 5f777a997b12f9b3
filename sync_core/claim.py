"""The hold on a key while its object is copied: the lease, the intent, and the upload under way."""

from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import replace
from typing import TypeVar

from sync_core.agreement import intent as intended
from sync_core.draft import Draft
from sync_core.errors import Ambiguous, DualwayError, IntegrityError, LeaseLost, Retryable
from sync_core.evidence import Evidence
from sync_core.model import Intent, Lease, Side, SyncRecord
from sync_core.stack import Stack
from sync_core.standing import give_up

_BEAT_SECONDS = 1.0

_Result = TypeVar("_Result")


class Claim:
    """The lease and the intent in the record of one key; for one thread at a time."""

    def __init__(self, stack: Stack, draft: Draft, owner: str) -> None:
        self._stack = stack
        self._draft = draft
        self._owner = owner
        self._uploads: set[str] = set()
        self._unrecorded: set[str] = set()
        self._is_announced = False

    def see_upload(self) -> None:
        """Keep in mind which upload the record as it was read has under way."""
        found = self._draft.require().intent
        if found is not None and found.upload_id is not None:
            self._uploads.add(found.upload_id)

    def take(self, evidence: Evidence, to: Side | None, *, upload_stands: bool) -> None:
        """Draft the lease and, before an object is put on the `to` side, the intent.

        An upload that stands is gone on with, if it is of the same instance in place of the same
        one.
        """
        self._draft.change(lease=self._lease(), waiting=None)
        if to is None:
            return
        self._is_announced = True
        fresh = intended(evidence, to, self._stack.context.nonce(), self._stack.now())
        earlier = self._draft.require().intent
        if not (upload_stands and to is Side.PEER and _is_same(earlier, fresh)):
            self._draft.change(intent=fresh)

    def note_upload(self, upload_id: str) -> None:
        """Record the upload, so that whoever comes next goes on with it, or ends it.

        Raises `LeaseLost` when another writer came first.
        """
        self._unrecorded.add(upload_id)
        found = self._draft.require().intent
        if found is None:
            raise AssertionError(f"{self._draft.key!r} is written without an intent")
        self._draft.change(intent=replace(found, upload_id=upload_id))
        self._write()
        self._unrecorded.discard(upload_id)
        self._uploads.add(upload_id)

    def renew(self) -> None:
        """Extend the lease once a third of it has passed.

        Raises `LeaseLost` when another writer came first.
        """
        lease, seconds = self._draft.require().lease, self._stack.settings.lease_seconds
        if lease is None or lease.until < self._stack.in_seconds(seconds * 2 // 3):
            self._write()

    def awaited(self, future: Future[_Result]) -> _Result:
        """Return the result, and renew the lease for as long as it takes; raises as `renew`."""
        while not wait([future], _BEAT_SECONDS).done:
            self.renew()
        return future.result()

    def kept_during(self, request: Callable[[], _Result]) -> _Result:
        """Return what `request` returns, and renew the lease for as long as it takes.

        Nothing of it is under way any more when this raises.
        """
        future = self._stack.context.part_executor.submit(request)
        try:
            return self.awaited(future)
        finally:
            if not future.cancel():
                wait([future])

    def require_lease(self) -> None:
        """Raise `LeaseLost` when the lease has run out."""
        require_lease(self._stack, self._draft.require())

    def withdraw(self, error: DualwayError | None = None) -> None:
        """Drop the intent, unless what it announces may have happened or is to be gone on with."""
        record = self._draft.record
        if self._is_announced and record is not None and not _may_go_on(record.intent, error):
            self._draft.change(intent=None)

    def upload_is_complete(self, upload_id: str) -> None:
        """Note that nothing is left to be thrown away of it."""
        self._uploads.discard(upload_id)

    @property
    def uploads_to_end(self) -> frozenset[str]:
        """The uploads that were under way and that the record has no more.

        Where another writer came first, those that were in the record are that writer's to go on
        with; what was never recorded is ours to end.
        """
        record = self._draft.record
        if record is None:
            return frozenset(self._unrecorded)
        known = record.intent.upload_id if record.intent is not None else None
        return frozenset((self._uploads | self._unrecorded) - {known})

    def end_uploads(self) -> None:
        """Throw them away."""
        for upload_id in self.uploads_to_end:
            give_up(self._stack, self._draft.key, upload_id, "aborted")
            self._uploads.discard(upload_id)
            self._unrecorded.discard(upload_id)

    def _lease(self) -> Lease:
        return Lease(self._owner, self._stack.in_seconds(self._stack.settings.lease_seconds))

    def _write(self) -> None:
        self._draft.change(lease=self._lease())
        if self._stack.records.write([self._draft.require()]):
            raise LeaseLost("copy", self._draft.key, "another writer came first")
        self._draft.was_written()


def require_lease(stack: Stack, record: SyncRecord) -> None:
    """Raise `LeaseLost` when the lease has run out.

    A worker that was held up must not finish a turn that another one has taken meanwhile.
    `If-None-Match: *` alone would let it: it cannot tell a key that was never written from one
    that was written and deleted.
    """
    if record.lease is None or record.lease.until <= stack.now():
        raise LeaseLost("write", record.key, "the lease ran out before the write")


def _is_same(earlier: Intent | None, fresh: Intent) -> bool:
    if earlier is None or earlier.upload_id is None:
        return False
    return (earlier.source_id, earlier.replaced_id) == (fresh.source_id, fresh.replaced_id)


def _may_go_on(found: Intent | None, error: DualwayError | None) -> bool:
    if isinstance(error, Ambiguous):
        return True
    has_upload = found is not None and found.upload_id is not None
    # Parts that do not make up the whole are of no use.
    return has_upload and isinstance(error, Retryable) and not isinstance(error, IntegrityError)
