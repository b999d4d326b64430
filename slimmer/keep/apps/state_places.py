"""Decides by the place and the contents of a folder if it may be an app's state, and where that state begins."""

from __future__ import annotations

import posixpath
import re
from functools import cache

from slimmer.keep.ecosystems import code_suffixes, dependency_folders, manifests
from slimmer.keep.folders import NO_STATE, NO_STATE_ALONE
from slimmer.keep.image_view import ImageView, parent
from slimmer.keep.word_tables import words

LOOKED_AT = 300_000
"""The most paths that are looked at in search of code, for all folders together. Beyond that, a folder counts as one with code."""

_DEPTH = 64
_AREA = re.compile(r"(/var/(?:lib|spool|opt|games|mail|db)/[^/]+)(?:/.*)?", re.DOTALL)
"""Folders that hold the state of one program each."""

_MANAGERS = words(
    "apk apt aptitude cloud containerd containers dbus debconf dnf docker dpkg flatpak",
    "misc pacman pam pkg polkit-1 portage python rpm rpm-state selinux sgml-base snapd",
    "swupd systemd texmf ucf unattended-upgrades update-rc.d vim xml-core yum zypp",
)
"""Folders in /var/lib of the system and its package managers, not of an app."""

_PASSING = re.compile(
    r"\..*|__pycache__|bower_components|[\w-]*(?:caches?|logs?|te?mp|pids?|run|locks?|build|coverage)",
    re.IGNORECASE | re.DOTALL,
)
"""Names of hidden folders, and of folders whose contents programs can make again."""

_NATIVE_CODE = (".so", ".a", ".o", ".dll", ".exe")
_OTHER_CODE = ("go.mod", "Cargo.toml", ".go", ".rs", ".ex", ".exs", ".beam", ".cs", ".scala", ".clj", ".hs", ".jl")


class StatePlaces:
    """The places of state in one image."""

    def __init__(self, image: ImageView) -> None:
        self._image, self._tree = image, image.tree
        self._left = LOOKED_AT
        self.root = cache(self._root)
        self._has_code = cache(self._look_for_code)

    def _root(self, folder: str) -> str:
        """Return the folder where the state begins that files made in a real folder belong to; "" if they are no state."""
        area = _area(folder)
        if area is not None:
            return area
        if not self._may_be_state(folder):
            return ""
        while self._may_be_state(above := parent(folder)) and self._owner(above) == self._owner(folder):
            folder = above
        return folder

    def listed(self, folder: str) -> str:
        """Return the state that a folder belongs to if it was only listed; "" if it is no state."""
        area = _area(folder)
        if area is not None:
            return area
        return folder if self._may_be_state(folder) else ""

    @staticmethod
    def is_area(folder: str) -> bool:
        """Return True if programs keep their state in this place by convention."""
        return _AREA.fullmatch(folder) is not None

    def may_hold_files(self, folder: str) -> bool:
        """Return True if an app may keep files of its own directly in a folder."""
        return not (folder in NO_STATE or folder.startswith("/usr/") or _is_passing(folder))

    def _may_be_state(self, folder: str) -> bool:
        if folder in NO_STATE_ALONE or not self.may_hold_files(folder):
            own = (
                folder.startswith("/usr/")
                and self._owner(folder)
                and not (folder in NO_STATE_ALONE or _is_passing(folder))
            )
            if not own:
                return False
        return folder.count("/") <= _DEPTH and not self._has_code(folder)

    def _owner(self, folder: str) -> int:
        entry = self._tree.get(folder)
        return entry.uid if entry is not None else 0

    def _look_for_code(self, folder: str) -> bool:
        """Return True if code, a project's manifest or a program lies below a folder."""
        suffixes = (*sorted(code_suffixes()), *_NATIVE_CODE, *_OTHER_CODE)
        for entry in self._tree.below(folder):
            self._left -= 1
            name = posixpath.basename(entry.path)
            if self._left < 0 or name in manifests():
                return True
            if entry.is_directory:
                if name in dependency_folders():
                    return True
            elif name.lower().endswith(suffixes) or (entry.is_file and entry.mode & 0o111 and "." not in name):
                return True
        return False


def _area(folder: str) -> str | None:
    """Return the folder of one program's state that this one belongs to; "" if it is no app's state, None for other places."""
    match = _AREA.fullmatch(folder)
    if match is None:
        return None
    parts = folder.split("/")
    is_library = not dependency_folders().isdisjoint(parts) or posixpath.basename(match[1]) in _MANAGERS
    return "" if is_library else match[1]


def _is_passing(folder: str) -> bool:
    parts = folder.split("/")[1:]
    return not dependency_folders().isdisjoint(parts) or any(_PASSING.fullmatch(part) for part in parts)
