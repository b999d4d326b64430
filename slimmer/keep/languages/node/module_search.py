"""Finds modules as Node does (Node.js documentation, "Modules: CommonJS modules" and "Packages").

Paths are returned as Node would open them; the caller follows links. For a package in an archive of Yarn's Plug'n'Play, that is the archive.
If `import` is stricter than `require`, the result is the one of `require`. Aliases of TypeScript and Deno count for sources of apps.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from slimmer.image.tree import Entry
from slimmer.keep.image_view import ImageView, above
from slimmer.keep.languages.node.builtins import BUILTINS
from slimmer.keep.languages.node.manifest import MANIFEST_LIMIT, Manifest, read_manifest, targets
from slimmer.keep.languages.node.pnp import Located, PlugAndPlay, archive_of
from slimmer.keep.languages.node.tsconfig import Settings, TsConfigs
from slimmer.keep.sources.named_paths import HOLE
from slimmer.keep.sources.reading import read_files

_ENDS = (".js", ".json", ".node", ".cjs", ".mjs", ".ts", ".tsx", ".mts", ".cts", ".jsx")
_INDEXES = tuple(f"/index{end}" for end in _ENDS)
SUFFIXES = ("", *_ENDS, *_INDEXES)
TRANSPILED = {".js": (".ts", ".tsx"), ".mjs": (".mts",), ".cjs": (".cts",), ".jsx": (".tsx",)}
"""What TypeScript may mean by a suffix: it names the file that the compiler would write."""

_DENO_CACHE = re.compile(
    r"(/.{1,2000}?/npm/[\w.-]{1,200}\.[\w-]{1,60})/((?:@[^/]{1,200}/)?[^/@]{1,200})/[0-9][^/]{0,100}/.*", re.DOTALL
)
"""Deno's own folder for packages of npm: DENO_DIR/npm/REGISTRY/NAME/VERSION."""

_REGISTRIES = 16
"""The most registries in Deno's folder whose packages are found."""

_SCHEME = re.compile(r"(?:npm:/?)((?:@[^/]{1,200}/)?[^/@]{1,200})(?:@[^/]{0,100})?((?:/.{0,400})?)", re.DOTALL)
_COMMON = frozenset(("node", "default", "node-addons"))
_REQUIRED, _IMPORTED = _COMMON | {"require"}, _COMMON | {"import"}
_SPECIFIER_LIMIT = 512

LEVELS = 60
"""The most folders above a file that are searched for node_modules."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for a module: the real path of the source, the specifier, and `imported`, which is false for `require`."""

    user: str
    specifier: str
    imported: bool


