"""packages.json.zst: which packages each path of the original belongs to, beside the tree, in its order.

One JSON document, compressed: `{"format": …, "version": 1, "image": ID, "packages": [[MANAGER, NAME, VERSION], …], "runs": [[COUNT,
PLACE, …], …]}`. A run says to which packages (places in the list, counted from 0) the next COUNT paths of tree.json.zst belong; the
runs cover all of them. ASCII; bytes that are not UTF-8 are escaped surrogates.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import IO, Any

import zstandard

from slimmer.image.package_files import PackageFiles
from slimmer.image.packages import Package
from slimmer.image.tree import Entry, Tree
from slimmer.versioned_json import check_format, items, number, reading, text

NAME = "packages.json.zst"
FORMAT = "slimmer-packages"
FORMAT_VERSION = 1

_CHUNK = 4096
HINT = "`slimmer build` and `slimmer keep` write one."

_SIZE_LIMIT = 1 << 26
"""Bytes of the document; two million paths, each in another package than the one before, take half of it."""

Runs = list[list[int]]


def package_document(tree: Tree, known: PackageFiles, image_id: str) -> dict[str, Any]:
    """The document; what `known` is asked for at a time is bounded."""
    known.know_all()
    places: dict[Package, int] = {}
    runs: Runs = []
    entries = iter(tree)
    while chunk := list(islice(entries, _CHUNK)):
        _extend(runs, places, chunk, known.owners(entry.path for entry in chunk if not entry.is_directory))
    packages = [[package.manager, package.name, package.version] for package in places]
    head = {"format": FORMAT, "version": FORMAT_VERSION, "image": image_id}
    return head | {"packages": packages, "runs": runs}


def write_packages(document: Mapping[str, Any], file: IO[bytes]) -> None:
    """Write what package_document made."""
    file.write(zstandard.ZstdCompressor(level=6).compress(json.dumps(document).encode("ascii")))


class PackageRecord:
    """The packages of a tree, as an earlier build knew them."""

    def __init__(self, tree: Tree, packages: tuple[Package, ...], runs: Runs) -> None:
        self._tree, self._packages, self._runs = tree, packages, runs

    def owners(self, paths: Iterable[str]) -> dict[str, tuple[Package, ...]]:
        """The packages that each of these paths belongs to. Walks the whole tree, so ask once for many."""
        found: dict[str, tuple[Package, ...]] = dict.fromkeys(paths, ())
        for entry, packages in zip(self._tree, self._each(), strict=False):
            if packages and entry.path in found:
                found[entry.path] = packages
        return found

    def _each(self) -> Iterator[tuple[Package, ...]]:
        for count, *places in self._runs:
            packages = tuple(self._packages[place] for place in places)
            for _ in range(count):
                yield packages


def read_packages(file: IO[bytes], tree: Tree) -> PackageRecord:
    """Read what write_packages wrote about this tree.

    Raises UsageError when it is no such file, cut short, of another version, or larger than any that slimmer writes.
    """
    with reading(str(getattr(file, "name", NAME)), "packages of slimmer's", HINT):
        with zstandard.ZstdDecompressor().stream_reader(file, closefd=False) as raw:
            content = raw.read(_SIZE_LIMIT)
        data = check_format(json.loads(content), FORMAT, FORMAT_VERSION)
        packages = tuple(Package(*map(text, items(package, 3))) for package in items(data["packages"]))
        runs = [[number(value) for value in items(run)] for run in items(data["runs"])]
        if any(not run or not all(0 <= place < len(packages) for place in run[1:]) for run in runs):
            raise ValueError("a run names a package that is not there")
    return PackageRecord(tree, packages, runs)


def _extend(
    runs: Runs, places: dict[Package, int], entries: Iterable[Entry], owners: Mapping[str, tuple[Package, ...]]
) -> None:
    for entry in entries:
        row = [places.setdefault(package, len(places)) for package in owners.get(entry.path, ())]
        if runs and runs[-1][1:] == row:
            runs[-1][0] += 1
        else:
            runs.append([1, *row])
