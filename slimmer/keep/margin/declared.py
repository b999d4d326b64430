"""What the packages in use declare as needed, and what the author of the image asked for by name.

Only packages that are in the image and not in use count. Needs are followed for one step: what such packages need in turn is followed as
code is.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping

from slimmer.image import language_packages
from slimmer.image.packages import Package
from slimmer.keep.image_view import ImageView, above
from slimmer.keep.margin.declarations_reader import Declaration, Form, read_declaration
from slimmer.keep.margin.system_packages import FILES, LARGEST, SystemPackages
from slimmer.keep.sources.reading import read_files

Unit = Package | str
"""A package. A package of npm, RubyGems or Composer is given by its folder, because several may have the same name."""

LEVELS = 16
"""The most folders above a package in which npm's packages are looked for."""

_TOOL_NAMES = (
    "pip setuptools wheel virtualenv pipenv poetry uv build hatch flit npm yarn pnpm corepack bundler rubygems-update"
)
_TOOLS = frozenset(_TOOL_NAMES.split())
"""Packages that install or build others. Authors install them to make the image."""


class Declarations:
    """What the packages `used` declare. `folders` are the app's, where its own manifests lie; each one is looked for in the folders above, too.

    `needed` maps each package to the one in use that needs it. `requested` are those that the author asked for. `basic` are packages of
    the system that every image of the distribution has.
    """

    def __init__(self, image: ImageView, used: Mapping[Unit, str], folders: Iterable[str]) -> None:
        self._image, self._used = image, used
        self._tree = image.tree
        self._system = SystemPackages(image)
        self._sites = dict.fromkeys(site for path in used.values() if (site := language_packages.site_of(path)))
        self._places: dict[str, tuple[Form, Unit | None]] = {}
        self.needed: dict[Unit, Unit] = {}
        self.requested: dict[Unit, None] = {}
        self.basic = self._system.basic
        for package in self._system.declared:
            self._need(self._system.needs(package), package)
        for package in self._system.asked:
            self._ask(package)
        self._find(folders)
        self._learn()

    def _find(self, folders: Iterable[str]) -> None:
        """Note the files to read, each with the package that declares; None for the author."""
        for unit in self._used:
            if isinstance(unit, Package):
                for site in self._sites if unit.manager == "python" else ():
                    for folder in self._image.packages.metadata(site, unit):
                        self._note(f"{folder}/METADATA", Form.METADATA, unit)
                continue
            self._note(f"{unit}/package.json", Form.NODE, unit)
            home, _, name = unit.rpartition("/gems/")
            self._note(f"{home}/specifications/{name}.gemspec", Form.RUBY, unit)
        for folder in dict.fromkeys(one for place in folders for one in above(place, LEVELS)):
            self._note(f"{folder}/package.json", Form.NODE, folder=folder)
            self._note(f"{folder}/pyproject.toml", Form.PYPROJECT, folder=folder)
            self._note(f"{folder}/Gemfile", Form.RUBY, folder=folder)
            self._note(f"{folder}/composer.json", Form.COMPOSER, folder=folder)
            self._note(f"{folder}/vendor/composer/installed.json", Form.INSTALLED, folder=folder)

    def _note(self, path: str, form: Form, unit: Unit | None = None, *, folder: str = "") -> None:
        entry = self._image.end(path)
        is_package = folder and language_packages.folder_of(self._tree, f"{folder}/") is not None
        if entry is not None and entry.is_file and not is_package and len(self._places) < FILES:
            self._places.setdefault(entry.path, (form, unit))

    def _learn(self) -> None:
        declared = dict(
            read_files(
                self._image,
                read_declaration,
                Declaration,
                self._places,
                LARGEST,
                lambda path: (self._places[path][0].value,),
            )
        )
        found = [(path, *self._places[path], one) for path, read in declared.items() for one in read.packages]
        for path, form, unit, one in found:
            if form is Form.INSTALLED:
                vendor = posixpath.dirname(posixpath.dirname(path))
                self._need(self._folders(one.needs, vendor), f"{vendor}/{one.name}")
            else:
                self._need(self._units(one.needs, form, path), unit)
        for package in self._distributions().values():
            if any(f"{folder}/REQUESTED" in self._tree for folder in self._metadata(package)):
                self._ask(package)

    def _need(self, units: Iterable[Unit], user: Unit | None) -> None:
        """Note packages that another one needs. If that is None, the author asked for them."""
        for unit in units:
            if user is None:
                self._ask(unit)
            elif user in self._used and unit not in self._used:
                self.needed.setdefault(unit, user)

    def _ask(self, unit: Unit) -> None:
        name = unit.name if isinstance(unit, Package) else posixpath.basename(unit)
        if unit not in self._used and re.sub(r"-\d[\d.]*$", "", name).lower() not in _TOOLS:
            self.requested[unit] = None

    def _units(self, names: Iterable[str], form: Form, path: str) -> Iterator[Unit]:
        """Yield the packages that a file means by these names."""
        if form in (Form.METADATA, Form.PYPROJECT):
            distributions = self._distributions()
            yield from (distributions[key] for name in names if (key := _normal(name)) in distributions)
        elif form is Form.NODE:
            yield from (found for name in names if (found := self._node(posixpath.dirname(path), name)))
        elif form is Form.RUBY:
            gems = self._gems(path)
            yield from (gems[name] for name in names if name in gems)
        else:
            yield from self._folders(names, f"{posixpath.dirname(path)}/vendor")

    def _folders(self, names: Iterable[str], vendor: str) -> Iterator[str]:
        return (folder for name in names if (folder := f"{vendor}/{name}") in self._tree)

    def _node(self, folder: str, name: str) -> str | None:
        """Return the folder of a package of npm that code in a folder gets by this name."""
        for place in above(folder, LEVELS):
            end = self._image.end(f"{place}/node_modules/{name}") if not place.endswith("/node_modules") else None
            if end is not None and end.is_directory:
                return end.path
        return None

    def _gems(self, path: str) -> Mapping[str, str]:
        """Return the folders of the gems in the home of a specification; for a Gemfile, in the homes of gems in use."""
        own = path.rpartition("/specifications/")[0]
        used = (unit.rpartition("/gems/")[0] for unit in self._used if isinstance(unit, str) and "/gems/" in unit)
        found: dict[str, str] = {}
        for home in (own,) if own else dict.fromkeys(used):
            for entry in self._tree.children(f"{home}/gems"):
                found.setdefault(re.sub(r"-\d[^/-]*(?:-[^/]*)?$", "", posixpath.basename(entry.path)), entry.path)
        return found

    def _distributions(self) -> Mapping[str, Package]:
        """Return the distributions beside those in use, by their normalized names."""
        found: dict[str, Package] = {}
        for site in self._sites:
            for one in language_packages.distributions(self._tree, site):
                found.setdefault(_normal(one.package.name), one.package)
        return found

    def _metadata(self, package: Package) -> Iterator[str]:
        return (folder for site in self._sites for folder in self._image.packages.metadata(site, package))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
