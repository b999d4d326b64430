"""Files in groups whose contents may be held in memory at the same time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from slimmer.image.tree import Tree

FILES = 5000
"""Files of a group at most: each takes some memory besides its content."""


def batches(tree: Tree, paths: Iterable[str], longest: int, together: int) -> Iterator[list[str]]:
    """The regular files among these real paths, in groups of `together` bytes and FILES files at most.

    A longer one is a group of its own. Files of more than `longest` bytes are left out.
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
