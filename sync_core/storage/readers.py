"""What readers of objects have in common, whichever store they read from."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from sync_core.model import ObjectVersion


class Reader(ABC):
    """An `ObjectReader` of `version`."""

    def __init__(self, version: ObjectVersion) -> None:
        self._version = version

    @property
    def version(self) -> ObjectVersion:
        """The instance whose bytes are read."""
        return self._version

    @abstractmethod
    def read(self, amount: int = -1, /) -> bytes:
        """Return up to `amount` bytes (all that are left for -1); b"" at the end."""

    @abstractmethod
    def close(self) -> None:
        """Give the connection back; the rest of the body is not read."""

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


class MeasuredReader(Reader):
    """A reader of exactly `size_bytes`, however many of them come at a time."""

    def __init__(self, version: ObjectVersion, size_bytes: int) -> None:
        super().__init__(version)
        self._left_bytes = size_bytes

    def read(self, amount: int = -1, /) -> bytes:
        """Return up to `amount` bytes (all that are left for -1); b"" at the end."""
        if amount >= 0:
            return self._take(min(amount, self._left_bytes))
        return b"".join(iter(lambda: self._take(self._left_bytes), b""))

    @abstractmethod
    def _take(self, wanted: int) -> bytes:
        """Return up to `wanted` bytes, b"" for none only, and count them off `_left_bytes`."""
