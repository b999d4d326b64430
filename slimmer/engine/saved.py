"""Read an image's layers from the stream of `docker save`, and measure them, as archives and as a registry stores them.

The stream is read once and not stored. Up to Docker 24 it holds `ID/layer.tar` files, later an OCI layout (`blobs/sha256/…`).
In both, manifest.json names the layers and may come last. So every file is read as it passes, and those that manifest.json
names count. Source: moby, image/spec/spec.md. An engine with the containerd image store saves a pulled layer as it came,
compressed. It is unpacked and compressed again, so that the sizes of two images are those of one compressor.
"""

from __future__ import annotations

import itertools
import json
import posixpath
import tarfile
from collections.abc import Callable, Iterable, Iterator
from io import RawIOBase
from typing import IO, Protocol, TypeVar, cast

import zstandard
from zlib_ng import zlib_ng

from slimmer.engine.connection import Engine
from slimmer.engine.containers import engine_calls
from slimmer.errors import EngineError
from slimmer.image.layer_sizes import LayerSizes

LEVEL = 6
"""gzip's default level, which the engine uses to push. Compressors differ by a few per cent: zlib-ng's output is 3 % larger
than zlib's, in 40 % of the time."""

GZIP = 31
"""A zlib window of 32 kB with gzip's header and trailer (zlib manual, deflateInit2)."""

ZSTD_LEVEL = 3
"""zstd's default level, which the engine uses to push, too."""

GZIP_MAGIC, ZSTD_MAGIC = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
"""The first bytes of gzip (RFC 1952) and zstd (RFC 8878) data."""

TAR_MAGIC_AT, TAR_MAGIC = 257, b"ustar"
"""Where and how a tar archive says that it is one (POSIX pax, "ustar Interchange Format")."""

PIECE = 1 << 20
MANIFEST_LIMIT = 1 << 24

NOT_UNDERSTOOD: tuple[type[Exception], ...] = (
    *(tarfile.TarError, ValueError, LookupError, TypeError, RecursionError, zstandard.ZstdError),
    cast("type[Exception]", zlib_ng.error),  # its stub takes it for an instance
)
"""The exceptions that reading a malformed stream raises."""


T = TypeVar("T")


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def layer_sizes(engine: Engine, image: str, passed: Callable[[int], object] = lambda size: None) -> LayerSizes:
    """Return the sizes of an image's layers. Each layer counts once.

    `passed` is called with the size of each piece that was read. An exception from it ends the work. Raises EngineError.
    """
    return sum(dict(read_layers(engine, image, _measured, passed)).values(), LayerSizes())


def read_layers(
    engine: Engine,
    image: str,
    read: Callable[[Iterator[bytes]], T],
    passed: Callable[[int], object] = lambda size: None,
) -> tuple[tuple[str, T], ...]:
    """Return what `read` makes of each layer's archive, from the lowest layer on, with the layer's name.

    `read` gets the archive in pieces, unpacked. It need not take them all. A layer that occurs twice is read once. `read` is also called for
    other files that the engine saves, so it must take any content. For `passed`, see `layer_sizes`. Raises EngineError.
    """
    with engine_calls(f"save {image}"):
        stream = engine.api.get_image(image, chunk_size=PIECE)
        try:
            with tarfile.open(fileobj=SavedStream(stream, passed), mode="r|", bufsize=PIECE) as tar:
                return tuple(_layers(tar, read))
        except NOT_UNDERSTOOD as error:
            raise EngineError(f"cannot read the archive of {image} that the engine saved: {error!r}") from error
        finally:
            stream.close()


def _layers(tar: tarfile.TarFile, read: Callable[[Iterator[bytes]], T]) -> Iterator[tuple[str, T]]:
    found: dict[str, T] = {}
    links: dict[str, str] = {}
    layers: list[str] | None = None
    while (member := tar.next()) is not None:
        tar.members = []  # type: ignore[attr-defined]  # it would keep them all in memory
        if member.issym():
            links[member.name] = posixpath.normpath(posixpath.join(posixpath.dirname(member.name), member.linkname))
        source = tar.extractfile(member) if member.isreg() else None
        if source is None:
            continue
        if member.name == "manifest.json":
            layers = json.loads(source.read(MANIFEST_LIMIT))[0]["Layers"] or []  # null: an image without files
        else:
            found[member.name] = read(_unpacked(source))
    if layers is None:
        raise ValueError("no manifest.json")
    for layer in layers:
        name = links.get(layer, layer)
        yield name, found[name]


def _measured(pieces: Iterable[bytes]) -> LayerSizes:
    gzip = zlib_ng.compressobj(LEVEL, zlib_ng.DEFLATED, GZIP)
    zstd = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compressobj()
    sizes = LayerSizes()
    for piece in pieces:
        sizes += LayerSizes(len(piece), len(gzip.compress(piece)), len(zstd.compress(piece)))
    return sizes + LayerSizes(0, len(gzip.flush()), len(zstd.flush()))


def _unpacked(source: _Readable) -> Iterator[bytes]:
    """Yield the content of a file, which may be compressed. No piece is larger than PIECE."""
    head = source.read(PIECE)
    pieces = itertools.chain([head], _pieces(source))
    if head[TAR_MAGIC_AT:].startswith(TAR_MAGIC):  # its first file may have any name
        return pieces
    if head.startswith(GZIP_MAGIC):
        return _gunzipped(pieces)
    if head.startswith(ZSTD_MAGIC):
        stream = cast("IO[bytes]", SavedStream(pieces))
        return _pieces(zstandard.ZstdDecompressor().stream_reader(stream, PIECE, read_across_frames=True))
    return pieces


def _gunzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what is in gzip data of one or more members (RFC 1952, section 2.2). Raise ValueError if its end is missing."""
    gzip = None
    for piece in pieces:
        rest = piece
        while rest:
            gzip = gzip or zlib_ng.decompressobj(GZIP)
            yield gzip.decompress(rest, PIECE)
            rest = gzip.unconsumed_tail or gzip.unused_data
            gzip = None if gzip.eof else gzip
    if gzip is not None:
        raise ValueError("the compressed data ends too early")


def _pieces(source: _Readable) -> Iterator[bytes]:
    while piece := source.read(PIECE):
        yield piece


class SavedStream(RawIOBase):
    """A readable file over an iterator of chunks."""

    def __init__(self, chunks: Iterable[bytes], passed: Callable[[int], object] = lambda size: None) -> None:
        """`passed` is called with the size of each chunk that was read."""
        self._chunks, self._passed, self._rest = iter(chunks), passed, b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, or b"" at the end."""
        while not self._rest:
            self._rest = next(self._chunks, b"")
            if not self._rest:
                return b""
            self._passed(len(self._rest))
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece
