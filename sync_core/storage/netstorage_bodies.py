"""Bodies on their way to and from Akamai NetStorage, and whether they are what they should be."""

import hashlib
from typing import NoReturn

from sync_core.checksums import Crc64Nvme
from sync_core.errors import IntegrityError
from sync_core.model import ObjectVersion
from sync_core.storage.exact_body import ExactBody
from sync_core.storage.netstorage_errors import Call, translated
from sync_core.storage.netstorage_wire import OpenAnswer
from sync_core.storage.protocol import ObjectWrite, Readable
from sync_core.storage.readers import MeasuredReader


class UploadBody:
    """The body of an upload, of exactly the size and with the digests that `write` declares.

    Its last bytes are held back until all of that is known to hold, so a request with other bytes
    is never complete. Raises `IntegrityError` then.
    """

    def __init__(self, write: ObjectWrite, body: Readable) -> None:
        self.exact = ExactBody(body, write.key, write.size_bytes)
        self._write = write
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._crc64nvme = Crc64Nvme() if write.crc64nvme is not None else None

    @property
    def md5(self) -> str:
        """The MD5 (hex) of the bytes so far."""
        return self._md5.hexdigest()

    def read(self, amount: int = -1, /) -> bytes:
        """Return up to `amount` bytes (all that are left for -1); b"" at the end."""
        piece = self.exact.read(amount)
        self._md5.update(piece)
        if self._crc64nvme is not None:
            self._crc64nvme.update(piece)
        if self.exact.spent:
            self._require_declared()
        return piece

    def _require_declared(self) -> None:
        write = self._write
        found = self._crc64nvme.text() if self._crc64nvme is not None else None
        if found != write.crc64nvme:
            self._fail(f"CRC64NVME {found} came instead of {write.crc64nvme}")
        if write.md5 not in {None, self.md5}:
            self._fail(f"MD5 {self.md5} came instead of {write.md5}")

    def _fail(self, cause: str) -> NoReturn:
        raise IntegrityError("put", self._write.key, cause)


class NetStorageReader(MeasuredReader):
    """The `ObjectReader` of a file that was looked at before it was opened.

    The whole of it is compared with what the look has shown: raises `IntegrityError` for a file
    that was replaced in between, or cut off. Of a range only the length is known.
    """

    def __init__(
        self, version: ObjectVersion, answer: OpenAnswer, size_bytes: int, call: Call
    ) -> None:
        super().__init__(version, size_bytes)
        self._answer = answer
        self._call = call
        is_whole = size_bytes == version.size_bytes and version.md5 is not None
        self._digest = hashlib.md5(usedforsecurity=False) if is_whole else None

    def close(self) -> None:
        """Give the connection back; the rest of the body is not read."""
        self._answer.close()

    def _take(self, wanted: int) -> bytes:
        if wanted == 0:
            return b""
        with translated(self._call):
            piece = self._answer.read(wanted)
        if not piece:
            self._fail(f"the body ended {self._left_bytes} bytes early")
        self._left_bytes -= len(piece)
        if self._digest is not None:
            self._digest.update(piece)
        if self._left_bytes == 0:
            self._require_digest()
        return piece

    def _require_digest(self) -> None:
        found = self._digest.hexdigest() if self._digest is not None else self._version.md5
        if found != self._version.md5:
            self._fail(f"MD5 {found} came instead of {self._version.md5}")

    def _fail(self, cause: str) -> NoReturn:
        raise IntegrityError(self._call.operation, self._call.key, cause)
