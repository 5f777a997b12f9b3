"""The bytes of stored files: in memory while they are small, else in the server's folder."""

import hashlib
import io
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

IN_MEMORY_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Body:
    """What a file holds; `digests` are in hex, by algorithm, md5 always among them."""

    size_bytes: int
    digests: dict[str, str]
    content: bytes | Path

    def open(self) -> BinaryIO:
        """Return the content to be read from its begin; raises FileNotFoundError once dropped."""
        return (
            io.BytesIO(self.content) if isinstance(self.content, bytes) else self.content.open("rb")
        )

    def drop(self) -> None:
        """Give the space back; whoever has it open reads on."""
        if isinstance(self.content, Path):
            self.content.unlink(missing_ok=True)


class BodyWriter:
    """Takes in a body piece by piece; `algorithms` are computed besides md5."""

    def __init__(self, folder: Path, algorithms: frozenset[str]) -> None:
        self._folder = folder
        self._file: BinaryIO = io.BytesIO()
        self._path: Path | None = None
        self._size_bytes = 0
        self._digests = {
            name: hashlib.new(name, usedforsecurity=False) for name in {"md5", *algorithms}
        }

    def write(self, piece: bytes) -> None:
        """Append a piece."""
        self._size_bytes += len(piece)
        if self._path is None and self._size_bytes > IN_MEMORY_BYTES:
            self._move_to_disk()
        self._file.write(piece)
        for digest in self._digests.values():
            digest.update(piece)

    def finish(self) -> Body:
        """Return what has been written."""
        content = self._file.getvalue() if isinstance(self._file, io.BytesIO) else self._path
        self._file.close()
        digests = {name: digest.hexdigest() for name, digest in self._digests.items()}
        return Body(self._size_bytes, digests, content or b"")

    def discard(self) -> None:
        """Forget what has been written."""
        self._file.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _move_to_disk(self) -> None:
        held = self._file
        descriptor, name = tempfile.mkstemp(dir=self._folder)
        self._path = Path(name)
        self._file = open(descriptor, "wb")  # noqa: SIM115, PTH123 - closed by finish or discard
        held.seek(0)
        self._file.write(held.read())
