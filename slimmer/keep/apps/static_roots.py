"""Keep the static roots of servers: folders whose files a browser asks for, in packages as well as in the app.

A page that was answered links scripts and styles that no request of slimmer asked for. Three signs lead to the folder that they lie in:

- A page, a template or a source with pieces of a page links a file: the image has a file whose path ends like the link, in the same app or
  package, or in a package of which a file was opened. If the link begins in a folder with a telling name (public, static, dist …), what browsers
  load of it stays. Otherwise the linked file stays.
- The app opened a file other than code in such a folder.
- Code names such a folder (express.static("public")), which is larger than what stays of any folder that code names
  (slimmer.keep.sources.named_paths).
- A program that no interpreter runs has such a folder beside it or in its working directory: Go's http.Dir("static") is a text among others
  in its code.

A folder stays up to ROOT_FILES and ROOT_BYTES, without source maps; of a larger one, the linked files stay.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType

from slimmer.image.tree import Entry
from slimmer.keep.analyzer import BEYOND_OBSERVED, Kept
from slimmer.keep.apps.page_links import MARKS, PAGE_LIMIT, Links, read_links
from slimmer.keep.ecosystems import dependency_folders, source_suffixes
from slimmer.keep.evidence import Evidence, reaches
from slimmer.keep.folders import NO_STATIC_ROOT, SYSTEM
from slimmer.keep.image_view import ImageView, parent, suffix_of
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.sources import named_paths
from slimmer.keep.sources.batches import batches
from slimmer.keep.sources.limits import within_limits
from slimmer.keep.word_tables import words
from slimmer.observe.log import Operation
from slimmer.sandbox.sandbox import Job

RULE = "static-root"
ROOT_FILES, ROOT_BYTES = 5000, 64 << 20
"""The largest static root that stays, counting what browsers load."""

PAGES, PAGES_BYTES = 5000, 64 << 20
"""The most pages and sources that are read for links."""

_LOADED = 300_000
"""The most files that browsers may load in one image among which links are sought."""

_ROOTS, _LINKS, _SAME = 64, 20_000, 4
_BATCH_BYTES = 1 << 24
PAGE_SUFFIXES = words(
    ".html .htm .xhtml .mst .mustache .hbs .handlebars .ejs .njk .jinja .jinja2 .j2",
    ".tmpl .tpl .gohtml .erb .slim .twig .phtml .latte .blade .mako .jsp .liquid .eta",
)
_BROWSER_SUFFIXES = words(
    ".html .htm .css .js .mjs .wasm .json .webmanifest .xml .txt .gz .br",
    ".svg .png .jpg .jpeg .gif .webp .avif .ico .mp3 .mp4 .webm",
    ".woff .woff2 .ttf .otf .eot",
)
_CODE = frozenset((".js", ".mjs", ".cjs", ".ts", ".map"))
_VENDOR = "vendor"
"""Composer's folder of packages, and a usual name for other people's scripts among an app's own."""

_SURE = re.compile(r"_?static(?:files|_root)?|public|www|htdocs|webroot|public_html|wwwroot", re.IGNORECASE)
"""Names of folders that hold nothing but what browsers load."""

_TELLING = re.compile(
    rf"{_SURE.pattern}|(?:.{{1,200}}[-_])?dist|assets|build|browser|client|ui|web|swagger-ui", re.IGNORECASE | re.DOTALL
)
"""Names of folders that hold what browsers load if a page links a file in them."""


class StaticRootsAnalyzer:
    """The analyzer of static roots."""

    id = "static-root"
    policies = BEYOND_OBSERVED
    rules: Mapping[str, Evidence] = MappingProxyType({RULE: Evidence.SEEN})

    def start(self, image: ImageView) -> StaticRoots | None:
        """Start with the files that were opened. Return None if none of them may be a page, a part of one, or code."""
        opened = _opened(image)
        suffixes = PAGE_SUFFIXES | source_suffixes()
        may_serve = any(suffix_of(path) in suffixes or _sure_root(path) for path in opened)
        return StaticRoots(image, opened) if may_serve or next(_own_programs(image), None) else None


