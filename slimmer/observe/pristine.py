"""Read the files of an image unchanged, through one long-lived container that runs the probe's `serve` mode.

The container is used for nothing else. Its files are read below a clone of the root mount, so that nothing that the engine mounts is
visible. Protocol: docs/probe-protocol.md, "Serve".
"""

from __future__ import annotations

import io
import math
import os
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from slimmer.errors import EngineError, ObservationIncomplete
from slimmer.image.tree import Tree
from slimmer.observe.identity import FOREIGN, FOREIGN_HINT
from slimmer.probe_mount import ProbeMount

INDEX_LIMIT = 1 << 28
"""The most bytes of an index. A quarter of a gigabyte is about two million paths."""

READ_LIMIT = 200 << 20
"""The most bytes of a file that a keep rule may read. Large programs (Node, Go) name their libraries and have their strings within that."""

CHUNK_LIMIT = 1 << 18
LINE_LIMIT = 1 << 10
"""The most bytes of a line in an answer: a size, an error number or a hash."""

_LENGTH = struct.Struct("<L")
_UNREADABLE = math.inf


T = TypeVar("T")
Ask = Callable[[Sequence[str]], Iterator[tuple[str, T | None]]]
"""Yields the contents of files, in order. It yields None for what cannot be read."""


class ServeStream(Protocol):
    """Stdin and stdout of `serve` (slimmer.engine.streams.MultiplexedStream)."""

    def recv_exactly(self, size: int) -> bytes: ...

    def send_exactly(self, data: bytes | bytearray) -> None: ...


class PristineImage:
    """Answers questions about an image's files, one at a time. It is not thread-safe."""

    def __init__(self, stream: ServeStream, mount: ProbeMount) -> None:
        """Raise ObservationIncomplete if the stream does not come from the probe of `mount`."""
        self._stream = stream
        self.probe_folder = mount.folder
        if self._chunk() != mount.nonce.encode("ascii"):
            raise ObservationIncomplete(FOREIGN, hint=FOREIGN_HINT)

    def index(self) -> bytearray:
        """Return the index of all paths, for `Tree`. Raise ObservationIncomplete if it exceeds INDEX_LIMIT."""
        blob = bytearray()
        for chunk in self._ask(b"index"):
            blob += chunk
            if len(blob) > INDEX_LIMIT:
                raise ObservationIncomplete(
                    "the image has more paths, or larger extended attributes, than slimmer can index "
                    f"({INDEX_LIMIT >> 20} MB)",
                    hint="Split the image, or leave out what makes it so large when you build it.",
                )
        return blob

    def pack(self, paths: Iterable[tuple[str, str]], sink: Callable[[bytes], object]) -> None:
        """Write a tar of (path, override) pairs to `sink`, piece by piece, in the given order."""
        for chunk in self._ask(b"pack", _listing(field for pair in paths for field in pair)):
            sink(chunk)

    def read(self, paths: Sequence[str], limit: int = READ_LIMIT) -> Iterator[tuple[str, bytes | None]]:
        """Yield the contents of regular files, in order, or None for a file that cannot be read or has more than `limit` bytes.

        You may stop half-way. The rest is skipped, so that the next question can be asked.
        """
        for path, size, pieces in self._contents(paths):
            yield path, _whole(pieces) if size <= limit else None

    def stream(self, paths: Sequence[str]) -> Iterator[tuple[str, Iterator[bytes] | None]]:
        """Yield the contents of regular files, in order, as pieces of at most CHUNK_LIMIT bytes, or None for a file that cannot be read.

        Take the pieces of a file before you go on to the next one. Then the remaining pieces are skipped.
        """
        for path, size, pieces in self._contents(paths):
            yield path, None if size == _UNREADABLE else pieces

    def _contents(self, paths: Sequence[str]) -> Iterator[tuple[str, float, Iterator[bytes]]]:
        """Yield each file with its size in bytes and its content."""
        answer = _Pieces(self._ask(b"read", _listing(paths)))
        try:
            for path in paths:
                size = answer.size()
                yield path, size, answer.take(0 if size == _UNREADABLE else int(size))
                answer.skip()
        finally:
            answer.finish()

    def hash(self, paths: Sequence[str]) -> Iterator[tuple[str, str | None]]:
        """Yield the SHA-256 of the content of regular files, in order, or None for a file that cannot be read."""
        pieces = _Pieces(self._ask(b"hash", _listing(paths)))
        for path in paths:
            line = pieces.line()
            yield path, None if line.startswith(b"-") else line.decode("ascii")
        pieces.finish()

    def _ask(self, order: bytes, payload: bytes | bytearray | None = None) -> Iterator[bytes]:
        self._stream.send_exactly(order + (b"\n" if payload is None else b" %d\n" % len(payload)))
        if payload:
            self._stream.send_exactly(payload)
            payload = None  # free it: it may be tens of megabytes, and the answer may take long
        while length := self._length():
            yield self._stream.recv_exactly(length)
        status = self._chunk()
        if status != b"ok":
            raise EngineError(f"cannot read the image's files: {os.fsdecode(status)}")

    def _chunk(self) -> bytes:
        return self._stream.recv_exactly(self._length())

    def _length(self) -> int:
        length: int = _LENGTH.unpack(self._stream.recv_exactly(_LENGTH.size))[0]
        if length > CHUNK_LIMIT:
            raise EngineError("the probe's answer does not follow its protocol")
        return length


