"""Follow the Perl sources that perl opened: what they use and require, and what they name.

An app's source (outside of perl's own folders) is read for everything that it names. A library's source is read for the modules that it
uses, and for those that it requires from its own namespace or from perl itself. With a module, its parts in `auto` stay
(AutoLoader(3perl), DynaLoader(3perl)), and so do its folders of resources.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.language import Lead, Origin, Resolver
from slimmer.keep.languages.perl.layout import is_app, standard_folder, standard_folders
from slimmer.keep.languages.perl.reader import Facts, ModuleRequest
from slimmer.keep.languages.perl.unicode import unicode_tables
from slimmer.keep.sources.load_path import LoadPath, searched
from slimmer.keep.sources.named_paths import HOLE, Base, NamedPaths, fitting, whole_folder

_SUFFIXES = frozenset((".pl", ".pm", ".cgi", ".psgi", ".fcgi", ".al", ".ph", ".t", ""))
_ALWAYS_LOADED = ("strict.pm", "warnings.pm", "utf8.pm", "constant.pm", "vars.pm")
"""Pragmas that show the folders of @INC. Their names are unique, while many subfolders have a Config.pm or Exporter.pm."""

_CORE = re.compile(r"/perl-base/|/core_perl/|/(?:perl|lib/perl5)/5\.[0-9.]{1,7}/")
_CODE = (".pl", ".pm", ".ph", ".al")
_PARTS = (".so", ".al", ".ix", ".ld", ".bs")
_FOLDERS = frozenset(("templates", "views", "public", "locale", "share", "root", "static"))
_RESOURCES = ("resources", "templates", "public", "share", "files")
_LEFT = ("B::", "Encode::CN", "Encode::JP", "Encode::KR", "Encode::TW", "Encode::EBCDIC", "Encode::Symbol")
"""Modules that are not kept because a library loads them lazily: tools that inspect perl's code, and large encodings, which the app names."""

_DEBUGGERS = frozenset(("re", "Devel/Peek"))
"""Modules whose compiled code is for debugging perl. For `re`, it is a second regular expression engine."""

_NAMESPACE = 8 << 20
"""The largest namespace that is kept for a computed name, in bytes. The one of all time zones has 6.5 MB."""

_SMALL = 24 << 10
"""The largest module of another library that is kept if a library's function requires it, in bytes."""

_BYTES = 16 << 20
"""The largest folder of a module's resources that is kept, in bytes. A locale library has 8 MB."""


def is_source(path: str) -> bool:
    """Return True if a file has the suffix of a Perl source, or none."""
    return posixpath.splitext(path)[1] in _SUFFIXES


class PerlResolver(Resolver[Facts]):
    """Perl in one image: follows the sources that it opened to everything that they can load and name."""

    def __init__(self, image: ImageView, opened: frozenset[str]) -> None:
        self._image, self._tree = image, image.tree
        self._named = NamedPaths(image)
        self._path = LoadPath(image.tree)
        self._done: set[str] = set()
        self._shared: dict[str, Sequence[str]] = {}
        self._look_around(opened)

    def _look_around(self, opened: frozenset[str]) -> None:
        """Find @INC: the folders that the user configured, those that perl searched, and those with the names of its own."""
        words = self._image.config.command
        roots = [
            *self._image.env.get("PERL5LIB", "").split(":"),
            *(word[2:] for word in words if word.startswith("-I")),
        ]
        roots += searched(self._image.log, _ALWAYS_LOADED)
        roots += sorted({folder for path in opened if (folder := standard_folder(path)) is not None})
        for root in (*roots, *standard_folders(self._tree)):
            if root:
                self._path.add(posixpath.join("/", self._image.config.working_dir, root))

    def accepts(self, path: str) -> bool:
        return is_source(path)

    def origin(self, path: str) -> Origin:
        return Origin.APP if is_app(path) else Origin.LIBRARY

    def leads(self, layer: Mapping[str, Facts]) -> Iterator[Lead | Finding]:
        for path, found in layer.items():
            for library in found.libraries:
                base = posixpath.dirname(path) if library.base is Base.FOLDER else self._image.config.working_dir or "/"
                if HOLE not in library.path:
                    self._path.add(posixpath.join(base, library.path))
        for path, found in layer.items():
            yield from self._parts(path)
            for request in found.requests:
                yield from self._requested(path, request)
            if is_app(path):
                yield from self._app(path, found)

    def _app(self, path: str, facts: Facts) -> Iterator[Lead | Finding]:
        """Yield what an app's source needs besides modules: folders, programs, encodings, Unicode's tables."""
        folder = posixpath.dirname(path)
        root = (
            posixpath.dirname(folder) if posixpath.basename(folder) in ("bin", "script", "lib", "cgi-bin") else folder
        )
        yield from self._named.usual_folders(path, _FOLDERS, root)
        yield from self._named.findings(path, facts.mentions, root)
        yield from self._named.programs(path, facts.commands)
        for name in sorted(facts.traits):
            reason = Reason("perl", f"a character encoding that {path} names", path)
            yield from self._module("_charnames" if name == "names" else name, reason)
            if name == "names":
                yield from self._compiled("", "re", reason)  # _charnames asks it for flags
        yield from unicode_tables(self._tree, self._path, path, facts.traits)

    def _requested(self, path: str, request: ModuleRequest) -> Iterator[Lead]:
        reason = Reason("perl", f"{'required' if request.lazy else 'used'} by {path}", path)
        if request.lazy and request.name.startswith(_LEFT) and not is_app(path):
            return
        if request.name.startswith("::"):
            yield from self._part(path, request.name[2:], reason)
            return
        if request.name.endswith("::"):
            yield from self._namespace(path, request.name[:-2], reason)
            return
        if request.is_file:
            yield from self._file(path, request.name, reason)
            return
        found = list(self._module(request.name, reason))
        if not found and "::" in request.name and is_app(path):
            yield from self._namespace(path, request.name, reason)
        for lead in found:
            if (
                is_app(path)
                or not request.lazy
                or self._is_related(path, request.name, lead.path)
                or (request.stated and self._is_small(lead.path))
            ):
                yield lead

    def _file(self, path: str, name: str, reason: Reason) -> Iterator[Lead]:
        """Yield a file of code that is loaded by its path: on the load path, or beside the source. With holes, yield all files that match."""
        folder, pattern = posixpath.split(name)
        if HOLE not in name:
            place = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
            found = (*self._path.find(name), place)
            yield from (Lead(each, reason, code=True) for each in found if each.endswith(_CODE) or is_app(path))
        elif folder and HOLE not in folder and pattern.endswith(_CODE):
            for root in self._path.roots:
                for finding in fitting(self._tree, posixpath.join(root, folder), pattern, reason):
                    yield Lead(finding.path, reason, code=True)

    def _part(self, path: str, name: str, reason: Reason) -> Iterator[Lead]:
        """Yield a part of the source's module, such as an implementation: "XS" in A/B.pm for A/B/XS.pm."""
        root = self._path.root_of(path)
        if root is not None and path.endswith(".pm"):
            module = path[len(root) + 1 :].removesuffix(".pm").replace("/", "::")
            yield from self._module(f"{module}::{name}", reason)

    def _namespace(self, path: str, name: str, reason: Reason) -> Iterator[Lead]:
        """Yield all modules of a namespace. A library gets only those that are related to it, without large encodings."""
        for root in self._path.roots:
            folder = posixpath.join(root, name.replace("::", "/"))
            end = self._tree.resolve(folder).end
            if end is None or not (is_app(path) or self._is_related(path, name, folder)):
                continue
            for finding in whole_folder(self._tree, end, reason, _NAMESPACE):
                module = f"{name}::{finding.path[len(end) + 1 :].replace('/', '::')}"
                if finding.path.endswith(".pm") and (is_app(path) or not module.startswith(_LEFT)):
                    yield Lead(finding.path, reason, code=True)

    def _module(self, name: str, reason: Reason) -> Iterator[Lead]:
        for place in self._path.find(name.replace("::", "/"), (".pm",)):
            yield Lead(place, reason, code=True)

    def _is_small(self, place: str) -> bool:
        """Return True if a module is so small that a library keeps it although it belongs to another one."""
        entry = self._image.end(place)
        return entry is not None and entry.size <= _SMALL

    def _is_related(self, path: str, name: str, place: str) -> bool:
        """Return True if a library may mean this module: it is in the same namespace, or one of perl's own."""
        root = self._path.root_of(path)
        own = path[len(root) + 1 :].partition("/")[0].removesuffix(".pm") if root is not None else ""
        return name.partition("::")[0] == own or _CORE.search(place) is not None

    def _parts(self, path: str) -> Iterator[Lead | Finding]:
        """Yield the parts of a module: its compiled code, functions that AutoLoader loads, resources below or beside it."""
        root = self._path.root_of(path)
        if root is None or not path.endswith(".pm"):
            return
        name = path[len(root) + 1 :].removesuffix(".pm")
        reason = Reason("perl", f"a part of {path}", path)
        yield from self._compiled(root, name, reason)
        for folder in self._path.roots:
            for shared in self._shared_folders(folder):
                yield from self._resources(f"{shared}/{name.replace('/', '-')}", reason)
        folders = [path.removesuffix(".pm"), *([posixpath.dirname(path)] if "/" in name else [])]
        for folder, kind in product(folders, _RESOURCES):
            yield from self._resources(f"{folder}/{kind}", reason)
        if name == "Encode":
            for needed in ("Encode::Byte", "Encode::Unicode", "Encode::MIME::Header", "Encode::Guess"):
                yield from self._module(needed, reason)

    def _compiled(self, root: str, name: str, reason: Reason) -> Iterator[Lead]:
        """Yield the files in the module's folder in `auto`: beside the module, or else the first on the load path.

        Those of debuggers are yielded only if no `root` is given, because then something is known to need them.
        """
        for folder in dict.fromkeys((*((root,) if root else ()), *self._path.roots)):
            parts = [
                entry.path for entry in self._tree.children(f"{folder}/auto/{name}") if entry.path.endswith(_PARTS)
            ]
            if parts and (name not in _DEBUGGERS or not root):
                yield from (Lead(part, reason) for part in parts)
                return

    def _shared_folders(self, root: str) -> Sequence[str]:
        """Return the folders of a load path's folder that hold resources of distributions and modules (File::ShareDir). Most have none."""
        if root not in self._shared:
            folders = (f"{root}/auto/share/{kind}" for kind in ("dist", "module"))
            self._shared[root] = [folder for folder in folders if self._tree.resolve(folder).end is not None]
        return self._shared[root]

    def _resources(self, folder: str, reason: Reason) -> Iterator[Finding]:
        end = self._tree.resolve(folder).end
        if end is not None and end not in self._done:
            self._done.add(end)
            yield from whole_folder(self._tree, end, reason, _BYTES)
