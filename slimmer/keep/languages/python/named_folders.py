"""Finds the folders of content that an app's strings name: static files, uploads, data.

`StaticFiles(directory="pub")`, `add_static("/s/", "www")`, `STATIC_ROOT = BASE_DIR / "staticfiles"`, `open("/srv/data/" + name)`: a
string counts if it is the path of a folder beside the source, in the working directory, or of an absolute one, and no Python source lies
below it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping

from slimmer.keep.ecosystems import dependency_folders
from slimmer.keep.folders import NO_CONTENT
from slimmer.keep.image_view import ImageView, reach
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.sources.limits import within_limits
from slimmer.keep.sources.named_paths import FOLDER_BYTES, FOLDER_FILES

FOLDERS = 500
"""The most folders that are looked at for one image."""

_NAME = re.compile(r"/?\w[\w.-]{1,80}(?:/[\w.-]{1,80}){0,8}/?")
_SKIPPED = frozenset(("tests", "test", "docs", "doc", ".git", "__pycache__", "logs", "log", "cache", "tmp"))
_CODE = (".py", ".pyc", ".so")


class NamedFolders:
    """The folders of one image that the app's strings name, each once."""

    def __init__(self, image: ImageView) -> None:
        self._image, self._tree = image, image.tree
        self._working = image.absolute()
        self._done: set[str] = set()

    def findings(self, words: Mapping[str, str]) -> Iterator[Finding]:
        """Yield the folders that these words name, with their contents. `words` maps each word to the source that it is from."""
        for word, cause in words.items():
            if _NAME.fullmatch(word) and word.strip("/") not in _SKIPPED:
                for place in self._places(word, cause):
                    yield from self._folder(place, cause)

    def _places(self, word: str, cause: str) -> Iterator[str]:
        if word.startswith("/"):
            yield posixpath.normpath(word)
            return
        own = posixpath.dirname(cause)
        yield from dict.fromkeys(
            posixpath.normpath(f"{base}/{word}") for base in (own, posixpath.dirname(own), self._working)
        )

    def _folder(self, place: str, cause: str) -> Iterator[Finding]:
        entry = self._image.end(place) if len(self._done) < FOLDERS else None
        if entry is None or not entry.is_directory or entry.path in self._done:
            return
        self._done.add(entry.path)
        if not self._may_be_content(entry.path, cause):
            return
        contents = within_limits(self._tree.below(entry.path), FOLDER_FILES, FOLDER_BYTES)
        if contents is None or any(one.path.endswith(_CODE) for one in contents):
            return
        reason = Reason("python", f"in {place}, a folder named in a string of {cause}", cause)
        yield from reach(self._tree, place, reason)
        yield from (Finding(one.path, reason) for one in contents)

    def _may_be_content(self, folder: str, cause: str) -> bool:
        """Return True if a folder is not the system's, not one of dependencies, and not around the app."""
        if folder.count("/") < 2 or any(place.startswith(folder + "/") for place in (cause, self._working + "/")):
            return False
        if not dependency_folders().isdisjoint(folder.split("/")):
            return False
        own = (posixpath.dirname(cause) + "/", self._working + "/")
        return folder not in NO_CONTENT or (folder.startswith(own) and own[0].count("/") > 2)
