"""Objects that are too large to be held in memory, for stores that take no parts: one PUT each.

The lease is renewed for as long as it takes. Should that fail, the body ends before its last bytes,
so that the store takes nothing.
"""

from concurrent.futures import wait
from contextlib import closing

from sync_core import marker
from sync_core.agreement import Kept
from sync_core.claim import Claim
from sync_core.copy_task import CopyTask, Sent, open_source
from sync_core.errors import LeaseLost
from sync_core.model import Conflict
from sync_core.storage.protocol import ObjectReader, ObjectWrite, Written


def put_streamed(task: CopyTask, claim: Claim) -> Sent:
    """Copy in one PUT, of which no more than a piece is ever held.

    What the source's store says of the whole content goes along, for the adapter to compare. Raises
    `PreconditionFailed` when a side has changed, `LeaseLost` when the key may be in other hands,
    and what the stores raise.
    """
    kept = _kept(task, claim)
    write = task.write(task.source.md5, marker.digest_of(task.source.md5))
    claim.require_lease()
    with closing(_Stoppable(task)) as body:
        written = task.written(lambda: _sent(task, write, body, claim))
    return Sent(write, written, kept)


def _kept(task: CopyTask, claim: Claim) -> Kept | None:
    """Keep the loser, where there is one and the winner can be read: it may be archived."""
    if isinstance(task.verdict, Conflict):
        open_source(task.stack, task.verdict).close()
    return task.keep_loser(claim)


class _Stoppable:
    """The source's body, opened when it is first read: before that it would only time out.

    It fails from the moment it is stopped.
    """

    def __init__(self, task: CopyTask) -> None:
        self._task = task
        self._reader: ObjectReader | None = None
        self.is_stopped = False

    def read(self, amount: int = -1, /) -> bytes:
        if self.is_stopped:
            raise LeaseLost("put", self._task.source.key, "the lease could not be renewed")
        if self._reader is None:
            self._reader = open_source(self._task.stack, self._task.verdict)
        return self._reader.read(amount)

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()


def _sent(task: CopyTask, write: ObjectWrite, body: _Stoppable, claim: Claim) -> Written:
    executor = task.stack.context.part_executor
    future = executor.submit(task.destination.put_if, write, body, task.replaces)
    try:
        return claim.awaited(future)
    except BaseException:
        body.is_stopped = True
        # One that has begun reads on for a while, and only then can the source be closed.
        if not future.cancel():
            wait([future])
        raise
