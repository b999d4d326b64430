"""The analyzer of a language. It starts from sources that an interpreter opened, or that the resolver names, and follows what they can load.

This part is the same for every language: it reads a layer of sources in one round trip, each source gives facts, the facts of a layer
give leads, and leads to code are the next layer. The reader and the resolver belong to the language (slimmer.keep.language).
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
from slimmer.keep.language import Language, Lead, Reading, Resolver
from slimmer.keep.sources import named_paths
from slimmer.keep.sources.batches import batches
from slimmer.keep.sources.reading import SourceFacts
from slimmer.keep.sources.syntax import SOURCE_LIMIT
from slimmer.observe.log import Operation

BATCH_BYTES = 1 << 24
"""Bytes of sources that are held in memory at a time."""

F = TypeVar("F")


def opened_by(image: ImageView, programs: re.Pattern[str]) -> frozenset[str]:
    """Return the real paths of files that were opened or run by executables whose names match `programs`."""
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
        """The id of the language."""
        return self.language.id

    @property
    def rules(self) -> Mapping[str, Evidence]:
        """The language's rules, and those for paths that its sources name and programs that they start."""
        return {self.id: Evidence.USED, **named_paths.RULES, **self.language.rules}

    def start(self, image: ImageView) -> LanguageAnalysis[F] | None:
        """Start an analysis of an image. Return None if the image does not use the language."""
        opened = self.language.sources(opened_by(image, self.language.programs))
        if self.language.resolver is None or not (opened or self.language.unopened):
            return None
        return LanguageAnalysis(image, self.language, self.language.resolver(image, opened), opened)


class LanguageAnalysis(Generic[F]):
    """A language in one image. It starts from the sources in `opened` once they are kept, unless the resolver names others."""

    def __init__(self, image: ImageView, language: Language[F], resolver: Resolver[F], opened: frozenset[str]) -> None:
        self._image, self._resolver, self._opened = image, resolver, opened
        self._facts = SourceFacts(image, language)
        self._limits = language.limits
        self._seen: set[str] = set()
        self._budget = self._limits.total
        self._has_begun = False

    def seeds(self) -> Iterable[Finding]:
        """Return nothing, because sources are followed once they are kept."""
        return ()

    def follow(self, added: Sequence[str], kept: Kept) -> Iterator[Finding]:
        """Yield findings for everything that the sources in `added` lead to, breadth first, with one round trip for each layer."""
        layer: list[str] | None = None
        if not self._has_begun:
            self._has_begun = True
            texts = dict(self._facts.read_texts(self._resolver.texts(), self._resolver.variables))
            layer = (yield from self._next_layer(self._resolver.leads(texts))) if texts else None
        begun = self._resolver.begin(added, kept)
        if begun is not None:
            more = yield from self._next_layer(begun)
        else:
            more = [path for path in added if self._is_taken(path, kept) and self._is_new(path)] or None
        layer = more if layer is None else [*layer, *(more or ())]
        while layer is not None:
            layer = yield from self._next_layer(self._resolver.leads(self._read(layer)))

    def _next_layer(self, leads: Iterable[Lead | Finding | Reading]) -> Generator[Finding, None, list[str] | None]:
        """Yield the findings of these leads. Return the sources to read next; None if no lead asks for any."""
        layer: dict[str, None] = {}
        is_asked = False
        for lead in leads:
            if isinstance(lead, Reading):
                is_asked = True
                layer |= {lead.path: None} if self._is_source(lead.path) and self._has_room(lead.path) else {}
                continue
            if isinstance(lead, Finding):
                findings = [lead]
            else:
                findings = list(reach(self._image.tree, lead.path, lead.reason, follow=lead.code))
            yield from findings
            layer |= {found.path: None for found in findings if found.follow and self._is_new(found.path)}
        return list(layer) if layer or is_asked else None

    def _read(self, layer: Sequence[str]) -> dict[str, F]:
        """Return the facts of those sources of a layer that can be read."""
        resolver = self._resolver
        facts: dict[str, F] = {}
        for group in batches(self._image.tree, layer, self._limits.source, BATCH_BYTES):
            facts.update(
                self._facts.read(group, resolver.origin, resolver.dialect, resolver.recognizes, resolver.variables)
            )
        return facts

    def _is_taken(self, path: str, kept: Kept) -> bool:
        return self._resolver.takes(path, kept, opened=path in self._opened)

    def _is_new(self, path: str) -> bool:
        """Return True if a real path is a source that has not been followed yet and is within the bounds. Notes it as followed."""
        if path in self._seen or not self._is_source(path):
            return False
        self._seen.add(path)
        return self._has_room(path)

    def _is_source(self, path: str) -> bool:
        entry = self._image.tree.get(path)
        if entry is None or not entry.is_file or not self._resolver.accepts(path):
            return False
        return not self._resolver.is_data(entry)

    def _has_room(self, path: str) -> bool:
        """Return True if a source is within the bounds. Counts its size."""
        entry = self._image.tree.get(path)
        if entry is None or entry.size > self._limits.source:
            return False
        self._budget -= min(entry.size, SOURCE_LIMIT)
        return self._budget >= 0
