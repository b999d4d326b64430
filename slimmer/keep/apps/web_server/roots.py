"""Document roots. Each one stays whole, up to a bound, because a client may request any file in it.

From a larger root, only what was observed stays, and the root's own reason says so. A root that is one of the system's folders (`/`, /usr,
/usr/share…) is never kept whole.
"""

from __future__ import annotations

from collections.abc import Iterator

from slimmer.image.tree import Entry
from slimmer.keep.folders import NO_DOCUMENT_ROOT
from slimmer.keep.image_view import ImageView, reach
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.sources.limits import within_limits
from slimmer.unproven import Kind, option

ROOT_FILES = 5000
ROOT_BYTES = 20 << 20
"""The largest document root that is kept whole."""

_ROOTS = 64
_NO_PAGES = frozenset((".git", ".svn", ".hg"))


class Roots:
    """Keeps each document root of an image once."""

    def __init__(self, image: ImageView) -> None:
        self._image, self._tree = image, image.tree
        self._done: set[str] = set()

    def findings(self, path: str, reason: Reason) -> Iterator[Finding]:
        """Yield findings for a root and everything in it. `path` is the root, links unresolved."""
        entry = self._image.end(path)
        if entry is None or entry.path in self._done or len(self._done) >= _ROOTS:
            return
        self._done.add(entry.path)
        if not entry.is_directory or entry.path in NO_DOCUMENT_ROOT:
            yield from reach(self._tree, path, reason)
            return
        pages = self._pages(entry.path)
        if pages is None:
            limits = f"{ROOT_FILES:,} files or {ROOT_BYTES >> 20} MB"
            self._image.unproven.note(
                Kind.LIMIT,
                entry.path,
                f"a document root of more than {limits}: only what was seen in use is kept",
                option("--include", entry.path),
            )
            reason = Reason(
                reason.rule, f"{reason.detail}; holds more than {limits}, so only what was seen stays", reason.cause
            )
        yield from reach(self._tree, path, reason)
        for page in pages or ():
            yield Finding(page.path, Reason(reason.rule, f"in {path}, {reason.detail}", reason.cause))
            if page.is_link:
                yield from self._linked(page, reason)

    def _pages(self, folder: str) -> list[Entry] | None:
        """Return the contents of a folder; None if they exceed the bounds."""
        inside = self._tree.below(folder)
        pages = (entry for entry in inside if _NO_PAGES.isdisjoint(entry.path[len(folder) :].split("/")))
        return within_limits(pages, ROOT_FILES, ROOT_BYTES)

    def _linked(self, link: Entry, reason: Reason) -> Iterator[Finding]:
        """Yield the file that a link in a root leads to. If it leads to a folder, only what was observed there stays."""
        entry = self._image.end(link.path)
        if entry is not None and entry.is_file and entry.size <= ROOT_BYTES:
            yield from reach(self._tree, link.path, Reason(reason.rule, f"what {link.path} is a link to", link.path))
