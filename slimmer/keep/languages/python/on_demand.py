"""Attributes that modules make on demand from a table: the module behind an attribute is loaded once code asks for the attribute."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from slimmer.keep.language import Origin
from slimmer.keep.languages.python.depth import Level
from slimmer.keep.languages.python.edges import Edge, absolute, asked, package_of
from slimmer.keep.languages.python.facts import MAIN, Facts, Offer
from slimmer.keep.languages.python.finder import Finder, Module
from slimmer.keep.languages.python.loaded import Loaded

LIMIT = 500_000
"""The most questions that are remembered or answered in one image."""


ROWS = 16
"""The most rows of tables for one attribute of a module."""


@dataclass(frozen=True, slots=True)
class Question:
    """Code of `source`, followed at `level`, asks for an attribute of a module in the function `where`."""

    module: Module
    attribute: str
    source: Module
    level: Level
    where: str


class OnDemand:
    """Brings together the tables of modules, and the attributes that code asks for. The two may come in any order."""

    def __init__(self, finder: Finder) -> None:
        self._finder = finder
        self._tables: dict[str, Mapping[str, Sequence[tuple[str, ...]]]] = {}
        self._open: dict[str, list[Question]] = {}
        self._seen: set[tuple[str, str, str, Level, str]] = set()

    def asks(self, source: Module, level: Level, facts: Facts) -> Iterator[Loaded]:
        """Note what a module asks other modules for, and yield what this loads."""
        for module, attribute, where in asked(self._finder, source, facts):
            yield from self._answers(self._new(Question(module, attribute, source, level, where)))

    def offers(self, module: Module, facts: Facts) -> Iterator[Loaded]:
        """Note the tables of a module, and yield what earlier questions load."""
        return self._offered(module, facts.offers)

    def stub(self, module: Module, facts: Facts) -> Iterator[Loaded]:
        """Note the imports of the stub beside a module as its table."""
        return self._offered(module, _imported(facts))

    def _offered(self, module: Module, offers: Iterable[Offer]) -> Iterator[Loaded]:
        if module.name not in self._tables:
            table: dict[str, list[tuple[str, ...]]] = {}
            for offer in offers:
                listed = table.setdefault(offer.attribute, [])
                if len(listed) < ROWS:
                    listed.append(offer.names)
            self._tables[module.name] = table
        yield from self._answers(self._open.pop(module.name, []))

    def _new(self, question: Question) -> list[Question]:
        """Return the question if its module has an answer. Keep it for later if the module was not read yet. Each one counts once."""
        name = question.module.name
        table = self._tables.get(name)
        readable = question.module.source and question.module.root.origin is not Origin.STDLIB
        if not readable or (table is not None and question.attribute not in table):
            return []
        kind = question.where if question.where in ("", MAIN) else "a function"
        top = question.source.name.partition(".")[0]
        key = (name, question.attribute, top, question.level, kind)
        if key in self._seen or len(self._seen) >= LIMIT:
            return []
        self._seen.add(key)
        if table is None:
            self._open.setdefault(name, []).append(question)
            return []
        return [question]

    def _answers(self, questions: list[Question]) -> Iterator[Loaded]:
        """Yield the modules that tables give. They may have tables, too, and are asked for the rest."""
        pending = questions[::-1]
        while pending:
            one = pending.pop()
            verb = f"loaded for {one.module.name}.{one.attribute}, used by"
            for names in self._tables[one.module.name].get(one.attribute, ()):
                for found, rest in self._modules(one, names):
                    yield Loaded(one.source, one.level, Edge(found.name, one.where), verb)
                    pending += self._new(Question(found, rest, one.source, one.level, one.where))

    def _modules(self, question: Question, names: tuple[str, ...]) -> Iterator[tuple[Module, str]]:
        """Yield the modules among the names of a table, each with the attribute that is asked of it.

        The attribute itself may be a module in the package.
        """
        package = package_of(question.module)
        beside = [name for name in names if "." not in name]
        inside = (f".{question.attribute}",) if question.module.folders else ()
        for name in (*names, *inside):
            plain = name.lstrip(".")
            level = len(name) - len(plain)
            if not level and package and self._finder.find(f"{package}.{plain.partition('.')[0]}"):
                level = 1
            full = absolute(package, level, plain)
            parts = full.split(".")
            *_, found = [None, *self._finder.components(full)]
            if found is None or found.name == question.module.name:
                continue
            rest = parts[found.name.count(".") + 1 :]
            if len(rest) > 1:
                continue
            for attribute in dict.fromkeys(rest or (question.attribute, *beside)):
                yield found, attribute


def _imported(facts: Facts) -> Iterator[Offer]:
    """Yield what a stub imports from its own package: `from . import filters`, `from ._pie import Pie`."""
    for entry in facts.imports:
        base = "." * entry.level + (f"{entry.module}." if entry.module else "")
        yield from (Offer(name, (base + name,)) for name in entry.names if entry.level)
