"""Find packages of pip, npm, RubyGems and Composer by where they are.

A package of npm, RubyGems or Composer is a folder with a description in a known place. A Python distribution shares its folder
with others, and lists its files in RECORD or installed-files.txt. Sources: the Python packaging user guide,
"Recording installed projects"; npm-folders(5); RubyGems' Gem::BasicSpecification; Composer's "vendor/composer/installed.json".
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from slimmer.image.packages import Package
from slimmer.image.text_databases import PATH_LIMIT
from slimmer.image.tree import Tree

_NPM = re.compile(r".*/node_modules/(?P<name>(?:@[^/]+/)?[^/@.][^/]*)(?=/)", re.DOTALL)
_GEM = re.compile(r"(?P<home>.*)/(?:bundler/)?gems/(?P<name>[^/]+)-(?P<version>[0-9][^/-]*)(?:-[^/]*)?(?=/)", re.DOTALL)
_COMPOSER = re.compile(r"(?P<vendor>.*/vendor)/(?P<name>[^/]+/[^/]+)(?=/)", re.DOTALL)
_SITE = re.compile(r".*?/(?:site|dist)-packages(?=/)", re.DOTALL)
_METADATA = re.compile(r"/(?P<name>[^/]+?)-(?P<version>[^/-]+)(?:-py[0-9.]+[^/]*)?\.(?:dist|egg)-info$", re.DOTALL)
_RECORDS = ("RECORD", "installed-files.txt")
_DESCRIPTIONS = ("METADATA", "PKG-INFO")


@dataclass(frozen=True, slots=True)
class Folder:
    """A package that has a folder of its own."""

    package: Package
    path: str


@dataclass(frozen=True, slots=True)
class Distribution:
    """A Python distribution: its metadata folder, and the file in it that lists its files ("" if there is none)."""

    package: Package
    metadata: str
    record: str


def folder_of(tree: Tree, path: str) -> Folder | None:
    """Return the innermost package folder that contains a real path; None if there is none."""
    if "/node_modules/" in path and (match := _NPM.match(path)) and f"{match[0]}/package.json" in tree:
        return Folder(Package("node", match["name"], ""), match[0])
    if "/gems/" in path and (match := _GEM.match(path)) and _is_gem(tree, match):
        return Folder(Package("ruby", match["name"], match["version"]), match[0])
    if "/vendor/" in path and (match := _COMPOSER.match(path)) and f"{match['vendor']}/composer/installed.json" in tree:
        return Folder(Package("php", match["name"], ""), match[0])
    return None


def descriptions(tree: Tree, path: str) -> Iterator[str]:
    """Yield the file that describes the package whose folder contains a real path: package.json, a gemspec, or Composer's installed.json."""
    folder = folder_of(tree, path)
    if folder is not None:
        place, name = posixpath.split(folder.path)
        within = {
            "node": f"{folder.path}/package.json",
            "ruby": f"{posixpath.dirname(place)}/specifications/{name}.gemspec",
            "php": f"{posixpath.dirname(place)}/composer/installed.json",
        }
        yield from _files(tree, [within[folder.package.manager]])


def python_descriptions(tree: Tree, folders: Iterable[str]) -> Iterator[str]:
    """Yield the files that describe a Python distribution with these metadata folders."""
    for folder in folders:
        yield from _files(tree, [f"{folder}/{name}" for name in _DESCRIPTIONS])


def _files(tree: Tree, paths: Iterable[str]) -> Iterator[str]:
    return (path for path in paths if (entry := tree.get(path)) is not None and not entry.is_directory)


def all_folders(tree: Tree) -> Iterator[Folder]:
    """Yield every package folder of an image. Walks the whole tree."""
    for path in tree.directories():
        if (folder := folder_of(tree, f"{path}/")) and folder.path == path:
            yield folder


def all_sites(tree: Tree) -> Iterator[str]:
    """Yield every folder of Python distributions. Walks the whole tree."""
    return (path for path in tree.directories() if site_of(f"{path}/") == path)


def site_of(path: str) -> str | None:
    """Return the folder of Python distributions that contains a path, or None."""
    match = _SITE.match(path) if "-packages/" in path else None
    return match[0] if match else None


def distributions(tree: Tree, site: str) -> Iterator[Distribution]:
    """Yield the distributions in a folder of Python distributions."""
    for entry in tree.children(site):
        match = _METADATA.search(entry.path) if entry.is_directory else None
        if match is not None:
            records = (f"{entry.path}/{name}" for name in _RECORDS)
            record = next((path for path in records if (found := tree.get(path)) and found.is_file), "")
            yield Distribution(Package("python", match["name"], match["version"]), entry.path, record)


def is_listed(metadata: str) -> bool:
    """Return True if `distributions` yields a metadata folder with this path: by its name and where it is."""
    folder = posixpath.dirname(metadata)
    return site_of(f"{folder}/") == folder and _METADATA.search(metadata) is not None


def recorded(distribution: Distribution, lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield absolute paths from RECORD (first column, relative to the site) or installed-files.txt (relative to the metadata)."""
    is_table = distribution.record.endswith("RECORD")
    folder = os.fsencode(posixpath.dirname(distribution.metadata) if is_table else distribution.metadata)
    for line in lines:
        name = _first_column(line) if is_table else line.removesuffix(b"\r")
        if 0 < len(name) <= PATH_LIMIT:
            yield posixpath.normpath(posixpath.join(folder, name))


def same_python_name(first: str, second: str) -> bool:
    """Return True if two names mean the same distribution (packaging.python.org, "Names and normalization")."""
    return _normal(first) == _normal(second)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _first_column(row: bytes) -> bytes:
    """Return the first value of a row of comma-separated values; b"" if its quotes do not end."""
    if not row.startswith(b'"'):
        return row.partition(b",")[0].removesuffix(b"\r")
    end = row.find(b'"', 1)
    while end >= 0 and row[end + 1 : end + 2] == b'"':  # two quotes stand for one in the value
        end = row.find(b'"', end + 2)
    return row[1:end].replace(b'""', b'"') if end >= 0 else b""


def _is_gem(tree: Tree, match: re.Match[str]) -> bool:
    name = posixpath.basename(match[0])
    return f"{match['home']}/specifications/{name}.gemspec" in tree or "/bundler/gems/" in match[0]
