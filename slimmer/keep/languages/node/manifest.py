"""The parts of package.json that say where modules lie (Node.js documentation, "Modules: Packages")."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from slimmer.sandbox.readers import reader

DEPTH = 12
"""The deepest nesting of conditions that is followed."""

_LEVELS = DEPTH + 2

TARGETS = 16
"""The most entries of an array or an object of conditions that are tried."""

MANIFEST_LIMIT = 1 << 24
"""The largest package.json that is read, in bytes."""

MAPPING_LIMIT = 1 << 20
"""The longest `exports` or `imports` that is read, in bytes. A longer one counts as missing."""

STARS = 8
"""The most stars in a target that are replaced."""

COMMANDS, LINE = 200, 2000
"""The most commands and scripts of a package that are read, and the longest one in characters."""

_WORDS = re.compile(r"[a-z0-9]+")
_DEVELOPERS = frozenset(
    _WORDS.findall(
        "build rebuild compile transpile bundle pack package publish release version test tests spec e2e unit jest mocha vitest coverage cov lint"
        " eslint tslint stylelint prettier format fmt fix check typecheck types tsc dev develop development debug watch nodemon hot docs doc"
        " storybook prepare prepack postpack prepublish prepublishonly preinstall install postinstall clean husky commit changelog analyze"
        " preview ci bench benchmark generate codegen snapshot deploy docker"
    )
)
"""Words in the names of scripts that only developers start."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One package.json. `exports` and `imports` are JSON texts, "" if there is none. Dependencies are names.

    `declared` are the packages that this package depends on. `optional` are those of them that may be missing. `peers` are packages that it
    loads if the app has them. `bin` are the paths of its commands, and `scripts` the command lines that `npm run` starts, but for those of
    developers.
    """

    name: str = ""
    main: str = ""
    exports: str = ""
    imports: str = ""
    declared: frozenset[str] = field(default_factory=frozenset)
    peers: frozenset[str] = field(default_factory=frozenset)
    optional: tuple[str, ...] = ()
    bin: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()


@reader
def read_manifest(content: bytes) -> Manifest:
    """Read a package.json. Parts that make no sense count as missing."""
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        return Manifest()
    if not isinstance(data, dict):
        return Manifest()
    optional = tuple(_names(data.get("optionalDependencies")))
    return Manifest(
        name=_text(data.get("name")),
        main=_text(data.get("main")),
        exports=_mapping(data.get("exports")),
        imports=_mapping(data.get("imports")),
        declared=frozenset((*_names(data.get("dependencies")), *optional)),
        peers=frozenset((*_names(data.get("peerDependencies")), *_names(data.get("peerDependenciesMeta")))),
        optional=optional,
        bin=tuple(_commands(data.get("bin"))),
        scripts=tuple(_scripts(data.get("scripts"))),
    )


def targets(written: str, subpath: str, conditions: frozenset[str]) -> Iterator[str]:
    """Yield the targets that `exports` or `imports` has for a subpath (".", "./x" or "#x"). The first one that exists counts.

    The algorithm is PACKAGE_EXPORTS_RESOLVE and PACKAGE_IMPORTS_EXPORTS_RESOLVE of "Modules: ECMAScript modules".
    """
    mapping = _parsed(written)
    if not isinstance(mapping, dict) or not any(key.startswith((".", "#")) for key in mapping):
        mapping = {".": mapping}
    target, star = _entry(mapping, subpath)
    for found in _conditional(target, conditions, DEPTH):
        yield found.replace("*", star, STARS) if star is not None else found


def _entry(mapping: Mapping[str, Any], subpath: str) -> tuple[Any, str | None]:
    """Return the entry for a subpath, and the text that its pattern's star stands for. The longest pattern wins."""
    if subpath in mapping and "*" not in subpath:
        return mapping[subpath], None
    best, star = "", ""
    for key in mapping:
        start, found, end = key.partition("*")
        if not found and key.endswith("/"):  # a folder mapping, which Node supported before version 17
            start, found = key, "*"
        fits = len(subpath) >= len(start) + len(end) and subpath.startswith(start) and subpath.endswith(end)
        if found and fits and len(start) > len(best.partition("*")[0]):
            best, star = key, subpath[len(start) : len(subpath) - len(end)]
    if best.endswith("/"):
        return _appended(mapping[best], star), None
    return (mapping[best], star) if best else (None, None)


def _appended(target: Any, rest: str) -> Any:
    return target + rest if isinstance(target, str) else None


def _conditional(target: Any, conditions: frozenset[str], depth: int) -> Iterator[str]:
    if isinstance(target, str):
        yield target
    elif depth and isinstance(target, list):
        for choice in target[:TARGETS]:
            yield from _conditional(choice, conditions, depth - 1)
    elif depth and isinstance(target, dict):
        for condition, choice in list(target.items())[:TARGETS]:
            if condition in conditions:
                found = list(_conditional(choice, conditions, depth - 1))
                if found:
                    yield from found
                    return


def _mapping(value: Any) -> str:
    """Return a mapping as JSON, without parts that nest too deep to be followed."""
    written = json.dumps(_shallow(value, _LEVELS), separators=(",", ":")) if value is not None else ""
    return written if len(written) <= MAPPING_LIMIT else ""


def _shallow(value: Any, levels: int) -> Any:
    if isinstance(value, dict):
        return {key: _shallow(inner, levels - 1) for key, inner in value.items()} if levels else None
    if isinstance(value, list):
        return [_shallow(inner, levels - 1) for inner in value] if levels else None
    return value


@lru_cache(maxsize=16)
def _parsed(written: str) -> Any:
    """Parse a mapping that the sandbox wrote. Return None if it is not valid."""
    try:
        return json.loads(written) if written else None
    except (ValueError, RecursionError):
        return None


def _commands(value: Any) -> Iterator[str]:
    """Yield the paths in `bin`, which is a path or an object of paths."""
    for path in list(value.values())[:COMMANDS] if isinstance(value, dict) else [value]:
        if isinstance(path, str) and 0 < len(path) <= LINE and "\0" not in path:
            yield path


def _scripts(value: Any) -> Iterator[str]:
    """Yield the scripts that an app needs when it runs: to start, to migrate a database, to do a job."""
    for name, line in list(value.items())[:COMMANDS] if isinstance(value, dict) else ():
        if isinstance(line, str) and 0 < len(line) <= LINE and _DEVELOPERS.isdisjoint(_WORDS.findall(name.lower())):
            yield line


def _names(value: Any) -> Iterator[str]:
    return iter(value) if isinstance(value, dict) else iter(())


def _text(value: Any) -> str:
    return value if isinstance(value, str) and "\0" not in value else ""
