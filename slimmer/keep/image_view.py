"""An image as analyzers see it: the pristine tree, the log, the configuration, and contents on demand."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import InitVar, dataclass, field
from types import MappingProxyType

from slimmer.image.config import ImageConfig
from slimmer.image.database_reader import Stream
from slimmer.image.own_layers import OwnLayers
from slimmer.image.package_files import PackageFiles
from slimmer.image.tree import Entry, Tree
from slimmer.keep.cache import FactsCache
from slimmer.keep.first_lines import FirstLines
from slimmer.keep.keepset import LEADS_TO, Finding, Reason
from slimmer.keep.selection import Selection
from slimmer.observe.log import AccessLog
from slimmer.sandbox.sandbox import Sandbox
from slimmer.unproven import UnprovenItems

ReadContents = Callable[[Iterable[str]], Iterator[tuple[str, bytes | None]]]
"""Yields the contents of regular files, in the given order; None for a file that cannot be read.

Each call costs a round trip to the engine, so ask for many files at once.
"""


@dataclass(frozen=True, slots=True)
class ImageView:
    """The input of every analyzer. `home` is the home directory that the engine gave the app's user; "" if there is none.

    `env` maps the names of the image's environment variables (ENV) to their values. If a name occurs twice, the last value counts, as it
    does in a container, where runc sets the variables one after the other. `selection` is what the user asked for by name.

    `packages` reads the package databases on first use, or is `known` if that is given. Contents are parsed in `sandbox`. `cache` holds
    facts about sources from earlier runs. Analyzers note in `unproven` what the user should know that they could not decide. `stream`
    gives contents as `read` does, but in pieces, for callers that may not need the whole file. `first_lines` tells which program runs a
    script. `own_layers` are the layers that stay whole; None if there are none.
    """

    tree: Tree
    log: AccessLog
    config: ImageConfig
    read: ReadContents
    home: str = ""
    selection: Selection = field(default_factory=Selection)
    known: InitVar[PackageFiles | None] = None
    sandbox: Sandbox = field(default_factory=Sandbox, repr=False, compare=False)
    streamed: InitVar[Stream | None] = None
    cache: FactsCache = field(default_factory=FactsCache, repr=False, compare=False)
    unproven: UnprovenItems = field(default_factory=UnprovenItems, repr=False, compare=False)
    own_layers: OwnLayers | None = None
    stream: Stream = field(init=False, repr=False, compare=False)
    packages: PackageFiles = field(init=False, repr=False, compare=False)
    env: Mapping[str, str] = field(init=False, repr=False, compare=False)
    first_lines: FirstLines = field(init=False, repr=False, compare=False)

    def __post_init__(self, known: PackageFiles | None, streamed: Stream | None) -> None:
        object.__setattr__(self, "stream", streamed or self._whole)
        object.__setattr__(self, "packages", known or PackageFiles(self.tree, self.stream, self.sandbox))
        variables = dict(entry.partition("=")[::2] for entry in self.config.env)
        object.__setattr__(self, "env", MappingProxyType(variables))
        object.__setattr__(self, "first_lines", FirstLines(self.tree, self.log, self.config.search_path, self.read))

    def end(self, path: str) -> Entry | None:
        """Follow all links of a path, and return the entry at its end; None if there is none."""
        entry = self.tree.get(path)
        if entry is not None and not entry.is_link:
            return entry  # no link leads to a path of the tree
        end = self.tree.resolve(path).end
        return self.tree.get(end) if end is not None else None

    def absolute(self, path: str = "") -> str:
        """Return where a path leads that is relative to WORKDIR, links unresolved; WORKDIR itself without a path."""
        return posixpath.normpath(posixpath.join("/", self.config.working_dir, path))

    def is_executable(self, path: str) -> bool:
        """Return True if a path leads to a regular file with an x bit for owner, group or others."""
        entry = self.end(path)
        return entry is not None and entry.is_file and bool(entry.mode & 0o111)

    def which(self, name: str) -> str | None:
        """Return the path of a command as a shell finds it on the image's PATH, links unresolved; None if there is none.

        A name with a slash is a path. It is relative to WORKDIR unless it is absolute.
        """
        return next(self.which_all(name), None)

    def which_all(self, name: str) -> Iterator[str]:
        """Yield every file on PATH that a command's name stands for, in the order of PATH. `which` returns the first."""
        folders = (posixpath.join("/", self.config.working_dir),) if "/" in name else self.config.search_path
        paths = (posixpath.join(folder, name) for folder in folders)
        return (path for path in paths if self.is_executable(path)) if name else iter(())

    def _whole(self, paths: Iterable[str]) -> Iterator[tuple[str, Iterator[bytes] | None]]:
        """Stream each content as a single piece."""
        return ((path, None if content is None else iter((content,))) for path, content in self.read(paths))


def reach(tree: Tree, path: str, reason: Reason, *, follow: bool = False) -> Iterator[Finding]:
    """Yield findings for the path's end in the pristine tree, if there is one, and for each link and directory on the way there.

    The finding for the end carries `follow`; the others do not.
    """
    resolution = tree.resolve(path)
    if resolution.end is not None:
        yield Finding(resolution.end, reason, follow)
    yield from leading(resolution.way, path)


def leading(components: Iterable[str], path: str) -> Iterator[Finding]:
    """Yield findings for the links and directories on the way to `path`."""
    reason = Reason(LEADS_TO, path)
    return (Finding(component, reason) for component in components)


def parent(path: str) -> str:
    """Return the directory of an absolute path; "/" for "/" itself."""
    return posixpath.dirname(path) or "/"


def above(folder: str, most: int) -> Iterator[str]:
    """Yield an absolute folder and those above it, the nearest first, without the root: at most so many."""
    for _ in range(most):
        if folder in ("", "/"):
            return
        yield folder
        folder = posixpath.dirname(folder)


def suffix_of(path: str) -> str:
    """Return the suffix of a path in lower case, with the dot; "" if there is none."""
    return posixpath.splitext(path)[1].lower()
