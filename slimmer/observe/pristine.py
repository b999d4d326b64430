"""The image as it is, seen through one long-lived container that runs the probe's `serve` mode.

The container is never used for anything else; its files are read below a clone of the root mount, so that nothing that the
engine mounts shows. Protocol: docs/probe-protocol.md, "Serve".
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
"""A quarter of a gigabyte of index is some two million paths."""

READ_LIMIT = 200 << 20
"""Bytes of one file that a keep rule may look into: large programs (Node, Go) have their libraries and strings there."""

CHUNK_LIMIT = 1 << 18
LINE_LIMIT = 1 << 10
"""Bytes of a line in an answer: a size, an error's number or a hash."""

_LENGTH = struct.Struct("<L")
_UNREADABLE = math.inf


T = TypeVar("T")
Ask = Callable[[Sequence[str]], Iterator[tuple[str, T | None]]]
"""Asks for the contents of files, in order; None for what cannot be read."""


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
                raise ObservationIncomplete(
                    "the image has more paths, or larger extended attributes, than slimmer can index "
                    f"({INDEX_LIMIT >> 20} MB)",
                    hint="Split the image, or leave out what makes it so large when it is built.",
                )
        return blob

    def pack(self, paths: Iterable[tuple[str, str]], sink: Callable[[bytes], object]) -> None:
        """Write a tar of (path, override) pairs to `sink`, piece by piece, in the given order."""
        for chunk in self._ask(b"pack", _listing(field for pair in paths for field in pair)):
            sink(chunk)

    def read(self, paths: Sequence[str], limit: int = READ_LIMIT) -> Iterator[tuple[str, bytes | None]]:
        """Contents of regular files, in order; None for what cannot be read, or is larger than `limit` bytes.

        Whoever stops half-way loses nothing but the rest: it is read past, so that the next question can be asked.
        """
        for path, size, pieces in self._contents(paths):
            yield path, _whole(pieces) if size <= limit else None

    def stream(self, paths: Sequence[str]) -> Iterator[tuple[str, Iterator[bytes] | None]]:
        """Contents of regular files, in order, as pieces of at most CHUNK_LIMIT bytes; None for what cannot be read.

        Take the pieces of a file before you ask for the next file: what is left of them then is read past.
        """
        for path, size, pieces in self._contents(paths):
            yield path, None if size == _UNREADABLE else pieces

    def _contents(self, paths: Sequence[str]) -> Iterator[tuple[str, float, Iterator[bytes]]]:
        """Each file with its size in bytes and its content."""
        answer = _Pieces(self._ask(b"read", _listing(paths)))
        try:
            for path in paths:
                size = answer.size()
                yield path, size, answer.take(0 if size == _UNREADABLE else int(size))
                answer.skip()
        finally:
            answer.finish()

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


def within(tree: Tree, ask: Ask[T]) -> Ask[T]:
    """`ask`, without the files of the tree that have more than READ_LIMIT bytes, for which the answer is None.

    A sparse file of some terabytes takes no space in a layer, and weeks to read past.
    """

    def asked(paths: Sequence[str]) -> Iterator[tuple[str, T | None]]:
        wanted = list(paths)
        large = {path for path in wanted if (entry := tree.get(path)) is not None and entry.size > READ_LIMIT}
        answers = iter(ask([path for path in wanted if path not in large]))
        return ((path, None) if path in large else next(answers) for path in wanted)

    return asked


def _whole(pieces: Iterable[bytes]) -> bytes:
    """The pieces joined. A list of them would take as much memory again."""
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
    """Lines and counted bytes out of chunks whose borders mean nothing."""

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
        """The size of the content that follows, in bytes; _UNREADABLE where there is none."""
        line = self.line()
        if line.startswith(b"-"):
            return _UNREADABLE
        if not line.isdigit():
            raise EngineError("the probe's answer does not follow its protocol")
        return int(line)

    def take(self, size: int) -> Iterator[bytes]:
        """The next `size` bytes, piece by piece, as far as they are wanted; `skip` reads past the others."""
        self._left = size
        return self._taken()

    def skip(self) -> None:
        """Read past what is left of what was last taken."""
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
        """Read the status behind the answer, which raises when it is an error."""
        for _ in self._chunks:
            pass

    def _next(self) -> bytes:
        try:
            return next(self._chunks)
        except StopIteration:
            raise EngineError("the probe's answer ended before its time") from None
