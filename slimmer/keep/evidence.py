"""How strongly a reason says that a path is used. Analyzers choose a threshold instead of a set of rule names."""

from __future__ import annotations

from enum import IntEnum


class Evidence(IntEnum):
    """How strongly a reason says that a path is used, from weak to strong."""

    STRUCTURAL = 0
    """The path leads to another one, is another name for it, or keeps a directory from being empty."""

    LISTED = 1
    """The app listed the path's directory, or a licence asks for the file."""

    ENGINE = 2
    """The engine reads the path when it starts a container."""

    SEEN = 3
    """The app opened the path, or a source names it."""

    USED = 4
    """Code that is in use loads or runs the path."""
