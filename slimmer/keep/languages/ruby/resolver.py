"""Follow the Ruby sources that Ruby opened: what they require and autoload, at once or later, and the paths that they name.

An app's source (outside of the language's folders and gems) is read for everything that it names. A library's source is read for what it
loads. If it loads a file only in a function or a `begin`, the file must belong to the library, to the language, or to a gem that is in use or
locked for the app; without a lock file, to a gem that one in use needs.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping

from slimmer.keep.image_view import ImageView, above
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.language import Lead, Origin, Resolver
from slimmer.keep.languages.ruby.layout import (
    Gem,
    gem_of,
    gem_roots,
    gems_in,
    is_standard,
    locked_gems,
    needed_gems,
    specifications,
)
from slimmer.keep.languages.ruby.reader import Facts, ModuleRequest
from slimmer.keep.sources.limits import within_limits
from slimmer.keep.sources.load_path import LoadPath, searched
from slimmer.keep.sources.named_paths import HOLE, NamedPaths, fitting, whole_folder

_LEVELS = 60
_SUFFIXES = ("", ".rb", ".so")
_SOURCES = frozenset((".rb", ".ru", ".rake", ".so", ""))
_ALWAYS_LOADED = ("rubygems.rb", "monitor.rb", "set.rb", "json.rb", "enc/encdb.so")
_FOLDERS = frozenset(("views", "public", "templates", "locales", "assets", "app", "config"))
"""Folders beside an app's source where Sinatra, Rails, Hanami and Zeitwerk look by convention."""

_MANAGERS = re.compile(r"/(?:rubygems|bundler)(?:\.rb$|/(?!gems/))")
"""Sources of package managers. When they install a package, they load nearly all of themselves and much more."""

_ENCODING_LIMIT = 40_000
"""The largest character encoding that is always kept, in bytes. All single-byte encodings are smaller, those of East Asia larger."""

_FOLDER_FILES, _FOLDER_BYTES = 200, 1 << 19
"""The most sources of a folder that a library names in a text, and their bytes."""


