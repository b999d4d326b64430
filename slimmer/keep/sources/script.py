"""Follow scripts: from sources that an interpreter was seen to open, to all that they can load.

What is the same for every language: a layer of sources is read in one round trip, each gives facts, the facts of a layer
give leads, and leads to code are the next layer. What a language says and means is its Interpreter's.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from slimmer.keep.analyzer import Follow, Kept
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView, reach
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.sources.batches import batches
from slimmer.keep.sources.reading import Question, SourceFacts
from slimmer.keep.sources.syntax import SOURCE_LIMIT
from slimmer.observe.log import Operation

READ_LIMIT = 1 << 24
"""Bytes of a source that is read at all."""

PORTION = 1 << 24
"""Bytes of sources that are held at a time."""

SOURCES_LIMIT = 256 << 20
"""Bytes that a run parses of one language; what is found beyond is kept, but not looked into."""

_NO_CODE = frozenset((Evidence.STRUCTURAL, Evidence.LISTED, Evidence.SEEN))
"""What is kept for these reasons alone is no code, as far as it was seen."""

_SYSTEM = ("/usr/", "/etc/", "/var/", "/lib", "/proc/", "/sys/", "/dev/", "/run/", "/root/.")

F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class Lead:
    """A path that a source leads to, links unresolved, and why; `code` when it is loaded and followed in its turn."""

    path: str
    reason: Reason
    code: bool = False


class Interpreter(Protocol[F]):
    """A language: what its sources say, in values of `kind`, and where that leads in this image."""

    kind: type[F]

    def reads(self, path: str) -> bool:
        """Whether a real path's name is that of a source."""

    def question(self, path: str) -> Question:
        """How a source is read: with its content, that decides what its facts are."""

    def leads(self, facts: Mapping[str, F]) -> Iterable[Lead | Finding]:
        """Where the sources of a layer lead, by their real paths."""


def opened_by(image: ImageView, programs: re.Pattern[str]) -> frozenset[str]:
    """Real paths of files that were opened or run by executables with such names."""
    wanted = (Operation.OPEN, Operation.EXEC)
    asked = {
        access.resolved or access.asked
        for access in image.log.accesses
        if access.found and access.operation in wanted and programs.fullmatch(posixpath.basename(access.executable))
    }
    ends = (image.tree.resolve(path).end for path in asked)
    return frozenset(end for end in ends if end is not None)


def follow_scripts(image: ImageView, interpreter: Interpreter[F], opened: frozenset[str]) -> Follow:
    """Follow what `opened` names once it is kept, and all that it leads to. Costs nothing when nothing was opened."""
    return _Scripts(image, interpreter, opened).follow


class _Scripts(Generic[F]):
    def __init__(self, image: ImageView, interpreter: Interpreter[F], opened: frozenset[str]) -> None:
        self._image, self._interpreter, self._opened = image, interpreter, opened
        self._facts = SourceFacts(image, interpreter.kind)
        self._seen: set[str] = set()
        self._budget = SOURCES_LIMIT

    def follow(self, fresh: Sequence[str], kept: Kept) -> Iterator[Finding]:
        """Findings for all that the freshly kept sources lead to, breadth first, one round trip for each layer."""
        layer = [path for path in fresh if self._is_used(path, kept) and self._is_new(path)] if self._opened else []
        while layer:
            groups = batches(self._image.tree, layer, READ_LIMIT, PORTION)
            ask = self._interpreter.question
            facts = dict(one for group in groups for one in self._facts.read((path, ask(path)) for path in group))
            layer = []
            for lead in self._interpreter.leads(facts):
                if isinstance(lead, Finding):
                    yield lead
                    continue
                findings = tuple(reach(self._image.tree, lead.path, lead.reason))
                yield from findings
                if lead.code:
                    layer += [
                        found.path for found in findings if found.reason is lead.reason and self._is_new(found.path)
                    ]

    def _is_used(self, path: str, kept: Kept) -> bool:
        """Whether the interpreter opened it, or a rule has a use for it other than that it is there to be seen."""
        if path in self._opened:
            return True
        suffix = posixpath.splitext(path)[1]
        return suffix != "" and not kept.evidence(path) <= _NO_CODE

    def _is_new(self, path: str) -> bool:
        """Whether a real path is a source that was not looked into yet; notes that it is now."""
        entry = self._image.tree.get(path)
        if path in self._seen or entry is None or not entry.is_file or not self._interpreter.reads(path):
            return False
        if "." not in posixpath.basename(path) and not entry.mode & 0o111 and path.startswith(_SYSTEM):
            return False  # data without a suffix, such as a time zone
        self._seen.add(path)
        if entry.size > READ_LIMIT:
            return False
        self._budget -= min(entry.size, SOURCE_LIMIT)
        return self._budget >= 0
