"""The parts of one upload, several at a time; no part is ever held in memory as a whole.

Each part is read from one instance of the source, named by its etag, so parts of two instances
never meet. How many travel at once is the executor's business, and with it the memory they take.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Executor, Future, wait
from dataclasses import dataclass

from sync_core.checksums import joined
from sync_core.errors import (
    Ambiguous,
    IntegrityError,
    PreconditionFailed,
    Unavailable,
)
from sync_core.model import ObjectVersion, UploadedPart
from sync_core.parts import PartPlan
from sync_core.storage.parts_protocol import Piece
from sync_core.storage.protocol import ByteRange, ObjectStore
from sync_core.storage.sync_store import SyncStore

ATTEMPTS = 3
"""How often a part is sent before its error counts; waiting longer is the queue's business."""

_BEAT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload under way: of the source's instance `etag`, cut by `plan`.

    `by_store`: the destination fetches the parts itself, and no byte comes by here.
    """

    source: ObjectStore
    destination: SyncStore
    key: str
    etag: str
    upload_id: str
    plan: PartPlan
    by_store: bool = False

    def send(self, number: int) -> UploadedPart:
        """Send one part; what was cut off or damaged on the way is sent again at once.

        Raises `PreconditionFailed` when the source is another instance by now, or the upload is
        gone.
        """
        for _ in range(ATTEMPTS - 1):
            try:
                return self._sent(number)
            except (Unavailable, Ambiguous, IntegrityError):
                continue
        return self._sent(number)

    def _sent(self, number: int) -> UploadedPart:
        first, size_bytes = self.plan.span(number)
        # An empty object has one empty part and no range that could be asked for.
        byte_range = ByteRange(first, first + size_bytes - 1) if size_bytes else None
        if self.by_store:
            piece = Piece(self.source.place(self.key), self.etag, byte_range)
            return self.destination.copy_part_from(self.key, self.upload_id, number, piece)
        reader = self.source.get(self.key, etag=self.etag, byte_range=byte_range)
        if reader is None:
            raise PreconditionFailed("get", self.key, "the source is gone")
        with reader:
            return self.destination.upload_part(
                self.key, self.upload_id, number, reader, size_bytes
            )


def send_all(
    upload: Upload, numbers: Iterable[int], executor: Executor, beat: Callable[[], None]
) -> list[UploadedPart]:
    """Send these parts side by side; return them in their order.

    `beat` is called every few seconds, and may raise to have done with it. After the first failure
    no further part is begun, and those under way are waited for: an upload that is aborted while a
    part arrives may keep it.
    """
    futures = [executor.submit(upload.send, number) for number in numbers]
    try:
        _wait(futures, beat)
    except BaseException:
        for future in futures:
            future.cancel()
        wait(futures)
        raise
    return [future.result() for future in futures]


def _wait(futures: Sequence[Future[UploadedPart]], beat: Callable[[], None]) -> None:
    left = set(futures)
    while left:
        done, left = wait(left, _BEAT_SECONDS, FIRST_EXCEPTION)
        for future in done:
            future.result()
        if left:
            beat()


def taken_earlier(parts: Sequence[UploadedPart], plan: PartPlan) -> dict[int, UploadedPart] | None:
    """Return the parts that an earlier attempt has sent, by number; None: they were cut otherwise.

    An upload belongs to one instance of the source, so what was taken is of that one; its digest
    has its say when the whole is put together. Not all sources have one, and the last part of
    another plan may be as long as one in the middle of this: of two parts one does not fit then.
    """
    found = fitting(parts, plan)
    is_alone = len(found) == 1 and 1 not in found
    return None if is_alone or len(found) < len(parts) else found


def fitting(parts: Iterable[UploadedPart], plan: PartPlan) -> dict[int, UploadedPart]:
    """Return those parts that are as long as the plan wants them, by number."""
    return {
        part.number: part
        for part in parts
        if part.number <= plan.count and part.size_bytes == plan.span(part.number)[1]
    }


def require_whole(
    instance: ObjectVersion, parts: Sequence[UploadedPart], plan: PartPlan
) -> str | None:
    """Raise `IntegrityError` unless the parts make up the instance; return the whole's digest.

    Their digests are compared with the source's where the source has one of its whole content. None
    where a part has none.
    """
    if [part.number for part in fitting(parts, plan).values()] != list(plan.numbers):
        cause = f"{len(parts)} parts are not the {plan.count} parts of {plan.size_bytes} bytes"
        raise IntegrityError("complete upload", instance.key, cause)
    known = [(part.crc64nvme, part.size_bytes) for part in parts if part.crc64nvme is not None]
    if len(known) < len(parts):
        return None
    whole = joined(known)
    if instance.crc64nvme not in {None, whole}:
        cause = f"the parts have the CRC64NVME {whole}, the source has {instance.crc64nvme}"
        raise IntegrityError("complete upload", instance.key, cause)
    return whole
