"""Finds the packages of languages that declarations name, and the manifests in which an app's author names them.

A package that several may share a name with (npm, RubyGems, Composer) is given by its folder.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice

from slimmer.image import language_packages
from slimmer.image.packages import Package
from slimmer.keep.image_view import ImageView, above
from slimmer.keep.margin.declarations_reader import Declaration, Declared, Form, read_declaration
from slimmer.keep.margin.system_packages import LARGEST
from slimmer.keep.sources.reading import read_files

Unit = Package | str
"""A package. A package of npm, RubyGems or Composer is given by its folder, because several may have the same name."""

LEVELS = 16
"""The most folders above a package or a file of the app in which packages and manifests are looked for."""

FOLDERS = 20_000
"""The most folders in which manifests are looked for."""

_MANIFESTS = (
    ("package.json", Form.NODE),
    ("pyproject.toml", Form.PYPROJECT),
    ("Gemfile", Form.RUBY),
    ("composer.json", Form.COMPOSER),
    ("vendor/composer/installed.json", Form.INSTALLED),
)


def manifests_above(image: ImageView, folders: Iterable[str]) -> Iterator[tuple[str, Form]]:
    """Yield the manifests in these folders of an app and in those above them, without those of packages. Links are not resolved."""
    around = dict.fromkeys(one for place in folders for one in above(place, LEVELS))
    for folder in islice(around, FOLDERS):
        found = [(f"{folder}/{name}", form) for name, form in _MANIFESTS if image.tree.is_file(f"{folder}/{name}")]
        if found and language_packages.folder_of(image.tree, f"{folder}/") is None:
            yield from found


def read_declarations(image: ImageView, places: Mapping[str, Form]) -> Iterator[tuple[str, Sequence[Declared]]]:
    """Yield what each of these files declares. Costs a round trip."""
    read = read_files(image, read_declaration, Declaration, places, LARGEST, lambda path: (places[path].value,))
    return ((path, declaration.packages) for path, declaration in read)


class PackagePlaces:
    """The packages of languages in one image. `sites` are folders of Python distributions, and `homes` those above RubyGems' `gems`."""

    def __init__(self, image: ImageView, sites: Sequence[str], homes: Sequence[str]) -> None:
        self._image, self._tree = image, image.tree
        self.sites, self._homes = sites, homes

    def units(self, names: Iterable[str], form: Form, path: str) -> Iterator[Unit]:
        """Yield the packages that the file at a path means by these names. Names of packages that the image lacks count for nothing."""
        folder = posixpath.dirname(path)
        if form in (Form.METADATA, Form.PYPROJECT):
            distributions = self.distributions
            yield from (distributions[key] for name in names if (key := _normal(name)) in distributions)
        elif form is Form.NODE:
            yield from (found for name in names if (found := self._node(folder, name)))
        elif form is Form.RUBY:
            gems = self._gems(path)
            yield from (gems[name] for name in names if name in gems)
        else:
            vendor = posixpath.dirname(folder) if form is Form.INSTALLED else f"{folder}/vendor"
            yield from (place for name in names if (place := f"{vendor}/{name}") in self._tree)

    @cached_property
    def distributions(self) -> Mapping[str, Package]:
        """The distributions in the sites, by their normalized names."""
        found: dict[str, Package] = {}
        for site in self.sites:
            for one in language_packages.distributions(self._tree, site):
                found.setdefault(_normal(one.package.name), one.package)
        return found

    def _node(self, folder: str, name: str) -> str | None:
        """Return the folder of a package of npm that code in a folder gets by this name."""
        for place in above(folder, LEVELS):
            end = self._image.end(f"{place}/node_modules/{name}") if not place.endswith("/node_modules") else None
            if end is not None and end.is_directory:
                return end.path
        return None

    def _gems(self, path: str) -> Mapping[str, str]:
        """Return the folders of the gems in the home of a specification; for a Gemfile, in all homes."""
        own = path.rpartition("/specifications/")[0]
        found: dict[str, str] = {}
        for home in (own,) if own else self._homes:
            for entry in self._tree.children(f"{home}/gems"):
                found.setdefault(re.sub(r"-\d[^/-]*(?:-[^/]*)?$", "", posixpath.basename(entry.path)), entry.path)
        return found


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
