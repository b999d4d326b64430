"""The KeepSet: which paths of an image stay, and why each of them does."""

from __future__ import annotations

import posixpath
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from slimmer.image.tree import Tree

REASONS = 8
"""How many reasons a path keeps; the first ones tell most."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a path stays. `rule` names the rule; `detail` tells a person, e.g. by whom the path was opened.

    `cause` is the kept path that leads here (the importer, the library's user), "" when there is none: from cause to
    cause, every path can be traced back to something that was observed.
    """

    rule: str
    detail: str = ""
    cause: str = ""

    def __str__(self) -> str:
        return f"{self.rule}: {self.detail}" if self.detail else self.rule


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule's answer: keep this pristine path (a real path of the tree, or a link in it), for this reason."""

    path: str
    reason: Reason


@dataclass(frozen=True)
class KeepSet:
    """Kept paths with their reasons; iteration is in the order of a walk ("/" sorts before every other byte)."""

    reasons: Mapping[str, tuple[Reason, ...]]

    def __contains__(self, path: object) -> bool:
        return path in self.reasons

    def __len__(self) -> int:
        return len(self.reasons)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self.reasons, key=walk_order))


def walk_order(path: str) -> str:
    """A key that sorts a directory directly before all that lies below it, as Tree does."""
    return path.replace("/", "\0")


class Growing:
    """A KeepSet in the making. It takes findings, adds what leads to them, and hands out what is new since last asked.

    A path keeps its first REASONS different reasons, in order of discovery. What no image layer can hold (sockets) and
    what is not in the tree is left out.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._reasons: dict[str, tuple[Reason, ...]] = {}
        self._filled: set[str] = set()
        self._fresh: list[str] = []

    def __contains__(self, path: object) -> bool:
        return path in self._reasons

    def reasons(self, path: str) -> tuple[Reason, ...]:
        """Why a path is kept so far; () when it is not."""
        return self._reasons.get(path, ())

    def add(self, findings: Iterable[Finding]) -> None:
        """Keep what the findings name, and the directories above it."""
        for finding in findings:
            self._add(finding.path, finding.reason)

    def fresh(self) -> list[str]:
        """Paths that were added since this was last asked."""
        fresh, self._fresh = self._fresh, []
        return fresh

    def hollow(self) -> list[str]:
        """Kept directories of which nothing is kept, sorted."""
        candidates = (path for path in self._reasons if path not in self._filled)
        return sorted(path for path in candidates if (entry := self._tree.get(path)) is not None and entry.is_directory)

    def finished(self) -> KeepSet:
        """What came of it."""
        return KeepSet(self._reasons)

    def _add(self, path: str, reason: Reason) -> None:
        known = self._reasons.get(path)
        if known is not None:
            if len(known) < REASONS and reason not in known:
                self._reasons[path] = (*known, reason)
            return
        entry = self._tree.get(path)
        if entry is None or stat.S_ISSOCK(entry.mode):
            return
        self._keep(path, reason)
        while path != "/":  # a loop, since an image may nest thousands of directories
            above = posixpath.dirname(path)
            self._filled.add(above)
            if above in self._reasons:
                return
            self._keep(above, Reason("leads-to", path))
            path = above

    def _keep(self, path: str, reason: Reason) -> None:
        self._reasons[path] = (reason,)
        self._fresh.append(path)
