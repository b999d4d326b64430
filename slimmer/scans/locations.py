"""Where a scanner saw a package: paths of the image in the scanner's spelling."""

from __future__ import annotations

import posixpath

_LISTS = frozenset(
    (
        "go.mod", "go.sum", "cargo.lock", "cargo.toml", "pom.xml", "gradle.lockfile", "package-lock.json", "yarn.lock", "pnpm-lock.yaml",
        "composer.lock", "gemfile.lock", "pipfile.lock", "poetry.lock", "uv.lock", "requirements.txt", "packages.lock.json", "build.sbt.lock",
    )
)  # fmt: skip
"""Files that only list packages, in lower case. That one of them is gone says nothing about the packages."""


def absolute(path: str) -> str:
    """Return a path from the root of the image, in its shortest form; "" for what cannot be a path."""
    if not path or "\0" in path:
        return ""
    return posixpath.normpath("/" + path.lstrip("/"))


def is_list(name: str) -> bool:
    """Return True for the name of a file that only lists packages."""
    return name.lower() in _LISTS
