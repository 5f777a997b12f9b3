"""A request's body that is as long as it was declared, or fails before its last byte is given."""

from types import TracebackType
from typing import NoReturn, Self

from sync_core.errors import IntegrityError
from sync_core.storage.protocol import Readable


class ExactBody:
    """Passes on exactly `size_bytes` of `body`, which is read once.

    The last bytes are held back until the body is known to end there, so a request whose body is
    too short or too long is never complete and cannot take effect. Raises `IntegrityError` then, in
    which the request is called `operation`. As a context manager it makes the body's own failure
    win over what an HTTP client turns it into.
    """

    def __init__(self, body: Readable, key: str, size_bytes: int, operation: str = "put") -> None:
        self._body = body
        self._key = key
        self._operation = operation
        self._size_bytes = size_bytes
        self._left_bytes = size_bytes
        self._failure: BaseException | None = None

    @property
    def spent(self) -> bool:
        """Whether all bytes were handed out.

        Before that no store can have taken the object; after it, nobody knows whether they were
        sent (urllib3 reads a body to its end even when the answer has come before it).
        """
        return self._left_bytes == 0

    def read(self, amount: int = -1, /) -> bytes:
        """Return up to `amount` bytes (all that are left for -1); b"" at the end."""
        if amount >= 0:
            return self._take(min(amount, self._left_bytes))
        return b"".join(iter(lambda: self._take(self._left_bytes), b""))

    def __enter__(self) -> Self:
        if self._size_bytes == 0:
            self._require_end()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        if self._failure is not None and self._failure is not error:
            raise self._failure

    def _take(self, wanted: int) -> bytes:
        if wanted == 0:
            return b""
        chunk = self._read(wanted)
        if not chunk:
            got = self._size_bytes - self._left_bytes
            self._fail(f"the body ended after {got} of {self._size_bytes} bytes")
        if len(chunk) > wanted:
            self._fail(f"the body is longer than {self._size_bytes} bytes")
        if len(chunk) == self._left_bytes:
            self._require_end()
        self._left_bytes -= len(chunk)
        return chunk

    def _require_end(self) -> None:
        if self._read(1):
            self._fail(f"the body is longer than {self._size_bytes} bytes")

    def _read(self, amount: int) -> bytes:
        try:
            return self._body.read(amount)
        except BaseException as failure:
            self._failure = failure
            raise

    def _fail(self, cause: str) -> NoReturn:
        self._failure = IntegrityError(self._operation, self._key, cause)
        raise self._failure
