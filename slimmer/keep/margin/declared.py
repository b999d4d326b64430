"""What the packages in use declare as needed, and what the author of the image asked for by name.

Only packages that are in the image and not in use count. Needs are followed for one step: what such packages need in turn is followed as
code is.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping

from slimmer.image import language_packages
from slimmer.image.packages import Package
from slimmer.keep.image_view import ImageView
from slimmer.keep.margin.declarations_reader import Form
from slimmer.keep.margin.package_places import PackagePlaces, Unit, manifests_above, read_declarations
from slimmer.keep.margin.system_packages import FILES, SystemPackages

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
        sites = dict.fromkeys(site for path in used.values() if (site := language_packages.site_of(path)))
        homes = dict.fromkeys(one.rpartition("/gems/")[0] for one in used if isinstance(one, str) and "/gems/" in one)
        self._packages = PackagePlaces(image, tuple(sites), tuple(homes))
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
                for site in self._packages.sites if unit.manager == "python" else ():
                    for folder in self._image.packages.metadata(site, unit):
                        self._note(f"{folder}/METADATA", Form.METADATA, unit)
                continue
            self._note(f"{unit}/package.json", Form.NODE, unit)
            home, _, name = unit.rpartition("/gems/")
            self._note(f"{home}/specifications/{name}.gemspec", Form.RUBY, unit)
        for path, form in manifests_above(self._image, folders):
            self._note(path, form)

    def _note(self, path: str, form: Form, unit: Unit | None = None) -> None:
        entry = self._image.end(path)
        if entry is not None and entry.is_file and len(self._places) < FILES:
            self._places.setdefault(entry.path, (form, unit))

    def _learn(self) -> None:
        declared = dict(read_declarations(self._image, {path: form for path, (form, _) in self._places.items()}))
        found = [(path, *self._places[path], one) for path, packages in declared.items() for one in packages]
        for path, form, unit, one in found:
            user = f"{posixpath.dirname(posixpath.dirname(path))}/{one.name}" if form is Form.INSTALLED else unit
            self._need(self._packages.units(one.needs, form, path), user)
        for package in self._packages.distributions.values():
            folders = (
                folder for site in self._packages.sites for folder in self._image.packages.metadata(site, package)
            )
            if any(f"{folder}/REQUESTED" in self._tree for folder in folders):
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
