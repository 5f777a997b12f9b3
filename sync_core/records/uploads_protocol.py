"""The port to the ledger of shared uploads: which parts of them are there, whoever has sent them.

What every adapter promises, and `tests/contract/test_upload_ledger.py` checks on each of them:
reads are strongly consistent, and a run of parts is counted once, however often and by however many
workers it is sent. Errors are those of `records.protocol`.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from sync_core.model import SharedUpload, UploadedPart


class UploadLedger(Protocol):
    """Shared uploads, by upload_id, and their parts."""

    def open(self, upload: SharedUpload) -> SharedUpload:
        """Enter an upload; where it is entered already, nothing changes. Return what is there."""
        ...

    def read(self, upload_id: str) -> SharedUpload | None:
        """Return the upload as it is now."""
        ...

    def note(
        self, upload_id: str, run: int, parts: Sequence[UploadedPart], at: datetime
    ) -> SharedUpload | None:
        """Count the parts of a run, once; return the upload as it is then.

        A run that was counted before is not counted, or exchanged, again. None: the upload is not
        in the ledger, or has ended.
        """
        ...

    def claim(self, upload: SharedUpload, at: datetime) -> bool:
        """Set `changed_at`, if it is still `upload.changed_at` and the upload has not ended.

        One alone is told True. The watch claims before it sends the messages of missing runs again.
        """
        ...

    def note_split(self, upload_id: str, at: datetime) -> None:
        """Note that a message for each missing run was sent, unless the upload has ended.

        `sharing` does when it has sent them, so that whoever dies before leaves it to the next.
        """
        ...

    def has_run(self, upload_id: str, run: int) -> bool:
        """Tell whether a run was counted."""
        ...

    def runs(self, upload_id: str) -> frozenset[int]:
        """Return the runs that were counted."""
        ...

    def parts(self, upload_id: str) -> Sequence[UploadedPart]:
        """Return the parts of all runs that were counted, by number."""
        ...

    def end(self, upload_id: str, how: str, at: datetime) -> bool:
        """Note how the upload ended, once; False where it is noted already, or unknown.

        Its parts are forgotten some days later.
        """
        ...

    def list(self) -> Iterator[SharedUpload]:
        """Yield the uploads that have not ended, in no order."""
        ...
