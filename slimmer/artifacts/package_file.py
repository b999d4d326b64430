"""packages.json.zst: the packages that each path of the original belongs to, in the order of tree.json.zst.

One compressed JSON document: `{"format": …, "version": …, "image": ID, "packages": [[MANAGER, NAME, VERSION], …], "runs": [[COUNT,
PLACE, …], …], "unread": [DATABASE, …]}`. A run gives the packages (positions in the list, from 0) of the next COUNT paths of tree.json.zst. The runs cover all
of the paths. The text is ASCII, and bytes that are not UTF-8 are escaped surrogates.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import IO, Annotated, Any

import zstandard
from msgspec import Meta, Struct

from slimmer.image.package_files import PackageFiles
from slimmer.image.packages import Package
from slimmer.image.tree import Entry, Tree
from slimmer.versioned_json import Format, Name, Number, Version, parse, reading

NAME = "packages.json.zst"

_CHUNK = 4096
HINT = "`slimmer build` and `slimmer keep` write one."

_SIZE_LIMIT = 1 << 26
"""The most bytes of the document. Two million paths, each in another package than the one before, take half of that."""

Runs = list[Annotated[list[Number], Meta(min_length=1)]]


class PackageRow(Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """A package, as an array: its manager, its name, its version."""

    manager: Name
    name: Name
    version: Name


class PackagesDocument(Struct, frozen=True):
    """The packages that the paths of tree.json.zst belong to. `image` is the original's ID.

    Each of `runs` has a count of paths, then the positions of their packages in the list, from 0. `unread` are the databases that could
    not be read, or not whole, so that the runs lack files of their packages.
    """

    image: Name
    packages: list[PackageRow]
    runs: Runs
    unread: tuple[Name, ...] = ()


FORMAT = Format("slimmer-packages", Version(1, 1), PackagesDocument)


def package_document(tree: Tree, known: PackageFiles, image_id: str) -> dict[str, Any]:
    """Return the document. It asks `known` for a bounded number of paths at a time."""
    known.know_all()
    places: dict[Package, int] = {}
    runs: Runs = []
    entries = iter(tree)
    while chunk := list(islice(entries, _CHUNK)):
        _extend(runs, places, chunk, known.owners(entry.path for entry in chunk if not entry.is_directory))
    packages = [[package.manager, package.name, package.version] for package in places]
    return {**FORMAT.head, "image": image_id, "packages": packages, "runs": runs, "unread": list(known.unreadable)}


def write_packages(document: Mapping[str, Any], file: IO[bytes]) -> None:
    """Write what package_document made."""
    file.write(zstandard.ZstdCompressor(level=6).compress(json.dumps(document).encode("ascii")))


class PackageRecord:
    """The packages of a tree, as an earlier build knew them. `unread` are the databases that it could not read, or not whole."""

    def __init__(self, tree: Tree, packages: tuple[Package, ...], runs: Runs, unread: tuple[str, ...] = ()) -> None:
        self._tree, self._packages, self._runs = tree, packages, runs
        self.unread = unread

    def owners(self, paths: Iterable[str]) -> dict[str, tuple[Package, ...]]:
        """Return the packages that each of these paths belongs to. This walks the whole tree, so pass many paths at once."""
        found: dict[str, tuple[Package, ...]] = dict.fromkeys(paths, ())
        for entry, packages in self.entries():
            if packages and entry.path in found:
                found[entry.path] = packages
        return found

    def entries(self) -> Iterator[tuple[Entry, tuple[Package, ...]]]:
        """Yield each entry of the tree with its packages, in the order of a walk."""
        return zip(self._tree, self._each(), strict=False)

    def _each(self) -> Iterator[tuple[Package, ...]]:
        for count, *places in self._runs:
            packages = tuple(self._packages[place] for place in places)
            for _ in range(count):
                yield packages


def read_packages(file: IO[bytes], tree: Tree) -> PackageRecord:
    """Read what write_packages wrote about this tree.

    Raises UsageError if it is not such a file, was cut short, has another version, or is larger than any that slimmer writes.
    """
    with reading(str(getattr(file, "name", NAME)), "packages of slimmer", HINT):
        with zstandard.ZstdDecompressor().stream_reader(file, closefd=False) as raw:
            content = raw.read(_SIZE_LIMIT)
        found = FORMAT.read(parse(str(content, "utf-8")))
        packages = tuple(Package(row.manager, row.name, row.version) for row in found.packages)
        for number, run in enumerate(found.runs):
            if not all(0 <= place < len(packages) for place in run[1:]):
                raise ValueError(f"$.runs[{number}]: a run names a package that does not exist")
    return PackageRecord(tree, packages, found.runs, found.unread)


def _extend(
    runs: Runs, places: dict[Package, int], entries: Iterable[Entry], owners: Mapping[str, tuple[Package, ...]]
) -> None:
    for entry in entries:
        row = [places.setdefault(package, len(places)) for package in owners.get(entry.path, ())]
        if runs and runs[-1][1:] == row:
            runs[-1][0] += 1
        else:
            runs.append([1, *row])
