"""An open S3 object: its bytes, counted, and checked where S3 sent a digest along."""

from botocore.response import StreamingBody

from sync_core.errors import IntegrityError
from sync_core.model import ObjectVersion
from sync_core.storage.readers import MeasuredReader
from sync_core.storage.s3_errors import Call, translated


class S3Reader(MeasuredReader):
    """The `ObjectReader` of an answer to GetObject, whose body has `length_bytes`.

    A body that breaks off raises `Unavailable`, one whose length or digest is wrong
    `IntegrityError`, in both cases before or with the last bytes.
    """

    def __init__(
        self, version: ObjectVersion, body: StreamingBody, length_bytes: int, call: Call
    ) -> None:
        super().__init__(version, length_bytes)
        self._body = body
        self._call = call

    def close(self) -> None:
        """Give the connection back; one with unread bytes is closed."""
        self._body.close()

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
