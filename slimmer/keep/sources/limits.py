"""Bounds on folders, and on files of a kind, that are kept whole. If there is more, only what was seen in use stays."""

from __future__ import annotations

from collections.abc import Iterable

from slimmer.image.tree import Entry


def within_limits(entries: Iterable[Entry], files: int, size: int) -> list[Entry] | None:
    """Return these entries; None if there are more than `files`, or if their files have more than `size` bytes together."""
    chosen: list[Entry] = []
    for entry in entries:
        chosen.append(entry)
        size -= entry.size if entry.is_file else 0
        if len(chosen) > files or size < 0:
            return None
    return chosen
