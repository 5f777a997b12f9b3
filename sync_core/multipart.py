"""A large object, copied part by part from one store to another, one part in memory at a time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sync_core.errors import Ambiguous, DualwayError, IntegrityError, PreconditionFailed
from sync_core.model import ObjectVersion
from sync_core.parts import part_sizes
from sync_core.storage.protocol import (
    ByteRange,
    ObjectStore,
    ObjectWrite,
    SupportsMultipart,
    Written,
)


def copy_in_parts(  # noqa: PLR0913, PLR0917 - what is copied, whereto, as what, and on which terms
    source: ObjectStore,
    destination: SupportsMultipart,
    instance: ObjectVersion,
    write: ObjectWrite,
    replaces: ObjectVersion | None,
    check: Callable[[], None],
) -> Written:
    """Write the bytes of the source's `instance` as `write`, in place of `replaces`.

    Every part is read from `instance` (by its etag) and sent with its digest. `check` is called
    once, when all parts are there and before the object becomes visible: it raises if the copy is
    no longer wanted. After any failure the upload is aborted, except when it is unknown whether
    completing it succeeded (`Ambiguous`). Raises `PreconditionFailed` when the source or, on
    completion, the destination has changed.
    """
    upload_id = destination.create_multipart_upload(write)
    with _aborted_on_failure(destination, write.key, upload_id):
        etags = [
            destination.upload_part(write.key, upload_id, number, part)
            for number, part in enumerate(_parts(source, instance), start=1)
        ]
        check()
    try:
        return destination.complete_if(write.key, upload_id, etags, replaces)
    except Ambiguous:
        raise
    except DualwayError as error:
        _abort(destination, write.key, upload_id, error)
        raise


def _parts(source: ObjectStore, instance: ObjectVersion) -> Iterator[bytes]:
    first = 0
    for size_bytes in part_sizes(instance.size_bytes):
        yield _part(source, instance, first, size_bytes)
        first += size_bytes


def _part(source: ObjectStore, instance: ObjectVersion, first: int, size_bytes: int) -> bytes:
    # An empty object has one empty part and no range that could be asked for.
    byte_range = ByteRange(first, first + size_bytes - 1) if size_bytes else None
    reader = source.get(instance.key, etag=instance.etag, byte_range=byte_range)
    if reader is None:
        raise PreconditionFailed("get", instance.key, "the source is gone")
    with reader:
        part = reader.read()
    if len(part) != size_bytes:
        cause = f"{len(part)} instead of {size_bytes} bytes came from byte {first} on"
        raise IntegrityError("get", instance.key, cause)
    return part


@contextmanager
def _aborted_on_failure(destination: SupportsMultipart, key: str, upload_id: str) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        _abort(destination, key, upload_id, error)
        raise


def _abort(destination: SupportsMultipart, key: str, upload_id: str, error: BaseException) -> None:
    """Throw the parts away; should that fail too, the first error keeps the word."""
    try:
        destination.abort_multipart_upload(key, upload_id)
    except DualwayError as failure:
        error.add_note(f"the upload {upload_id} was left behind: {failure}")
