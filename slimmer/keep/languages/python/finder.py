"""Finds the files that the name of a module stands for, in the folders of one Python's sys.path.

Sources: importlib.machinery for the order of suffixes (extension modules, sources, bytecode); PEP 3147 and 488 for __pycache__;
PEP 420 for namespace packages.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, takewhile

from slimmer.image.tree import Tree
from slimmer.keep.language import Origin

CODE = (".py", ".pyc", ".so")
"""Suffixes of the files that modules are made of."""

STUB = ".pyi"
"""The suffix of a stub beside a source."""

DEPTH = 32
"""The most parts of a module's name, and the most packages above a file, that are looked at."""


@dataclass(frozen=True, slots=True)
class Root:
    """A folder of sys.path, by its real path, and the origin of its modules."""

    path: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Module:
    """A module that exists.

    `files` are the real paths of its files, and `source` is the one to read, "" if there is none. Submodules are looked up in
    `folders`: a plain module has none; a namespace package may have several, but no files.
    """

    name: str
    root: Root
    files: tuple[str, ...]
    source: str
    folders: tuple[str, ...]


class Finder:
    """The modules of one Python. It searches the roots in their order, and remembers what it found."""

    def __init__(self, tree: Tree, version: str, roots: Sequence[Root]) -> None:
        self._tree = tree
        number = version.replace(".", "")
        self._tags = (f"cpython-{number}", f"pypy{number}")
        self.version = version
        self.roots = tuple(_real_roots(tree, roots))
        self._listings: dict[str, Mapping[str, str]] = {}
        self._extension_suffixes: dict[str, Mapping[str, Sequence[str]]] = {}
        self._found: dict[str, Module | None] = {}
        self._by_path = {root.path: root for root in self.roots}

    def find(self, name: str) -> Module | None:
        """Return the module of a full name, or None. Changes that packages make to their `__path__` are not considered."""
        if name not in self._found:
            self._found[name] = self._search(name)
        return self._found[name]

    def components(self, name: str) -> Iterator[Module]:
        """Yield the packages that importing a name loads, outermost first, then the module itself. Stops at the first missing one."""
        parts = name.split(".")[:DEPTH]
        for count in range(1, len(parts) + 1):
            module = self.find(".".join(parts[:count]))
            if module is None:
                return
            yield module

    def name_of(self, path: str) -> tuple[str, Root] | None:
        """Return the full name of the module that a real path belongs to, and the nearest root above it; None if there is no root."""
        folder, _, file = path.rpartition("/")
        if folder.endswith("/__pycache__"):
            folder = folder[: -len("/__pycache__")]
        parts = [file.partition(".")[0]]
        for _ in range(DEPTH):
            if folder in self._by_path:
                names = parts[:-1] if parts[-1] == "__init__" else parts
                return (".".join(names), self._by_path[folder]) if names else None
            folder, _, name = folder.rpartition("/")
            parts.insert(0, name)
            if not folder:
                return None
        return None

    def submodules(self, module: Module) -> Iterator[str]:
        """Return the full names of the modules directly in a package."""
        names: dict[str, None] = {}
        for folder in module.folders:
            for name, target in self.listing(folder).items():
                stem, dot, suffix = name.partition(".")
                if not stem.isidentifier() or stem.startswith("__"):
                    continue
                if ((dot and suffix in ("py", "pyc")) or suffix.endswith("so")) or (
                    not dot and self.is_package(target)
                ):
                    names[stem] = None
        return (f"{module.name}.{name}" for name in names)

    def stub(self, module: Module) -> str:
        """Return the real path of the stub beside a module's source; "" if there is none."""
        folder, _, name = module.source.rpartition("/")
        return self.listing(folder).get(f"{name}i", "")

    def top_modules(self, stem: str) -> Iterator[str]:
        """Return the names of modules and packages directly in sys.path that begin with a text, sorted."""
        near = islice(self._top_names, bisect_left(self._top_names, stem), None)
        alike = takewhile(lambda name: name.startswith(stem), near)
        return (name for name in alike if name.isidentifier() and self.find(name))

    @cached_property
    def _top_names(self) -> list[str]:
        return sorted({name.partition(".")[0] for root in self.roots for name in self.listing(root.path)})

    def is_package(self, folder: str) -> bool:
        """Return True if a folder has an __init__ of any kind."""
        return any(name.startswith("__init__.") for name in self.listing(folder))

    def listing(self, folder: str) -> Mapping[str, str]:
        """Map the names in a real folder to real paths. Links are followed; those that lead nowhere are left out."""
        if folder not in self._listings:
            entries = {}
            for entry in self._tree.children(folder):
                target = self._tree.resolve(entry.path).end if entry.is_link else entry.path
                if target is not None:
                    entries[entry.path.rpartition("/")[2]] = target
            self._listings[folder] = entries
        return self._listings[folder]

    def _search(self, name: str) -> Module | None:
        package, _, last = name.rpartition(".")
        if not package:
            return self._locate(name, last, [(root.path, root) for root in self.roots])
        above = self.find(package) if name.count(".") < DEPTH else None
        return self._locate(name, last, [(folder, above.root) for folder in above.folders]) if above else None

    def _locate(self, name: str, last: str, places: Iterable[tuple[str, Root]]) -> Module | None:
        """Return the module in the first of these folders that has it, or a namespace package if there are only folders of that name (PEP 420)."""
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
        """Return the files of a module: an extension module alone, or a source with its bytecode; () if there is none."""
        listing = self.listing(folder)
        for suffix in self._suffixes(folder, stem):
            file = listing[stem + suffix]
            if suffix != ".py":
                return (file,)
            cached = self.listing(f"{folder}/__pycache__")
            compiled = [cached.get(f"{stem}.{tag}.pyc") for tag in self._tags]
            legacy = listing.get(stem + ".pyc") if self.version.startswith("2") else None
            return tuple(path for path in (file, *compiled, legacy) if path)
        return ()

    def _suffixes(self, folder: str, stem: str) -> Iterator[str]:
        """Yield the suffixes of existing files with this stem, in the order in which Python tries them."""
        yield from self._extensions(folder).get(stem, ())
        yield from (suffix for suffix in (".py", ".pyc") if stem + suffix in self.listing(folder))

    def _extensions(self, folder: str) -> Mapping[str, Sequence[str]]:
        """Map stems to the suffixes of the extension modules in a folder that this Python accepts."""
        if folder not in self._extension_suffixes:
            found: dict[str, list[str]] = {}
            for name in self.listing(folder):
                stem, _, rest = name.partition(".")
                if rest in ("so", "abi3.so") or (rest.endswith(".so") and self._accepts(rest)):
                    found.setdefault(stem, []).append("." + rest)
            self._extension_suffixes[folder] = found
        return self._extension_suffixes[folder]

    def _accepts(self, suffix: str) -> bool:
        """Return True if this Python accepts an extension module's tags, such as cpython-311-x86_64-linux-gnu or pypy39-pp73-…"""
        return suffix.partition(".")[0].split("-")[0] == self._tags[1] or suffix.startswith(
            (self._tags[0] + "-", self._tags[0] + ".")
        )

    def _is_folder(self, path: str) -> bool:
        entry = self._tree.get(path)
        return entry is not None and entry.is_directory


def _source(files: Sequence[str]) -> str:
    return files[0] if files[0].endswith(".py") else ""


def _real_roots(tree: Tree, roots: Iterable[Root]) -> Iterator[Root]:
    """Yield the roots that exist, each once, by their real paths."""
    seen = set()
    for root in roots:
        target = tree.resolve(root.path).end
        entry = tree.get(target) if target else None
        if target and entry and entry.is_directory and target != "/" and target not in seen:
            seen.add(target)
            yield Root(target, root.origin)
