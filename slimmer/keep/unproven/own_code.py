"""The app's own code that nothing touched while it was watched: modules of languages, templates and executable files.

The app's own code lies below WORKDIR, and below the folders of the author in which a module was touched. Files of packages, of libraries
and of runtimes do not count. A suffix counts if a file of the app's own with it was touched: the scripts for browsers of an app in Python
are no modules. One module is one file with all that was compiled from it. It was touched if one of these files was opened or run.

Tests, files for building, documents, type stubs, caches and empty files do not count.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, islice, pairwise
from typing import Any

from slimmer.image.tree import Entry
from slimmer.keep.apps.static_roots import PAGE_SUFFIXES
from slimmer.keep.ecosystems import code_suffixes, dependency_folders, ecosystems, extension_folders, manifests
from slimmer.keep.first_lines import SCRIPT_LIMIT
from slimmer.keep.folders import APPS, OWN_PLACES, SHARED, SYSTEM
from slimmer.keep.image_view import ImageView, suffix_of
from slimmer.keep.installed import called
from slimmer.keep.keepset import LEADS_TO, KeepSet, Reason, walk_order
from slimmer.keep.language import Language, Origin, Resolver
from slimmer.keep.margin.exclusions import is_useful
from slimmer.keep.program_names import BUILD_TOOLS, TASK_RUNNERS, has_name_of
from slimmer.keep.word_tables import like, words
from slimmer.observe.log import PROBE, Operation
from slimmer.unexercised import CodeKind, UntouchedFile

WALKED = 200_000
"""The most files below the app's folders that are looked at."""

READ, READ_BYTES = 500, 32 << 20
"""The most executable files that are read to tell programs from data, and the most bytes of them."""

_TOUCHING = frozenset((Operation.OPEN, Operation.EXEC, Operation.CREATE, Operation.WRITE))
_NESTED = frozenset(("/opt", "/srv", "/home", "/data", "/root"))
"""Folders that hold an app in a folder of its own."""

_RUNTIME = frozenset(("lib", "lib64", "share", "opt"))
"""Folders right below which interpreters have their own."""

_BYTECODE = "__pycache__"

_FOR_DEVELOPERS = words(
    "spec specs e2e cypress __mocks__ __snapshots__ fixtures testdata test-data .storybook .github .gitlab .husky .vscode .idea ci .ci",
    "typings @types .venv venv virtualenv",
)
"""Folders of tests, of what tools of developers read, of types, and of environments of packages."""

_NO_APP = like(
    "test_*.* *_test.* *_tests.* *_spec.* *.test.* *.spec.* *-test.* conftest.py *Test.php *Test.class *Tests.class *.t",
    "setup.py noxfile.py fabfile.py dodo.py Gruntfile.* gulpfile.* *.config.js *.config.cjs *.config.mjs *.config.ts .*rc.js .*rc.cjs",
    "*.d.ts *.pyi *.map *.min.js activate_this.py *-[0-9]*.jar",
)
"""Names of tests, of files for building, of type stubs, and of archives as Maven names those of libraries."""

_BROWSER = re.compile(
    r"static(?:files)?|public|assets|htdocs|webroot|public_html|wwwroot|client|browser", re.IGNORECASE
)
_BROWSER_SUFFIXES = frozenset((".js", ".mjs"))
"""Below such folders, these are for browsers."""

_TEMPLATES = re.compile(r"(?:e?mail[_-]?)?_?(?:templates?|views?|partials?|layouts?|includes?)|e?mails", re.IGNORECASE)
_PAGES = frozenset((".html", ".htm", ".xhtml"))
"""Pages are templates only below a folder with such a name."""

_LIBRARY = re.compile(r"\.(?:so|node)(?:\.[\d.]+)?$")

_FIRST = (b"\x7fELF", b"#!")
"""The first bytes of programs and scripts: elf(5), execve(2)."""


def untouched_code(image: ImageView, kept: KeepSet) -> Iterator[UntouchedFile]:
    """Yield the files of the app's own code that nothing touched, in the order of a walk. Costs a round trip for executable files."""
    code = _OwnCode(image)
    found = dict(code.untouched())
    scripts = [path for path, kind in found.items() if kind is CodeKind.EXECUTABLE]
    programs = _programs(image, scripts)
    for path, kind in found.items():
        if kind is not CodeKind.EXECUTABLE or path in programs:
            reasons = kept.reasons.get(path, ())
            yield UntouchedFile(path, kind, path in kept, _rule(reasons))


def _rule(reasons: Iterable[Reason]) -> str:
    """Return the rule of the first reason that says more than that a path leads to another."""
    rules = [reason.rule for reason in reasons]
    return next((rule for rule in rules if rule != LEADS_TO), next(iter(rules), ""))


