"""The image as it is, seen through one long-lived container that runs the probe's `serve` mode.

The container is never used for anything else; its files are read below a clone of the root mount, so that nothing that the
engine mounts shows. Protocol: docs/probe-protocol.md, "Serve".
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from slimmer.errors import EngineError, ObservationIncomplete
from slimmer.observe.identity import FOREIGN, FOREIGN_HINT
from slimmer.observe.probe_mount import ProbeMount

INDEX_LIMIT = 1 << 28
"""A quarter of a gigabyte of index is some two million paths."""

READ_LIMIT = 200 << 20
"""Bytes of one file that a keep rule may look into: large programs (Node, Go) have their libraries and strings there."""

CHUNK_LIMIT = 1 << 18
_LENGTH = struct.Struct("<L")


class ServeStream(Protocol):
    """Stdin and stdout of `serve` (slimmer.engine.streams.MultiplexedStream)."""

    def recv_exactly(self, size: int) -> bytes: ...

    def send_exactly(self, data: bytes | bytearray) -> None: ...


class PristineImage:
    """Answers questions about an image's files. One question at a time; not for several threads at once."""

    def __init__(self, stream: ServeStream, mount: ProbeMount) -> None:
        """Raises ObservationIncomplete when what speaks is not the probe that `mount` tells of."""
        self._stream = stream
        self.probe_folder = mount.folder
        if self._chunk() != mount.nonce.encode("ascii"):
            raise ObservationIncomplete(FOREIGN, hint=FOREIGN_HINT)

    def index(self) -> bytearray:
        """The index of every path, for `Tree`. Raises ObservationIncomplete for an image beyond INDEX_LIMIT."""
        blob = bytearray()
        for chunk in self._ask(b"index"):
            blob += chunk
            if len(blob) > INDEX_LIMIT:
                raise ObservationIncomplete("the image has more paths than slimmer can index")
        return blob

    def pack(self, paths: Iterable[tuple[str, str]], sink: Callable[[bytes], object]) -> None:
        """Write a tar of (path, override) pairs to `sink`, piece by piece, in the given order."""
        for chunk in self._ask(b"pack", _listing(field for pair in paths for field in pair)):
            sink(chunk)

    def read(self, paths: Sequence[str], limit: int = READ_LIMIT) -> Iterator[tuple[str, bytes | None]]:
        """Contents of regular files, in order; None for what cannot be read, or is larger than `limit` bytes.

        Whoever stops half-way loses nothing but the rest: it is read past, so that the next question can be asked.
        """
        pieces = _Pieces(self._ask(b"read", _listing(paths)))
        try:
            for path in paths:
                head = pieces.line()
                if head.startswith(b"-"):
                    yield path, None
                else:
                    yield path, pieces.take(int(head), limit)
        finally:
            pieces.finish()

    def hash(self, paths: Sequence[str]) -> Iterator[tuple[str, str | None]]:
        """SHA-256 of the content of regular files, in order; None for what cannot be read."""
        pieces = _Pieces(self._ask(b"hash", _listing(paths)))
        for path in paths:
            line = pieces.line()
            yield path, None if line.startswith(b"-") else line.decode("ascii")
        pieces.finish()

    def _ask(self, order: bytes, payload: bytes | bytearray | None = None) -> Iterator[bytes]:
        self._stream.send_exactly(order + (b"\n" if payload is None else b" %d\n" % len(payload)))
        if payload:
            self._stream.send_exactly(payload)
            payload = None  # it may be tens of megabytes, and the answer long in coming
        while length := self._length():
            yield self._stream.recv_exactly(length)
        status = self._chunk()
        if status != b"ok":
            raise EngineError(f"the image's files cannot be read: {os.fsdecode(status)}")

    def _chunk(self) -> bytes:
        return self._stream.recv_exactly(self._length())

    def _length(self) -> int:
        length: int = _LENGTH.unpack(self._stream.recv_exactly(_LENGTH.size))[0]
        if length > CHUNK_LIMIT:
            raise EngineError("the probe's answer does not follow its protocol")
        return length


def _listing(fields: Iterable[str]) -> bytearray:
    payload = bytearray()
    for field in fields:
        payload += os.fsencode(field) + b"\0"
    return payload


class _Pieces:
    """Lines and counted bytes out of chunks whose borders mean nothing."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def line(self) -> bytes:
        while b"\n" not in self._rest:
            self._rest += self._next()
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def take(self, size: int, limit: int) -> bytes | None:
        """The next `size` bytes; None, and nothing held, when they are more than `limit`."""
        kept: list[bytes] | None = [] if size <= limit else None
        while size > 0:
            if not self._rest:
                self._rest = self._next()
            piece, self._rest = self._rest[:size], self._rest[size:]
            size -= len(piece)
            if kept is not None:
                kept.append(piece)
        return None if kept is None else b"".join(kept)

    def finish(self) -> None:
        """Read the status behind the answer, which raises when it is an error."""
        for _ in self._chunks:
            pass

    def _next(self) -> bytes:
        try:
            return next(self._chunks)
        except StopIteration:
            raise EngineError("the probe's answer ended before its time") from None
