"""Connections on which large contents are sent and thrown away at the least cost. Linux only."""

import os
import socket
import ssl
from types import TracebackType
from typing import Protocol, Self

# Of memory that is never touched where the kernel drops the bytes itself.
_NOWHERE = memoryview(bytearray(16 * 1024**2))
_TLS_SEND_BYTES = 1024**2


class Endless:
    """A content without end: `block`, again and again; in memory, and in a file that is memory."""

    def __init__(self, block: bytes, times: int = 16) -> None:
        self.memory = memoryview(block * times)
        self.file = os.memfd_create("content")
        if os.write(self.file, self.memory) != len(self.memory):
            raise OSError("the content does not fit into memory")


class Wire(Protocol):
    """One connection."""

    def receive(self, limit_bytes: int) -> bytes:
        """Return what has come; b"" at the end."""
        ...

    def drop(self, limit_bytes: int) -> int:
        """Throw away what comes; return how much that was, 0 at the end."""
        ...

    def send(self, data: bytes) -> None:
        """Send all of it."""
        ...

    def send_content(self, content: Endless, first: int, size_bytes: int) -> None:
        """Send so many bytes of the content, from `first` on."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None: ...


class _SocketWire:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def receive(self, limit_bytes: int) -> bytes:
        return self._connection.recv(limit_bytes)

    def send(self, data: bytes) -> None:
        self._connection.sendall(data)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self._connection.close()


class TcpWire(_SocketWire):
    """Plain TCP: no content passes through this process.

    It is sent from its file (sendfile), and dropped in the kernel (MSG_TRUNC, see tcp(7)).
    """

    def drop(self, limit_bytes: int) -> int:
        """Wait for as much as fits, so that few calls are needed."""
        wanted_bytes = min(limit_bytes, len(_NOWHERE))
        flags = socket.MSG_TRUNC | socket.MSG_WAITALL
        return self._connection.recv_into(_NOWHERE, wanted_bytes, flags)

    def send_content(self, content: Endless, first: int, size_bytes: int) -> None:
        """Send the file, from where `first` falls into it."""
        at, end = first, first + size_bytes
        while at < end:
            offset = at % len(content.memory)
            count = min(end - at, len(content.memory) - offset)
            at += os.sendfile(self._connection.fileno(), content.file, offset, count)


class TlsWire(_SocketWire):
    """TLS, which takes each byte through this process."""

    def __init__(self, connection: ssl.SSLSocket) -> None:
        super().__init__(connection)

    def drop(self, limit_bytes: int) -> int:
        """All connections drop into the same memory, which nobody reads."""
        return self._connection.recv_into(_NOWHERE, min(limit_bytes, len(_NOWHERE)))

    def send_content(self, content: Endless, first: int, size_bytes: int) -> None:
        """Send from memory."""
        at, end = first, first + size_bytes
        while at < end:
            offset = at % len(content.memory)
            count = min(end - at, len(content.memory) - offset, _TLS_SEND_BYTES)
            self._connection.sendall(content.memory[offset : offset + count])
            at += count
