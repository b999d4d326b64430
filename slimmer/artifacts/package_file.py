"""packages.json.zst: the packages that each path of the original belongs to, in the order of tree.json.zst, and the original's inventory.

One compressed JSON document: `{"format": …, "version": …, "image": ID, "packages": [[MANAGER, NAME, VERSION], …], "runs": [[COUNT,
PLACE, …], …], "unread": [DATABASE, …], "created": TIME, "release": {…}, "inventory": [{…}, …]}`. A run gives the packages (positions in the list, from 0) of the
next COUNT paths of tree.json.zst. The runs cover all of the paths. The text is ASCII, and bytes that are not UTF-8 are escaped surrogates.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from typing import IO, Annotated, Any

import zstandard
from msgspec import UNSET, Meta, Struct, UnsetType, to_builtins

from slimmer.image.installed import Installed
from slimmer.image.inventory import Inventory, Ownership
from slimmer.image.os_release import Release
from slimmer.image.package_files import PackageFiles
from slimmer.image.packages import Package
from slimmer.image.purl import Origin
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


class InventoryRelease(Struct, frozen=True, omit_defaults=True):
    """The original's release, as its os-release says: ID, VERSION_ID and ID_LIKE. What it does not say is left out."""

    id: Name = ""
    version: Name = ""
    like: tuple[Name, ...] = ()


class InventoryPackage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A package with what its metadata says. `files` counts its files and links in the original. What is not known is left out.

    `places` are folders or files that are the package's alone. `source` is its source package. `licences` are as the package declares
    them: SPDX expressions or names.
    """

    manager: Name
    name: Name
    version: Name = ""
    files: Number = 0
    places: tuple[Name, ...] = ()
    architecture: Name = ""
    epoch: Name = ""
    source: Name = ""
    licences: tuple[Name, ...] = ()


class PackagesDocument(Struct, frozen=True):
    """The packages that the paths of tree.json.zst belong to. `image` is the original's ID, and `created` the time when it was made.

    Each of `runs` has a count of paths, then the positions of their packages in the list, from 0. `unread` are the databases that could
    not be read, or not whole, so that the runs lack files of their packages. The inventory also has packages without files.
    `left_out` is the number of files with metadata of packages that were too large or too many to be read.
    """

    image: Name
    packages: list[PackageRow]
    runs: Runs
    unread: tuple[Name, ...] = ()
    created: Name = ""
    release: InventoryRelease | UnsetType = UNSET
    inventory: list[InventoryPackage] | UnsetType = UNSET
    left_out: Number = 0


FORMAT = Format("slimmer-packages", Version(1, 1), PackagesDocument)


def package_document(
    tree: Tree, known: PackageFiles, image_id: str, inventory: Inventory | None = None, created: str = ""
) -> dict[str, Any]:
    """Return the document. It asks `known` for a bounded number of paths at a time. `created` is the image's creation time."""
    known.know_all()
    inventory = inventory or Inventory()
    ownership, counts = Ownership(inventory.packages), Counter[Package]()
    places: dict[Package, int] = {}
    runs: Runs = []
    entries = iter(tree)
    while chunk := list(islice(entries, _CHUNK)):
        owners = known.owners(entry.path for entry in chunk if not entry.is_directory)
        counts.update(one.package for path in owners for one in ownership.of(path, owners[path]))
        _extend(runs, places, chunk, owners)
    packages = [[package.manager, package.name, package.version] for package in places]
    return {
        **FORMAT.head,
        "image": image_id,
        "packages": packages,
        "runs": runs,
        "unread": list(known.unreadable),
        "created": created,
        "release": to_builtins(InventoryRelease(**asdict(inventory.release))),
        "inventory": [to_builtins(_row(one, counts[one.package])) for one in inventory.packages],
        "left_out": inventory.left_out,
    }


def write_packages(document: Mapping[str, Any], file: IO[bytes]) -> None:
    """Write what package_document made."""
    file.write(zstandard.ZstdCompressor(level=6).compress(json.dumps(document).encode("ascii")))


class PackageRecord:
    """The packages of a tree, as an earlier build knew them.

    `inventory` has what their metadata says, `files` the number of files of each, and `created` the image's creation time, or "".
    `unread` are the databases that it could not read, or not whole.
    `has_inventory` is False if slimmer 0.1 wrote the record.
    """

    def __init__(self, tree: Tree, document: PackagesDocument) -> None:
        self._tree, self._runs = tree, document.runs
        self._packages = tuple(Package(row.manager, row.name, row.version) for row in document.packages)
        self.unread = document.unread
        self.has_inventory = document.inventory is not UNSET
        rows = [] if document.inventory is UNSET else document.inventory
        self.created = document.created
        packages = tuple(_installed(row) for row in rows)
        self.inventory = Inventory(_release(document.release), packages, document.left_out)
        self.files = {Package(row.manager, row.name, row.version): row.files for row in rows}

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
        for number, run in enumerate(found.runs):
            if not all(0 <= place < len(found.packages) for place in run[1:]):
                raise ValueError(f"$.runs[{number}]: a run names a package that does not exist")
    return PackageRecord(tree, found)


def record(document: Mapping[str, Any], tree: Tree) -> PackageRecord:
    """Return what package_document made of this tree as a record."""
    return PackageRecord(tree, FORMAT.read(document))


def _row(one: Installed, files: int) -> InventoryPackage:
    return InventoryPackage(
        manager=one.package.manager,
        name=one.package.name,
        version=one.package.version,
        files=files,
        places=one.places,
        architecture=one.origin.architecture,
        epoch=one.origin.epoch,
        source=one.origin.source,
        licences=one.licences,
    )


def _installed(row: InventoryPackage) -> Installed:
    origin = Origin(row.architecture, row.epoch, row.source)
    return Installed(Package(row.manager, row.name, row.version), row.places, origin, row.licences)


def _release(found: InventoryRelease | UnsetType) -> Release:
    return Release() if found is UNSET else Release(found.id, found.version, found.like)


def _extend(
    runs: Runs, places: dict[Package, int], entries: Iterable[Entry], owners: Mapping[str, tuple[Package, ...]]
) -> None:
    for entry in entries:
        row = [places.setdefault(package, len(places)) for package in owners.get(entry.path, ())]
        if runs and runs[-1][1:] == row:
            runs[-1][0] += 1
        else:
            runs.append([1, *row])
