"""Follow the Lua sources that were seen to be opened: what they require, and what they name.

An app's source, or nginx's configuration, is read for all that it names. Of libraries counts what they require. In a function it
counts if it is their own.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

from slimmer.image.tree import Entry
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.language import Lead, Origin, Resolver
from slimmer.keep.languages.lua.layout import PREFIXES, TREE, is_library, module_folders, package
from slimmer.keep.languages.lua.reader import Facts, Kind, Request
from slimmer.keep.sources.limits import within_limits
from slimmer.keep.sources.load_path import LoadPath, library_folders
from slimmer.keep.sources.named_paths import FOLDER_BYTES, FOLDER_FILES, HOLE, Base, Mention, NamedPaths

_SUFFIXES = (".lua", "/init.lua")
_VARIABLE = re.compile(r"LUA_C?PATH(?:_5_\d)?")
_FOLDERS = frozenset(("views", "templates", "static", "public", "locales"))
"""Folders beside an app's source into which frameworks look without being told: Lapis, lua-resty-template."""


class LuaResolver(Resolver[Facts]):
    """Lua in one image: from the sources that it opened, to all that they can require and name."""

    def __init__(self, image: ImageView, opened: frozenset[str]) -> None:
        self._tree, self._opened = image.tree, opened
        self._named = NamedPaths(image)
        self._working = posixpath.join("/", image.config.working_dir)
        self._path, self._suffixes = LoadPath(image.tree), dict.fromkeys(_SUFFIXES)
        self._libraries = LoadPath(image.tree, library_folders(image))
        for name in sorted(image.env):
            if _VARIABLE.fullmatch(name):
                self._search("", tuple(Mention(one, Base.WORKING, True) for one in image.env[name].split(";") if one))
        for root in (self._working, *module_folders(image)):
            self._path.add(root)
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for path in sorted(opened):
            stem = path.removesuffix(".lua").removesuffix("/init")
            self._by_name[posixpath.basename(stem)].append(stem)

    def accepts(self, path: str) -> bool:
        return path.endswith(".lua") or path in self._opened

    def recognizes(self, path: str, content: bytes) -> bool:
        if content.startswith(b"#!"):
            return b"lua" in content[:100] or path.endswith(".lua")
        return path.endswith(".lua") or b"_by_lua" in content or b"lua_package_" in content

    def is_data(self, entry: Entry) -> bool:
        return entry.path not in self._opened and super().is_data(entry)

    def origin(self, path: str) -> Origin:
        if "/share/luajit" in path:
            return Origin.STDLIB
        return Origin.LIBRARY if is_library(path) else Origin.APP

    def leads(self, layer: Mapping[str, Facts]) -> Iterator[Lead | Finding]:
        for path, facts in layer.items():
            self._search(path, facts.paths)
            self._learn(facts.requests)
        for path, facts in layer.items():
            yield from self._rock(path)
            for request in facts.requests:
                yield from self._native(path, request) if request.kind is Kind.NATIVE else self._required(path, request)
            for root in self._app_folders(path):
                for finding in self._named_by(path, facts, root):
                    yield Lead(finding.path, finding.reason, code=True) if finding.path.endswith(".lua") else finding
            if self.origin(path) is Origin.APP:
                yield from self._named.programs(path, facts.commands)

    def _app_folders(self, path: str) -> list[str]:
        """The folder of the app that a source belongs to; of a configuration, those to which nginx takes paths to be relative."""
        if path.endswith(".lua"):
            return [self._path.root_of(path) or posixpath.dirname(path)]
        return [prefix for prefix in PREFIXES if prefix in self._tree] or [posixpath.dirname(path)]

    def _named_by(self, path: str, facts: Facts, root: str) -> Iterator[Finding]:
        yield from self._named.findings(path, facts.mentions, root)
        if self.origin(path) is Origin.APP and path.endswith(".lua"):
            yield from self._named.usual_folders(path, _FOLDERS, root)

    def _search(self, path: str, patterns: tuple[Mention, ...]) -> None:
        """Look where package.path says: `/srv/?.lua` is the folder /srv with the suffix .lua."""
        for pattern in patterns:
            folder, _, suffix = pattern.path.partition("?")
            bases = self._app_folders(path) if pattern.base is Base.FOLDER else [self._working]
            bases += [posixpath.dirname(path)] if pattern.base is Base.FOLDER else []
            for base in bases if folder.endswith("/") or not folder else ():
                self._path.add(posixpath.join(base, folder))
            if suffix and "?" not in suffix and not suffix.endswith(".so"):
                self._suffixes[suffix] = None

    def _learn(self, requests: tuple[Request, ...]) -> None:
        """Look where modules were found in the run: /srv/a/b.lua is a.b of /srv."""
        for request in requests:
            name = request.name.replace(".", "/")
            for stem in self._by_name.get(posixpath.basename(name), ()):
                if stem.endswith(f"/{name}"):
                    self._path.add(stem.removesuffix(f"/{name}") or "/")

    def _required(self, path: str, request: Request) -> Iterator[Lead]:
        if request.lazy and self.origin(path) is not Origin.APP and not self._is_own(path, request):
            return
        reason = Reason("lua", f"{request.kind} by {path}{request.place}", path)
        name = request.name.replace(".", "/")
        if name.startswith(HOLE):  # require((...):match("(.-)[^.]+$") .. "sibling")
            places = self._below(posixpath.dirname(path), name.lstrip(f"{HOLE}/"))
        elif HOLE in name:
            places = [place for root in self._path.roots for place in self._below(root, name)]
        else:
            places = next(filter(None, (list(self._path.find(*wanted)) for wanted in self._wanted(name))), [])
        yield from (Lead(place, reason, code=place.endswith(".lua")) for place in places)

    def _wanted(self, name: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        """What Lua looks for on the whole load path, one after the other: a source, a native module, the one that contains it."""
        yield name, tuple(self._suffixes)
        yield name, (".so",)
        yield name.partition("/")[0], (".so",)

    def _below(self, root: str, name: str) -> list[str]:
        """The modules of a folder that a name with at most one hole fits, such as plugins/HOLE and plugins/HOLE/handler."""
        known, hole, rest = name.partition(HOLE)
        suffixes = (*self._suffixes, ".so")
        if not hole or not known:
            return [place for suffix in suffixes if name and self._tree.is_file(place := f"{root}/{name}{suffix}")]
        folder, start = posixpath.split(f"{root}/{known}")
        entries = within_limits(self._tree.children(self._tree.resolve(folder).end or ""), FOLDER_FILES, FOLDER_BYTES)
        found = []
        for entry in entries or ():
            stem = entry.path if entry.is_directory else posixpath.splitext(entry.path)[0]
            if posixpath.basename(stem).startswith(start):
                tried = (f"{stem}{rest}{suffix}" for suffix in suffixes)
                found += [place for place in tried if self._tree.is_file(place)]
        return found

    def _native(self, path: str, request: Request) -> Iterator[Lead]:
        """A library that LuaJIT opens: ffi.load("z") means libz.so."""
        name = request.name if re.search(r"[./]", request.name) else f"{request.name}.so"
        name = name if "/" in name or name.startswith("lib") else f"lib{name}"
        for place in [name] if name.startswith("/") else self._libraries.find(name):
            yield Lead(place, Reason("lua", f"{request.kind} by {path}{request.place}", path))

    def _is_own(self, path: str, request: Request) -> bool:
        """Return True if a module has the name of the package in which a source lies."""
        root = self._path.root_of(path)
        return root is not None and package(path[len(root) + 1 :].removesuffix(".lua")) == package(
            request.name.replace(".", "/")
        )

    def _rock(self, path: str) -> Iterator[Lead]:
        """What describes the rock of a library's source: luarocks.loader looks for it."""
        match = TREE.match(path)
        if match is None:
            return
        rocks = f"{match['tree']}/lib/luarocks/rocks-{match['version']}"
        own = package(path[match.end() :].removesuffix(".lua"))
        reason = Reason("lua", f"describes the rock of {path}", path)
        if self._tree.is_file(f"{rocks}/manifest"):
            yield Lead(f"{rocks}/manifest", reason)
        for name in (own, f"lua-{own.replace('/', '-')}", f"lua{own}"):
            for version in self._tree.children(f"{rocks}/{name}"):
                for entry in self._tree.children(version.path):
                    if entry.is_file:
                        yield Lead(entry.path, reason)
