"""Paths with unknown parts that span folders: `routes/**/*.js`, `models/*.{rb,rake}`, `locales/${name}/messages.json`.

The pieces of a name are sought one after the other, without going back. So matching takes time in proportion to the number of paths and
the length of the pattern, whatever a hostile pattern looks like. Sources: glob(7); the manuals of Node's glob, Ruby's Dir.glob and PHP's
GLOB_BRACE.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import product

from slimmer.image.tree import Entry, Tree

VISITED = 20_000
"""The most entries of a folder that are compared with one pattern."""

CHOICES = 16
"""The most patterns that the braces of one pattern stand for. Any further braces count as an unknown part."""

PARTS = 24
"""The most folders in a pattern, and the deepest nesting of folders that is searched."""

_ANY_DEPTH = "**"
_BRACES = re.compile(r"\{([^{}/]{1,200})\}")
_EXTENDED = re.compile(r"[?*+@!]\([^()/]{0,200}\)|\[[^\]/]{1,100}\]|\?")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a path: the texts between which it is unknown. With a single text, nothing of it is unknown."""

    pieces: tuple[str, ...]

    def fits(self, name: str) -> bool:
        """Return True if a name may be this part: it has the pieces in their order, the first and the last at its ends."""
        first, *inner = self.pieces
        if not inner:
            return name == first
        *inner, last = inner
        place, end = len(first), len(name) - len(last)
        if place > end or not name.startswith(first) or not name.endswith(last):
            return False
        for piece in inner:
            found = name.find(piece, place, end)
            if found < 0:
                return False
            place = found + len(piece)
        return True


@dataclass(frozen=True, slots=True)
class Glob:
    """A folder that is known, and the parts of a path below it. None stands for any number of folders."""

    folder: str
    parts: tuple[Part | None, ...]

    @property
    def is_flat(self) -> bool:
        """True if only a name right in the folder can match."""
        return len(self.parts) == 1 and self.parts[0] is not None

    @property
    def pieces(self) -> tuple[str, ...]:
        """The pieces of the last part."""
        last = self.parts[-1]
        return last.pieces if last is not None else ("", "")

    @property
    def has_name(self) -> bool:
        """True if something is known of the beginning or the end of the file's own name."""
        return bool(self.pieces[0] or self.pieces[-1])

    def matches(self, tree: Tree, folder: str, left_out: frozenset[str]) -> Iterator[Entry]:
        """Yield the files below a real folder that match, in the order of their paths. Folders named in `left_out` are not entered."""
        return _walk(tree, folder, left_out, self.parts)


def globs(path: str, hole: str) -> Iterator[Glob]:
    """Yield the globs that a pattern stands for, one for each choice that its braces give. `hole` stands for an unknown part of a name."""
    written = re.sub(f"{re.escape(hole)}+", "*", path)
    for one in dict.fromkeys(_choices(written)):
        plain = _EXTENDED.sub("*", one)
        parts = plain.split("/")
        first = next((number for number, part in enumerate(parts) if "*" in part), len(parts))
        if first < len(parts) <= first + PARTS:
            yield Glob("/".join(parts[:first]) or "/", tuple(_part(part) for part in parts[first:]))


def _part(text: str) -> Part | None:
    if text == _ANY_DEPTH:
        return None
    return Part(tuple(text.split("*")))


def _choices(pattern: str) -> Iterator[str]:
    """Yield what a pattern with braces stands for: `*.{js,ts}` for `*.js` and `*.ts`."""
    pieces = _BRACES.split(pattern)
    choices = [piece.split(",") if number % 2 else [piece] for number, piece in enumerate(pieces)]
    count = 1
    for choice in choices:
        count *= len(choice)
        if count > CHOICES:
            yield _BRACES.sub("*", pattern)
            return
    yield from ("".join(chosen) for chosen in product(*choices))


def _walk(tree: Tree, folder: str, left_out: frozenset[str], parts: Sequence[Part | None]) -> Iterator[Entry]:
    """Yield the files below a folder that fit, depth first, without those in folders that are left out. Links are not followed.

    Each folder hands down the places in the pattern that its path may have reached, and is not entered if there are none.
    """
    visited = 0
    waiting = [(tree.children(folder), _skipped(parts, {0}))]
    while waiting:
        entries, reached = waiting[-1]
        entry = next(entries, None)
        if entry is None:
            waiting.pop()
            continue
        visited += 1
        if visited > VISITED:
            return
        name = posixpath.basename(entry.path)
        following = _following(parts, reached, name)
        if entry.is_file and len(parts) in following:
            yield entry
        if following and entry.is_directory and len(waiting) < PARTS and name not in left_out:
            waiting.append((tree.children(entry.path), following))


def _following(parts: Sequence[Part | None], reached: frozenset[int], name: str) -> frozenset[int]:
    """Return the places that are reached behind a further name of a path."""
    found: set[int] = set()
    for place in reached:
        part = parts[place] if place < len(parts) else Part(("",))
        if part is None:
            found.add(place)
        elif part.fits(name):
            found.add(place + 1)
    return _skipped(parts, found)


def _skipped(parts: Sequence[Part | None], reached: Set[int]) -> frozenset[int]:
    """Add the places behind those that may stand for no folder at all."""
    found = set(reached)
    for place in range(len(parts)):
        if place in found and parts[place] is None:
            found.add(place + 1)
    return frozenset(found)
