"""Names that are near to one that does not exist, for messages."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from difflib import get_close_matches

from slimmer.image.tree import Tree

SUGGESTIONS = 3
_NAMES = 20_000
"""Names that are compared at most; each takes some microseconds."""


def near_names(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """The nearest of these names, best first."""
    lengths = range(len(name) * 2 // 3, len(name) * 3 // 2 + 2)
    alike = [other for other in dict.fromkeys(names) if len(other) in lengths][:_NAMES]
    return tuple(get_close_matches(name, alike, SUGGESTIONS))


def near_paths(tree: Tree, path: str) -> tuple[str, ...]:
    """Paths that the user may have meant: with the nearest names in place of wrong ones, or the same name elsewhere."""
    name = posixpath.basename(path.rstrip("/"))
    folder = tree.resolve(posixpath.dirname(posixpath.join("/", path.rstrip("/")))).end
    beside = {posixpath.basename(entry.path): entry.path for entry in tree.children(folder)} if folder else {}
    found = [beside[other] for other in near_names(name, beside)] or _corrected(tree, path)
    if len(found) < SUGGESTIONS:
        everywhere: dict[str, str] = {}
        for entry in tree:
            everywhere.setdefault(posixpath.basename(entry.path), entry.path)
        same = (
            [everywhere[name]] if name in everywhere else [everywhere[other] for other in near_names(name, everywhere)]
        )
        found += same
    return tuple(dict.fromkeys(found))[:SUGGESTIONS]


def _corrected(tree: Tree, path: str) -> list[str]:
    """The path with each name that is not there replaced by the nearest that is, as far as there is one."""
    current, changed = "/", False
    for part in filter(None, path.split("/")):
        step = tree.resolve(posixpath.join(current, part)).end
        if step is None:
            names = {posixpath.basename(entry.path): entry.path for entry in tree.children(current)}
            nearest = near_names(part, names)[:1]
            if not nearest:
                break
            step, changed = tree.resolve(names[nearest[0]]).end or names[nearest[0]], True
        current = step
    return [current] if changed else []


def did_you_mean(names: Iterable[str], otherwise: str) -> str:
    """A hint."""
    listed = ", ".join(names)
    return f"Did you mean {listed}?" if listed else otherwise
