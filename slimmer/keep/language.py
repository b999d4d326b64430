"""A programming language as data: how its files are called, how a source is read, and where a source leads in an image.

A Language is a constant. Its `read` runs in the sandbox, where nothing but the source is at hand, and its answers are cached between runs.
Its Resolver knows one image. What is the same for every language (layers, round trips, bounds, the cache) is not a language's concern
(slimmer.keep.sources.language_analyzer).
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from slimmer.keep.analyzer import Kept
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, Reason
from slimmer.sandbox.readers import declare

F = TypeVar("F")


class Origin(StrEnum):
    """Who wrote a source. Apps are read for everything that they name, libraries only for what they load."""

    APP = "app"
    LIBRARY = "library"
    STDLIB = "stdlib"


@dataclass(frozen=True, slots=True)
class Source:
    """A source to read. `suffix` is that of its name, as it is written, with the dot; "" if it has none.

    `dialect` is what its Resolver says of files that a language reads in more than one way (a crontab, an extension module).
    """

    suffix: str
    content: bytes
    origin: Origin
    dialect: str = ""


@dataclass(frozen=True, slots=True)
class Lead:
    """A path to which a source leads, links unresolved, and why. `code` is true if the path is a source to follow in its turn."""

    path: str
    reason: Reason
    code: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """A source to read in the next layer, by its real path. It is kept already, and may have been read before: say, when it counted as a library's."""

    path: str


class Resolver(ABC, Generic[F]):
    """A language in one image. `F` is the language's `facts_type`."""

    @abstractmethod
    def accepts(self, path: str) -> bool:
        """Return True if a real path is a source of this language, judged by its name and place."""

    @abstractmethod
    def origin(self, path: str) -> Origin:
        """Return who wrote the source at this real path."""

    def dialect(self, path: str) -> str:
        """Return the dialect of the source at this real path; "" for the usual one."""
        return ""

    def begin(self, added: Sequence[str], kept: Kept) -> Iterable[Lead | Finding | Reading] | None:
        """Return where to begin, once these paths are kept. None for the usual: sources that an interpreter opened, and those that are used.

        A language that can tell from kept paths what its programs load has no need of interpreters (`Language.sources` is None).
        """
        return None

    @abstractmethod
    def leads(self, layer: Mapping[str, F]) -> Iterable[Lead | Finding | Reading]:
        """Return where the sources of a layer lead. Maps real paths to their facts, in the order in which they were found.

        What could not be read, or is beyond a bound, is not in the layer. It may be empty.
        """


@dataclass(frozen=True, kw_only=True)
class Ecosystem:
    """How the files of a language are called. Other analyzers ask for those of all languages together (slimmer.keep.ecosystems).

    `suffixes` are those of sources, `compiled_suffixes` those of what is made from them (`.pyc`, `.jar`), in lower case with the dot:
    other analyzers leave such files to the language. `dependency_folders` are names of folders that hold installed libraries
    (`node_modules`). `manifests` are names of files that describe a project, and lie at its top (`package.json`).
    `extension_folders` is a regular expression of names of folders, below which the interpreter finds modules of native code.
    """

    id: str
    suffixes: frozenset[str] = frozenset()
    compiled_suffixes: frozenset[str] = frozenset()
    dependency_folders: frozenset[str] = frozenset()
    manifests: frozenset[str] = frozenset()
    extension_folders: str = ""


def _all(opened: frozenset[str]) -> frozenset[str]:
    return opened


@dataclass(frozen=True, kw_only=True)
class Language(Ecosystem, Generic[F]):
    """A language whose sources are read and followed. `id` is also the name of its rule.

    `programs` matches the file names of the interpreters, in full. `sources` tells which of the files that they opened (real paths)
    are sources to begin with; without any, the language is not used in an image. None if the resolver finds out by itself (`Resolver.begin`).

    `read` is a module's function. It is pure and does not raise, whatever the content is. `version` is that of `read`: raise it when
    `read` answers otherwise, since cached facts of other versions are not used.

    `facts_type` is a frozen dataclass of texts, numbers, flags, enumerations, tuples, frozen sets and other such dataclasses. Every field
    has a default: a source that cannot be read counts as one that says nothing.

    `resolver` begins with an image and what `sources` gave. None if another analyzer than LanguageAnalyzer follows the sources.
    `rules` are names that the resolver writes into reasons besides `id`, `named-path` and `program`.
    """

    version: int
    facts_type: type[F]
    read: Callable[[Source], F]
    programs: re.Pattern[str]
    sources: Callable[[frozenset[str]], frozenset[str]] | None = _all
    resolver: Callable[[ImageView, frozenset[str]], Resolver[F]] | None = None
    rules: Mapping[str, Evidence] = field(default_factory=dict)

    def __post_init__(self) -> None:
        declare(self.read)
