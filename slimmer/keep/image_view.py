"""What a keep rule may look at: the pristine tree, the log, the configuration, and contents on demand."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator
from dataclasses import InitVar, dataclass, field

from slimmer.image.config import ImageConfig
from slimmer.image.database_reader import Stream
from slimmer.image.package_files import PackageFiles
from slimmer.image.tree import Tree
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.selection import Selection
from slimmer.observe.log import AccessLog
from slimmer.sandbox.sandbox import Sandbox

ReadContents = Callable[[Iterable[str]], Iterator[tuple[str, bytes | None]]]
"""Contents of listed regular files, in order; None for what cannot be read. Costs a round trip: ask for many at once."""


@dataclass(frozen=True, slots=True)
class ImageView:
    """The input of every rule. `home` is the home directory that the engine gave the app's user, "" if none.

    `selection` is what the user asked for by name; `packages` reads the databases of packages when it is first asked,
    unless somebody (`known`) has begun to. `sandbox` is where contents are made sense of. `stream` gives contents as `read`
    does, but piece by piece, for files of which not all is wanted.
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
    stream: Stream = field(init=False, repr=False, compare=False)
    packages: PackageFiles = field(init=False, repr=False, compare=False)

    def __post_init__(self, known: PackageFiles | None, streamed: Stream | None) -> None:
        object.__setattr__(self, "stream", streamed or self._whole)
        object.__setattr__(self, "packages", known or PackageFiles(self.tree, self.stream, self.sandbox))

    def _whole(self, paths: Iterable[str]) -> Iterator[tuple[str, Iterator[bytes] | None]]:
        """Each content as one piece."""
        return ((path, None if content is None else iter((content,))) for path, content in self.read(paths))


def reach(tree: Tree, path: str, reason: Reason) -> Iterator[Finding]:
    """`path` as the pristine tree knows it: its end, if there is one, and each link and directory that leads there."""
    resolution = tree.resolve(path)
    if resolution.end is not None:
        yield Finding(resolution.end, reason)
    yield from leading(resolution.way, path)


def leading(way: Iterable[str], path: str) -> Iterator[Finding]:
    """The links and directories on the way to `path`."""
    reason = Reason("leads-to", path)
    return (Finding(step, reason) for step in way)


def parent(path: str) -> str:
    """The directory of an absolute path; "/" is its own."""
    return posixpath.dirname(path) or "/"
