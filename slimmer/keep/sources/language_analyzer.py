"""The analyzer of a language. It starts from sources that an interpreter opened, or that the resolver names, and follows what they can load.

Scripts count, too, if their first line names one of the language's programs, and so do modules of an app that lie in a folder that one of
these programs listed, because frameworks find controllers, plug-ins and models in this way.

This part is the same for every language: it reads a layer of sources in one round trip, each source gives facts, the facts of a layer
give leads, and leads to code are the next layer. The reader and the resolver belong to the language (slimmer.keep.language).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from slimmer.image.tree import Entry
from slimmer.keep.analyzer import Kept, Policy
from slimmer.keep.core import observed
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView, reach, suffix_of
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.language import Language, Lead, Origin, Reading, Resolver
from slimmer.keep.sources import named_paths
from slimmer.keep.sources.batches import batches
from slimmer.keep.sources.limits import within_limits
from slimmer.keep.sources.reading import SourceFacts
from slimmer.keep.sources.syntax import SOURCE_LIMIT
from slimmer.observe.log import Operation

BATCH_BYTES = 1 << 24
"""Bytes of sources that are held in memory at a time."""

LISTED_FILES, LISTED_BYTES = 200, 2 << 20
"""The most modules of a listed folder that are kept. If there are more, only those that were opened stay."""

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


def listed_by(image: ImageView, programs: re.Pattern[str]) -> dict[str, str]:
    """Return the real paths of folders that executables whose names match `programs` listed, each with the executable, in order."""
    found: dict[str, str] = {}
    for access in image.log.accesses:
        if access.operation is Operation.READ_DIR and programs.fullmatch(posixpath.basename(access.executable)):
            entry = image.end(access.resolved or access.asked)
            if entry is not None and entry.is_directory:
                found.setdefault(entry.path, access.executable)
    return found


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
        """Start an analysis of an image. Return None if nothing was opened, and the image has no program to run scripts with."""
        if self.language.resolver is None:
            return None
        opened = self.language.sources(opened_by(image, self.language.programs))
        if not (opened or self.language.unopened or image.first_lines.has_program(self.language.programs)):
            return None
        return LanguageAnalysis(image, self.language, self.language.resolver, opened)


class LanguageAnalysis(Generic[F]):
    """A language in one image. It starts from the sources in `opened` once they are kept, unless the resolver names others.

    Without any, it waits for a script that the language's programs run.
    """

    def __init__(
        self,
        image: ImageView,
        language: Language[F],
        make: Callable[[ImageView, frozenset[str]], Resolver[F]],
        opened: frozenset[str],
    ) -> None:
        self._image, self._language, self._make, self._opened = image, language, make, opened
        self._made = make(image, opened) if opened or language.unopened else None
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
        scripts = self._handed(added, kept)
        if self._made is None:
            if not scripts:
                return
            self._made = self._make(self._image, scripts)
        layer: list[str] | None = None
        if not self._has_begun:
            self._has_begun = True
            texts = dict(self._facts.read_texts(self._resolver.texts(), self._resolver.variables))
            leads = [*(self._resolver.leads(texts) if texts else ()), *self._listed()]
            layer = (yield from self._next_layer(leads)) if texts or leads else None
        self._resolver.hand(scripts)
        begun = self._resolver.begin(added, kept)
        if begun is not None:
            more = yield from self._next_layer(begun)
        else:
            taken = (path for path in added if path in scripts or self._is_taken(path, kept))
            more = [path for path in taken if self._is_new(path)] or None
        layer = more if layer is None else [*layer, *(more or ())]
        while layer is not None:
            layer = yield from self._next_layer(self._resolver.leads(self._read(layer)))

    @property
    def _resolver(self) -> Resolver[F]:
        assert self._made is not None
        return self._made

    def _handed(self, added: Sequence[str], kept: Kept) -> frozenset[str]:
        """Return the scripts among these paths that the language's programs run, unless their names say that they are examples.

        A source without such a line counts if a program copied it, because the copy may be run.
        """
        lines, suffixes = self._image.first_lines, tuple(self._language.suffixes)
        wanted = lines.scripts_among(added)
        found = lines.programs(path for path in wanted if self._may_run(path, kept)).items()
        is_own = self._language.programs.fullmatch
        scripts = {path for path, words in found if any(is_own(posixpath.basename(word)) for word in words)}
        return frozenset((*scripts, *(path for path in added if path.endswith(suffixes) and lines.was_copied(path))))

    def _may_run(self, path: str, kept: Kept) -> bool:
        """Return True if a script may be run: code starts or names it, or a program opened it, perhaps to copy it."""
        if any(reason.rule == observed.RULE for reason in kept.reasons(path)) and self._image.first_lines.was_opened(
            path
        ):
            return True
        return not kept.evidence(path, observed.RULE) <= {Evidence.STRUCTURAL, Evidence.LISTED, Evidence.ENGINE}

    def _listed(self) -> Iterator[Lead]:
        """Yield the app's modules in the folders that the language's programs listed."""
        for folder, program in listed_by(self._image, self._language.programs).items() if self._language.lists else ():
            inside = within_limits(self._modules(folder), LISTED_FILES, LISTED_BYTES) or ()
            reason = Reason(self._language.id, f"a module in {folder}, which {program} listed")
            yield from (Lead(entry.path, reason, code=True) for entry in inside)

    def _modules(self, folder: str) -> Iterator[Entry]:
        for entry in self._image.tree.children(folder):
            is_module = entry.is_file and suffix_of(entry.path) in self._language.suffixes
            if is_module and self._resolver.origin(entry.path) is Origin.APP:
                yield entry

    def _next_layer(self, leads: Iterable[Lead | Finding | Reading]) -> Generator[Finding, None, list[str] | None]:
        """Yield the findings of these leads. Return the sources to read next; None if no lead asks for any."""
        layer: dict[str, None] = {}
        is_asked = False
        for lead in leads:
            if isinstance(lead, Reading):
                is_asked = True
                if self._is_source(lead.path) and self._has_room(lead.path):
                    layer[lead.path] = None
                continue
            if isinstance(lead, Finding):
                findings = [lead]
            else:
                findings = list(reach(self._image.tree, lead.path, lead.reason, follow=lead.code))
            yield from findings
            for found in findings:
                if found.follow and self._is_new(found.path):
                    layer[found.path] = None
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
