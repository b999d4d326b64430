"""Finds modules as Node does (Node.js documentation, "Modules: CommonJS modules" and "Packages").

Paths are returned as Node would open them; the caller follows links. Yarn's Plug'n'Play, which keeps packages in archives, is
not supported. If `import` is stricter than `require`, the result is the one of `require`.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from slimmer.image.tree import Entry
from slimmer.keep.image_view import ImageView
from slimmer.keep.languages.node.builtins import BUILTINS
from slimmer.keep.languages.node.manifest import MANIFEST_LIMIT, Manifest, read_manifest, targets
from slimmer.keep.sources.named_paths import HOLE
from slimmer.keep.sources.reading import read_files

SUFFIXES = ("", ".js", ".json", ".node", ".cjs", ".mjs", ".ts", ".tsx", ".mts", ".cts", "/index.js", "/index.json", "/index.node", "/index.cjs",
            "/index.mjs", "/index.ts", "/index.tsx")  # fmt: skip
_TRANSPILED = {".js": (".ts", ".tsx"), ".mjs": (".mts",), ".cjs": (".cts",)}
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

    def __init__(self, image: ImageView, conditions: Iterable[str] = ()) -> None:
        self._image, self._tree = image, image.tree
        self._conditions = frozenset(conditions)
        self._manifests: dict[str, Manifest | None] = {}
        self._shared = (*_node_path(image), *SHARED)

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
        for folder in _above(posixpath.dirname(path)):
            if posixpath.basename(folder) == "node_modules":
                return
            if f"{folder}/package.json" in self._tree:
                yield folder

    def find(self, question: Asked) -> Iterator[str]:
        """Yield the module's file, if there is one. Call `prepare` first."""
        user, specifier = question.user, question.specifier
        if not 0 < len(specifier) <= _SPECIFIER_LIMIT or HOLE in specifier or "\\" in specifier:
            return
        specifier = specifier.removeprefix("file://")
        if specifier.startswith(("./", "../", "/")) or specifier in (".", ".."):
            yield from self._file_or_folder(posixpath.normpath(posixpath.join(posixpath.dirname(user), specifier)))
        elif specifier.startswith("#"):
            yield from self._mapped(self.scope(user), "imports", specifier, question.imported)
        elif not is_builtin(specifier):
            yield from self._package(user, specifier, question.imported)

    def package_folder(self, user: str, name: str) -> str | None:
        """Return the folder of the package that a file gets by this name, links unresolved; None if there is none."""
        for folder in self._module_folders(user):
            if self._is_folder(f"{folder}/{name}"):
                return f"{folder}/{name}"
        return None

    def _asked_folders(self, question: Asked) -> Iterator[str]:
        """Yield the folders whose package.json files say what a specifier means."""
        user, specifier = question.user, question.specifier[:_SPECIFIER_LIMIT]
        own = self.scope(user)
        if own is not None:
            yield own
        if specifier.startswith("."):
            yield posixpath.normpath(posixpath.join(posixpath.dirname(user), specifier))
        elif specifier and not is_builtin(specifier) and HOLE not in specifier:
            folder = self.package_folder(user, package_name(specifier))
            if folder is not None:
                yield folder
                rest = specifier[len(package_name(specifier)) :]
                if rest:
                    yield posixpath.normpath(folder + rest)

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
        manifest = self._manifests.get(folder)
        if manifest is not None and manifest.exports:
            found = list(self._mapped(folder, "exports", f".{rest}", imported))
            if found:
                yield from found
                return
        yield from self._file_or_folder(posixpath.normpath(folder + rest))

    def _mapped(self, folder: str | None, field: str, subpath: str, imported: bool) -> Iterator[str]:
        """Yield the files that `exports` or `imports` of a package has for a subpath."""
        manifest = self._manifests.get(folder) if folder is not None else None
        if manifest is None or folder is None:
            return
        mapping = manifest.exports if field == "exports" else manifest.imports
        known = (_IMPORTED if imported else _REQUIRED) | self._conditions
        for conditions in (known, known | {"module-sync"}):  # module-sync exists since Node 22
            yield from self._target(folder, field, targets(mapping, subpath, conditions), imported)

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
        candidates = [path + end for end in SUFFIXES[1:10]] + [stem + end for end in _TRANSPILED.get(suffix, ())]
        manifest = self._manifests.get(path)
        if manifest is not None and manifest.main:
            main = posixpath.normpath(posixpath.join(path, manifest.main))
            candidates += [main + end for end in SUFFIXES]
        candidates += [path + end for end in SUFFIXES[10:]]
        found = next((candidate for candidate in candidates if self._is_file(candidate)), None)
        if found is not None:
            yield found

    def _module_folders(self, user: str) -> Iterator[str]:
        for folder in _above(posixpath.dirname(user)):
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


def _above(folder: str) -> Iterator[str]:
    """Yield a folder and those above it, at most LEVELS, and then "" for the root."""
    for _ in range(LEVELS):
        if folder in ("/", ""):
            break
        yield folder
        folder = posixpath.dirname(folder)
    yield ""
