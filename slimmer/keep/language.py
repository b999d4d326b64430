"""The protocol of a programming language: which files are its sources, what a source says, and where that leads in an image.

A Language is stateless. Its `read` runs in the sandbox, where nothing but the source is at hand, and its answers are cached between runs.
Its Resolver knows one image. What is the same for every language (layers, round trips, bounds, the cache) is not a language's concern
(slimmer.keep.sources.script).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, Reason

F = TypeVar("F")
F_contra = TypeVar("F_contra", contravariant=True)


class Origin(StrEnum):
    """Who wrote a source. Apps are read for everything that they name, libraries only for what they load."""

    APP = "app"
    LIBRARY = "library"
    STDLIB = "stdlib"


@dataclass(frozen=True, slots=True)
class Source:
    """A source to read. `suffix` is that of its name, in lower case with the dot; "" if it has none.

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


class Resolver(Protocol[F_contra]):
    """A language in one image."""

    def accepts(self, path: str) -> bool:
        """Return True if a real path is a source of this language, judged by its name and place."""
        ...

    def origin(self, path: str) -> Origin:
        """Who wrote the source at this real path."""
        ...

    def dialect(self, path: str) -> str:
        """The dialect of the source at this real path; "" for the usual one."""
        ...

    def leads(self, layer: Mapping[str, F_contra]) -> Iterable[Lead | Finding]:
        """Where the sources of a layer lead. Maps real paths to their facts, in the order in which they were found."""
        ...


class Language(Protocol[F]):
    """A programming language. Stateless; registered once (slimmer.keep.registry)."""

    @property
    def id(self) -> str:
        """A unique name, also that of its analyzer and its rule."""
        ...

    @property
    def version(self) -> int:
        """The version of `read`. Raise it when `read` answers otherwise: cached facts of other versions are not used."""
        ...

    @property
    def facts_type(self) -> type[F]:
        """A frozen dataclass of texts, numbers, flags, enumerations, tuples, frozen sets and other such dataclasses.

        Every field has a default: a source that cannot be read counts as one that says nothing.
        """
        ...

    @property
    def programs(self) -> re.Pattern[str]:
        """Matches the file names of the interpreters, in full."""
        ...

    @property
    def suffixes(self) -> frozenset[str]:
        """Suffixes of source files, in lower case with the dot. Other analyzers leave such files to the language."""
        ...

    @property
    def dependency_folders(self) -> frozenset[str]:
        """Names of folders that hold installed libraries, such as `node_modules`."""
        ...

    @property
    def manifests(self) -> frozenset[str]:
        """Names of files that describe a project, such as `package.json`."""
        ...

    def read(self, source: Source) -> F:
        """What a source says. Pure; never raises, whatever the content is."""
        ...

    def resolver(self, image: ImageView, opened: frozenset[str]) -> Resolver[F]:
        """Begin with an image. `opened` are the real paths of what the interpreters opened or ran."""
        ...
