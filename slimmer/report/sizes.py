"""The bytes of a slim image by file, rule, package and folder. Of hard links, only the first one counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from slimmer.artifacts.build_output import BuildOutput
from slimmer.artifacts.manifest import Line
from slimmer.image.packages import Package
from slimmer.keep import registry
from slimmer.keep.evidence import Evidence
from slimmer.versioned_json import Format, Version

FOLDER_DEPTH = 3
"""The depth of the folders that are listed: /usr/lib/python3.11."""


@dataclass(frozen=True, slots=True)
class Share:
    """The size of something in bytes, and its number of files."""

    name: str
    size: int
    files: int


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes below a folder, with the largest first in each list. `below` is the folder; "/" means the whole image."""

    below: str
    total: Share
    files: tuple[Share, ...]
    rules: tuple[Share, ...]
    packages: tuple[Share, ...]
    folders: tuple[Share, ...]


FORMAT = Format("slimmer-sizes", Version(1, 0), Sizes)


def sizes(output: BuildOutput, below: str = "/") -> Sizes:
    """Add up the sizes of what is kept below a folder."""
    lines = _single_files(output, below)
    owners = output.packages.owners(line.path for line in lines)
    depth = FOLDER_DEPTH + below.rstrip("/").count("/")
    return Sizes(
        below,
        Share(below, sum(line.size or 0 for line in lines), len(lines)),
        _shares(lines, lambda line: line.path),
        _shares(lines, _rule),
        _shares(lines, lambda line: _package(owners, line)),
        _shares(lines, lambda line: "/".join(line.path.split("/")[: depth + 1][: line.path.count("/")]) or "/"),
    )


def _single_files(output: BuildOutput, below: str) -> list[Line]:
    """Return the regular files below a folder, one for each inode."""
    prefix = below.rstrip("/") + "/"
    found: dict[object, Line] = {}
    for line in output.lines.values():
        if line.size is not None and (line.path.startswith(prefix) or line.path == below):
            entry = output.tree.get(line.path)
            found.setdefault(entry.inode if entry is not None and entry.links > 1 else line.path, line)
    return list(found.values())


def _rule(line: Line) -> str:
    """Return the most informative rule: the first with more than structural evidence."""
    evidence = registry.evidence()
    rules = [reason.rule for reason in line.reasons]
    used = (rule for rule in rules if evidence.get(rule, Evidence.USED) > Evidence.STRUCTURAL)
    return next(used, rules[0] if rules else "unknown")


def _package(owners: Mapping[str, tuple[Package, ...]], line: Line) -> str:
    """Return the innermost package, so that each byte counts once."""
    packages = owners.get(line.path, ())
    return f"{packages[-1].manager}:{packages[-1].name}" if packages else "of no package"


def _shares(lines: Iterable[Line], name: Callable[[Line], str]) -> tuple[Share, ...]:
    totals: dict[str, tuple[int, int]] = {}
    for line in lines:
        size, files = totals.get(name(line), (0, 0))
        totals[name(line)] = size + (line.size or 0), files + 1
    shares = (Share(name, size, files) for name, (size, files) in totals.items())
    return tuple(sorted(shares, key=lambda share: (-share.size, share.name)))
