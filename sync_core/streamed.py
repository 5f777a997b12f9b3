"""Objects that are too large to be held in memory, for stores that take no parts: one PUT each.

The lease is renewed for as long as it takes. Should that fail, the body ends before its last bytes,
so that the store takes nothing.
"""

from concurrent.futures import Future, wait

from sync_core import marker
from sync_core.claim import Claim
from sync_core.copy_task import CopyTask, Sent
from sync_core.errors import LeaseLost, PreconditionFailed
from sync_core.storage.protocol import ObjectWrite, Readable, Written

_BEAT_SECONDS = 1.0


def put_streamed(task: CopyTask, claim: Claim) -> Sent:
    """Copy in one PUT, of which no more than a piece is ever held.

    What the source's store says of the whole content goes along, for the adapter to compare. Raises
    `PreconditionFailed` when a side has changed, `LeaseLost` when the key may be in other hands,
    and what the stores raise.
    """
    kept, source = task.keep_loser(), task.source
    write = task.write(source.md5, marker.digest_of(source.md5))
    reader = task.source_store.get(source.key, etag=source.etag)
    if reader is None:
        raise PreconditionFailed("read", source.key, "the source is gone")
    with reader:
        task.require_lease()
        written = task.written(lambda: _sent(task, write, _Stoppable(reader, source.key), claim))
    return Sent(write, written, kept)


class _Stoppable:
    """A body that fails from the moment it is stopped."""

    def __init__(self, body: Readable, key: str) -> None:
        self._body = body
        self._key = key
        self.is_stopped = False

    def read(self, amount: int = -1, /) -> bytes:
        if self.is_stopped:
            raise LeaseLost("put", self._key, "the lease could not be renewed")
        return self._body.read(amount)


def _sent(task: CopyTask, write: ObjectWrite, body: _Stoppable, claim: Claim) -> Written:
    executor = task.stack.context.part_executor
    future = executor.submit(task.destination.put_if, write, body, task.replaces)
    try:
        return _awaited(future, claim)
    except BaseException:
        body.is_stopped = True
        # Only when nothing reads from it any more can the source be closed.
        wait([future])
        raise


def _awaited(future: Future[Written], claim: Claim) -> Written:
    while not wait([future], _BEAT_SECONDS).done:
        claim.renew()
    return future.result()
