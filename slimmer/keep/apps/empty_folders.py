"""Keep the empty folders that an image makes for its app: for data, uploads, caches and sockets.

They cost no bytes. An app that finds no folder to write to fails as soon as it is asked to, with another setting for instance. A folder
counts if it belongs to a user other than root or everybody may write in it, or if it lies where packages leave everything to the author.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from slimmer.image.tree import Entry, Tree
from slimmer.keep.analyzer import BEYOND_OBSERVED, FunctionAnalyzer
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, Reason

RULE = "empty-folder"
FOLDERS = 1000
"""The most folders that stay."""

_SYSTEM = re.compile(
    r"/(?:bin|boot|dev|lib[^/]{0,4}|proc|sbin|sys|usr/(?!local/)[^/]+|var/(?:cache/(?:apt|man|ldconfig)|lib/(?:apt|dpkg|apk)))(?:/.*)?",
    re.DOTALL,
)
_AUTHOR_S = re.compile(
    r"/(?:opt|srv|usr/local/(?:etc|lib|libexec|share|var))/.+|/(?!(?:etc|home|lost\+found|media|mnt|root|run|tmp|usr|var)(?:/|$)).+",
    re.DOTALL,
)
_DEPENDENCIES = re.compile(r"/(?:node_modules|(?:site|dist)-packages|\.git|__pycache__|man|include)(?:/|$)")
_OTHERS_MAY_WRITE = 0o002


def empty_folders(image: ImageView) -> Iterator[Finding] | None:
    """Yield the empty folders that the image made for its app. None if there are none."""
    found = list(islice(_found(image.tree), FOLDERS))
    return (Finding(entry.path, Reason(RULE, _why(entry))) for entry in found) if found else None


def _found(tree: Tree) -> Iterator[Entry]:
    for entry in tree:
        if not entry.is_directory or _SYSTEM.fullmatch(entry.path) or _DEPENDENCIES.search(entry.path):
            continue
        is_for_app = entry.uid or entry.mode & _OTHERS_MAY_WRITE or _AUTHOR_S.fullmatch(entry.path)
        if is_for_app and next(iter(tree.children(entry.path)), None) is None:
            yield entry


def _why(entry: Entry) -> str:
    if entry.uid:
        return f"the image made it empty for user {entry.uid}"
    return (
        "the image made it empty, and everybody may write in it"
        if entry.mode & _OTHERS_MAY_WRITE
        else "the author made it empty"
    )


ANALYZER = FunctionAnalyzer("empty-folder", BEYOND_OBSERVED, {RULE: Evidence.STRUCTURAL}, empty_folders)
