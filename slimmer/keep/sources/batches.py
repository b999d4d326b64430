"""Splits files into groups whose contents fit into memory together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from slimmer.image.tree import Tree

FILES = 5000
"""The most files in a group, because each one takes some memory besides its content."""


def batches(tree: Tree, paths: Iterable[str], longest: int, together: int) -> Iterator[list[str]]:
    """Yield the regular files among these real paths in groups of at most `together` bytes and FILES files.

    A larger file is a group of its own. Files of more than `longest` bytes are left out.
    """
    batch: list[str] = []
    size = 0
    for path in paths:
        entry = tree.get(path)
        if entry is None or not entry.is_file or entry.size > longest:
            continue
        if batch and (size + entry.size > together or len(batch) >= FILES):
            yield batch
            batch, size = [], 0
        batch.append(path)
        size += entry.size
    if batch:
        yield batch
