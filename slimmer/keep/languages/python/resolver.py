"""Python in one image: a closure for each Python whose library is kept."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence

from slimmer.keep.analyzer import Kept
from slimmer.keep.evidence import Evidence, reaches
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding
from slimmer.keep.language import Origin, Reading, Resolver
from slimmer.keep.languages.python.closure import Closure
from slimmer.keep.languages.python.environment import SETTINGS, find_modules
from slimmer.keep.languages.python.facts import Facts
from slimmer.keep.languages.python.finder import CODE, STUB
from slimmer.keep.languages.python.installation import installations
from slimmer.keep.languages.python.reader import EXTENSION, SOURCE_LIMIT


class PythonResolver(Resolver[Facts]):
    """All Pythons of an image, each with its own modules. It reads nothing until the standard library of one is kept."""

    def __init__(self, image: ImageView, opened: frozenset[str] = frozenset()) -> None:
        """`opened` is not used: kept paths show which modules a Python loads, even if another program embeds it."""
        self._image = image
        self._closures: dict[str, Closure] = {}
        self._seen: list[str] = []
        self._scripts: dict[str, None] = {}

    def accepts(self, path: str) -> bool:
        """Return True if a real path is a compiled module, or a source that is not too large."""
        suffix = posixpath.splitext(path)[1]
        entry = self._image.tree.get(path)
        if path in self._scripts:
            return entry is not None and entry.size <= SOURCE_LIMIT
        return suffix == ".so" or (suffix in (".py", STUB) and entry is not None and entry.size <= SOURCE_LIMIT)

    def origin(self, path: str) -> Origin:
        """Return the origin of a source according to the Pythons that asked for it; APP if no Python knows it."""
        asking = [closure for closure in self._closures.values() if closure.is_reading(path)]
        origins = {closure.origin(path) for closure in asking or self._closures.values()} - {None}
        known = (origin for origin in (Origin.APP, Origin.LIBRARY, Origin.STDLIB) if origin in origins)
        return next(known, Origin.APP)

    def dialect(self, path: str) -> str:
        """Return EXTENSION for a compiled module."""
        return EXTENSION if path.endswith(".so") else ""

    def hand(self, scripts: frozenset[str]) -> None:
        """Note the scripts whose names do not say that they are Python's."""
        self._scripts |= dict.fromkeys(path for path in sorted(scripts) if not path.endswith(CODE))

    def begin(self, added: Sequence[str], kept: Kept) -> Iterator[Finding | Reading]:
        """Start from the modules among the added paths. If a Python is new, also start from all that were added before."""

        def is_used(path: str) -> bool:
            return reaches(kept.evidence(path), Evidence.SEEN)

        code = [path for path in added if path.endswith((*CODE, SETTINGS))]
        found = [one for one in installations(added) if one.stdlib not in self._closures]
        self._seen.extend(code)
        if found:
            used = [path for path in self._seen if is_used(path)]
            self._closures |= {one.stdlib: Closure(self._image, find_modules(self._image, one, used)) for one in found}
        for closure in self._closures.values():
            yield from closure.begin(self._seen if found else code, is_used, tuple(self._scripts))

    def leads(self, layer: Mapping[str, Facts]) -> Iterator[Finding | Reading]:
        """Pass the facts to each Python. It ignores those that it did not ask for."""
        for closure in self._closures.values():
            yield from closure.follow(layer)
