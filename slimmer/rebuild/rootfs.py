"""Write `rootfs.tar`, the slim image's files. The probe packs it from the pristine image, and it is checked before it is used. Then the files
that slimmer adds itself (slimmer.image.added_file) follow.

The probe writes the archive while it walks an untrusted image. So another reader (Python's tarfile) checks that it holds what was
asked for, in that order, and nothing after it. No more than one piece of a file is in memory at a time.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from slimmer.errors import BuildFailed
from slimmer.formatting import human_size
from slimmer.image.added_file import AddedFile
from slimmer.image.tree import Entry, content_size
from slimmer.output_folder import OutputFolder

NAME = "rootfs.tar"
PIECE = 1 << 20
SHORTEST_HOLE = 1 << 16
ZEROS = bytes(1 << 18)
"""As many as a piece of the probe's answer has (docs/probe-protocol.md, "Serve")."""

MOST_FOLD = 16
ALWAYS_FINE = 16 << 30
"""ALWAYS_FINE bytes, or MOST_FOLD times the image's size, are allowed: some engines report the compressed size, and text shrinks to a tenth."""

_END = 2 * tarfile.BLOCKSIZE
"""An archive ends with at least two blocks of zeros (POSIX pax, "ustar Interchange Format")."""

_LONGEST_END = 1 << 16
"""More bytes of zeros than the probe writes at the end: two blocks, or up to a record of 10,240 bytes."""

HINT = "Please report this with the image's name: the archive was not used."


class Packer(Protocol):
    """Packs an image's files (slimmer.observe.pristine.PristineImage)."""

    def pack(self, paths: Iterable[tuple[str, str]], sink: Callable[[bytes], object]) -> None: ...


@dataclass(frozen=True, slots=True)
class RootFs:
    """The archive: its path, its size in bytes and its digest (`sha256:…`, the layer's diff ID).

    `digests` has the SHA-256 in hex of each regular file's content by path, hard links included. `added` are the files that are not
    the original's.
    """

    path: Path
    size: int
    diff_id: str
    digests: Mapping[str, str] = field(repr=False)
    added: tuple[AddedFile, ...] = field(default=(), repr=False)


def write_rootfs(
    packer: Packer, pairs: Iterable[tuple[str, str]], folder: OutputFolder, added: Sequence[AddedFile] = ()
) -> RootFs:
    """Pack (path, override) pairs (docs/probe-protocol.md, "Serve") into the folder's rootfs.tar, and then the added files.

    Raises EngineError if a path cannot be read, OutputError if the archive cannot be written, and BuildFailed if the archive is not
    what was asked for. The folder gets a complete archive or none.
    """
    pairs = list(pairs)
    digest = _Digest()
    with folder.writing(NAME) as file:

        def sink(piece: bytes) -> None:
            digest.update(piece)
            _write(file, piece)

        packer.pack(pairs, sink)
        size = file.truncate(file.tell())
        digests, end = checked_digests(file, [path for path, _ in pairs])
        if added:
            digest.cut(size - end)
            file.seek(end)
            size = file.truncate(end + _append(file, added, digest))
            digests |= {one.path: one.sha256 for one in added if one.content is not None}
    return RootFs(folder.place(NAME), size, f"sha256:{digest.finished()}", digests, tuple(added))


