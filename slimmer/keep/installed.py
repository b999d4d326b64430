"""Analyzers from other packages: found by their entry points, checked, and named in the error if they fail.

A package adds an analyzer with an entry point of the group `slimmer.analyzers` that names an Analyzer object
(https://packaging.python.org/en/latest/specifications/entry-points/). If the analyzer fails, slimmer raises PluginFailed with its
name. slimmer.testing passes the analyzer's own exception on, so that its author sees the traceback.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

from slimmer.errors import PluginFailed, SlimmerError
from slimmer.keep.analyzer import Analysis, Analyzer, Kept, Policy
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding

GROUP = "slimmer.analyzers"
"""The group of entry points that other packages use."""

_ID = re.compile(r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*")
_REMEDY = "Update or uninstall the package that brings it."

_END = object()

T = TypeVar("T")


def analyzers(taken: frozenset[str]) -> tuple[Analyzer, ...]:
    """Return the analyzers of other packages, sorted by the names of their entry points. They must not have an id in `taken`.

    Raise PluginFailed, which names the entry point, if one cannot be loaded, is not an Analyzer, or has an id that is taken.
    """
    found: list[Analyzer] = []
    for point in points():
        analyzer = _load(point)
        if analyzer.id in taken or any(analyzer.id == other.id for other in found):
            raise PluginFailed(f"{_named(point)} has the id {analyzer.id}, which another one has", hint=_REMEDY)
        found.append(_Guarded(analyzer))
    return tuple(found)


def points() -> list[EntryPoint]:
    """Return the entry points of other packages, sorted by name, without loading them."""
    return sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value))


def _load(point: EntryPoint) -> Analyzer:
    try:
        analyzer = point.load()
        wrong = fault(analyzer)
    except (Exception, SystemExit) as error:
        raise PluginFailed(f"{_named(point)} cannot be loaded: {_told(error)}", hint=_REMEDY) from error
    if wrong:
        raise PluginFailed(f"{_named(point)} is no analyzer: {wrong}", hint=_REMEDY)
    found: Analyzer = analyzer
    return found


def fault(analyzer: object) -> str:
    """Return why an object is not an Analyzer, as a clause; "" if it is one."""
    name, policies, rules = (getattr(analyzer, attribute, None) for attribute in ("id", "policies", "rules"))
    if isinstance(analyzer, type):
        return "it is a class; the entry point must name an object"
    if not isinstance(name, str) or not _ID.fullmatch(name):
        return "its `id` must be letters, digits and dashes"
    if not isinstance(policies, frozenset) or not all(isinstance(one, Policy) for one in policies):
        return "its `policies` must be a frozenset of Policy"
    if not isinstance(rules, Mapping) or not all(
        isinstance(rule, str) and isinstance(strength, Evidence) for rule, strength in rules.items()
    ):
        return "its `rules` must map names to Evidence"
    return "" if callable(getattr(analyzer, "start", None)) else "it has no method `start`"


@dataclass(frozen=True, slots=True)
class _Guarded:
    """An analyzer whose failures become PluginFailed, with its name."""

    analyzer: Analyzer

    @property
    def id(self) -> str:
        return self.analyzer.id

    @property
    def policies(self) -> frozenset[Policy]:
        return self.analyzer.policies

    @property
    def rules(self) -> Mapping[str, Evidence]:
        return self.analyzer.rules

    @property
    def language(self) -> object:
        """The analyzer's language; None if it has none."""
        return getattr(self.analyzer, "language", None)

    def start(self, image: ImageView) -> Analysis | None:
        analysis = called(self.id, lambda: self.analyzer.start(image))
        return None if analysis is None else _GuardedAnalysis(self.id, analysis)


@dataclass(frozen=True, slots=True)
class _GuardedAnalysis:
    id: str
    analysis: Analysis

    def seeds(self) -> Iterable[Finding]:
        return _findings(self.id, self.analysis.seeds)

    def follow(self, added: Sequence[str], kept: Kept) -> Iterable[Finding]:
        return _findings(self.id, lambda: self.analysis.follow(added, kept))


def _findings(id: str, call: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """Yield the findings of a call one at a time, because what an analyzer yields may depend on what was kept in between."""
    found: Iterator[object] = called(id, lambda: iter(call()))
    while (finding := called(id, lambda: next(found, _END))) is not _END:
        if not isinstance(finding, Finding):
            raise PluginFailed(f"the analyzer {id} gave {reprlib.repr(finding)} as a finding", hint=_REMEDY)
        yield finding


def called(id: str, call: Callable[[], T]) -> T:
    """Return the result of a call to the analyzer with this id. Raise PluginFailed, with its name, if it fails."""
    try:
        return call()
    except (SlimmerError, MemoryError):
        raise
    except Exception as error:
        raise PluginFailed(f"the analyzer {id} failed: {_told(error)}", hint=_REMEDY) from error


def _named(point: EntryPoint) -> str:
    return f"the analyzer {point.name} ({point.value})"


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
