"""Document roots: whole, since every file in them is a page that somebody may ask for, within a bound.

A root that is larger stays as it was seen, and its own reason says so. Roots that are folders of the system (`/`, /usr,
/usr/share…) are never kept whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from slimmer.image.tree import Entry, Tree
from slimmer.keep.image_view import leading, reach
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.sources.limits import within_limits

ROOT_FILES = 5000
ROOT_BYTES = 20 << 20
"""How much of a document root is kept whole."""

_ROOTS = 64
_NO_PAGES = frozenset((".git", ".svn", ".hg"))
_SYSTEM = re.compile(
    r"/|/(?:bin|boot|dev|etc|home|lib[^/]{0,4}|media|mnt|opt|proc|root|run|sbin|srv|sys|tmp|usr|var)"
    r"|/usr/(?:local/)?(?:bin|include|lib[^/]{0,4}|libexec|sbin|share|share/doc|src)|/usr/local|/var/(?:lib|log|cache|run|tmp|spool)"
    r"|/(?:proc|sys|dev)/.*"
)


class Roots:
    """Keeps each document root of an image once."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._done: set[str] = set()

    def findings(self, path: str, reason: Reason) -> Iterator[Finding]:
        """A root by its path (links unresolved), with all that lies in it."""
        end = self._tree.resolve(path).end
        entry = self._tree.get(end) if end is not None else None
        if entry is None or entry.path in self._done or len(self._done) >= _ROOTS:
            return
        self._done.add(entry.path)
        if not entry.is_directory or _SYSTEM.fullmatch(entry.path):
            yield from reach(self._tree, path, reason)
            return
        pages = self._pages(entry.path)
        if pages is None:
            limits = f"{ROOT_FILES:,} files or {ROOT_BYTES >> 20} MB"
            reason = Reason(
                reason.rule, f"{reason.detail}; holds more than {limits}, so only what was seen stays", reason.cause
            )
        yield from reach(self._tree, path, reason)
        for page in pages or ():
            yield Finding(page.path, Reason(reason.rule, f"in {path}, {reason.detail}", reason.cause))
            if page.is_link:
                yield from self._linked(page, reason)

    def _pages(self, folder: str) -> list[Entry] | None:
        """What lies in a folder; None where it is too much."""
        inside = self._tree.below(folder)
        pages = (entry for entry in inside if _NO_PAGES.isdisjoint(entry.path[len(folder) :].split("/")))
        return within_limits(pages, ROOT_FILES, ROOT_BYTES)

    def _linked(self, link: Entry, reason: Reason) -> Iterator[Finding]:
        """The file that a link in a root leads to; a folder elsewhere only as far as it was seen."""
        resolution = self._tree.resolve(link.path)
        entry = self._tree.get(resolution.end or "")
        if entry is not None and entry.is_file and entry.size <= ROOT_BYTES:
            yield Finding(entry.path, Reason(reason.rule, f"what {link.path} is a link to", link.path))
            yield from leading(resolution.way, link.path)
