"""The strength of the evidence that a path is used. Analyzers choose a threshold instead of a set of rule names."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum


class Evidence(IntEnum):
    """The strength of the evidence that a reason gives for a path's use, from weak to strong."""

    STRUCTURAL = 0
    """The path leads to a kept path, is another name for one, or keeps a directory from being empty."""

    LISTED = 1
    """The app listed the path's directory, or the file is a licence text."""

    ENGINE = 2
    """The engine reads the path when it starts a container."""

    SEEN = 3
    """The app opened the path, or a source names it."""

    USED = 4
    """Code that is in use loads or runs the path."""


def reaches(found: Iterable[Evidence], threshold: Evidence) -> bool:
    """Return True if some evidence is at least as strong as the threshold."""
    return any(one >= threshold for one in found)