class ModuleSearch:
    """Finds modules in one image. It reads each package.json once, and those for many requests in one round trip."""

    def __init__(self, image: ImageView, conditions: Iterable[str] = (), maps: Iterable[str] = ()) -> None:
        """`conditions` are the user's, besides Node's own. `maps` are the maps of Plug'n'Play that Node opened."""
        self._image, self._tree = image, image.tree
        self._pnp = PlugAndPlay(image, maps)
        self._configs = TsConfigs(image)
        self._conditions = frozenset(conditions)
        self._manifests: dict[str, Manifest | None] = {}
        self._shared = (*_node_path(image), *SHARED)
        deno = image.env.get("DENO_DIR", f"{image.home}/.cache/deno")
        self._registries = [entry.path for entry in islice(image.tree.children(f"{deno}/npm"), _REGISTRIES)]

    def prepare(self, asked: Iterable[Asked]) -> None:
        """Read the package.json files that are needed to find these modules."""
        folders: dict[str, None] = {}
        for question in asked:
            folders.update(dict.fromkeys(self._asked_folders(question)))
        self.manifests(folders)

    def manifests(self, folders: Iterable[str]) -> Mapping[str, Manifest]:
        """Return the package.json of each folder that has one. Costs one round trip for new ones."""
        wanted = list(dict.fromkeys(folders))
        unread = [folder for folder in wanted if folder not in self._manifests]
        self._manifests.update(dict.fromkeys(unread))
        ends = {folder: self._tree.resolve(f"{folder}/package.json").end for folder in unread}
        by_end: dict[str, list[str]] = {}
        for folder, end in ends.items():
            if end is not None:
                by_end.setdefault(end, []).append(folder)
        if by_end:
            for path, found in read_files(self._image, read_manifest, Manifest, by_end, MANIFEST_LIMIT):
                self._manifests.update(dict.fromkeys(by_end[path], found))
        return {folder: manifest for folder in wanted if (manifest := self._manifests[folder]) is not None}

    def scope(self, path: str) -> str | None:
        """Return the folder of the nearest package.json above a file, which says how Node loads the file; None if there is none."""
        return next(self.scopes(path), None)

    def scopes(self, path: str) -> Iterator[str]:
        """Yield the folders of all package.json files above a file, up to the one of its package, by which other modules find it.

        A package with both kinds of modules has another one inside, for example in dist/esm, which only states the type.
        """
        for folder in _up(path):
            if posixpath.basename(folder) == "node_modules":
                return
            if f"{folder}/package.json" in self._tree:
                yield folder

    def find(self, question: Asked) -> Iterator[str]:
        """Yield the module's file, if there is one. Call `prepare` first."""
        user, specifier = question.user, question.specifier
        if not 0 < len(specifier) <= _SPECIFIER_LIMIT or HOLE in specifier or "\\" in specifier:
            return
        specifier = plain(specifier)
        if specifier.startswith(("./", "../", "/")) or specifier in (".", ".."):
            yield from self._file_or_folder(posixpath.normpath(posixpath.join(posixpath.dirname(user), specifier)))
        elif specifier.startswith("#"):
            yield from self._mapped(self.scope(user), "imports", specifier, question.imported)
        elif not is_builtin(specifier):
            aliased = self._aliased(user, specifier, question.imported)
            yield from aliased or self._package(user, specifier, question.imported)

    def patterns(self, question: Asked) -> Iterator[str]:
        """Yield the paths, with holes, that a specifier with holes may stand for: relative, by an alias, or in a package. Call `prepare` first."""
        user, specifier = question.user, question.specifier
        if specifier.startswith(("./", "../", "/")):
            yield posixpath.normpath(posixpath.join(posixpath.dirname(user), specifier))
        elif specifier.startswith("#"):
            yield from self._mapped_patterns(self.scope(user), "imports", specifier, question.imported)
        else:
            settings = self.settings(user)
            found = (
                [one for one in settings.candidates(specifier) if one.startswith("/")] if settings is not None else []
            )
            yield from found
            name = package_name(specifier)
            folder = self.package_folder(user, name) if HOLE not in name else None
            if folder is None or found or archive_of(folder) is not None:
                return
            mapped = list(self._mapped_patterns(folder, "exports", f".{specifier[len(name) :]}", question.imported))
            yield from mapped or [posixpath.normpath(folder + specifier[len(name) :])]

    def settings(self, user: str) -> Settings | None:
        """Return the aliases that count for a source; None for a library's, or if there are none."""
        return self._configs.of(user) if is_own(user) else None

    def dependency(self, user: str, name: str) -> Located | None:
        """Return the package of Plug'n'Play that a file gets by a name."""
        return self._pnp.dependency(user, name) if self._pnp else None

    def depended(self, start: Iterable[Located], archives: Iterable[str]) -> Iterator[Located]:
        """Yield these packages of Plug'n'Play, those in these archives, and all that they depend on."""
        return self._pnp.closure([*start, *self._pnp.in_archives(archives)]) if self._pnp else iter(())

    def package_folder(self, user: str, name: str) -> str | None:
        """Return the folder of the package that a file gets by this name, links unresolved; None if there is none.

        The folder may lie in an archive of Plug'n'Play.
        """
        located = self.dependency(user, name)
        if located is not None:
            return located.folder
        cached = _DENO_CACHE.match(user)
        if cached is not None:
            return self._newest(f"{cached[1]}/{name}")
        for folder in self._module_folders(user):
            if self._is_folder(f"{folder}/{name}"):
                return f"{folder}/{name}"
        return next(filter(None, (self._newest(f"{one}/{name}") for one in self._registries)), None)

    def _asked_folders(self, question: Asked) -> Iterator[str]:
        """Yield the folders whose package.json files say what a specifier means."""
        user, specifier = question.user, plain(question.specifier[:_SPECIFIER_LIMIT])
        own = self.scope(user)
        if own is not None:
            yield own
        if HOLE in specifier and specifier.startswith((".", "#")):
            return
        if specifier.startswith("."):
            yield posixpath.normpath(posixpath.join(posixpath.dirname(user), specifier))
        elif specifier and not is_builtin(specifier) and HOLE not in package_name(specifier):
            folder = self.package_folder(user, package_name(specifier))
            if folder is not None:
                yield folder
                rest = specifier[len(package_name(specifier)) :]
                if rest and HOLE not in rest:
                    yield posixpath.normpath(folder + rest)

    def _aliased(self, user: str, specifier: str, imported: bool) -> list[str]:
        """Return the file that an alias stands for; [] if there is none."""
        settings = self.settings(user)
        for place in settings.candidates(specifier) if settings is not None else ():
            if place.startswith("/"):
                self.manifests([place])
                found = list(self._file_or_folder(place))
            else:
                question = Asked(user, plain(place), imported)
                self.prepare([question])
                found = list(self._package(user, question.specifier, imported)) if not is_builtin(place) else []
            if found:
                return found
        return []

    def _newest(self, folder: str) -> str | None:
        """Return the newest version of a package in Deno's folder."""
        found = [entry.path for entry in self._tree.children(folder) if entry.is_directory]
        return max(
            found,
            key=lambda path: [int(part) for part in re.findall(r"[0-9]{1,9}", posixpath.basename(path))],
            default=None,
        )

    def _package(self, user: str, specifier: str, imported: bool) -> Iterator[str]:
        name = package_name(specifier)
        rest = specifier[len(name) :]
        own = self.scope(user)
        manifest = self._manifests.get(own) if own is not None else None
        if manifest is not None and manifest.name == name and manifest.exports:
            yield from self._mapped(own, "exports", f".{rest}", imported)
            return
        folder = self.package_folder(user, name)
        if folder is None:
            return
        archive = archive_of(folder)
        if archive is not None:
            yield from [archive] if self._is_file(archive) else ()
            return
        manifest = self._manifests.get(folder)
        if manifest is not None and manifest.exports:
            found = list(self._mapped(folder, "exports", f".{rest}", imported))
            if found:
                yield from found
                return
        yield from self._file_or_folder(posixpath.normpath(folder + rest))

    def _mapped(self, folder: str | None, field: str, subpath: str, imported: bool) -> Iterator[str]:
        """Yield the files that `exports` or `imports` of a package has for a subpath."""
        if folder is None:
            return
        for more in ((), ("module-sync",)):  # module-sync exists since Node 22
            yield from self._target(folder, field, self._targets(folder, field, subpath, imported, more), imported)

    def _mapped_patterns(self, folder: str | None, field: str, subpath: str, imported: bool) -> Iterator[str]:
        """Yield the paths with holes that `exports` or `imports` of a package has for a subpath with holes."""
        if folder is None:
            return
        for target in self._targets(folder, field, subpath, imported):
            if target.startswith("./") and HOLE in target:
                yield posixpath.normpath(posixpath.join(folder, target))

    def _targets(
        self, folder: str, field: str, subpath: str, imported: bool, more: Iterable[str] = ()
    ) -> Iterable[str]:
        """Return what `exports` or `imports` of the package in a folder has for a subpath. `more`: further conditions that hold."""
        manifest = self._manifests.get(folder)
        mapping = (manifest.exports if field == "exports" else manifest.imports) if manifest is not None else ""
        conditions = (_IMPORTED if imported else _REQUIRED) | self._conditions
        return targets(mapping, subpath, conditions.union(more)) if mapping else ()

    def _target(self, folder: str, field: str, candidates: Iterable[str], imported: bool) -> Iterator[str]:
        for target in candidates:
            path = posixpath.normpath(posixpath.join(folder, target))
            if target.startswith("./") and self._is_file(path):
                yield path
                return
            if field == "imports" and not target.startswith((".", "/", "#")):
                question = Asked(f"{folder}/package.json", target, imported)
                self.prepare([question])
                yield from self._package(question.user, target, imported)
                return

    def _file_or_folder(self, path: str) -> Iterator[str]:
        """Yield the file that LOAD_AS_FILE or LOAD_AS_DIRECTORY finds."""
        if self._is_file(path):
            yield path
            return
        stem, suffix = posixpath.splitext(path)
        candidates = [path + end for end in _ENDS] + [stem + end for end in TRANSPILED.get(suffix, ())]
        manifest = self._manifests.get(path)
        if manifest is not None and manifest.main:
            main = posixpath.normpath(posixpath.join(path, manifest.main))
            candidates += [main + end for end in SUFFIXES]
        candidates += [path + end for end in _INDEXES]
        found = next((candidate for candidate in candidates if self._is_file(candidate)), None)
        if found is not None:
            yield found

    def _module_folders(self, user: str) -> Iterator[str]:
        for folder in _up(user):
            if posixpath.basename(folder) != "node_modules":
                yield f"{folder}/node_modules"
        yield from self._shared

    def _is_file(self, path: str) -> bool:
        entry = self._end(path)
        return entry is not None and entry.is_file

    def _is_folder(self, path: str) -> bool:
        entry = self._end(path)
        return entry is not None and entry.is_directory

    def _end(self, path: str) -> Entry | None:
        entry = self._tree.get(path)
        if entry is None or entry.is_link:
            end = self._tree.resolve(path).end
            return self._tree.get(end) if end is not None else None
        return entry


