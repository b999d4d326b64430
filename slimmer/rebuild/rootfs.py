"""The slim image's files: `rootfs.tar`, packed by the probe out of the pristine image, and read again before it counts.

The probe writes the archive while it walks an untrusted image, so another reader (Python's tarfile) checks that it holds
what was asked for, in that order, and nothing behind it. Nothing here holds more than one piece of a file in memory.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from slimmer.errors import BuildFailed
from slimmer.formatting import human_size
from slimmer.image.tree import Entry
from slimmer.output_folder import OutputFolder

NAME = "rootfs.tar"
PIECE = 1 << 20
SHORTEST_HOLE = 1 << 16
ZEROS = bytes(1 << 18)
"""As long as a piece of the probe's answer (docs/probe-protocol.md, "Serve")."""

MOST_FOLD = 16
ALWAYS_FINE = 16 << 30
"""Bytes, and how often an image's size: some engines tell the compressed one, and text shrinks to a tenth."""

_END = 2 * tarfile.BLOCKSIZE
"""An archive ends with at least two blocks of zeros (POSIX pax, "ustar Interchange Format")."""

HINT = "Please report this with the image's name: the archive was not used."


class Packer(Protocol):
    """What packs an image's files (slimmer.observe.pristine.PristineImage)."""

    def pack(self, paths: Iterable[tuple[str, str]], sink: Callable[[bytes], object]) -> None: ...


@dataclass(frozen=True, slots=True)
class RootFs:
    """The archive: its place, its size in bytes and its digest (`sha256:…`, which is the layer's diff ID).

    `digests` has the SHA-256 in hex of each regular file's content by path, hard links included.
    """

    path: Path
    size: int
    diff_id: str
    digests: Mapping[str, str] = field(repr=False)


def write_rootfs(packer: Packer, pairs: Iterable[tuple[str, str]], folder: OutputFolder) -> RootFs:
    """Pack (path, override) pairs (docs/probe-protocol.md, "Serve") into the folder's rootfs.tar.

    Raises EngineError when a path cannot be read, OutputError when the folder cannot take the archive, and BuildFailed
    when the archive is not what was asked for. The folder has a whole archive or none.
    """
    pairs = list(pairs)
    digest = hashlib.sha256()
    with folder.writing(NAME) as file:

        def sink(piece: bytes) -> None:
            digest.update(piece)
            _write(file, piece)

        packer.pack(pairs, sink)
        size = file.truncate(file.tell())
        digests = checked_digests(file, [path for path, _ in pairs])
    return RootFs(folder.place(NAME), size, f"sha256:{digest.hexdigest()}", digests)


def check_size(entries: Iterable[Entry], image_size: int) -> int:
    """The bytes that these files take in the archive, and in every layer, where no hole stays one.

    Raises BuildFailed when that is out of all proportion to the image's size: a sparse file of a terabyte takes nothing in
    some engines' stores, and would fill every disk on its way.
    """
    linked: set[int] = set()
    total = 0
    for entry in entries:
        if entry.is_file and entry.inode not in linked:
            total += entry.size
            linked.update([entry.inode] if entry.links > 1 else [])
    if total > MOST_FOLD * image_size + ALWAYS_FINE:
        raise BuildFailed(
            f"the kept files have {human_size(total)}, but the whole image takes {human_size(image_size)}: "
            "they are sparse, and no layer can hold a hole",
            hint="Leave out the largest with --exclude (often /var/log/lastlog), or do not make it when the image is built.",
        )
    return total


def _write(file: IO[bytes], piece: bytes) -> None:
    """Write a piece; one of nothing but zeros becomes a hole, so that a sparse file fills no disk here."""
    if len(piece) >= SHORTEST_HOLE and piece == ZEROS[: len(piece)]:
        file.seek(len(piece), os.SEEK_CUR)
    else:
        file.write(piece)


def checked_digests(file: IO[bytes], paths: Iterable[str]) -> dict[str, str]:
    """SHA-256 in hex of every regular file in the archive, by path. Raises BuildFailed unless it holds just `paths`."""
    file.seek(0)
    digests: dict[str, str] = {}
    wanted = iter(paths)
    try:
        for member, content in _members(file):
            path = next(wanted, "")  # the same object as the caller's, since there may be hundreds of thousands
            if path != _path(member.name):
                raise BuildFailed(f"rootfs.tar holds {_path(member.name)!r}, which was not to be there", hint=HINT)
            if member.islnk():
                digests[path] = _linked(digests, member)
            elif member.isreg():
                digests[path] = _digest(content)
    except tarfile.TarError as error:
        raise BuildFailed(f"rootfs.tar is not an archive: {error}", hint=HINT) from error
    missing = next(wanted, None)
    if missing is not None:
        raise BuildFailed(f"rootfs.tar lacks {missing!r}", hint=HINT)
    return digests


def _members(file: IO[bytes]) -> Iterator[tuple[tarfile.TarInfo, Iterator[bytes]]]:
    """Every member with its content, up to the end of the archive, behind which there must be nothing."""
    with tarfile.open(fileobj=file, mode="r:") as tar:
        while (member := tar.next()) is not None:
            tar.members = []  # type: ignore[attr-defined]  # it would remember every one
            yield member, _content(tar, member)
        file.seek(tar.offset)
    if not _is_end(file):
        raise tarfile.ReadError("it does not end as it should")


def _is_end(file: IO[bytes]) -> bool:
    """Whether all that is left to read are zeros, and enough of them."""
    size = 0
    while piece := file.read(PIECE):
        if piece.strip(b"\0"):
            return False
        size += len(piece)
    return size >= _END


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    source = tar.extractfile(member) if member.isreg() else None
    while source is not None and (piece := source.read(PIECE)):
        yield piece


def _digest(content: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for piece in content:
        digest.update(piece)
    return digest.hexdigest()


def _linked(digests: Mapping[str, str], member: tarfile.TarInfo) -> str:
    """A hard link has the content of a file packed before it."""
    target = _path(member.linkname)
    if target not in digests:
        raise BuildFailed(f"rootfs.tar links {_path(member.name)!r} to {target!r}, which is no file in it", hint=HINT)
    return digests[target]


def _path(name: str) -> str:
    """A path of the image from a member's name (without the leading `/`; the root is `.`)."""
    return "/" if name in (".", "./") else "/" + name.removesuffix("/")