class RubyResolver(Resolver[Facts]):
    """Ruby in one image: follows the sources that it opened to everything that they can load and name."""

    def __init__(self, image: ImageView, opened: frozenset[str]) -> None:
        self._image, self._tree = image, image.tree
        self._working = image.absolute()
        self._named = NamedPaths(image)
        self._in_use: dict[str, Gem] = {}
        self._path = LoadPath(image.tree)
        self._specified: dict[str, list[str]] = {}
        self._done: set[str] = set()
        self._look_around(opened)
        self._locked = frozenset(locked_gems(image)) or frozenset(needed_gems(image, list(self._in_use.values())))

    def _look_around(self, opened: frozenset[str]) -> None:
        """Find the load path: folders that were searched, then the language's own folders, then gems, those in use first.

        Folders in gems come from the gems alone: a search for active_support/json.rb does not add active_support to the path.
        """
        variables = self._image.env
        seen = (root for root in searched(self._image.log, _ALWAYS_LOADED) if gem_of(f"{root}/") is None)
        roots = [*variables.get("RUBYLIB", "").split(":"), *seen]
        folders = {posixpath.dirname(path) for path in opened}
        roots += sorted(one for folder in folders for one in above(folder, _LEVELS) if is_standard(one))
        for root in roots:
            if root.startswith("/"):
                self._path.add(root)
        for path in sorted(opened):
            if (gem := gem_of(path)) is not None:
                self._use(gem)
        homes = {gem.home for gem in self._in_use.values()}
        homes |= {f"{root}" for name in ("GEM_HOME", "GEM_PATH") for root in variables.get(name, "").split(":") if root}
        homes |= {posixpath.dirname(place) for place in searched(self._image.log, ("specifications",))}
        homes |= set(searched(self._image.log, ("specifications",)))
        for home in sorted(homes):
            self._note_home(home)

    def _note_home(self, home: str) -> None:
        for gem in gems_in(self._tree, f"{home}/gems"):
            for root in gem_roots(self._tree, gem):
                self._path.add(root)
        for folder in (f"{home}/specifications", f"{home}/specifications/default"):
            for entry in self._tree.children(folder):
                name, found, _ = posixpath.basename(entry.path).rpartition("-")
                if found and entry.path.endswith(".gemspec"):
                    self._specified.setdefault(name, []).append(entry.path)

    def _use(self, gem: Gem) -> bool:
        if gem.folder in self._in_use:
            return False
        self._in_use[gem.folder] = gem
        for root in gem_roots(self._tree, gem):
            self._path.add(root)
        return True

    def accepts(self, path: str) -> bool:
        suffix = posixpath.splitext(path)[1]
        return suffix in _SOURCES and (suffix != ".so" or self._path.root_of(path) is not None)

    def origin(self, path: str) -> Origin:
        return Origin.APP if self._is_app(path) else Origin.LIBRARY

    def leads(self, layer: Mapping[str, Facts]) -> Iterator[Lead | Finding]:
        for path, found in layer.items():
            yield from self._installed(path)
            is_app = self._is_app(path)
            root = self._path.root_of(path) or posixpath.dirname(path)
            if is_app:
                yield from self._app(path, found, root)
            for finding in self._named.findings(path, found.mentions, root):
                is_code = is_app or finding.path.endswith(".rb")
                yield Lead(finding.path, finding.reason, code=True) if is_code else finding
            yield from self._autoloaded(path, found)
            for request in found.requests:
                yield from self._requested(path, request, is_app)

    def _autoloaded(self, path: str, facts: Facts) -> Iterator[Lead]:
        """Yield what Zeitwerk loads for a gem: everything in the folder that has the name of the gem's source."""
        if facts.autoloads and path.endswith(".rb"):
            for finding in whole_folder(
                self._tree, path.removesuffix(".rb"), Reason("ruby", f"autoloaded by {path}", path)
            ):
                yield Lead(finding.path, finding.reason, code=True)

    def _is_app(self, path: str) -> bool:
        return gem_of(path) is None and not any(is_standard(one) for one in above(posixpath.dirname(path), _LEVELS))

    def _app(self, path: str, facts: Facts, root: str) -> Iterator[Lead | Finding]:
        """Yield what an app's source needs besides modules: folders, programs, encodings. Adds its folders to the load path."""
        for mention in facts.mentions:
            place = posixpath.normpath(posixpath.join(posixpath.dirname(path), mention.path))
            if posixpath.basename(place) in ("lib", "app") and HOLE not in place:
                self._path.add(place)
        yield from self._named.usual_folders(path, _FOLDERS, root)
        yield from self._named.programs(path, facts.commands)
        yield from self._encodings(path, every=facts.encodings)

    def _installed(self, path: str) -> Iterator[Lead]:
        """Yield the specification of the gem that a source belongs to. Without it, RubyGems does not find the gem."""
        gem, root = gem_of(path), self._path.root_of(path)
        if gem is not None:
            name, places = gem.full, list(specifications(self._tree, gem))
            self._use(gem)
        else:
            name = _first_part(path[len(root) + 1 :]) if root is not None else ""
            places = self._specified.get(name, []) + self._specified.get(name.replace("_", "-"), [])
        if name not in self._done:
            self._done.add(name)
            for place in places:
                yield Lead(place, Reason("ruby", f"says that the gem of {path} is installed", path))

    def _requested(self, path: str, request: ModuleRequest, is_app: bool) -> Iterator[Lead]:
        is_manager = _MANAGERS.search(path) is not None
        reason = Reason("ruby", f"{_VERBS[request.how]} by {path}{request.place}", path)
        for place in self._places(path, request):
            if is_app or not request.lazy or (not is_manager and self._is_related(path, request, place)):
                yield Lead(place, reason, code=True)

    def _places(self, path: str, request: ModuleRequest) -> Iterator[str]:
        folder, name = posixpath.dirname(path), request.name
        if request.how == "constant":
            yield from self._constant(path, name)
            return
        if request.how == "own":
            yield from self._own(path, name)
            return
        if request.how == "folder":
            yield from self._folder(path, name)
            return
        place = posixpath.normpath(f"{folder}/{name}" if request.relative else posixpath.join(folder, name))
        if HOLE in name:
            if request.relative:
                yield from self._computed(place)
            elif "/" in name.partition(HOLE)[0]:
                root = self._path.root_of(path)
                for base in self._path.roots if self._is_app(path) else filter(None, (root,)):
                    yield from self._computed(f"{base}/{name}")
            return
        if request.relative or name.startswith(("./", "../", "/")):
            yield from [place + suffix for suffix in _SUFFIXES if self._tree.is_file(place + suffix)][:1]
            return
        stem = name.removesuffix(".so").removesuffix(".rb") if name.endswith((".so", ".rb")) else name
        found = list(self._path.find(stem, (name[len(stem) :],) if stem != name else (".rb", ".so")))
        if not found and request.how == "load":  # `load` takes a path that is relative to the working directory, too
            beside = (posixpath.normpath(f"{base}/{name}") for base in (self._working, folder))
            found = [path for path in beside if self._tree.is_file(path)][:1]
        yield from found

    def _computed(self, place: str) -> Iterator[str]:
        folder, pattern = posixpath.split(place)
        if HOLE not in folder and pattern.strip(HOLE) + folder.strip("/"):
            for suffix in ("",) if pattern.endswith((".rb", ".rake")) else (".rb",):
                yield from (finding.path for finding in fitting(self._tree, folder, pattern + suffix, Reason("ruby")))

    def _constant(self, path: str, name: str) -> Iterator[str]:
        """Yield the file of an autoload without a path: `autoload :LogSubscriber` in active_record.rb is active_record/log_subscriber.rb.

        If it is not there, it may lie in the folders below (`autoload_under "relation"`).
        """
        stem = posixpath.splitext(path)[0]
        file = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower() + ".rb"
        places = (f"{stem}/{file}", f"{posixpath.dirname(path)}/{file}")
        found = [place for place in places if self._tree.is_file(place)]
        if not found:
            below = (f"{entry.path}/{file}" for entry in self._tree.children(stem) if entry.is_directory)
            found = [place for place in below if self._tree.is_file(place)]
        yield from found

    def _folder(self, path: str, name: str) -> Iterator[str]:
        """Yield the sources in a folder of the library itself that a text in it names. Nothing if there are too many."""
        root = self._path.root_of(path)
        if root is None or _first_part(name) != _first_part(path[len(root) + 1 :]):
            return
        sources = (
            entry for entry in self._tree.below(f"{root}/{name}") if entry.is_file and entry.path.endswith(".rb")
        )
        yield from (entry.path for entry in within_limits(sources, _FOLDER_FILES, _FOLDER_BYTES) or ())

    def _own(self, path: str, name: str) -> Iterator[str]:
        """Yield the file that a library loads by a method of its own: beside the source, or in the folder of its name."""
        root = self._path.root_of(path)
        bases = [posixpath.splitext(path)[0], posixpath.dirname(path)]
        if root is not None:
            bases += [posixpath.join(root, _first_part(path[len(root) + 1 :])), root]
        places = (posixpath.normpath(f"{base}/{name}{suffix}") for base in bases for suffix in ("", ".rb"))
        if HOLE not in name:
            yield from [place for place in places if place.endswith(".rb") and self._tree.is_file(place)][:1]

    def _is_related(self, path: str, request: ModuleRequest, place: str) -> bool:
        """Return True if a library may mean this file: it belongs to the library, to the language, or to a gem in use or locked."""
        root = self._path.root_of(path)
        if (
            request.relative
            or request.how == "own"
            or (root is not None and _first_part(request.name) == _first_part(path[len(root) + 1 :]))
        ):
            return True
        gem, own = gem_of(place), gem_of(path)
        if gem is not None:
            return gem.folder in self._in_use or gem.name in self._locked
        return own is not None or self._path.root_of(place) == root or "/vendor_ruby" not in place

    def _encodings(self, path: str, *, every: bool) -> Iterator[Lead]:
        """Yield character encodings, which Ruby loads by name: the small ones, or all of them if a source asks for encodings."""
        key = f"encodings {every}"
        if key in self._done:
            return
        self._done.add(key)
        for root in self._path.roots:
            for entry in (*self._tree.children(f"{root}/enc"), *self._tree.children(f"{root}/enc/trans")):
                if entry.path.endswith(".so") and (every or entry.size <= _ENCODING_LIMIT):
                    yield Lead(entry.path, Reason("ruby", f"a character encoding that {path} may ask for", path))


_VERBS = {
    "require": "required",
    "require_dependency": "required",
    "require_relative": "required",
    "load": "loaded",
    "folder": "in a folder that is named",
    "own": "loaded",
    "gem": "asked for",
    "autoload": "autoloaded",
    "constant": "autoloaded",
}


def _first_part(name: str) -> str:
    """Return the name of a library: the first part of the path of its file."""
    return name.partition("/")[0].removesuffix(".rb")