def _programs(image: ImageView, paths: Iterable[str]) -> frozenset[str]:
    """Return those of these executable files that are programs or scripts. Data may be executable, too: some tools copy all files so."""
    entries = [entry for path in paths if (entry := image.tree.get(path)) is not None]
    large = (entry.path for entry in entries if entry.size > SCRIPT_LIMIT)
    small = [entry for entry in entries if entry.size <= SCRIPT_LIMIT][:READ]
    sums = accumulate(entry.size for entry in small)
    chosen = [entry.path for entry, size in zip(small, sums, strict=True) if size <= READ_BYTES]
    read = image.read(chosen) if chosen else ()
    return frozenset((*large, *(path for path, content in read if content is not None and content.startswith(_FIRST))))


@dataclass(frozen=True, slots=True)
class _Module:
    """What the files of one module have in common: the folder, and the name without suffixes."""

    folder: str
    stem: str


def _module(path: str) -> _Module:
    """Return the module of a file: that of x.py for __pycache__/x.cpython-311.pyc, that of X.java for X$1.class."""
    folder, name = posixpath.split(path)
    if posixpath.basename(folder) == _BYTECODE:
        return _Module(posixpath.dirname(folder), name.partition(".")[0])
    return _Module(folder, posixpath.splitext(name)[0].partition("$")[0])


class _OwnCode:
    def __init__(self, image: ImageView) -> None:
        self._image, self._tree = image, image.tree
        self._touched = _touched(image)
        self._languages = _languages(self._touched)
        self._resolvers = _resolvers(image, self._languages, self._touched)
        own = self._unowned(path for path in self._touched if self._is_code(path) and self._has_run(path))
        self._modules = {_module(path) for path in own}
        self._suffixes = {suffix_of(path) for path in own} | self._of_compiled(own)
        self._roots = sorted(self._folders(own), key=walk_order)

    def untouched(self) -> Iterator[tuple[str, CodeKind]]:
        """Yield the app's own files that may be untouched code, in the order of a walk, with their kinds."""
        kinds: dict[str, CodeKind] = {}
        last = "\0"
        for root in self._roots:
            if not f"{root}/".startswith(last):
                kinds.update(self._below(root))
                last = f"{root}/"
        own = set(self._unowned(kinds))
        yield from ((path, kind) for path, kind in kinds.items() if path in own)

    def _below(self, root: str) -> Iterator[tuple[str, CodeKind]]:
        seen: set[_Module] = set()
        entries = (entry for entry in self._tree.below(root) if entry.is_file)
        for entry in islice(entries, WALKED):
            kind = self._kind(entry) if self._may_count(entry) else None
            if kind is CodeKind.MODULE:
                module = _module(entry.path)
                kind = None if module in seen or module in self._modules or self._has_source(entry.path) else kind
                seen.add(module)
            if kind is not None:
                yield entry.path, kind

    def _may_count(self, entry: Entry) -> bool:
        *folders, name = entry.path.split("/")
        if entry.path in self._touched or not entry.size or not _FOR_DEVELOPERS.isdisjoint(folders):
            return False
        if _NO_APP.match(name) or name in manifests() or _is_library(entry.path):
            return False
        stem, suffix = posixpath.splitext(entry.path)
        is_source = suffix in self._suffixes  # also one that is mostly compiled, as TypeScript is
        return is_useful(stem if is_source else entry.path, frozenset(), is_own=True)

    def _kind(self, entry: Entry) -> CodeKind | None:
        suffix = suffix_of(entry.path)
        if suffix in self._suffixes and self._is_code(entry.path):
            return CodeKind.MODULE
        folders = entry.path.split("/")[:-1]
        if suffix in PAGE_SUFFIXES and (suffix not in _PAGES or any(map(_TEMPLATES.fullmatch, folders))):
            return CodeKind.TEMPLATE
        return CodeKind.EXECUTABLE if entry.mode & 0o111 and _may_be_program(entry.path) else None

    def _is_code(self, path: str) -> bool:
        """Return True if a file is a module of the app, not of a library, judged by its name and place."""
        suffix = suffix_of(path)
        if suffix not in code_suffixes() or _is_library(path) or _is_for_browsers(path):
            return False
        resolver = self._resolvers.get(suffix)
        return resolver is None or called(self._languages[suffix].id, lambda: resolver.origin(path)) is Origin.APP

    def _has_run(self, path: str) -> bool:
        """Return True for a file that was touched as code. Any server hands scripts to browsers."""
        language = self._languages.get(suffix_of(path))
        if suffix_of(path) not in _BROWSER_SUFFIXES or language is None:
            return True
        return any(map(language.programs.fullmatch, self._touched[path]))

    def _has_source(self, path: str) -> bool:
        """Return True for a file compiled from a source that counts itself."""
        module = _module(path)
        names = (f"{module.folder}/{module.stem}{suffix}" for suffix in self._suffixes)
        return posixpath.basename(posixpath.dirname(path)) == _BYTECODE and any(name in self._tree for name in names)

    def _of_compiled(self, touched: Iterable[str]) -> set[str]:
        """Return the suffixes of the sources beside which something compiled from them was touched."""
        compiled = {suffix: one for one in ecosystems() for suffix in one.compiled_suffixes}
        found = ((_module(path), compiled[suffix_of(path)]) for path in touched if suffix_of(path) in compiled)
        return {
            suffix
            for module, one in found
            for suffix in one.suffixes
            if f"{module.folder}/{module.stem}{suffix}" in self._tree
        }

    def _folders(self, own: Iterable[str]) -> Iterator[str]:
        """Yield WORKDIR, and the author's folders around these files."""
        working = self._tree.resolve(self._image.absolute()).end or "/"
        if _is_authors(f"{working}/x") and (working not in SHARED or working in OWN_PLACES):
            yield working
        yield from {folder for path in own if _is_authors(path) and (folder := _top(path)) not in SHARED}

    def _unowned(self, paths: Iterable[str]) -> list[str]:
        owners = self._image.packages.owners(paths)
        return [path for path, packages in owners.items() if not packages]


