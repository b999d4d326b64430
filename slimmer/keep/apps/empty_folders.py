"""Keep the empty folders that an image makes for its app: for data, uploads, logs, caches and sockets.

A Dockerfile makes such a folder (`RUN mkdir -p /app/uploads && chown app /app/uploads`), and nothing looks at it until the first file is
stored. It costs no bytes. Without it, the app fails, because hardly any app makes the folder that it was given. A folder counts if it
belongs to a user other than root, if everybody may write in it, or if it lies where packages leave everything to the author.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from slimmer.image.tree import Entry
from slimmer.keep.analyzer import BEYOND_OBSERVED, FunctionAnalyzer
from slimmer.keep.ecosystems import dependency_folders
from slimmer.keep.evidence import Evidence
from slimmer.keep.folders import NO_EMPTY, OF_PACKAGES
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, Reason

RULE = "empty-folder"
FOLDERS = 1000
"""The most folders that stay."""

_NO_CONTENT = frozenset(("__pycache__", "include", "man"))
_OTHERS_MAY_WRITE = 0o002


def empty_folders(image: ImageView) -> list[Finding] | None:
    """Return the empty folders that the image made for its app. None if there are none."""
    return [Finding(entry.path, Reason(RULE, _why(entry))) for entry in islice(_found(image), FOLDERS)] or None


def _found(image: ImageView) -> Iterator[Entry]:
    tree = image.tree
    left_out = dependency_folders() | _NO_CONTENT
    working = image.absolute()
    for path in tree.directories():
        is_own = working != "/" and path.startswith(f"{working}/")
        if (path in NO_EMPTY and not is_own) or any(part in left_out or part[:1] == "." for part in path.split("/")):
            continue
        if next(iter(tree.children(path)), None) is not None:
            continue
        entry = tree.get(path)
        if entry is not None and (is_own or entry.uid or entry.mode & _OTHERS_MAY_WRITE or path not in OF_PACKAGES):
            yield entry


def _why(entry: Entry) -> str:
    if entry.uid:
        return f"the image made it empty for user {entry.uid}"
    if entry.mode & _OTHERS_MAY_WRITE:
        return "the image made it empty, and everybody may write in it"
    return "the author made it empty"


ANALYZER = FunctionAnalyzer("empty-folder", BEYOND_OBSERVED, {RULE: Evidence.STRUCTURAL}, empty_folders)
