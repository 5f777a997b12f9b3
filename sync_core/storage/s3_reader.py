"""An open S3 object: its bytes, counted, and checked where S3 sent a digest along."""

from types import TracebackType
from typing import Self

from botocore.response import StreamingBody

from sync_core.errors import IntegrityError
from sync_core.model import ObjectVersion
from sync_core.storage.s3_errors import Call, translated


class S3Reader:
    """The `ObjectReader` of an answer to GetObject, whose body has `length_bytes`.

    A body that breaks off raises `Unavailable`, one whose length or digest is wrong
    `IntegrityError`, in both cases before or with the last bytes.
    """

    def __init__(
        self, version: ObjectVersion, body: StreamingBody, length_bytes: int, call: Call
    ) -> None:
        self._version = version
        self._body = body
        self._left_bytes = length_bytes
        self._call = call

    @property
    def version(self) -> ObjectVersion:
        """The instance whose bytes are read."""
        return self._version

    def read(self, amount: int = -1, /) -> bytes:
        """Return up to `amount` bytes (all that are left for -1); b"" at the end."""
        if amount >= 0:
            return self._take(min(amount, self._left_bytes))
        return b"".join(iter(lambda: self._take(self._left_bytes), b""))

    def close(self) -> None:
        """Give the connection back; one with unread bytes is closed."""
        self._body.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self.close()

    def _take(self, wanted: int) -> bytes:
        if wanted == 0:
            return b""
        with translated(self._call):
            chunk = self._body.read(wanted)
            self._left_bytes -= len(chunk)
            if self._left_bytes == 0:
                # botocore compares length and digest when it is asked for more at the end.
                self._body.read(1)
        if not chunk:
            cause = f"the body ended {self._left_bytes} bytes early"
            raise IntegrityError(self._call.operation, self._call.key, cause)
        return chunk
