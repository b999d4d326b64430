"""Where an image's Pythons look for modules: sys.path as it would be, and the files that a module's name stands for.

Sources: Python's docs, "The initialization of the sys.path module search path" and site; importlib.machinery for the
order of suffixes (extension modules, sources, bytecode); PEP 3147 and 488 for __pycache__; PEP 420 for namespace packages.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from slimmer.image.tree import Tree

STDLIB, SITE, APP = "stdlib", "site", "app"
"""What a folder of modules holds: Python's own, installed packages, or the app's code."""

DEPTH = 32
"""Parts of a module's name, and packages above a file, that are looked at."""

_VERSION = re.compile(r"(?:python|pypy)(\d)\.?(\d{1,2}t?)?$")
_ZIPPED = re.compile(r"(.*/)python(\d)(\d{1,2})\.zip$")
_SITES = ("site-packages", "dist-packages")


@dataclass(frozen=True, slots=True)
class Root:
    """A folder of sys.path (a real path), and what it holds."""

    path: str
    kind: str


@dataclass(frozen=True, slots=True)
class Module:
    """A module that exists. `files` are the paths that make it, `source` the one to read ("" if none).

    `folders` are where its submodules lie: none for a plain module, several for a namespace package, which has no files.
    """

    name: str
    root: Root
    files: tuple[str, ...]
    source: str
    folders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Installation:
    """A Python: `version` as "3.11"; `stdlib`, its own folder, and where it lies by default."""

    version: str
    stdlib: str

    @property
    def prefix(self) -> str:
        """What sys.prefix is: two folders above the library."""
        return posixpath.dirname(posixpath.dirname(self.stdlib))

    def sites(self) -> Iterator[str]:
        """Folders of installed packages, also those of Debian, and of /usr/local for a Python in /usr."""
        yield from site_folders(self.prefix, self.version)
        if self.prefix == "/usr":
            yield from site_folders("/usr/local", self.version)
        yield from (f"{self.prefix}/lib/python{self.version[0]}/{name}" for name in _SITES)


def site_folders(prefix: str, version: str) -> Iterator[str]:
    """Folders of packages below a prefix or a virtual environment."""
    base = "" if prefix == "/" else prefix
    for library in ("lib", "lib64"):
        for kind in ("python", "pypy"):
            yield from (f"{base}/{library}/{kind}{version}/{name}" for name in _SITES)
    yield f"{base}/site-packages"  # PyPy's before 7.3.4


def installations(paths: Iterable[str]) -> tuple[Installation, ...]:
    """The Pythons whose libraries have paths among these: known by os.py, for which every start looks, or a zip of it."""
    found = {}
    for path in paths:
        folder, _, name = path.rpartition("/")
        if name in ("os.py", "os.pyc") and (match := _VERSION.search(folder)):
            found[folder] = Installation(f"{match[1]}.{match[2] or ''}".rstrip("."), folder)
        elif match := _ZIPPED.match(path):
            version = f"{match[2]}.{match[3]}"
            found[f"{match[1]}python{version}"] = Installation(version, f"{match[1]}python{version}")
    return tuple(found[folder] for folder in sorted(found))


