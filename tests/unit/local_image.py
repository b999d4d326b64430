"""A folder on disk as an image: its tree, and its contents on demand, for tests of keep rules."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from slimmer.image.config import ImageConfig
from slimmer.image.tree import Tree
from slimmer.keep import registry
from slimmer.keep.analyzer import Analyzer, Follow, Follower
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, KeepSetBuilder, Reason
from slimmer.observe.log import Access, AccessLog, Operation

OBSERVED = Reason("observed", "opened by a test")


class LocalImage:
    """A folder that stands for an image. `reads` lists every path whose content was asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.reads: list[str] = []

    def add(self, path: str, content: str | bytes = "", *, mode: int = 0o644) -> None:
        """Put a file into it, with the folders above."""
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        target.chmod(mode)

    def link(self, path: str, target: str) -> None:
        """Put a symbolic link into it."""
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)

    def tree(self) -> Tree:
        """Every path of it."""
        records = [_record(self.root, "/")]
        for folder, folders, files in os.walk(self.root):
            records += [_record(Path(folder) / name, self._path(Path(folder) / name)) for name in folders + files]
        return Tree(b"".join(records))

    def context(self, *accesses: Access, config: ImageConfig | None = None) -> ImageView:
        """What a rule gets, after a run with these accesses."""
        log = AccessLog("sha256:1", accesses)
        config = config or ImageConfig("sha256:1", "amd64", "linux")
        return ImageView(self.tree(), log, config, self._read, streamed=self.stream)

    def stream(self, paths: Iterable[str]) -> Iterator[tuple[str, Iterator[bytes] | None]]:
        """Contents in pieces, whose borders mean nothing."""
        for path, content in self._read(paths):
            yield path, None if content is None else _pieces(content)

    def _path(self, place: Path) -> str:
        return "/" + str(place.relative_to(self.root))

    def _read(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
        for path in paths:
            self.reads.append(path)
            place = self.root / path.lstrip("/")
            yield path, place.read_bytes() if place.is_file() and not place.is_symlink() else None


def opened(path: str, *, by: str = "/app", operation: str = "open") -> Access:
    """An access that found what it asked for."""
    return Access(Operation(operation), path, path, True, 1, by)


def followed(context: ImageView, follower: Follower, *start: str) -> KeepSetBuilder:
    """What one follower keeps, starting from these paths as observed; it is asked until nothing is new."""
    growing = KeepSetBuilder(context.tree, evidence=registry.evidence())
    growing.add(Finding(path, OBSERVED) for path in start)
    follow: Follow = follower(context)
    while fresh := growing.fresh():
        growing.add(follow(fresh, growing))
    return growing


def follower(analyzer: Analyzer) -> Follower:
    """An analyzer as a follower: what it finds from paths that were just kept."""

    def begun(image: ImageView) -> Follow:
        analysis = analyzer.start(image)
        return analysis.follow if analysis is not None else lambda added, kept: ()

    return begun


def _record(place: Path, path: str) -> bytes:
    status = place.lstat()
    target = str(place.readlink()) if stat.S_ISLNK(status.st_mode) else ""
    head = f"{status.st_mode:o} 0 0 {status.st_size} 1000 0 {status.st_nlink} {status.st_ino} 1000 0 0"
    return b"\0".join((head.encode(), os.fsencode(path), os.fsencode(target), b"")) + b"\0"


def _pieces(content: bytes) -> Iterator[bytes]:
    size = 1 + len(content) // 7
    return (content[start : start + size] for start in range(0, len(content), size))
