"""Finds what the words of a script stand for in one image: commands, sourced files, named paths.

Commands are looked up on the image's PATH and in folders that the script adds to it. A relative name starts from the working
directory, or from the script's own folder, because a script may change directory.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from slimmer.keep.folders import NO_GLOBS
from slimmer.keep.image_view import ImageView, reach
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.language import Lead
from slimmer.keep.languages.shell.command_line import Kind, Use
from slimmer.keep.languages.shell.python_modules import module_files
from slimmer.keep.languages.shell.reader import Named
from slimmer.keep.sources.named_paths import HOLE, RULE, Base, Mention, NamedPaths, fitting

_NEAR = 200
"""A name with an unknown beginning is looked for in at most so many folders beside the script's own."""

_MEANT = 4
"""A name that more of these folders have stands for no file."""


class Places:
    """Looks up what scripts name in one image. `path` is the script's path; "" for a text of the configuration."""

    def __init__(self, image: ImageView) -> None:
        self._image, self._tree = image, image.tree
        self._working = image.absolute()
        self._named = NamedPaths(image)
        self._folders: dict[str, tuple[str, ...]] = {}

    def used(self, use: Use, path: str, folders: Sequence[str], reason: Reason) -> Iterator[Lead | Finding]:
        """Yield the files that a use stands for, each as a source to follow. `folders` are the folders of PATH."""
        if use.kind is Kind.FOLDER:
            yield from self._followed(use.value, HOLE, reason)
            return
        if use.kind is Kind.MODULE:
            program, _, name = use.value.partition(" ")
            yield from (Lead(file, reason) for file in module_files(self._image, program, name))
            return
        head, hole, rest = use.value.partition(HOLE)
        if hole and head:
            yield from self._globbed(use.value, reason, follow=True)
            return
        is_there = self._image.is_executable if use.kind is Kind.PROGRAM else self._tree.is_file
        if hole:
            yield from (Lead(place, reason, code=True) for place in self._meant(path, rest, is_there))
            return
        places = list(self._relative(path, use.value))
        if "/" not in use.value:
            on_path = [posixpath.join(folder, use.value) for folder in folders]
            places = on_path if use.kind is Kind.PROGRAM else [*places, *on_path]
        found = next((place for place in places if is_there(place)), None)
        if found is not None:
            yield Lead(found, reason, code=True)
        elif path and use.value.startswith("./"):  # after a cd, usually to a folder beside the script
            below = (
                posixpath.normpath(posixpath.join(folder, use.value)) for folder in self._near(posixpath.dirname(path))
            )
            meant = tuple(islice((place for place in below if is_there(place)), _MEANT + 1))
            yield from (Lead(place, reason, code=True) for place in meant if len(meant) <= _MEANT)

    def named(self, named: Named, path: str, source: str) -> Iterator[Finding]:
        """Yield the files and folders that a script names without running them. `source` is the script's name for reasons."""
        reason = Reason(RULE, f"named by {source}{named.place}", path)
        head, hole, rest = named.path.partition(HOLE)
        if hole and head:
            yield from self._globbed(named.path, reason)
        elif hole:
            for place in self._meant(path, rest, self._tree.is_file):
                yield from reach(self._tree, place, reason)
        elif named.whole or not named.path.startswith("/"):
            base = Base.ANY if named.path.startswith("/") else Base.WORKING
            place = named.place if path else f"{source}{named.place}"
            mention = Mention(named.path, base, False, place)
            yield from self._named.findings(path, (mention,), posixpath.dirname(path) or "/")
        elif self._image.end(named.path) is not None:
            yield from reach(self._tree, named.path, reason)

    def _relative(self, path: str, name: str) -> Iterator[str]:
        yield posixpath.normpath(posixpath.join(self._working, name))
        if path:
            yield posixpath.normpath(posixpath.join(posixpath.dirname(path), name))

    def _meant(self, path: str, rest: str, is_there: Callable[[str], bool]) -> Sequence[str]:
        """Return the paths that a name with an unknown beginning stands for, without the script itself. `rest` is "/lib.sh" for `$HERE/lib.sh`.

        Such a beginning is usually the script's own folder, the folder above it, or the working directory. Otherwise, it is a folder
        beside the script's own, which another script works out: `$ESCRIPT_DIR/ctl` in sbin/ctl is escript/ctl.
        """
        if HOLE in rest or not rest.startswith("/") or not rest.strip("/."):
            return ()
        folder = posixpath.dirname(path)
        above = posixpath.dirname(folder)
        own = self._image.end(path) if path else None
        usual = (folder, above, self._working) if path else (self._working,)

        def there(bases: Sequence[str]) -> Iterator[str]:
            places = (posixpath.normpath(base + rest) for base in bases)
            return (place for place in places if is_there(place) and (own is None or self._image.end(place) != own))

        found = tuple(islice(there(usual), 1)) or tuple(islice(there(self._near(above)), _MEANT + 1))
        return found if len(found) <= _MEANT else ()

    def _near(self, folder: str) -> Sequence[str]:
        """Return the folders in a folder, without links: the first _NEAR. The root's are left out."""
        if folder in ("", "/"):
            return ()
        if folder not in self._folders:
            inside = (entry.path for entry in self._tree.children(folder) if entry.is_directory)
            self._folders[folder] = tuple(islice(inside, _NEAR))
        return self._folders[folder]

    def _globbed(self, pattern: str, reason: Reason, *, follow: bool = False) -> Iterator[Finding]:
        """Yield the files that a glob may stand for."""
        folder, name = posixpath.split(pattern)
        if folder.startswith("/") and HOLE not in folder and folder.strip("/") and folder not in NO_GLOBS:
            yield from self._followed(folder, name, reason) if follow else fitting(self._tree, folder, name, reason)

    def _followed(self, folder: str, name: str, reason: Reason) -> Iterator[Finding]:
        """Yield the files of a folder that match a name, as sources to follow."""
        for finding in fitting(self._tree, folder, name, reason):
            yield Finding(finding.path, reason, follow=True)
