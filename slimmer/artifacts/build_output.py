"""Read the output folder of an earlier build: what it kept and why, the original's tree and packages, the access log."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

from msgspec import UNSET

from slimmer.artifacts import manifest, package_file, report_file, tree_file
from slimmer.artifacts.manifest import Line, read_manifest
from slimmer.artifacts.package_file import PackageRecord, read_packages
from slimmer.artifacts.report_file import Report
from slimmer.artifacts.tree_file import read_tree
from slimmer.errors import UsageError
from slimmer.image import reference
from slimmer.image.reference import Reference
from slimmer.image.tree import Tree
from slimmer.keep.selection import Selection
from slimmer.observe.log import AccessLog, read_log
from slimmer.output_folder import default_folder
from slimmer.versioned_json import parse, reading

HINT = "`slimmer build IMAGE` and `slimmer keep` write the folder. Give the folder, or the name of the slim image."

MOST_FOLDERS = 1000
"""The most folders that are searched for the artifacts of an image."""

_REPORT_LIMIT = 1 << 26
"""The most bytes of a report. Its lists of paths are cut, and the user's selection fits on a command line."""


@dataclass(frozen=True)
class BuildOutput:
    """A folder that `slimmer build` or `slimmer keep` wrote. Each file is read when it is needed, and raises UsageError if that fails."""

    folder: Path

    @cached_property
    def report(self) -> Report:
        """The content of report.json."""
        with self._open(report_file.NAME) as file, reading(file.name, "a report of slimmer", HINT):
            return report_file.FORMAT.read(parse(str(file.read(_REPORT_LIMIT), "utf-8")))

    @cached_property
    def lines(self) -> Mapping[str, Line]:
        """The manifest: the paths of the slim image in the order of a walk."""
        with self._open(manifest.NAME) as binary, io.TextIOWrapper(binary, encoding="utf-8") as file:
            return {line.path: line for line in read_manifest(file)}

    @cached_property
    def tree(self) -> Tree:
        """The original's tree of paths."""
        with self._open(tree_file.NAME) as file:
            return read_tree(file)[1]

    @cached_property
    def packages(self) -> PackageRecord:
        """The packages that the original's paths belong to."""
        with self._open(package_file.NAME) as file:
            return read_packages(file, self.tree)

    @cached_property
    def log(self) -> AccessLog:
        """The access log."""
        with self._open("access.json") as binary, io.TextIOWrapper(binary, encoding="utf-8") as file:
            return read_log(file)

    @property
    def written(self) -> int:
        """The time at which the manifest was written, in seconds since 1970."""
        with self._open(manifest.NAME) as file:
            return int(os.fstat(file.fileno()).st_mtime)

    @property
    def policy(self) -> str:
        """The policy of the build."""
        return self.report.policy

    @property
    def selection(self) -> Selection:
        """The user's selection. Only the patterns of paths to drop are read."""
        return Selection(exclude=self.report.selection.exclude)

    @property
    def images(self) -> tuple[str, ...]:
        """The names of the original and of the slim image, if they have any."""
        report = self.report
        names = (report.target.name, "" if report.slim is UNSET else report.slim.name)
        return tuple(filter(None, names))

    def _open(self, name: str) -> IO[bytes]:
        try:
            return (self.folder / name).open("rb")
        except OSError as error:
            raise UsageError(f"{self.folder / name}: {error.strerror}", hint=HINT) from error


def find_output(target: str) -> BuildOutput:
    """Return the output of the folder `target`, or of the image `target` in slimmer-out.

    The image is the original or the slim one. The folder has the name of the slim image, but is found by that of the original, too. Raise
    UsageError if there is none, or if several builds are meant.
    """
    folder = Path(target)
    if (folder / manifest.NAME).is_file():
        return BuildOutput(folder)
    if folder.is_dir():
        raise UsageError(f"{folder} is not an output folder of slimmer: it has no {manifest.NAME}", hint=HINT)
    if target.startswith(("/", "./", "../")):
        raise UsageError(f"there is no folder {target}", hint=HINT)
    asked = reference.parse(target)
    folder = default_folder(f"{asked.name}:") if asked.name else folder
    output = BuildOutput(folder) if (folder / manifest.NAME).is_file() else None
    if output is not None and any(_means(asked, name) for name in output.images):
        return output
    others = list(_others(folder, asked))
    if len(others) > 1:
        folders = ", ".join(str(one.folder) for one in others)
        raise UsageError(f"several builds are of {target}: {folders}", hint="Give the folder.")
    if others:
        return others[0]
    if output is not None:
        names = " and ".join(output.images) or "another image"
        raise UsageError(f"{folder} holds the artifacts of {names}, not of {target}", hint=HINT)
    raise UsageError(f"there are no artifacts of {target}: {folder / manifest.NAME} does not exist", hint=HINT)


def _others(folder: Path, asked: Reference) -> Iterator[BuildOutput]:
    """Yield the outputs beside a folder that are of the image."""
    for place in sorted(folder.parent.glob(f"*/{manifest.NAME}"))[:MOST_FOLDERS]:
        output = BuildOutput(place.parent)
        with suppress(UsageError):
            if place.parent != folder and any(_means(asked, name) for name in output.images):
                yield output


def _means(asked: Reference, name: str) -> bool:
    """Return True if a reference, with or without a tag, means the image with this name."""
    built = reference.parse(name)
    same_tag = asked.tag in ("", built.tag or "latest")
    return same_tag and reference.familiar(asked.name) == reference.familiar(built.name)
