"""Notes for the user about the files that stay."""

from __future__ import annotations

from collections.abc import Iterator

from slimmer.formatting import SHOWN, human_size, listed
from slimmer.image.tree import Tree
from slimmer.keep.apps import state
from slimmer.keep.keepset import KeepSet


def notes(tree: Tree, kept: KeepSet) -> Iterator[str]:
    """Yield notes: the folders that stay whole because the app keeps state there, largest first, with their sizes."""
    sizes = sorted(state.sizes(tree, kept).items(), key=lambda item: (-item[1], item[0]))
    if any(size for _, size in sizes):
        folders = listed([f"{folder} ({human_size(size)})" for folder, size in sizes if size], SHOWN)
        yield f"the app's state stays whole: {folders}"