def _touched(image: ImageView) -> Mapping[str, Collection[str]]:
    """Return the real paths of the files that the app opened or ran, each with the names of the programs that did."""
    asked: dict[str, set[str]] = {}
    for access in image.log.accesses:
        if access.found and access.operation in _TOUCHING and access.executable != PROBE:
            asked.setdefault(access.resolved or access.asked, set()).add(posixpath.basename(access.executable))
    found: dict[str, set[str]] = {}
    for path, programs in asked.items():
        entry = image.end(path)
        if entry is not None and entry.is_file:
            found.setdefault(entry.path, set()).update(programs)
    return found


def _languages(touched: Iterable[str]) -> Mapping[str, Language[Any]]:
    """Return the languages of these files, by suffix."""
    suffixes = set(map(suffix_of, touched))
    found = (one for one in ecosystems() if isinstance(one, Language))
    return {
        suffix: one
        for one in found
        if not suffixes.isdisjoint(one.suffixes | one.compiled_suffixes)
        for suffix in one.suffixes | one.compiled_suffixes
    }


def _resolvers(
    image: ImageView, languages: Mapping[str, Language[Any]], touched: Iterable[str]
) -> Mapping[str, Resolver[Any]]:
    """Return a resolver for each suffix. It only tells apps from libraries. Raises PluginFailed if one of another package fails."""
    files: dict[str, list[str]] = {}
    for path in touched:
        if language := languages.get(suffix_of(path)):
            files.setdefault(language.id, []).append(path)
    by_id = {one.id: one for one in languages.values()}
    made: dict[str, Resolver[Any]] = {}
    for name, one in by_id.items():
        if (make := one.resolver) is not None:
            made[name] = called(name, partial(make, image, frozenset(files.get(name, ()))))
    return {suffix: made[one.id] for suffix, one in languages.items() if one.id in made}


def _may_be_program(path: str) -> bool:
    name = posixpath.basename(path)
    return not (_LIBRARY.search(name) or has_name_of(name, BUILD_TOOLS | TASK_RUNNERS) or _is_for_browsers(path))


def _is_library(path: str) -> bool:
    """Return True for what lies in a folder of dependencies, or where an interpreter has its own library (/opt/conda/lib/python3.11)."""
    folders = path.split("/")[:-1]
    if not dependency_folders().isdisjoint(folders):
        return True
    return any(above in _RUNTIME and extension_folders().fullmatch(name) for above, name in pairwise(folders))


def _is_for_browsers(path: str) -> bool:
    folders = path.split("/")[:-1]
    return suffix_of(path) in _BROWSER_SUFFIXES and any(map(_BROWSER.fullmatch, folders))


def _is_authors(path: str) -> bool:
    return path not in SYSTEM or path in APPS


def _top(path: str) -> str:
    """Return the author's folder around a file: the first one below / or below a folder of many apps (/opt/shop, /usr/src/app)."""
    names = path.split("/")[:-1]
    places = ("/".join(names[:number]) for number in range(2, len(names) + 1))
    is_app = path in APPS
    own = (place for place in places if place not in _NESTED and (not is_app or place in APPS))
    return next(own, posixpath.dirname(path))
