"""The analyzer of a language: from sources that an interpreter was seen to open, to all that they can load.

What is the same for every language: a layer of sources is read in one round trip, each gives facts, the facts of a layer
give leads, and leads to code are the next layer. What a language says and means is its own (slimmer.keep.language).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from slimmer.keep.analyzer import Kept, Policy
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView, reach
from slimmer.keep.keepset import Finding
from slimmer.keep.language import Language, Resolver
from slimmer.keep.sources import named_paths
from slimmer.keep.sources.batches import batches
from slimmer.keep.sources.reading import SourceFacts
from slimmer.keep.sources.syntax import SOURCE_LIMIT
from slimmer.observe.log import Operation

PORTION = 1 << 24
"""Bytes of sources that are held at a time."""

F = TypeVar("F")


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


@dataclass(frozen=True)
class LanguageAnalyzer(Generic[F]):
    """The analyzer of a language that has a resolver."""

    language: Language[F]
    policies: frozenset[Policy] = frozenset((Policy.BALANCED, Policy.GENEROUS))

    @property
    def id(self) -> str:
        """The language's."""
        return self.language.id

    @property
    def rules(self) -> Mapping[str, Evidence]:
        """The language's, and those of what its sources name and start."""
        return {self.id: Evidence.USED, **named_paths.RULES, **self.language.rules}

    def start(self, image: ImageView) -> LanguageAnalysis[F] | None:
        """Begin with an image; None if the language is not used in it."""
        opened = self.language.sources(opened_by(image, self.language.programs))
        if self.language.resolver is None or not (opened or self.language.configured):
            return None
        return LanguageAnalysis(image, self.language, self.language.resolver(image, opened), opened)


class LanguageAnalysis(Generic[F]):
    """A language in one image. Begins with the sources in `opened`, once they are kept."""

    def __init__(self, image: ImageView, language: Language[F], resolver: Resolver[F], opened: frozenset[str]) -> None:
        self._image, self._resolver, self._opened = image, resolver, opened
        self._facts = SourceFacts(image, language)
        self._limits = language.limits
        self._seen: set[str] = set()
        self._budget = self._limits.total
        self._has_begun = False

    def seeds(self) -> Iterable[Finding]:
        """Nothing: sources are followed once they are kept."""
        return ()

    def follow(self, added: Sequence[str], kept: Kept) -> Iterator[Finding]:
        """Findings for all that the sources in `added` lead to, breadth first, one round trip for each layer."""
        resolver = self._resolver
        layer: list[str] = []
        if not self._has_begun:
            self._has_begun = True
            layer = yield from self._followed(dict(self._facts.read_texts(resolver.texts(), resolver.variables)))
        layer += [
            path for path in added if resolver.takes(path, kept, opened=path in self._opened) and self._is_new(path)
        ]
        while layer:
            facts: dict[str, F] = {}
            for group in batches(self._image.tree, layer, self._limits.source, PORTION):
                facts.update(
                    self._facts.read(group, resolver.origin, resolver.dialect, resolver.recognizes, resolver.variables)
                )
            layer = yield from self._followed(facts)

    def _followed(self, facts: Mapping[str, F]) -> Generator[Finding, None, list[str]]:
        """Findings for all that a layer leads to. Returns the next layer."""
        layer: list[str] = []
        for lead in self._resolver.leads(facts) if facts else ():
            if isinstance(lead, Finding):
                findings = [lead]
            else:
                findings = list(reach(self._image.tree, lead.path, lead.reason, follow=lead.code))
            yield from findings
            layer += [found.path for found in findings if found.follow and self._is_new(found.path)]
        return layer

    def _is_new(self, path: str) -> bool:
        """Return True if a real path is a source that was not looked into yet; notes that it is now."""
        entry = self._image.tree.get(path)
        if path in self._seen or entry is None or not entry.is_file or not self._resolver.accepts(path):
            return False
        if self._resolver.is_data(entry):
            return False
        self._seen.add(path)
        if entry.size > self._limits.source:
            return False
        self._budget -= min(entry.size, SOURCE_LIMIT)
        return self._budget >= 0
