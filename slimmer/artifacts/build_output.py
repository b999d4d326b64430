"""The output folder of an earlier build, read back: what it kept and why, the original's tree and packages, the access log."""

from __future__ import annotations

import io
from collections.abc import Mapping
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

HINT = "`slimmer build IMAGE` and `slimmer keep` write the folder; name it as it was given to --out, or the image as it was given to build."

_REPORT_LIMIT = 1 << 26
"""Bytes; lists of paths in a report are cut, and what the user chose fits on a command line."""


@dataclass(frozen=True)
class BuildOutput:
    """A folder that `slimmer build` or `slimmer keep` wrote. Its files are read when they are asked for, each with its own UsageError."""

    folder: Path

    @cached_property
    def report(self) -> Report:
        """report.json."""
        with self._open(report_file.NAME) as file, reading(file.name, "a report of slimmer's", HINT):
            return report_file.FORMAT.read(parse(str(file.read(_REPORT_LIMIT), "utf-8")))

    @cached_property
    def lines(self) -> Mapping[str, Line]:
        """The manifest: what is in the slim image, by path, in the order of a walk."""
        with self._open(manifest.NAME) as binary, io.TextIOWrapper(binary, encoding="utf-8") as file:
            return {line.path: line for line in read_manifest(file)}

    @cached_property
    def tree(self) -> Tree:
        """The original's tree."""
        with self._open(tree_file.NAME) as file:
            return read_tree(file)[1]

    @cached_property
    def packages(self) -> PackageRecord:
        """Which packages the original's paths belong to."""
        with self._open(package_file.NAME) as file:
            return read_packages(file, self.tree)

    @cached_property
    def log(self) -> AccessLog:
        """What the app looked at."""
        with self._open("access.json") as binary, io.TextIOWrapper(binary, encoding="utf-8") as file:
            return read_log(file)

    @property
    def policy(self) -> str:
        """The policy of the build."""
        return self.report.policy

    @property
    def selection(self) -> Selection:
        """What the user chose, as far as it says what to drop."""
        return Selection(exclude=self.report.selection.exclude)

    @property
    def images(self) -> tuple[str, ...]:
        """The names of the image that was slimmed and of the slim one, as far as they have any."""
        report = self.report
        names = (report.target.name, "" if report.slim is UNSET else report.slim.name)
        return tuple(filter(None, names))

    def _open(self, name: str) -> IO[bytes]:
        try:
            return (self.folder / name).open("rb")
        except OSError as error:
            raise UsageError(f"{self.folder / name}: {error.strerror}", hint=HINT) from error


def find_output(target: str) -> BuildOutput:
    """The folder that `target` names: itself, or the image whose artifacts lie in slimmer-out. Raises UsageError."""
    folder = Path(target)
    if (folder / manifest.NAME).is_file():
        return BuildOutput(folder)
    if folder.is_dir():
        raise UsageError(f"{folder} is no output folder of slimmer's: it has no {manifest.NAME}", hint=HINT)
    asked = reference.parse(target)
    folder = default_folder(f"{asked.name}:") if asked.name else folder
    if not (folder / manifest.NAME).is_file():
        raise UsageError(f"there are no artifacts of a build of {target}: no {folder / manifest.NAME}", hint=HINT)
    output = BuildOutput(folder)
    if not any(_means(asked, name) for name in output.images):
        raise UsageError(
            f"{folder} holds the artifacts of {' and '.join(output.images) or 'another image'}, not of {target}",
            hint=HINT,
        )
    return output


def _means(asked: Reference, name: str) -> bool:
    """Whether an image that was asked for, with or without a tag, is the one of this name."""
    built = reference.parse(name)
    same_tag = asked.tag in ("", built.tag or "latest")
    return same_tag and reference.familiar(asked.name) == reference.familiar(built.name)
