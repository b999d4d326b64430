"""Explain why a path of the original is or is not in the slim image, from the artifacts of a build.

A kept path is traced back from cause to cause, to something that was observed, selected, or needed by the engine. For a dropped path,
the explanation says what it belongs to and how to keep it.
"""

from __future__ import annotations

import posixpath
import shlex
import stat
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass

from slimmer.artifacts.build_output import BuildOutput
from slimmer.artifacts.manifest import KINDS, Line
from slimmer.errors import TargetNotFound
from slimmer.image.packages import Package
from slimmer.image.suggestions import did_you_mean, near_paths
from slimmer.image.tree import Entry, Tree
from slimmer.keep.core.packages import is_worth_keeping
from slimmer.keep.keepset import LEADS_TO, Reason
from slimmer.keep.selection import Patterns
from slimmer.observe.log import Access
from slimmer.versioned_json import Format, Version

ACCESSES = 5
"""The most accesses of a path that are shown."""


@dataclass(frozen=True, slots=True)
class Step:
    """A kept path and a reason for it. In a chain, the next step's path is the cause of this reason."""

    path: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link on the way to the path that was asked about. `kept` is true if it is in the slim image."""

    path: str
    target: str
    kept: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that is known about `path`, the real path behind `asked`. `size` is in bytes; for a directory, it is that of all files below it.

    `kept_size` is the part of these bytes that is kept. `chain` leads from the path to the origin of its reason, and `reasons` are all
    known reasons; both are empty if the path was dropped. `excluded` is the pattern that dropped it. `accesses` are the app's accesses
    to it. `beside` has the number of kept entries in its folder and the number of all. `remedies` are options that would keep it.
    """

    asked: str
    path: str
    kept: bool
    kind: str
    size: int
    kept_size: int
    packages: tuple[Package, ...]
    links: tuple[Link, ...]
    reasons: tuple[Reason, ...] = ()
    chain: tuple[Step, ...] = ()
    excluded: str = ""
    accesses: tuple[str, ...] = ()
    beside: tuple[int, int] = (0, 0)
    remedies: tuple[str, ...] = ()


FORMAT = Format("slimmer-explanation", Version(1, 0), Explanation)


def explain(output: BuildOutput, asked: str) -> Explanation:
    """Explain a path of the original. Raise TargetNotFound, with similar names, if the original has no such path."""
    tree = output.tree
    asked = posixpath.join("/", asked.rstrip("/"))
    if _is_added(output, asked):
        return _of_added(output, asked, asked, ())
    entry, links = _found(output, asked)
    if _is_added(output, entry.path):
        return _of_added(output, asked, entry.path, links)
    line = output.lines.get(entry.path)
    kind = KINDS.get(stat.S_IFMT(entry.mode), "unknown")
    shared = (asked, entry.path, line is not None, kind, _size(tree, entry), _kept_size(output, entry))
    packages = output.packages.owners([entry.path])[entry.path]
    accesses = tuple(dict.fromkeys(_accesses(output, entry)))[:ACCESSES]
    if line is not None:
        return Explanation(*shared, packages, links, line.reasons, chain(output.lines, entry.path), accesses=accesses)
    excluded = _excluded(output, entry)
    return Explanation(
        *shared,
        packages,
        links,
        excluded=excluded,
        accesses=accesses,
        beside=_beside(output, entry.path),
        remedies=tuple(_remedies(output, entry, packages, excluded)),
    )


def _is_added(output: BuildOutput, path: str) -> bool:
    """Return True if slimmer added this path to the slim image."""
    line = output.lines.get(path)
    return line is not None and line.added


def _of_added(output: BuildOutput, asked: str, path: str, links: tuple[Link, ...]) -> Explanation:
    line = output.lines[path]
    size = sum(_sizes_of_added(output, path))
    return Explanation(asked, path, True, line.kind, size, size, (), links, line.reasons, chain(output.lines, path))


def _kept_size(output: BuildOutput, entry: Entry) -> int:
    """Return the bytes of the slim image's files at this path of the original or below it, with those that slimmer added."""
    kept = {path for path, line in output.lines.items() if not line.added}
    return _size(output.tree, entry, kept) + sum(_sizes_of_added(output, entry.path))


def _sizes_of_added(output: BuildOutput, path: str) -> Iterator[int]:
    below = path.rstrip("/") + "/"
    added = ((name, line) for name, line in output.lines.items() if line.added)
    return (line.size or 0 for name, line in added if name == path or name.startswith(below))


def chain(lines: Mapping[str, Line], path: str) -> tuple[Step, ...]:
    """Return the shortest way from a kept path to a reason without a further cause. It searches breadth first, because causes may form cycles."""
    before: dict[str, Step | None] = {path: None}
    waiting = [path]
    for current in waiting:
        reasons = lines[current].reasons
        root = next((r for r in reasons if r.rule != LEADS_TO and not _cause(lines, r)), None)
        if root is not None:
            return (*_steps(before, current), Step(current, root))
        for reason in reasons:
            cause = _cause(lines, reason)
            if cause and cause not in before:
                before[cause] = Step(current, reason)
                waiting.append(cause)
    return tuple(Step(path, reason) for reason in lines[path].reasons[:1])


