"""Digests of contents. Pure.

CRC-64/NVME is the one that S3 keeps of the whole content of every new object; as a text it is
base64, as in x-amz-checksum-crc64nvme (API reference, Checksum). An MD5 as a text is hex.
"""

import base64
import hashlib
from collections.abc import Iterable, Sequence

from awscrt import checksums

_BYTES = 8


class Crc64Nvme:
    """A digest that grows with what it is fed."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes) -> None:
        """Take in the next bytes."""
        self._value = checksums.crc64nvme(data, self._value)

    def digest(self) -> bytes:
        """Return the digest of all bytes so far, eight bytes."""
        return self._value.to_bytes(_BYTES, "big")

    def text(self) -> str:
        """Return the digest of all bytes so far."""
        return _text(self._value)


def md5_of(data: bytes) -> str:
    """Return the MD5 of these bytes."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def etag_of_md5s(md5s: Sequence[str]) -> str:
    """Return the etag that S3 gives an object in parts that have these MD5s.

    It is the MD5 of theirs, and their number.
    """
    return f"{md5_of(b''.join(map(bytes.fromhex, md5s)))}-{len(md5s)}"


def crc64nvme(data: bytes) -> str:
    """Return the digest of these bytes."""
    return _text(checksums.crc64nvme(data))


def joined(pieces: Iterable[tuple[str, int]]) -> str:
    """Return the digest of a whole from those of its pieces, in order, each with its size."""
    value = 0
    for text, size_bytes in pieces:
        value = checksums.combine_crc64nvme(value, _value(text), size_bytes)
    return _text(value)


def _text(value: int) -> str:
    return base64.b64encode(value.to_bytes(_BYTES, "big")).decode()


def _value(text: str) -> int:
    return int.from_bytes(base64.b64decode(text), "big")