class StaticRoots:
    """The static roots of one image. `opened` maps the opened files to the programs that opened them."""

    def __init__(self, image: ImageView, opened: dict[str, str]) -> None:
        self._image, self._tree, self._opened = image, image.tree, opened
        self._used = {package for path in opened if (package := self._package(path))}
        self._working = image.absolute()
        self._done: set[str] = set()
        self._read: set[str] = set()
        self._bytes, self._left = PAGES_BYTES, _LINKS
        self._named: dict[str, list[str]] | None = None

    def seeds(self) -> Iterator[Finding]:
        """Yield the roots of which a file was opened."""
        for path, program in sorted(self._opened.items()):
            root = _sure_root(path)
            if root and suffix_of(path) not in source_suffixes() | _CODE:
                yield from self._root(root, Reason(RULE, f"{program} opened {path} in it", path))
        folders: dict[str, str] = {}
        for program in sorted(set(_own_programs(self._image))):
            for folder in (parent(program), self._working):
                folders.setdefault(folder, program)
        folders.pop("/", None)
        for folder, program in folders.items():
            reason = Reason(RULE, f"beside {program} or in its working directory", program)
            for entry in self._tree.children(folder):
                if entry.is_directory and _TELLING.fullmatch(posixpath.basename(entry.path)):
                    yield from self._root(entry.path, reason)

    def follow(self, added: Sequence[str], kept: Kept) -> Iterator[Finding]:
        """Yield what new pages and sources link, and the large folders that code names."""
        for path in added:
            entry = self._tree.get(path)
            if entry is None or not entry.is_directory or not self._is_root(path):
                continue
            reason = next((one for one in kept.reasons(path) if one.rule == named_paths.RULE), None)
            if reason is not None:
                yield from self._root(path, Reason(RULE, reason.detail, reason.cause))
        pages = [path for path in added if self._is_page(path, kept)]
        for page, links in self._links(pages):
            for link in links.paths:
                yield from self._linked(page, link)

    def _is_page(self, path: str, kept: Kept) -> bool:
        suffix = suffix_of(path)
        if suffix in PAGE_SUFFIXES:
            return reaches(kept.evidence(path), Evidence.SEEN)
        return path in self._opened and suffix in source_suffixes()

    def _links(self, pages: Iterable[str]) -> Iterator[tuple[str, Links]]:
        """Yield the links of pages that were not read yet. A source that holds no piece of a page is not parsed."""
        new = [path for path in pages if path not in self._read and self._has_room(path)]
        for batch in batches(self._tree, new, PAGE_LIMIT, _BATCH_BYTES):
            read = ((path, content) for path, content in self._image.read(batch) if content is not None)
            jobs = [Job(path, content) for path, content in read if any(mark in content for mark in MARKS)]
            answers = self._image.sandbox.facts(read_links, Links, jobs) if jobs else ()
            yield from ((job.path, links) for job, links in zip(jobs, answers, strict=True) if links is not None)

    def _has_room(self, path: str) -> bool:
        entry = self._tree.get(path)
        if entry is None or not entry.is_file or entry.size > PAGE_LIMIT or len(self._read) >= PAGES:
            return False
        self._bytes -= entry.size
        self._read.add(path)
        return self._bytes >= 0

    def _linked(self, page: str, link: str) -> Iterator[Finding]:
        """Yield the file that a link stands for, and the root that it lies in. The longest end of the link that fits counts."""
        names = link.split("/")[-8:]
        places = self._places(names[-1]) if self._left > 0 else []
        self._left -= 1 + len(places)
        for start in range(len(names)):
            end = "/" + "/".join(names[start:])
            fitting = [path for path in places if path.endswith(end) and self._belongs(path, page, len(names) - start)]
            if fitting:
                near = max(_shared(path, page) for path in fitting)
                nearest = [path for path in fitting if _shared(path, page) == near]
                if len(nearest) <= _SAME:
                    for path in nearest:
                        yield from self._file(path, path[: -len(end)], page)
                return

    def _file(self, path: str, start: str, page: str) -> Iterator[Finding]:
        reason = Reason(RULE, f"linked by {page}", page)
        yield Finding(path, reason)
        root = _root_of(path, start)
        if root:
            yield from self._root(root, Reason(RULE, f"holds {path}, linked by {page}", page))

    def _belongs(self, path: str, page: str, names: int) -> bool:
        """Return True if a page may mean a file: one of its own app or package, or one of a package that is in use."""
        mine, other = self._package(path), self._package(page)
        if mine and mine != other:
            return mine in self._used
        return _shared(path, page) >= (2 if names > 1 else 3) and parent(path) not in NO_STATIC_ROOT

    def _package(self, path: str) -> str:
        """Return the folder of the installed package that a path belongs to: the last one below a folder of dependencies; "" if there is none."""
        parts = path.split("/")[:64]
        for place in range(len(parts) - 2, 0, -1):
            if parts[place] in dependency_folders():
                folder = "/".join(parts[: place + 1])
                if parts[place] == _VENDOR and f"{folder}/autoload.php" not in self._tree:
                    continue  # a folder of other people's scripts for browsers
                names = 2 if parts[place + 1].startswith("@") or parts[place] == _VENDOR else 1
                return "/".join(parts[: place + 1 + names])
        return ""

    def _is_root(self, folder: str) -> bool:
        """Return True if a folder that code names holds what browsers load."""
        name = posixpath.basename(folder)
        return _SURE.fullmatch(name) is not None or (
            _TELLING.fullmatch(name) is not None and f"{folder}/index.html" in self._tree
        )

    def _root(self, root: str, reason: Reason) -> Iterator[Finding]:
        """Yield what browsers load of a root, unless that is too much."""
        if root in self._done or len(self._done) >= _ROOTS or root in NO_STATIC_ROOT:
            return
        self._done.add(root)
        inside = (entry for entry in self._tree.below(root) if _is_loaded(entry, root))
        for entry in within_limits(inside, ROOT_FILES, ROOT_BYTES) or ():
            yield Finding(entry.path, Reason(RULE, f"in {root}: {reason.detail}", reason.cause))

    def _places(self, name: str) -> list[str]:
        """Return all files of the image with this name that a browser may load."""
        if self._named is None:
            self._named = {}
            for path in islice(self._tree.files_named(_BROWSER_SUFFIXES), _LOADED):
                self._named.setdefault(posixpath.basename(path), []).append(path)
        return self._named.get(name, [])


