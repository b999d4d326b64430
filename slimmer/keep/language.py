"""A programming language as data: the names of its files, the reader of its sources, and the resolver that says where a source leads.

A Language is a constant. Its `read` runs in the sandbox and sees nothing but the source. Its answers are cached between runs.
Its Resolver works on one image. slimmer.keep.sources.language_analyzer does what is the same for every language: layers, round trips,
bounds and the cache.
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
from slimmer.keep.folders import PLAIN_DATA
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, Reason
from slimmer.sandbox.readers import declare

_NO_CODE = frozenset((Evidence.STRUCTURAL, Evidence.LISTED, Evidence.SEEN))
"""A file that is kept for this evidence alone has not been seen to be loaded as code."""

F = TypeVar("F")


class Origin(StrEnum):
    """The kind of author of a source. Apps are read for everything that they name, libraries only for what they load."""

    APP = "app"
    LIBRARY = "library"
    STDLIB = "stdlib"


@dataclass(frozen=True, slots=True)
class Source:
    """A source to read. `suffix` is the suffix of its name as written, with the dot; "" if it has none.

    `dialect` is the Resolver's answer for languages that read files in more than one way (a crontab, an extension module).
    `variables` are the Resolver's: variables that sources of the language read, with the values that the image gives them.
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
    """A path that a source leads to, links unresolved, and the reason. `code` is true if the path is a source to follow as well."""

    path: str
    reason: Reason
    code: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """A source to read in the next layer, by its real path. It is already kept, and may have been read before, for example as a library's."""

    path: str


class Resolver(ABC, Generic[F]):
    """A language in one image. `F` is the language's `facts_type`."""

    @abstractmethod
    def accepts(self, path: str) -> bool:
        """Return True if a real path is a source of this language, judged by its name and place."""

    @abstractmethod
    def origin(self, path: str) -> Origin:
        """Return the origin of the source at this real path: the app, a library or the standard library."""

    def dialect(self, path: str) -> str:
        """Return the dialect of the source at this real path; "" for the usual one."""
        return ""

    @property
    def variables(self) -> Mapping[str, str]:
        """Variables that sources of this language read, with the values that the image gives them."""
        return {}

    def texts(self) -> Sequence[Text]:
        """Return sources that are not files. They are the first layer: `leads` gets their facts under their names."""
        return ()

    def takes(self, path: str, kept: Kept, *, opened: bool) -> bool:
        """Return True if a real path that was just kept should be followed. Paths that are not sources are never followed.

        `opened` is true if the path is one of the sources to start from (`Language.sources`). By default, these are followed, and so are
        other files with a suffix that are kept for stronger evidence than SEEN or LISTED.
        """
        return opened or (posixpath.splitext(path)[1] != "" and not kept.evidence(path) <= _NO_CODE)

    def hand(self, scripts: frozenset[str]) -> None:
        """Take note of scripts among the paths that `begin` gets next. The language's programs run them, no matter what their names are."""
        return

    def begin(self, added: Sequence[str], kept: Kept) -> Iterable[Lead | Finding | Reading] | None:
        """Return where to start once these real paths are kept. None means the default: the sources among them that `takes` accepts."""
        return None

    def is_data(self, entry: Entry) -> bool:
        """Return True if the name and place of a file show that it is data, even if `accepts` takes it for a source.

        By default, these are the system's files without a suffix and without an x bit, such as time zones.
        """
        is_plain = "." not in posixpath.basename(entry.path) and not entry.mode & 0o111
        return is_plain and entry.path in PLAIN_DATA

    def recognizes(self, path: str, content: bytes) -> bool:
        """Return True if this content, of the file at this real path, is a source. `leads` gets no facts of other files.

        This runs in slimmer's own process, so only compare bytes here, and leave parsing to `Language.read`.
        """
        return True

    @abstractmethod
    def leads(self, layer: Mapping[str, F]) -> Iterable[Lead | Finding | Reading]:
        """Return where the sources of a layer lead. `layer` maps real paths to their facts, in the order in which they were found.

        Sources that cannot be read or exceed a bound are missing from it, so the layer may be empty.
        """


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on the sources of a language, in bytes: `source` for the largest one that is read, `total` for all that a run parses."""

    source: int = 1 << 24
    total: int = 256 << 20


@dataclass(frozen=True, kw_only=True)
class Ecosystem:
    """The names and suffixes of a language's files. Other analyzers use those of all languages together (slimmer.keep.ecosystems).

    `suffixes` are the suffixes of sources, and `compiled_suffixes` those of files compiled from them (`.pyc`, `.jar`), in lower case with
    the dot. Other analyzers leave such files to the language. `dependency_folders` are the names of folders that hold installed libraries
    (`node_modules`). `manifests` are the names of files that describe a project and lie at its top (`package.json`).
    `extension_folders` is a regular expression for the names of folders below which the interpreter finds native modules.
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

    `programs` matches the full file names of the interpreters. `sources` takes the files that they opened (real paths) and returns the
    sources to start from. If there are none, the image does not use the language. `unopened` makes an exception: the resolver then also
    starts from the image's configuration (`Resolver.texts`) or from kept paths (`Resolver.begin`). Any language also starts from an
    executable file whose first line names one of its `programs`, no matter which program opened it. `lists` is true if apps find modules
    by listing folders: what lies in a folder of the app that one of the `programs` listed is then followed, too.

    `read` is a function of a module. It is pure and never raises, whatever the content is. `version` is the version of `read`: increase it
    when `read` returns something else for the same source, so that facts cached by the old version are not used.

    `facts_type` is a frozen dataclass of texts, numbers, flags, enumerations, tuples, frozen sets and other such dataclasses. Every field
    has a default, because a source that cannot be read counts as an empty one.

    `resolver` makes a Resolver from an image and the result of `sources`. It is None if an analyzer other than LanguageAnalyzer follows the
    sources. `rules` are the rules that the resolver writes into reasons, besides `id`, `named-path` and `program`. A file that exceeds
    `limits` is kept, but not read.
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
    lists: bool = False

    def __post_init__(self) -> None:
        declare(self.read)
