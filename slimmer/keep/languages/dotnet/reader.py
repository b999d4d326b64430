"""Reads an assembly, or a file that configures one, for the assemblies, libraries, files and commands that it names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from slimmer.keep.language import Source
from slimmer.keep.languages.dotnet.metadata import literals, read_metadata

LIMIT = 20_000
"""The most entries that any list in the facts of one source may have."""

_CONFIGURATION_LIMIT = 1 << 24
_QUALIFIED = re.compile(r"[\w.+`\[\]-]{1,300},\s{0,4}([\w.-]{1,120})(?:\s{0,4},.{0,300})?", re.DOTALL)
_FULL_NAME = re.compile(
    r"([\w.-]{1,120}),\s{0,4}(?:Version|Culture|PublicKeyToken)=.{0,300}", re.DOTALL | re.IGNORECASE
)
_WORD = re.compile(r"[^\0-\x1f<>|\"?]{1,260}")
_MAP = re.compile(rb"<dllmap\b([^>]{1,500})>")
_ATTRIBUTE = re.compile(rb"""\b(dll|target|os|privatePath|type|assembly)\s{0,9}=\s{0,9}["']([^"'<]{1,500})["']""")
_ASSETS = ("runtime", "native", "resources", "runtimeTargets")


class Dialect(StrEnum):
    """The kinds of files besides assemblies."""

    ASSEMBLY = ""
    DEPENDENCIES = "deps"
    """NAME.deps.json: what a project was built with."""
    RUNTIME = "runtimeconfig"
    """NAME.runtimeconfig.json: the frameworks that a program runs on."""
    SETTINGS = "settings"
    """The XML that configures a program, a library or Mono."""


class Trait(StrEnum):
    """Names of types and members that show what an assembly does."""

    ENCODINGS = "GetEncoding"
    ZONE = "FindSystemTimeZoneById"
    ZONES = "GetSystemTimeZones"
    PROCESSES = "ProcessStartInfo"
    FOLDERS = "Directory"
    PATHS = "Path"


@dataclass(frozen=True, slots=True)
class Reference:
    """An assembly that is referred to; `version` as four numbers with dots, "" if it is not known."""

    name: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that a manifest lists: its path in the package or in the app's folder, its RID, "" for any, and its culture, "" for none."""

    path: str
    rid: str = ""
    culture: str = ""


@dataclass(frozen=True, slots=True)
class Redirection:
    """Mono's dllmap: what a native library's name stands for on this system."""

    name: str
    target: str


@dataclass(frozen=True, slots=True)
class Facts:
    """All that one file says.

    - An assembly: `references`, `libraries` of native code that it calls, `named` assemblies in its string literals (with their types or
      versions), all short literals (`words`), and its `traits`.
    - A manifest: `assets`, and the names of `projects`, which are the app's own code.
    - A configuration: `frameworks`, `redirections`, folders to look in (`probed`), `named` assemblies.
    """

    is_assembly: bool = False
    references: tuple[Reference, ...] = ()
    libraries: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    traits: frozenset[Trait] = frozenset()
    assets: tuple[Asset, ...] = ()
    projects: frozenset[str] = frozenset()
    frameworks: tuple[str, ...] = ()
    redirections: tuple[Redirection, ...] = ()
    probed: tuple[str, ...] = ()


def read(source: Source) -> Facts:
    """Return the facts of an assembly, a manifest or a configuration."""
    if source.dialect == Dialect.ASSEMBLY:
        return _assembly(source.content)
    if len(source.content) > _CONFIGURATION_LIMIT:
        return Facts()
    if source.dialect == Dialect.SETTINGS:
        return _settings(source.content)
    try:
        said = json.loads(source.content.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return Facts()
    return _dependencies(said) if source.dialect == Dialect.DEPENDENCIES else _runtime(said)


def _assembly(content: bytes) -> Facts:
    metadata = read_metadata(content)
    if metadata is None:
        return Facts()
    words = [word for word in dict.fromkeys(literals(metadata.literals, LIMIT)) if word]
    return Facts(
        is_assembly=True,
        references=tuple(Reference(_plain(name), version) for name, version in metadata.references if name),
        libraries=tuple(dict.fromkeys(_plain(name) for name in metadata.modules if name)),
        named=tuple(dict.fromkeys(name for word in words for name in _assembly_names(word))),
        words=tuple(word for word in words if _WORD.fullmatch(word)),
        traits=frozenset(trait for trait in Trait if b"\0%s\0" % trait.value.encode() in metadata.identifiers),
    )


def _plain(name: str) -> str:
    """A name, with all characters removed that file names do not have."""
    return name.replace("\0", "").replace("/", "_")[:260]


def _assembly_names(word: str) -> Iterator[str]:
    """Yield the assembly in "Type, Assembly" or "Assembly, Version=…"."""
    match = _FULL_NAME.fullmatch(word) or _QUALIFIED.fullmatch(word)
    if match is not None:
        yield match[1]


def _dependencies(said: Any) -> Facts:
    """Read a manifest (https://github.com/dotnet/sdk, documentation/specs/runtime-configuration-file.md)."""
    target = _entry(_entry(said, "runtimeTarget"), "name")
    chosen = _entry(_entry(said, "targets"), target if isinstance(target, str) else "")
    assets: dict[Asset, None] = {}
    for library in _items(chosen):
        for kind in _ASSETS:
            for path, about in _items(_entry(library[1], kind)):
                rid, culture = _entry(about, "rid"), _entry(about, "locale")
                assets[Asset(path[:1024], _text(rid), _text(culture))] = None
    projects = [name for name, about in _items(_entry(said, "libraries")) if _entry(about, "type") == "project"]
    names = frozenset(name.partition("/")[0] for name in projects[:LIMIT])
    return Facts(assets=tuple(assets)[:LIMIT], projects=names)


def _runtime(said: Any) -> Facts:
    options = _entry(said, "runtimeOptions")
    several = _entry(options, "frameworks")
    frameworks = [_entry(options, "framework"), *(several if isinstance(several, list) else ())]
    names = [_text(_entry(framework, "name")) for framework in frameworks[:100]]
    return Facts(frameworks=tuple(dict.fromkeys(name for name in names if name)))


def _entry(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _items(value: Any) -> list[tuple[str, Any]]:
    return list(value.items())[:LIMIT] if isinstance(value, dict) else []


def _text(value: Any) -> str:
    return value[:260] if isinstance(value, str) else ""


def _settings(content: bytes) -> Facts:
    """Read the attributes that matter of a configuration in XML (Mono, mono-config(5); .NET Framework, probing and type names)."""
    redirections: dict[Redirection, None] = {}
    for match in _MAP.finditer(content):
        said = {one[1]: one[2].decode("utf-8", "replace") for one in _ATTRIBUTE.finditer(match[1])}
        if b"dll" in said and b"target" in said and said.get(b"os", "linux") in ("linux", "!windows", "!osx"):
            redirections[Redirection(said[b"dll"].removeprefix("i:"), said[b"target"])] = None
    texts = [(one[1], one[2].decode("utf-8", "replace")) for one in _ATTRIBUTE.finditer(content)]
    named = [name for kind, text in texts if kind in (b"type", b"assembly") for name in _assembly_names(text)]
    probed = [folder for kind, text in texts if kind == b"privatePath" for folder in text.split(";")]
    return Facts(
        redirections=tuple(redirections)[:LIMIT],
        named=tuple(dict.fromkeys(named))[:LIMIT],
        probed=tuple(folder for folder in dict.fromkeys(probed) if folder)[:100],
    )
