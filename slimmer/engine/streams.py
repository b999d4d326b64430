"""Byte streams to and from a process in a container, over the engine's hijacked connections.

Without a terminal the engine multiplexes stdout and stderr: frames of an 8-byte header (stream type, three zeros, size
in big-endian) and a payload. Source: Engine API, "Attach to a container", section "Stream format".
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


class MultiplexedStream:
    """A process's stdin and stdout; what comes on stderr is kept aside, its last 64 kB at most."""

    def __init__(self, connection: Any, *, merge: bool = False) -> None:
        """`connection` is what docker-py returns for `socket=True`: a socket, or a wrapper that holds one.

        `merge` gives stderr together with stdout, as a terminal would.
        """
        self._owner = connection
        self._socket: socket.socket = getattr(connection, "_sock", connection)
        self._ahead = _read_ahead(connection, self._socket)
        self._socket.settimeout(None)
        self._merge = merge
        self._left = 0
        self._kind = 0
        self._errors: deque[bytes] = deque()
        self._errors_size = 0

    def recv(self, size: int = RECEIVE_SIZE) -> bytes:
        """The next piece of stdout, up to `size` bytes; b"" at the end."""
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
        """Exactly `size` bytes of stdout. Raises EngineError when the stream ends before, EngineUnreachable when it breaks."""
        pieces = []
        while size > 0:
            with _connected():
                data = self.recv(size)
            if not data:
                raise EngineError("the process in the container ended before its answer" + self._words())
            pieces.append(data)
            size -= len(data)
        return b"".join(pieces)

    def sendall(self, data: bytes | bytearray) -> None:
        """Write all of `data` to stdin."""
        self._socket.sendall(data)

    def send_exactly(self, data: bytes | bytearray) -> None:
        """Write all of `data` to stdin. Raises EngineUnreachable when nobody takes it any more."""
        with _connected():
            self.sendall(data)

    def set_timeout(self, seconds: float | None) -> None:
        """How long one recv may take before it raises TimeoutError; None for ever."""
        self._socket.settimeout(seconds)

    def close_write(self) -> None:
        """Close stdin; stdout stays open."""
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close both directions; a thread that waits in recv is woken."""
        with contextlib.suppress(OSError):  # the other side may have been faster
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._owner.close()

    @property
    def stderr(self) -> str:
        """What the process wrote to stderr and was read past so far."""
        return b"".join(self._errors).decode(errors="replace")

    def _words(self) -> str:
        return f": {self.stderr.strip()}" if self.stderr.strip() else ""

    def _next_frame(self) -> bool:
        """Go to the next frame that is not empty; False at the end."""
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
        if self._ahead:
            data, self._ahead = self._ahead[:size], self._ahead[size:]
            return data
        return self._socket.recv(size)

    def _keep_error(self, data: bytes) -> None:
        self._errors.append(data)
        self._errors_size += len(data)
        while self._errors_size > STDERR_LIMIT:
            self._errors_size -= len(self._errors.popleft())


class OpenStreams:
    """The streams of one run, so that its end can close them all.

    An engine does not remove a container while somebody who is attached does not read what it says; and who reads waits for
    ever for a container that is gone without a word.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._streams: weakref.WeakSet[MultiplexedStream] = weakref.WeakSet()
        self._closed = False

    def add(self, stream: MultiplexedStream) -> MultiplexedStream:
        """Take a stream in. Raises EngineError, with the stream closed, when the run is over."""
        with self._lock:
            if not self._closed:
                self._streams.add(stream)
                return stream
        stream.close()
        raise EngineError("the run is over")

    def close(self) -> None:
        """Close all streams, and those that are still to come."""
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
    """What the HTTP client read past the answer's headers: a process that speaks at once may be in the same segment.

    docker-py hands out the socket below the client's buffer, and what the buffer holds would be lost.
    """
    response = getattr(getattr(connection, "_response", None), "raw", None)
    buffer = getattr(getattr(response, "_fp", None), "fp", None)
    if not isinstance(buffer, io.BufferedReader):
        return b""
    sock.settimeout(0)
    try:
        return bytes(buffer.peek())
    except OSError:  # nothing buffered, and nothing more to be had at once
        return b""
