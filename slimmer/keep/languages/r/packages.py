"""Keep R's packages whole: those that were read, those that they import, those that the app's scripts name, and R's own.

R reads all functions of a package from one file. It reads the package's data, compiled code and imports only when a function needs
them. It looks time zones up by name (`?timezones`). Sources: the manuals "Writing R Extensions" (DESCRIPTION, "Package structure")
and "R Installation and Administration" (libraries).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator

from slimmer.image.tree import Tree
from slimmer.keep.analyzer import BEYOND_OBSERVED, FunctionAnalyzer
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.native import time_zones
from slimmer.keep.sources.named_paths import whole_folder
from slimmer.observe.log import Operation

RULE = "r"
PACKAGE_BYTES = 64 << 20
"""The largest part of a package (its functions, its data …) that is kept, in bytes. From a larger one, only what was seen in use stays."""

SCRIPT_BYTES = 1 << 20
"""The largest script or DESCRIPTION that is read, in bytes."""

_FOLDER = re.compile(
    r"(/.{1,3000})/([A-Za-z][A-Za-z0-9.]{0,200})/(?:R|libs|Meta|data|help|DESCRIPTION|NAMESPACE)(?:/.*)?", re.DOTALL
)
_UNUSED = frozenset(("help", "html", "doc", "demo", "tests", "include", "examples", "po"))
_DESKTOP = frozenset(("tcltk",))
"""R's own packages that need a desktop."""

_DEPENDENCIES = re.compile(r"^(?:Depends|Imports):((?:.*\n)(?:[ \t].*\n)*)", re.MULTILINE)
_BASE = re.compile(r"^Priority:[ \t]{0,9}base[ \t]{0,9}$", re.MULTILINE)
_NAME = re.compile(r"([A-Za-z][A-Za-z0-9.]{0,200})(?:[ \t\n]{0,9}\([^)]{0,60}\))?[ \t\n]{0,9}(?:,|$)")
_ASKS = re.compile(
    r"""\b(?:library|require|requireNamespace|loadNamespace|attachNamespace)\(\s{0,9}["']?([A-Za-z][A-Za-z0-9.]{0,200})"""
    r"""|\b([A-Za-z][A-Za-z0-9.]{0,200}):::?[A-Za-z.]"""
)


def r_packages(image: ImageView) -> Iterator[Finding] | None:
    """Yield findings for R's packages. None if R read no package."""
    packages = _Packages(image)
    return packages.findings() if packages.in_use else None


class _Packages:
    def __init__(self, image: ImageView) -> None:
        self._image, self._tree = image, image.tree
        self.in_use: dict[str, str] = {}
        self._libraries: dict[str, None] = {}
        self._scripts: dict[str, None] = {}
        for access in image.log.accesses:
            if access.operation is Operation.OPEN and access.found and posixpath.basename(access.executable) == "R":
                self._note(access.resolved)

    def findings(self) -> Iterator[Finding]:
        """Yield all packages that may be loaded, and what R itself reads on demand."""
        cause = next(iter(self.in_use.values()))
        wanted = dict(self.in_use) | dict.fromkeys(self._own(), cause) | dict(self._named())
        for folder, reason in self._closure(wanted).items():
            yield from _package(self._tree, folder, reason)
        for library in self._libraries:
            modules = f"{posixpath.dirname(library)}/modules"
            yield from whole_folder(self._tree, modules, Reason(RULE, "a module that R loads on demand", cause))
        yield from time_zones.zones(self._tree, Reason(time_zones.RULE, "R opens zones by name", cause))

    def _note(self, path: str) -> None:
        match = _FOLDER.fullmatch(path)
        if match is not None and self._is_package(f"{match[1]}/{match[2]}"):
            self._libraries.setdefault(match[1])
            self.in_use.setdefault(f"{match[1]}/{match[2]}", path)
        elif path.lower().endswith((".r", ".rmd", ".rprofile")):
            self._scripts.setdefault(path)

    def _is_package(self, folder: str) -> bool:
        return f"{folder}/DESCRIPTION" in self._tree and f"{folder}/Meta/package.rds" in self._tree

    def _own(self) -> Iterator[str]:
        """Yield the folders of R's own packages."""
        folders = [entry.path for library in self._libraries for entry in self._tree.children(library)]
        for folder, text in self._descriptions(folder for folder in folders if self._is_package(folder)):
            if _BASE.search(text) and posixpath.basename(folder) not in _DESKTOP:
                yield folder

    def _named(self) -> Iterator[tuple[str, str]]:
        """Yield the packages that the app's scripts and its command name, each with the one that names it."""
        texts = [*self._read(self._scripts), ("the image's command", "\n".join(self._image.config.command))]
        for path, text in texts:
            for match in _ASKS.finditer(text):
                if (folder := self._find(match[1] or match[2])) is not None:
                    yield folder, path

    def _closure(self, wanted: dict[str, str]) -> dict[str, str]:
        """Return these packages and all that they import, each with the path that leads to it."""
        found: dict[str, str] = {}
        while wanted:
            found |= wanted
            named = [
                (name, f"{folder}/DESCRIPTION")
                for folder, text in self._descriptions(wanted)
                for match in _DEPENDENCIES.finditer(text)
                for name in _NAME.findall(match[1])
            ]
            places = {place: by for name, by in named if (place := self._find(name)) is not None}
            wanted = {place: by for place, by in places.items() if place not in found}
        return found

    def _find(self, name: str) -> str | None:
        places = (f"{library}/{name}" for library in self._libraries)
        return next((place for place in places if self._is_package(place)), None)

    def _descriptions(self, folders: Iterable[str]) -> Iterator[tuple[str, str]]:
        for path, text in self._read(f"{folder}/DESCRIPTION" for folder in folders):
            yield posixpath.dirname(path), text + "\n"

    def _read(self, paths: Iterable[str]) -> Iterator[tuple[str, str]]:
        entries = [entry for path in paths if (entry := self._tree.get(path)) is not None]
        small = [entry.path for entry in entries if entry.is_file and entry.size <= SCRIPT_BYTES]
        for path, content in self._image.read(small) if small else ():
            yield path, (content or b"").decode(errors="replace")


def _package(tree: Tree, folder: str, by: str) -> Iterator[Finding]:
    """Yield the parts of a package that R reads: all except documentation, tests and the like."""
    reason = Reason(RULE, f"of a package that {by} leads to", by)
    for entry in tree.children(folder):
        if posixpath.basename(entry.path) not in _UNUSED:
            yield Finding(entry.path, reason)
            if entry.is_directory:
                yield from whole_folder(tree, entry.path, reason, PACKAGE_BYTES)


_RULES = {RULE: Evidence.USED, time_zones.RULE: Evidence.USED}
ANALYZER = FunctionAnalyzer("r", BEYOND_OBSERVED, _RULES, r_packages)
