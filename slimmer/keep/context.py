"""What a keep rule may look at: the pristine tree, the log, the configuration, and contents on demand."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from slimmer.image.config import ImageConfig
from slimmer.image.tree import Tree
from slimmer.keep.keepset import Finding, Reason
from slimmer.observe.log import AccessLog

ReadContents = Callable[[Iterable[str]], Iterator[tuple[str, bytes | None]]]
"""Contents of listed regular files, in order; None for what cannot be read. Costs a round trip: ask for many at once."""


class Policy(StrEnum):
    """How much more than the observed to keep."""

    OBSERVED = "observed"


@dataclass(frozen=True, slots=True)
class Context:
    """The input of every rule. `home` is the home directory that the engine gave the app's user, "" if none."""

    tree: Tree
    log: AccessLog
    config: ImageConfig
    read: ReadContents
    home: str = ""


Rule = Callable[[Context], Iterator[Finding]]
"""A rule looks at the context and names pristine paths with reasons; what leads to them is added by the keeper."""


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
