"""Suggest names that are similar to one that does not exist, for messages."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from difflib import get_close_matches

from slimmer.image.tree import Tree

SUGGESTIONS = 3
"""The number of names that a message suggests."""

_NAMES = 20_000
"""The number of names that are compared. Each takes a few microseconds."""


def near_names(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return the most similar names, best first."""
    lengths = range(len(name) * 2 // 3, len(name) * 3 // 2 + 2)
    alike = [other for other in dict.fromkeys(names) if len(other) in lengths][:_NAMES]
    return tuple(get_close_matches(name, alike, SUGGESTIONS))


def near_paths(tree: Tree, path: str) -> tuple[str, ...]:
    """Return paths that the user may have meant: with wrong names replaced by similar ones, or the same name elsewhere."""
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
    """Return the path with each missing name replaced by the most similar one, as far as there is one."""
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
    """Return a hint: the names, or `otherwise` if there are none."""
    listed = ", ".join(names)
    return f"Did you mean {listed}?" if listed else otherwise