def _cause(lines: Mapping[str, Line], reason: Reason) -> str:
    """Return the kept path that a reason refers to, or "" if there is none."""
    return reason.origin if reason.origin in lines else ""


def _steps(before: Mapping[str, Step | None], last: str) -> tuple[Step, ...]:
    """Return the steps of a search from its start to `last`."""
    steps: list[Step] = []
    step = before[last]
    while step is not None:
        steps.append(step)
        step = before[step.path]
    return tuple(reversed(steps))


def _found(output: BuildOutput, asked: str) -> tuple[Entry, tuple[Link, ...]]:
    """Return the entry that a path leads to, and the links on the way. A dangling link leads to itself."""
    tree = output.tree
    resolution = tree.resolve(asked)
    end = resolution.end or next((step for step in reversed(resolution.way) if _is_itself(tree, step, asked)), None)
    entry = tree.get(end) if end is not None else None
    if entry is None:
        raise _no_such_path(output, asked)
    steps = (found for step in resolution.way if (found := tree.get(step)) is not None and found.is_link)
    links = tuple(Link(link.path, link.target, link.path in output.lines) for link in steps if link.path != entry.path)
    return entry, links


def _is_itself(tree: Tree, step: str, asked: str) -> bool:
    """Return True if a link on the way is the path that was asked about, and leads nowhere."""
    entry = tree.get(step)
    folder = tree.resolve(posixpath.dirname(asked.rstrip("/"))).end
    return entry is not None and entry.is_link and folder == posixpath.dirname(step)


def _no_such_path(output: BuildOutput, asked: str) -> TargetNotFound:
    seen = [access for access in output.log.accesses if access.asked == asked]
    more = "; the app also looked for it" if seen and not any(access.found for access in seen) else ""
    more = "; the app made it while it was observed" if any(access.found for access in seen) else more
    hint = did_you_mean(near_paths(output.tree, asked), "Give a path of the original image.")
    return TargetNotFound(f"the original image has no {asked}{more}", hint=hint)


def _size(tree: Tree, entry: Entry, among: Container[str] | None = None) -> int:
    """Return the bytes of a file, or of all files below a directory. Hard links count once. If `among` is given, only paths in it count."""
    below = (entry, *tree.below(entry.path)) if entry.is_directory else (entry,)
    counted = (found for found in below if found.is_file and (among is None or found.path in among))
    return sum({found.inode: found.size for found in counted}.values())


def _accesses(output: BuildOutput, entry: Entry) -> Iterator[str]:
    for access in output.log.accesses:
        if entry.path in (access.resolved, access.asked):
            yield _told(access, entry.path)


def _told(access: Access, path: str) -> str:
    way = f", asked for as {access.asked}" if access.asked != path else ""
    return f"{access.operation} by {access.by}{way}"


def _excluded(output: BuildOutput, entry: Entry) -> str:
    """Return the last pattern that excludes a path, as the user gave it, or "" if there is none."""
    given = output.selection.exclude
    if not Patterns(output.tree, given, "--exclude").match(entry):
        return ""
    matching = (
        p for p in reversed(given) if not p.startswith("!") and Patterns(output.tree, [p], "--exclude").match(entry)
    )
    return next(matching, given[-1])


def _beside(output: BuildOutput, path: str) -> tuple[int, int]:
    entries = [entry.path for entry in output.tree.children(posixpath.dirname(path))]
    return sum(entry in output.lines for entry in entries), len(entries)


def _remedies(output: BuildOutput, entry: Entry, packages: tuple[Package, ...], excluded: str) -> Iterator[str]:
    """Yield options that would keep a dropped path, the narrowest first."""
    if excluded:
        yield f"leave out --exclude {shlex.quote(excluded)}, or add --exclude {shlex.quote('!' + _pattern(entry))}"
        return
    if stat.S_ISSOCK(entry.mode):
        return
    yield f"--include {shlex.quote(_pattern(entry))}"
    yield from (f"--include-package {shlex.quote(f'{package.manager}:{package.name}')}" for package in packages)
    if output.policy != "generous" and packages and is_worth_keeping(entry.path) and _is_touched(output, packages):
        yield "--policy generous"


def _is_touched(output: BuildOutput, packages: tuple[Package, ...]) -> bool:
    owners = output.packages.owners(output.lines)
    return any(package in owned for owned in owners.values() for package in packages)


def _pattern(entry: Entry) -> str:
    """Return a pattern, in printable characters, that matches this path and, for a directory, everything below it.

    It has `?` for each character that is not printable, and for a space at the end, which patterns lose.
    """
    body, last = entry.path[:-1], entry.path[-1]
    return "".join(map(_letter, body)) + ("?" if last == " " else _letter(last))


def _letter(letter: str) -> str:
    if not letter.isprintable():
        return "?"
    return f"\\{letter}" if letter in "*?[\\" else letter
