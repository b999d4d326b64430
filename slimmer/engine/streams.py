"""Byte streams to and from a process in a container, over the engine's hijacked connections.

Without a terminal, the engine multiplexes stdout and stderr. A frame has an 8-byte header (stream type, three zeros, size in
big-endian) and a payload. Source: Engine API, "Attach to a container", section "Stream format".
"""

from __future__ import annotations

import contextlib
import io
import socket
import struct
import threading
import weakref
from collections import deque
from collections.abc import Iterator
from typing import Any

from slimmer.errors import EngineError, EngineUnreachable

_HEADER = struct.Struct(">BxxxL")
_STDERR = 2
STDERR_LIMIT = 64 << 10
RECEIVE_SIZE = 1 << 18
BUFFER_SIZE = 1 << 17
"""Bytes to ask the socket for at once. An engine sends frames of 32 kB and less, each with its header."""


class MultiplexedStream:
    """The stdin and stdout of a process. The last 64 kB of stderr are kept separately."""

    def __init__(self, connection: Any, *, merge: bool = False) -> None:
        """`connection` is what docker-py returns for `socket=True`: a socket, or a wrapper around one.

        `merge` returns stderr together with stdout, as a terminal would.
        """
        self._owner = connection
        self._socket: socket.socket = getattr(connection, "_sock", connection)
        self._ahead = memoryview(_read_ahead(connection, self._socket))
        self._socket.settimeout(None)
        self._merge = merge
        self._left = 0
        self._kind = 0
        self._errors: deque[bytes] = deque()
        self._errors_size = 0

    def recv(self, size: int = RECEIVE_SIZE) -> bytes:
        """Return the next piece of stdout, up to `size` bytes, or b"" at the end."""
        while True:
            if self._left == 0 and not self._next_frame():
                return b""
            data = self._receive(min(self._left, size))
            if not data:
                return b""
            self._left -= len(data)
            if self._merge or self._kind != _STDERR:
                return data
            self._keep_error(data)

    def recv_exactly(self, size: int) -> bytes:
        """Return exactly `size` bytes of stdout. Raise EngineError if the stream ends before, EngineUnreachable if it breaks."""
        pieces = []
        while size > 0:
            with _connected():
                data = self.recv(size)
            if not data:
                raise EngineError("the process in the container ended before it answered" + self._words())
            pieces.append(data)
            size -= len(data)
        return b"".join(pieces)

    def sendall(self, data: bytes | bytearray) -> None:
        """Write all of `data` to stdin."""
        self._socket.sendall(data)

    def send_exactly(self, data: bytes | bytearray) -> None:
        """Write all of `data` to stdin. Raise EngineUnreachable if the connection is broken."""
        with _connected():
            self.sendall(data)

    def set_timeout(self, seconds: float | None) -> None:
        """Set how long one recv may take before it raises TimeoutError. None is no limit."""
        self._socket.settimeout(seconds)

    def close_write(self) -> None:
        """Close stdin. stdout stays open."""
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close both directions. This wakes a thread that waits in recv."""
        with contextlib.suppress(OSError):  # the other side may have been faster
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._owner.close()

    @property
    def stderr(self) -> str:
        """The part of stderr that was read so far, its last 64 kB at most."""
        return b"".join(self._errors).decode(errors="replace")

    def _words(self) -> str:
        return f": {self.stderr.strip()}" if self.stderr.strip() else ""

    def _next_frame(self) -> bool:
        """Go to the next frame that is not empty. Return False at the end."""
        while not self._left:
            header = b""
            while len(header) < _HEADER.size:
                data = self._receive(_HEADER.size - len(header))
                if not data:
                    return False
                header += data
            self._kind, self._left = _HEADER.unpack(header)
        return True

    def _receive(self, size: int) -> bytes:
        """Return up to `size` bytes of what was read ahead, or of what the socket has. The rest of that is read ahead."""
        if not self._ahead:
            data = self._socket.recv(max(size, BUFFER_SIZE))
            if len(data) <= size:
                return data
            self._ahead = memoryview(data)
        piece, self._ahead = self._ahead[:size], self._ahead[size:]
        return bytes(piece)

    def _keep_error(self, data: bytes) -> None:
        self._errors.append(data)
        self._errors_size += len(data)
        while self._errors_size > STDERR_LIMIT:
            self._errors_size -= len(self._errors.popleft())


class OpenStreams:
    """The open streams of one run, so that all of them can be closed at its end.

    An engine does not remove a container while an attached client does not read its output. And a client that reads waits for ever
    if the container disappears.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._streams: weakref.WeakSet[MultiplexedStream] = weakref.WeakSet()
        self._closed = False

    def add(self, stream: MultiplexedStream) -> MultiplexedStream:
        """Add a stream and return it. If the run is over, close the stream and raise EngineError."""
        with self._lock:
            if not self._closed:
                self._streams.add(stream)
                return stream
        stream.close()
        raise EngineError("the run is over")

    def close(self) -> None:
        """Close all streams, and every stream that is added later."""
        with self._lock:
            self._closed = True
            streams = list(self._streams)
        for stream in streams:
            stream.close()


@contextlib.contextmanager
def _connected() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EngineUnreachable(f"the connection to a process in a container broke: {error}") from error


def _read_ahead(connection: Any, sock: socket.socket) -> bytes:
    """Return what the HTTP client has read beyond the headers. The first output of a process may arrive together with them.

    docker-py returns the socket below the client's buffer, and the content of the buffer would be lost.
    """
    response = getattr(getattr(connection, "_response", None), "raw", None)
    buffer = getattr(getattr(response, "_fp", None), "fp", None)
    if not isinstance(buffer, io.BufferedReader):
        return b""
    sock.settimeout(0)
    try:
        return bytes(buffer.peek())
    except OSError:  # nothing is buffered, and nothing more has arrived
        return b""
