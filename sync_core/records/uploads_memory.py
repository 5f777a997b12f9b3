"""The ledger of shared uploads in memory, for tests and simulations: the same as the table's."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from threading import Lock

from sync_core.model import SharedUpload, UploadedPart


class MemoryUploadLedger:
    """An `UploadLedger` that lives as long as the process; safe to share between threads.

    `uploads` are those in it by upload_id and `counted` the parts of their runs, open to tests.
    Nothing is ever forgotten.
    """

    def __init__(self) -> None:
        self.uploads: dict[str, SharedUpload] = {}
        self.counted: dict[str, dict[int, tuple[UploadedPart, ...]]] = {}
        self._lock = Lock()

    def open(self, upload: SharedUpload) -> SharedUpload:
        """Enter an upload, or return what is there."""
        with self._lock:
            return self.uploads.setdefault(upload.upload_id, upload)

    def read(self, upload_id: str) -> SharedUpload | None:
        """Return the upload as it is now."""
        with self._lock:
            return self.uploads.get(upload_id)

    def note(
        self, upload_id: str, run: int, parts: Sequence[UploadedPart], at: datetime
    ) -> SharedUpload | None:
        """Count the parts of a run, once; return the upload as it is then."""
        with self._lock:
            upload = self._open_one(upload_id)
            runs = self.counted.setdefault(upload_id, {}) if upload else {}
            if upload is None or run in runs:
                return upload
            runs[run] = tuple(parts)
            self.uploads[upload_id] = replace(
                upload,
                changed_at=at,
                done_parts=upload.done_parts + len(parts),
                done_bytes=upload.done_bytes + sum(part.size_bytes for part in parts),
            )
            return self.uploads[upload_id]

    def claim(self, upload: SharedUpload, at: datetime) -> bool:
        """Set `changed_at`, if it is still `upload.changed_at` and the upload has not ended."""
        with self._lock:
            found = self._open_one(upload.upload_id)
            if found is None or found.changed_at != upload.changed_at:
                return False
            self.uploads[upload.upload_id] = replace(found, changed_at=at)
            return True

    def note_split(self, upload_id: str, at: datetime) -> None:
        """Note that a message for each missing run was sent."""
        with self._lock:
            found = self._open_one(upload_id)
            if found is not None:
                self.uploads[upload_id] = replace(found, changed_at=at, is_split=True)

    def has_run(self, upload_id: str, run: int) -> bool:
        """Tell whether a run was counted."""
        with self._lock:
            return run in self.counted.get(upload_id, ())

    def runs(self, upload_id: str) -> frozenset[int]:
        """Return the runs that were counted."""
        with self._lock:
            return frozenset(self.counted.get(upload_id, ()))

    def parts(self, upload_id: str) -> Sequence[UploadedPart]:
        """Return the parts of all runs that were counted, by number."""
        with self._lock:
            runs = list(self.counted.get(upload_id, {}).values())
        return sorted((part for run in runs for part in run), key=lambda part: part.number)

    def end(self, upload_id: str, how: str, at: datetime) -> bool:  # noqa: ARG002 - the port's
        """Note how the upload ended, once."""
        with self._lock:
            found = self._open_one(upload_id)
            if found is not None:
                self.uploads[upload_id] = replace(found, ended=how)
            return found is not None

    def list(self) -> Iterator[SharedUpload]:
        """Yield the uploads as they were when the first one was asked for."""
        with self._lock:
            found = [upload for upload in self.uploads.values() if upload.ended is None]
        yield from found

    def _open_one(self, upload_id: str) -> SharedUpload | None:
        """Return the upload unless it has ended; the caller holds the lock."""
        upload = self.uploads.get(upload_id)
        return upload if upload is not None and upload.ended is None else None
