"""A trial: a set of kept paths that grows from another one, and remembers what led to what, so that parts of it can be taken over.

Analyses remember what they have followed, so all candidates of a batch are followed together, once. Each path that comes in is attributed
by the causes in its reasons: it belongs to every candidate from which causes lead to it. What only paths of the base lead to, because of
the candidates as a whole, belongs to none, and so does bytecode beside a source: Python works without it.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from slimmer.image.tree import Tree
from slimmer.keep.keepset import LEADS_TO, Finding, KeepSetBuilder, Reason

LEADS = 1_000_000
"""The most leads that are remembered."""


_BYTECODE = re.compile(r"/__pycache__(?:/[^/]+\.pyc)?$")


class Trial(KeepSetBuilder):
    """A KeepSetBuilder that begins with what another one keeps. The other one, `base`, does not change."""

    def __init__(self, base: KeepSetBuilder, tree: Tree, leads: int = LEADS) -> None:
        self.take_over(base)
        self._base, self._image, self._room = base, tree, leads
        self._starts: set[str] = set()
        self._leads: dict[str, dict[str, None]] = defaultdict(dict)
        self._found: dict[str, dict[Reason, str]] = defaultdict(dict)
        self._ends: dict[str, str] = {}

    @property
    def is_full(self) -> bool:
        """True once there are more leads than are remembered. Then it is not known what a path leads to."""
        return self._room < 0

    def start(self, findings: Iterable[Finding]) -> None:
        """Add candidates. One that the base keeps as filler, which nothing follows, is handed out again."""
        for finding in findings:
            self._starts.add(finding.path)
            if finding.path in self._base:
                self._added.append(finding.path)
            else:
                self._found[finding.path][finding.reason] = ""
            super().add((finding,))

    def add(self, findings: Iterable[Finding]) -> None:
        """Keep the paths of these findings, and remember what led to them."""
        for path, reason, _ in findings:
            if path not in self._base:
                self._note(path, reason)
            self._add(path, reason)

    def leads(self, path: str) -> Iterable[str]:
        """Return the new paths that a path led to."""
        return (found for found in self._leads.get(path, ()) if found in self and not _BYTECODE.search(found))

    def findings(self, chosen: Collection[str]) -> Iterator[Finding]:
        """Yield the chosen new paths in the order in which they were found, with those of their reasons whose causes stay."""
        for path, reasons in self._found.items():
            if path in chosen:
                kept = (
                    one for one, origin in reasons.items() if not origin or origin in chosen or origin in self._base
                )
                yield from (Finding(path, reason) for reason in kept)

    def _note(self, path: str, reason: Reason) -> None:
        known = self._found[path]
        if reason in known or self._room < 0:
            return
        self._room -= 1
        origin = known[reason] = self._origin(path, reason)
        if origin in self._starts or origin in self._found:
            self._leads[origin][path] = None

    def _origin(self, path: str, reason: Reason) -> str:
        """Return the real path that a reason refers to. A directory that must not be empty is the reason for what fills it."""
        origin = reason.origin or posixpath.dirname(path)
        if origin in self._found or origin in self._starts or reason.rule != LEADS_TO:
            return origin
        if origin not in self._ends:
            self._ends[origin] = self._image.resolve(origin).end or origin
        return self._ends[origin]