def _opened(image: ImageView) -> dict[str, str]:
    found: dict[str, str] = {}
    for access in image.log.accesses:
        if access.operation is Operation.OPEN and access.found:
            end = image.tree.resolve(access.resolved or access.asked).end
            if end is not None:
                found.setdefault(end, access.by)
    return found


def _own_programs(image: ImageView) -> Iterator[str]:
    """Yield the programs of the app itself: those that ran from outside of the system's folders."""
    programs = dict.fromkeys(access.executable for access in image.log.accesses)
    own = (one for one in programs if one.startswith("/") and one not in SYSTEM)
    return (one for one in own if (entry := image.tree.get(one)) is not None and entry.is_file)


def _sure_root(path: str) -> str:
    """Return the outermost folder above a path that is a static root by its name; "" if there is none."""
    parts = path.split("/")[:64]
    for place in range(2, len(parts) - 1):
        if _SURE.fullmatch(parts[place]):
            return "/".join(parts[: place + 1])
    return ""


def _root_of(path: str, start: str) -> str:
    """Return the static root of a linked file: where the link begins, or the first folder below that has a telling name; "" if none has."""
    if _TELLING.fullmatch(posixpath.basename(start)):
        return start
    place = start
    for name in path[len(start) + 1 :].split("/")[:-1]:
        place = f"{place}/{name}"
        if _TELLING.fullmatch(name):
            return place
    return ""


def _is_loaded(entry: Entry, root: str) -> bool:
    folders = entry.path[len(root) + 1 :].split("/")[:-1]
    packages = dependency_folders() - {_VENDOR}
    return entry.is_file and suffix_of(entry.path) in _BROWSER_SUFFIXES and packages.isdisjoint(folders)


def _shared(path: str, other: str) -> int:
    """Return how many folders two paths have in common."""
    count = 0
    for one, two in zip(path.split("/")[1:-1], other.split("/")[1:-1], strict=False):
        if one != two:
            break
        count += 1
    return count


ANALYZER = StaticRootsAnalyzer()
