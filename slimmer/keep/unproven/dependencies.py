"""The direct dependencies of the app of which nothing is in the slim image.

These are the packages that the app's own package.json (dependencies, optionalDependencies), Gemfile and composer.json (require) name. A
manifest is the app's own if it lies in or above a folder with a file that stays, and belongs to no package.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from itertools import islice

from slimmer.image import language_packages
from slimmer.image.packages import Package
from slimmer.keep.core.licences import is_licence_name
from slimmer.keep.core.packages import is_worth_keeping
from slimmer.keep.ecosystems import dependency_folders, manifests
from slimmer.keep.image_view import ImageView
from slimmer.keep.margin.declarations_reader import Form
from slimmer.keep.margin.package_places import PackagePlaces, manifests_above, read_declarations
from slimmer.keep.margin.system_packages import FILES

NAMES = 10_000
"""The most dependencies of an image."""

LOOKED_AT = 1000
"""The most paths of a package that are looked at in search of code or data."""

_FORMS = frozenset((Form.NODE, Form.RUBY, Form.COMPOSER))


def unused_dependencies(image: ImageView, kept: Iterable[str]) -> Iterator[Package]:
    """Yield the packages of npm, RubyGems and Composer that the app's own manifests name, and of which nothing is kept."""
    installed = dependency_folders()
    own: dict[str, None] = {}
    others: list[str] = []
    for path in kept:
        folder = posixpath.dirname(path)
        if installed.isdisjoint(folder.split("/")):
            own[folder] = None
        else:
            others.append(path)
    places = _manifests(image, own)
    if not places:
        return
    used = {
        place.path
        for path in others
        if (place := language_packages.folder_of(image.tree, path)) and _is_part(image, path)
    }
    homes = dict.fromkeys(path.rpartition("/gems/")[0] for path in others if "/gems/" in path)
    packages = PackagePlaces(image, (), tuple(homes))
    declared = [(path, one.needs) for path, found in read_declarations(image, places) for one in found]
    units = (unit for path, names in declared for unit in packages.units(names, places[path], path))
    for unit in islice(dict.fromkeys(units), NAMES):
        place = language_packages.folder_of(image.tree, f"{unit}/")
        if place is None or place.path in used:
            continue
        if any(_is_part(image, entry.path) for entry in islice(image.tree.below(place.path), LOOKED_AT)):
            yield place.package


def _manifests(image: ImageView, folders: Iterable[str]) -> dict[str, Form]:
    """Return the manifests in which the author of the app names packages: those in and above these folders that are of no package."""
    found = [(path, form) for path, form in manifests_above(image, folders) if form in _FORMS][:FILES]
    owners = image.packages.owners(path for path, _ in found) if found else {}
    return {path: form for path, form in found if not owners[path]}


def _is_part(image: ImageView, path: str) -> bool:
    """Return True for a file that a package is there for: code or data, and not its description, licence or documents."""
    entry = image.tree.get(path)
    if entry is None or not entry.is_file or not is_worth_keeping(path):
        return False
    name = posixpath.basename(path)
    return name not in manifests() and not name.endswith(".gemspec") and not is_licence_name(name)