SHARED = (
    "/usr/local/lib/node_modules",
    "/usr/local/lib/node",
    "/usr/lib/node",
    "/usr/local/lib/nodejs",
    "/usr/lib/nodejs",
    "/usr/share/nodejs",
)
"""Folders of modules for every app: npm's global folder, Node's own, and Debian's."""


def is_own(path: str) -> bool:
    """Return True if a source belongs to the app, not to a library."""
    if "/node_modules/" in path or path.startswith(_LIBRARIES):
        return False
    return _DENO_CACHE.fullmatch(path) is None


_LIBRARIES = tuple(f"{folder}/" for folder in SHARED)


def plain(specifier: str) -> str:
    """Return a specifier without its scheme: that of a file, or of a package that Deno gets from npm (`npm:ms@2/index.js`)."""
    match = _SCHEME.fullmatch(specifier)
    return match[1] + match[2] if match is not None else specifier.removeprefix("file://")


def is_builtin(specifier: str) -> bool:
    """Return True if the module is Node's own."""
    return specifier.startswith("node:") or (specifier.partition("/")[0] in BUILTINS and not specifier.endswith("/"))


def package_name(specifier: str) -> str:
    """Return the name of the package at the beginning of a bare specifier, with its scope."""
    parts = specifier.split("/")
    return "/".join(parts[:2] if specifier.startswith("@") else parts[:1])


def _node_path(image: ImageView) -> tuple[str, ...]:
    folders = image.env.get("NODE_PATH", "").split(":")
    return tuple(posixpath.normpath(folder) for folder in folders if folder.startswith("/"))


def _up(path: str) -> Iterator[str]:
    """Yield the folders above a file, at most LEVELS, and then "" for the root."""
    yield from above(posixpath.dirname(path), LEVELS)
    yield ""
