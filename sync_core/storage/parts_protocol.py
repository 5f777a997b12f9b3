"""The port to what a store can do with large objects; errors as in `protocol`.

`tests/contract/test_object_store_parts.py` and `test_object_store_large.py` check it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from sync_core.errors import DualwayError
from sync_core.model import ObjectVersion, OpenUpload, PartLimits, Place, UploadedPart
from sync_core.storage.protocol import ByteRange, ObjectWrite, Readable, Written


@dataclass(frozen=True, slots=True)
class Piece:
    """What a part is copied from: the instance `etag` at `place`; `byte_range` None: all of it.

    `version_id` None: the current instance.
    """

    place: Place
    etag: str
    byte_range: ByteRange | None = None
    version_id: str | None = None


@runtime_checkable
class SupportsMultipart(Protocol):
    """Objects written in parts; nothing is visible before `complete_if`."""

    @property
    def part_limits(self) -> PartLimits:
        """What the store demands of parts."""
        ...

    def uniform_part_bytes(self, instance: ObjectVersion) -> int | None:
        """Return the size of the parts of which the current instance was made, if they are equal.

        None where it was put in one, where they cannot all be equal, where the store does not say,
        or where `instance` is no longer current. Nothing may rest on it but how a copy is cut.
        """
        ...

    def create_multipart_upload(self, write: ObjectWrite) -> str:
        """Begin an upload, with headers, metadata, marker and tags; return its upload_id."""
        ...

    def upload_part(
        self, key: str, upload_id: str, part_number: int, body: Readable, size_bytes: int
    ) -> UploadedPart:
        """Send one part (numbers start at 1) of exactly `size_bytes`; return what was taken.

        The body is streamed, read once and never rewound; the request is not repeated inside.
        Where the store can check a digest it is sent along, else what the store answers is
        compared: raises `IntegrityError` for other bytes. A part that is sent again replaces the
        first. Raises `PreconditionFailed` when the upload is not there (any more).
        """
        ...

    def list_parts(
        self, key: str, upload_id: str, limit: int | None = None
    ) -> Sequence[UploadedPart] | None:
        """Return the parts that the store has, by number, up to `limit`; None: there is no upload.

        An upload that was completed or aborted is not there any more.
        """
        ...

    def complete_if(
        self,
        key: str,
        upload_id: str,
        parts: Sequence[UploadedPart],
        replaces: ObjectVersion | None,
        crc64nvme: str | None = None,
    ) -> Written:
        """Make the object of these parts, 1 to n, current, on the same condition as `put_if`.

        `crc64nvme` is the digest of the whole, for stores that compare it: raises `IntegrityError`
        when it differs, and nothing is written.
        """
        ...

    def abort_multipart_upload(self, key: str, upload_id: str) -> None:
        """Throw the parts away; an unknown upload is no error."""
        ...

    def open_uploads(self) -> Iterator[OpenUpload]:
        """Yield the uploads under way that this store's own credentials have begun, by key."""
        ...


@runtime_checkable
class SupportsPeerCopy(Protocol):
    """Copies from another bucket that the store itself makes, without moving the bytes through us.

    The store's credentials must be allowed to read there. All conditions are the store's.
    """

    def copy_from(
        self,
        source: Place,
        instance: ObjectVersion,
        write: ObjectWrite,
        replaces: ObjectVersion | None,
    ) -> Written:
        """Put the bytes of `instance`, which is at `source`, as `write` in place of `replaces`.

        At most `PartLimits.most_copy_bytes`. Raises `PreconditionFailed` when the source or what is
        replaced is no longer as given.
        """
        ...

    def copy_part_from(
        self, key: str, upload_id: str, part_number: int, piece: Piece
    ) -> UploadedPart:
        """Take one part from `piece`; to repeat it is harmless.

        Raises `PreconditionFailed` when the instance is no longer there.
        """
        ...


@runtime_checkable
class SupportsRestore(Protocol):
    """Archived objects, which have to be restored before they can be read."""

    def restore(self, instance: ObjectVersion, days: int) -> None:
        """Ask for a readable copy for so many days; one that is under way already is no error."""
        ...


@contextmanager
def aborted_on_failure(store: SupportsMultipart, key: str, upload_id: str) -> Iterator[None]:
    """Throw the parts away when the block fails; should that fail too, the first error is raised.

    The other one is a note on it then.
    """
    try:
        yield
    except BaseException as error:
        try:
            store.abort_multipart_upload(key, upload_id)
        except DualwayError as failure:
            error.add_note(f"the upload {upload_id} was left behind: {failure}")
        raise
