"""A programming language as data: how its files are called, how a source is read, and where a source leads in an image.

A Language is a constant. Its `read` runs in the sandbox, where nothing but the source is at hand, and its answers are cached between runs.
Its Resolver knows one image. What is the same for every language (layers, round trips, bounds, the cache) is not a language's concern
(slimmer.keep.sources.language_analyzer).
"""

from __future__ import annotations

import posixpath
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from slimmer.image.tree import Entry
from slimmer.keep.analyzer import Kept
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, Reason
from slimmer.sandbox.readers import declare

_NO_CODE = frozenset((Evidence.STRUCTURAL, Evidence.LISTED, Evidence.SEEN))
"""What is kept for these reasons alone is no code, as far as it was seen."""

_SYSTEM = ("/usr/", "/etc/", "/var/", "/lib", "/proc/", "/sys/", "/dev/", "/run/", "/root/.")

F = TypeVar("F")


class Origin(StrEnum):
    """The kind of author of a source. Apps are read for everything that they name, libraries only for what they load."""

    APP = "app"
    LIBRARY = "library"
    STDLIB = "stdlib"


@dataclass(frozen=True, slots=True)
class Source:
    """A source to read. `suffix` is that of its name, as it is written, with the dot; "" if it has none.

    `dialect` is what its Resolver says of files that a language reads in more than one way (a crontab, an extension module).
    `variables` are those that the image sets, if the Resolver says that sources of the language read them.
    """

    suffix: str
    content: bytes
    origin: Origin
    dialect: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Text:
    """A source that lies in no file, such as a command in the image's configuration. `name` is for people: "the image's command"."""

    name: str
    content: bytes
    dialect: str = ""


@dataclass(frozen=True, slots=True)
class Lead:
    """A path to which a source leads, links unresolved, and why. `code` is true if the path is a source to follow in its turn."""

    path: str
    reason: Reason
    code: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """A source to read in the next layer, by its real path. It is kept already, and may have been read before: say, as a library's."""

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

    @property
    def variables(self) -> Mapping[str, str]:
        """Variables that sources of this language read, with the values that the image gives them."""
        return {}

    def texts(self) -> Sequence[Text]:
        """Return the sources that lie in no file. They are the first layer: `leads` gets their facts under their names."""
        return ()

    def takes(self, path: str, kept: Kept, *, opened: bool) -> bool:
        """Return True if a real path that was just kept is to be followed, provided that it is a source.

        `opened` is true if it is one of the sources to begin with (`Language.sources`). By default, those are followed, and other
        files with a suffix if they are kept for more than having been seen or listed.
        """
        return opened or (posixpath.splitext(path)[1] != "" and not kept.evidence(path) <= _NO_CODE)

    def begin(self, added: Sequence[str], kept: Kept) -> Iterable[Lead | Finding | Reading] | None:
        """Return where to begin once these real paths are kept. None for the usual: the sources among them that it `takes`."""
        return None

    def is_data(self, entry: Entry) -> bool:
        """Return True if the name and place of a file say that it is data, whatever `accepts` says.

        By default, these are the system's files without a suffix that nobody may execute, such as time zones.
        """
        is_plain = "." not in posixpath.basename(entry.path) and not entry.mode & 0o111
        return is_plain and entry.path.startswith(_SYSTEM)

    def recognizes(self, path: str, content: bytes) -> bool:
        """Return True if the content of the file at this real path is that of a source. `leads` gets no facts of others.

        This runs in slimmer's own process: compare bytes at most, and leave parsing to `Language.read`.
        """
        return True

    @abstractmethod
    def leads(self, layer: Mapping[str, F]) -> Iterable[Lead | Finding | Reading]:
        """Return where the sources of a layer lead. Maps real paths to their facts, in the order in which they were found.

        A source that cannot be read, or is beyond a bound, is missing. So the layer may be empty.
        """


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on the sources of a language: bytes of one that is read at all, and bytes that a run parses."""

    source: int = 1 << 24
    total: int = 256 << 20


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
    are sources to begin with; without any, the language is not used in an image, unless `unopened` is true: its resolver also begins
    with the image's configuration (`Resolver.texts`) or with kept paths (`Resolver.begin`).

    `read` is a module's function. It is pure and does not raise, whatever the content is. `version` is that of `read`: raise it when
    `read` answers otherwise, since cached facts of other versions are not used.

    `facts_type` is a frozen dataclass of texts, numbers, flags, enumerations, tuples, frozen sets and other such dataclasses. Every field
    has a default: a source that cannot be read counts as one that says nothing.

    `resolver` begins with an image and what `sources` gave. None if another analyzer than LanguageAnalyzer follows the sources.
    `rules` are names that the resolver writes into reasons besides `id`, `named-path` and `program`. What is found beyond
    `limits` is kept, but not looked into.
    """

    version: int
    facts_type: type[F]
    read: Callable[[Source], F]
    programs: re.Pattern[str]
    sources: Callable[[frozenset[str]], frozenset[str]] = _all
    resolver: Callable[[ImageView, frozenset[str]], Resolver[F]] | None = None
    rules: Mapping[str, Evidence] = field(default_factory=dict)
    limits: Limits = Limits()
    unopened: bool = False

    def __post_init__(self) -> None:
        declare(self.read)
