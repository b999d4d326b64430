"""Keep the site of a start page: a browser that gets index.html asks for the scripts, styles and pictures that it names.

slimmer's requests do not load pages as a browser does. The configuration of a web server names its document roots
(slimmer.keep.apps.web_server). Any other program that serves a single-page app or its own management console just opens the file.
Then everything below the page's folder stays, up to SITE_FILES and SITE_BYTES. If the folder also holds an app's code for the
server, only the kinds of files that browsers load stay.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping

from slimmer.image.tree import Entry, Tree
from slimmer.keep.analyzer import BEYOND_OBSERVED, FunctionAnalyzer
from slimmer.keep.ecosystems import dependency_folders, manifests, source_suffixes
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView, suffix_of
from slimmer.keep.keepset import Finding, Reason
from slimmer.observe.log import Operation

RULE = "site"
SITE_FILES, SITE_BYTES = 5000, 20 << 20
"""The largest site that is kept whole. From a larger one, only what was observed stays."""

LOOKED_AT = 500_000
"""The most paths that are looked at for all sites together, because thousands of start pages may lie in each other's sites."""

START_PAGES = frozenset(("index.html", "index.htm"))
_KINDS = frozenset(
    (
        *(".html", ".htm", ".css", ".js", ".mjs", ".wasm", ".json", ".webmanifest", ".xml", ".txt"),
        *(".svg", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".ico", ".mp3", ".mp4", ".webm"),
        *(".woff", ".woff2", ".ttf", ".otf", ".eot"),
    )
)
_OTHER_APPS = frozenset(("go.mod", "Cargo.toml", ".go"))
"""Ends of names that show that a folder holds an app and not just a site, for languages that no analyzer follows."""


def sites(image: ImageView) -> Iterator[Finding] | None:
    """Yield a finding for each file of the sites whose start pages were opened. None if there are no such sites."""
    pages = _start_pages(image)
    return _files(image, pages) if pages else None


def _files(image: ImageView, pages: Mapping[str, str]) -> Iterator[Finding]:
    left = LOOKED_AT
    for page, executable in sorted(pages.items(), key=lambda item: posixpath.split(item[0])):
        reason = Reason(RULE, f"below {page}, which {executable or 'an unknown process'} opened", page)
        files, looked_at = _site(image.tree, posixpath.dirname(page), left)
        left -= looked_at
        yield from (Finding(entry.path, reason) for entry in files)


def _start_pages(image: ImageView) -> dict[str, str]:
    """Return the start pages that were opened, each with the program that opened it.

    A page in the image's root directory does not count.
    """
    pages: dict[str, str] = {}
    for access in image.log.accesses:
        if access.operation is Operation.OPEN and access.found and posixpath.basename(access.asked) in START_PAGES:
            entry = image.end(access.resolved or access.asked)
            if entry is not None and entry.path.count("/") > 1:
                pages.setdefault(entry.path, access.executable)
    return pages


def _site(tree: Tree, folder: str, most: int) -> tuple[list[Entry], int]:
    """Return the files of the site in a folder, and the number of paths looked at. If either is too large, there are no files."""
    of_apps = (*manifests(), *(source_suffixes() - _KINDS), *_OTHER_APPS)
    is_app = any(entry.path.endswith(of_apps) for entry in tree.children(folder))
    dependencies = dependency_folders() | {".git"}
    chosen: list[Entry] = []
    left, looked_at = SITE_BYTES, 0
    for looked_at, entry in enumerate(tree.below(folder), 1):
        if looked_at > most:
            return [], looked_at
        *folders, name = entry.path[len(folder) + 1 :].split("/")
        if not entry.is_file or (is_app and suffix_of(name) not in _KINDS):
            continue
        if dependencies.isdisjoint(folders):
            left -= entry.size
            chosen.append(entry)
        if left < 0 or len(chosen) > SITE_FILES:
            return [], looked_at
    return chosen, looked_at


ANALYZER = FunctionAnalyzer("site", BEYOND_OBSERVED, {RULE: Evidence.USED}, sites)
