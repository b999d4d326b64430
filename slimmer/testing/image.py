"""A folder on disk as an image: its tree, its contents, and the accesses that its app made."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from slimmer.image.config import ImageConfig
from slimmer.image.tree import Tree
from slimmer.keep.cache import FactsCache, NoCache
from slimmer.keep.image_view import ImageView
from slimmer.keep.selection import Selection
from slimmer.observe.log import Access, AccessLog, Operation

IMAGE_ID = "sha256:1"
CONFIG = ImageConfig(IMAGE_ID, "amd64", "linux")
"""The configuration of an image that sets nothing."""

_PIECES = 7


class LocalImage:
    """A folder that stands for an image. All paths are paths in the image: absolute, with the image's own links.

    Everything belongs to root unless `give` says otherwise, and has the same time. `reads` lists the paths whose contents were read, in order.
    """

    def __init__(self, root: Path) -> None:
        """`root` may already exist and hold files."""
        self.root = root
        self.reads: list[str] = []
        self._owners: dict[str, int] = {}

    def add(self, path: str, content: str | bytes = "", *, mode: int = 0o644) -> None:
        """Add a regular file and the folders above it. A text is written in UTF-8."""
        place = self._place(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
        place.chmod(mode)

    def link(self, path: str, target: str) -> None:
        """Add a symbolic link and the folders above it. An absolute target is a path in the image."""
        place = self._place(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)

    def give(self, path: str, user: int) -> None:
        """Make a path belong to the user with this ID. What is below it keeps its owner."""
        self._owners[path] = user

    def tree(self) -> Tree:
        """Return the tree of all paths, as they are now."""
        records = [self._record(self.root, "/")]
        for folder, folders, names in os.walk(self.root):
            places = [Path(folder) / name for name in folders + names]
            records += [self._record(place, f"/{place.relative_to(self.root)}") for place in places]
        return Tree(b"".join(records))

    def view(
        self,
        *accesses: Access,
        config: ImageConfig | None = None,
        selection: Selection | None = None,
        home: str = "",
        cache: FactsCache | None = None,
    ) -> ImageView:
        """Return the view that an analyzer gets after a run with these accesses. `config` defaults to CONFIG.

        `home` is the home directory of the app's user in the container. Without a `cache`, each view reads all sources again.
        """
        config = config or CONFIG
        return ImageView(
            self.tree(),
            AccessLog(config.image_id, accesses),
            config,
            self.read,
            home,
            selection or Selection(),
            streamed=self.stream,
            cache=cache or NoCache(),
        )

    def read(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
        """Yield the content of each path; None if it is not a regular file."""
        for path in paths:
            self.reads.append(path)
            place = self._place(path)
            yield path, place.read_bytes() if place.is_file() and not place.is_symlink() else None

    def stream(self, paths: Iterable[str]) -> Iterator[tuple[str, Iterator[bytes] | None]]:
        """Yield the content of each path in pieces of arbitrary size; None if it is not a regular file."""
        for path, content in self.read(paths):
            yield path, None if content is None else _pieces(content)

    def _place(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def _record(self, place: Path, path: str) -> bytes:
        """Return an entry of an index, as the probe writes it (slimmer.image.path_index)."""
        status = place.lstat()
        target = str(place.readlink()) if stat.S_ISLNK(status.st_mode) else ""
        numbers = (self._owners.get(path, 0), 0, status.st_size, 1000, 0, status.st_nlink, status.st_ino, 1000, 0, 0)
        head = f"{status.st_mode:o} {' '.join(map(str, numbers))}"
        return b"\0".join((head.encode(), os.fsencode(path), os.fsencode(target), b"")) + b"\0"


def opened(path: str, *, by: str = "/app", operation: str = "open") -> Access:
    """Return an access that found its path. `by` is the program, and `operation` a value of slimmer.observe.log.Operation."""
    return Access(Operation(operation), path, path, True, 1, by)


def _pieces(content: bytes) -> Iterator[bytes]:
    size = 1 + len(content) // _PIECES
    return (content[start : start + size] for start in range(0, len(content), size))