def within(tree: Tree, ask: Ask[T]) -> Ask[T]:
    """Return `ask` with the answer None for the tree's files of more than READ_LIMIT bytes.

    A sparse file of several terabytes takes no space in a layer, but weeks to skip.
    """

    def asked(paths: Sequence[str]) -> Iterator[tuple[str, T | None]]:
        wanted = list(paths)
        large = {path for path in wanted if (entry := tree.get(path)) is not None and entry.size > READ_LIMIT}
        answers = iter(ask([path for path in wanted if path not in large]))
        return ((path, None) if path in large else next(answers) for path in wanted)

    return asked


def _whole(pieces: Iterable[bytes]) -> bytes:
    """Join the pieces. A list of them would take the same memory again."""
    content = io.BytesIO()
    for piece in pieces:
        content.write(piece)
    return content.getvalue()


def _listing(fields: Iterable[str]) -> bytearray:
    payload = bytearray()
    for field in fields:
        payload += os.fsencode(field) + b"\0"
    return payload


class _Pieces:
    """Reads lines and counted bytes from chunks of any size."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""
        self._left = 0

    def line(self) -> bytes:
        while b"\n" not in self._rest:
            if len(self._rest) > LINE_LIMIT:
                raise EngineError("the probe's answer does not follow its protocol")
            self._rest += self._next()
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def size(self) -> float:
        """Return the size in bytes of the content that follows, or _UNREADABLE if there is none."""
        line = self.line()
        if line.startswith(b"-"):
            return _UNREADABLE
        if not line.isdigit():
            raise EngineError("the probe's answer does not follow its protocol")
        return int(line)

    def take(self, size: int) -> Iterator[bytes]:
        """Return an iterator over the next `size` bytes. `skip` skips what was not taken."""
        self._left = size
        return self._taken()

    def skip(self) -> None:
        """Skip what is left of the last content."""
        for _ in self._taken():
            pass

    def _taken(self) -> Iterator[bytes]:
        while self._left > 0:
            if not self._rest:
                self._rest = self._next()
            piece, self._rest = self._rest[: self._left], self._rest[self._left :]
            self._left -= len(piece)
            yield piece

    def finish(self) -> None:
        """Read to the end of the answer. Raise EngineError if its status is an error."""
        for _ in self._chunks:
            pass

    def _next(self) -> bytes:
        try:
            return next(self._chunks)
        except StopIteration:
            raise EngineError("the probe's answer ended too early") from None