class Finder:
    """Finds modules in the folders of one Python. Listings are remembered; roots are searched in their order."""

    def __init__(self, tree: Tree, version: str, roots: Sequence[Root]) -> None:
        self._tree = tree
        number = version.replace(".", "")
        self._tags = (f"cpython-{number}", f"pypy{number}")
        self.version = version
        self.roots = tuple(_real_roots(tree, roots))
        self._listings: dict[str, Mapping[str, str]] = {}
        self._extension_suffixes: dict[str, Mapping[str, Sequence[str]]] = {}
        self._found: dict[str, Module | None] = {}
        self._kinds = {root.path: root for root in self.roots}

    def find(self, name: str) -> Module | None:
        """The module of a full name, or None; its packages are not looked into for what they do to their path."""
        if name not in self._found:
            self._found[name] = self._search(name)
        return self._found[name]

    def way(self, name: str) -> Iterator[Module]:
        """The packages that importing a name loads, and at the end, if it is there, the module itself."""
        parts = name.split(".")[:DEPTH]
        for count in range(1, len(parts) + 1):
            module = self.find(".".join(parts[:count]))
            if module is None:
                return
            yield module

    def name_of(self, path: str) -> tuple[str, Root] | None:
        """The full name of the module that a real path belongs to, in the nearest root above it."""
        folder, _, file = path.rpartition("/")
        if folder.endswith("/__pycache__"):
            folder = folder[: -len("/__pycache__")]
        parts = [file.partition(".")[0]]
        for _ in range(DEPTH):
            if folder in self._kinds:
                names = parts[:-1] if parts[-1] == "__init__" else parts
                return (".".join(names), self._kinds[folder]) if names else None
            folder, _, name = folder.rpartition("/")
            parts.insert(0, name)
            if not folder:
                return None
        return None

    def submodules(self, module: Module) -> Iterator[str]:
        """Full names of what lies directly in a package."""
        names: dict[str, None] = {}
        for folder in module.folders:
            for name, end in self.listing(folder).items():
                stem, dot, suffix = name.partition(".")
                if not stem.isidentifier() or stem.startswith("__"):
                    continue
                if ((dot and suffix in ("py", "pyc")) or suffix.endswith("so")) or (not dot and self.is_package(end)):
                    names[stem] = None
        return (f"{module.name}.{name}" for name in names)

    def is_package(self, folder: str) -> bool:
        """Whether a folder has an __init__ of any kind."""
        return any(name.startswith("__init__.") for name in self.listing(folder))

    def listing(self, folder: str) -> Mapping[str, str]:
        """Names in a real folder, each with its real path (links are followed; what leads nowhere is left out)."""
        if folder not in self._listings:
            entries = {}
            for entry in self._tree.children(folder):
                end = self._tree.resolve(entry.path).end if entry.is_link else entry.path
                if end is not None:
                    entries[entry.path.rpartition("/")[2]] = end
            self._listings[folder] = entries
        return self._listings[folder]

    def _search(self, name: str) -> Module | None:
        package, _, last = name.rpartition(".")
        if not package:
            return self._locate(name, last, [(root.path, root) for root in self.roots])
        above = self.find(package) if name.count(".") < DEPTH else None
        return self._locate(name, last, [(folder, above.root) for folder in above.folders]) if above else None

    def _locate(self, name: str, last: str, places: Iterable[tuple[str, Root]]) -> Module | None:
        portions: list[str] = []
        first: Root | None = None
        for folder, root in places:
            listing = self.listing(folder)
            inside = listing.get(last)
            if inside is not None and self._is_folder(inside):
                if files := self._files(inside, "__init__"):
                    return Module(name, root, files, _source(files), (inside,))
                portions.append(inside)
                first = first or root
            if files := self._files(folder, last):
                return Module(name, root, files, _source(files), ())
        return Module(name, first, (), "", tuple(portions)) if first else None

    def _files(self, folder: str, stem: str) -> tuple[str, ...]:
        """The files of a module, the source with its bytecode; () when there is none."""
        listing = self.listing(folder)
        for suffix in self._suffixes(folder, stem):
            end = listing[stem + suffix]
            if suffix != ".py":
                return (end,)
            cached = self.listing(f"{folder}/__pycache__")
            compiled = [cached.get(f"{stem}.{tag}.pyc") for tag in self._tags]
            legacy = listing.get(stem + ".pyc") if self.version.startswith("2") else None
            return tuple(path for path in (end, *compiled, legacy) if path)
        return ()

    def _suffixes(self, folder: str, stem: str) -> Iterator[str]:
        """Those that are there, in the order in which Python tries them."""
        yield from self._extensions(folder).get(stem, ())
        yield from (suffix for suffix in (".py", ".pyc") if stem + suffix in self.listing(folder))

    def _extensions(self, folder: str) -> Mapping[str, Sequence[str]]:
        """Suffixes of the extension modules in a folder that this Python takes, by stem."""
        if folder not in self._extension_suffixes:
            found: dict[str, list[str]] = {}
            for name in self.listing(folder):
                stem, _, rest = name.partition(".")
                if rest in ("so", "abi3.so") or (rest.endswith(".so") and self._takes(rest)):
                    found.setdefault(stem, []).append("." + rest)
            self._extension_suffixes[folder] = found
        return self._extension_suffixes[folder]

    def _takes(self, suffix: str) -> bool:
        """Whether an extension module's tags are those of this Python: cpython-311-x86_64-linux-gnu, pypy39-pp73-…"""
        return suffix.partition(".")[0].split("-")[0] == self._tags[1] or suffix.startswith(
            (self._tags[0] + "-", self._tags[0] + ".")
        )

    def _is_folder(self, path: str) -> bool:
        entry = self._tree.get(path)
        return entry is not None and entry.is_directory


def _source(files: Sequence[str]) -> str:
    return files[0] if files[0].endswith(".py") else ""


def _real_roots(tree: Tree, roots: Iterable[Root]) -> Iterator[Root]:
    """Roots that exist, each once, by their real paths."""
    seen = set()
    for root in roots:
        end = tree.resolve(root.path).end
        entry = tree.get(end) if end else None
        if end and entry and entry.is_directory and end != "/" and end not in seen:
            seen.add(end)
            yield Root(end, root.kind)
