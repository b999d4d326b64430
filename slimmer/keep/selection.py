"""The paths that the user chose to keep or to drop, and patterns of paths in gitignore's syntax.

Patterns are relative to the image's root. The last one that matches decides, and `!` negates (gitignore(5)). An anchored pattern
follows the image's links: `/lib/x*` means `/usr/lib/x*` if `/lib` is a link to /usr/lib.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from slimmer.errors import UsageError
from slimmer.image.tree import Entry, Tree

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_MAGIC = re.compile(r"[*?\[\\]")


@dataclass(frozen=True, slots=True)
class Selection:
    """The user's choice. `include` and `exclude` are patterns; `bins` are commands on the image's PATH.

    `packages` are NAME or MANAGER:NAME. If `licences` is true, the licence texts of packages with kept files stay.
    If `package_data` is true, the slim image has the data about its packages.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    bins: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    shell: bool = False
    licences: bool = True
    package_data: bool = True

    @property
    def is_empty(self) -> bool:
        """True if the user named nothing to keep."""
        return not (self.include or self.bins or self.packages or self.shell)


class Patterns:
    """Patterns for the paths of one image."""

    def __init__(self, tree: Tree, patterns: Iterable[str], option: str) -> None:
        """Raise UsageError, which names `option`, if a text is not a pattern."""
        self._tree, self._option = tree, option
        self.patterns = tuple(pattern for text in patterns if (pattern := _through_links(tree, text)))
        if self.patterns:
            _spec(self.patterns, option)

    def match(self, entry: Entry) -> bool:
        """Return True if the last pattern that matches this path or a folder above it has no `!`."""
        return bool(self.patterns) and self._all.match_file(_name(entry))

    def excludes(self, path: str) -> bool:
        """Return True if the image has this path, it matches, and it is not the root, which always stays."""
        entry = self._tree.get(path) if self.patterns and path != "/" else None
        return entry is not None and self.match(entry)

    def matches(self) -> Iterator[tuple[str, list[Entry]]]:
        """Yield each pattern without `!`, with the paths that match it and that the other patterns do not take back."""
        for pattern in self.patterns:
            if not pattern.startswith("!"):
                alone = _spec([pattern], self._option)
                found = [entry for entry in _candidates(self._tree, pattern) if alone.match_file(_name(entry))]
                yield pattern, [entry for entry in found if self._all.match_file(_name(entry))]

    @cached_property
    def _all(self) -> GitIgnoreSpec:
        return _spec(self.patterns, self._option)


def literal_path(pattern: str) -> str:
    """Return the absolute path that a pattern names; "" if the pattern has wildcards."""
    plain = pattern.removeprefix("!").rstrip("/")
    return "" if _MAGIC.search(plain) or not plain else posixpath.join("/", plain)


def _spec(patterns: Sequence[str], option: str) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines(patterns)
    except (ValueError, re.error) as error:
        hint = "Patterns are those of .gitignore, relative to the image's root: /srv/**/*.html"
        raise UsageError(f"{option}: {error}", hint=hint) from error


def _name(entry: Entry) -> str:
    """Return a path as gitignore's patterns see it: relative to the root, with a slash at the end of a directory."""
    return entry.path[1:] + ("/" if entry.is_directory else "")


def _through_links(tree: Tree, pattern: str) -> str:
    """Return the pattern with the links resolved in the folders before its first wildcard."""
    sign, plain = ("!", pattern[1:]) if pattern.startswith("!") else ("", pattern)
    if not plain.startswith("/"):
        return pattern
    parts = plain.split("/")
    literal = next((place for place, part in enumerate(parts) if _MAGIC.search(part)), len(parts) - 1)
    end = tree.resolve("/".join(parts[:literal])).end if literal > 1 else None
    return pattern if end is None else sign + "/".join([_escaped(end), *parts[literal:]])


def _escaped(path: str) -> str:
    return _MAGIC.sub(r"\\\g<0>", path)


def _candidates(tree: Tree, pattern: str) -> Iterator[Entry]:
    """Return the paths that a pattern may match: for an anchored one, those below the folders before its first wildcard."""
    parts = pattern.rstrip("/").split("/")
    literal = next((place for place, part in enumerate(parts) if _MAGIC.search(part)), len(parts) - 1)
    if not pattern.startswith("/") or literal < 2:
        return iter(tree)
    return tree.below("/".join(parts[:literal]))