class _Digest:
    """The SHA-256 of an archive whose end may be cut off again. An archive ends with zeros, up to a whole record (tar(5))."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._held = b""

    def update(self, piece: bytes) -> None:
        held = self._held + piece
        self._digest.update(held[:-_LONGEST_END])
        self._held = held[-_LONGEST_END:]

    def cut(self, size: int) -> None:
        """Take back the last `size` bytes. Raise BuildFailed if no archive ends with so many zeros."""
        if size > len(self._held):
            raise BuildFailed("rootfs.tar does not end as archives do", hint=HINT)
        self._held = self._held[: len(self._held) - size]

    def finished(self) -> str:
        """Return the digest in hex."""
        self._digest.update(self._held)
        self._held = b""
        return self._digest.hexdigest()


def _append(file: IO[bytes], added: Iterable[AddedFile], digest: _Digest) -> int:
    """Write the added files and the end of the archive, and return the number of bytes."""
    size = 0
    for one in added:
        head = tarfile.TarInfo(one.path.lstrip("/"))
        head.type = tarfile.DIRTYPE if one.content is None else tarfile.REGTYPE
        head.mode, head.mtime, head.size = stat.S_IMODE(one.entry.mode), one.mtime, one.size
        padding = bytes(-one.size % tarfile.BLOCKSIZE)
        for piece in (head.tobuf(tarfile.GNU_FORMAT), one.content or b"", padding):
            size += file.write(piece)
            digest.update(piece)
    digest.update(bytes(_END))
    return size + file.write(bytes(_END))


def check_size(entries: Iterable[Entry], image_size: int) -> int:
    """Return the size of these files in the archive and in a layer, in bytes. Both store holes as zeros.

    Raises BuildFailed if that is out of all proportion to the image's size: a sparse file of a terabyte takes no space in some
    engines' stores, but would fill every disk on its way.
    """
    total = content_size(entries)
    if total > MOST_FOLD * image_size + ALWAYS_FINE:
        raise BuildFailed(
            f"the kept files have {human_size(total)}, but the whole image takes {human_size(image_size)}: "
            "they are sparse, and a layer stores holes as zeros",
            hint="Leave out the largest file with --exclude (often /var/log/lastlog), or do not create it in the original image.",
        )
    return total


def archived_size(archive: Path) -> int:
    """Return the bytes of regular files in a rootfs.tar, as Tree.content_size counts. Raise BuildFailed if it cannot be read."""
    try:
        with tarfile.open(archive) as tar:
            return sum(member.size for member in tar if member.isreg())
    except (tarfile.TarError, OSError) as error:
        raise BuildFailed(f"cannot read {archive}: {error}") from error


def _write(file: IO[bytes], piece: bytes) -> None:
    """Write a piece. If it is all zeros, write a hole, so that a sparse file does not fill the disk here."""
    if len(piece) >= SHORTEST_HOLE and piece == ZEROS[: len(piece)]:
        file.seek(len(piece), os.SEEK_CUR)
    else:
        file.write(piece)


def checked_digests(file: IO[bytes], paths: Iterable[str]) -> tuple[dict[str, str], int]:
    """Return the SHA-256 in hex of every regular file in the archive by path, and where its members end. Raises BuildFailed unless it holds
    exactly `paths`.
    """
    file.seek(0)
    digests: dict[str, str] = {}
    wanted = iter(paths)
    end = 0
    try:
        for member, content, place in _members(file):
            end = place
            path = next(wanted, "")  # the caller's string object: there may be hundreds of thousands
            if path != _path(member.name):
                raise BuildFailed(f"rootfs.tar holds {_path(member.name)!r}, which was not asked for", hint=HINT)
            if member.islnk():
                digests[path] = _linked(digests, member)
            elif member.isreg():
                digests[path] = _digest(content)
    except tarfile.TarError as error:
        raise BuildFailed(f"rootfs.tar is not an archive: {error}", hint=HINT) from error
    missing = next(wanted, None)
    if missing is not None:
        raise BuildFailed(f"rootfs.tar lacks {missing!r}", hint=HINT)
    return digests, end


def _members(file: IO[bytes]) -> Iterator[tuple[tarfile.TarInfo, Iterator[bytes], int]]:
    """Yield every member with its content and the place where it ends. Raise tarfile.ReadError if anything follows the end of the archive."""
    with tarfile.open(fileobj=file, mode="r:") as tar:
        while (member := tar.next()) is not None:
            tar.members = []  # type: ignore[attr-defined]  # or it would remember every member
            yield member, _content(tar, member), tar.offset
        file.seek(tar.offset)
    if not _is_end(file):
        raise tarfile.ReadError("it does not end properly")


def _is_end(file: IO[bytes]) -> bool:
    """Return True if only zeros are left to read, and enough of them."""
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
    """Return the digest of a hard link, whose target was packed before it."""
    target = _path(member.linkname)
    if target not in digests:
        raise BuildFailed(
            f"rootfs.tar links {_path(member.name)!r} to {target!r}, which is not a file in it", hint=HINT
        )
    return digests[target]


def _path(name: str) -> str:
    """Return the image's path for a member's name, which has no leading `/`; the root is `.`."""
    return "/" if name in (".", "./") else "/" + name.removesuffix("/")
