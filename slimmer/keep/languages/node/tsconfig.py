"""Aliases of modules: `paths` and `baseUrl` of tsconfig.json and jsconfig.json, and `imports` of deno.json.

Node ignores these files, but what runs TypeScript directly (tsx, ts-node, bun, deno, tsconfig-paths) does not. Sources: TypeScript's
documentation, "Modules: Reference", `paths`, `baseUrl` and `extends`; Deno's documentation, "Modules and dependencies".
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

from slimmer.keep.image_view import ImageView
from slimmer.keep.sources.reading import read_files
from slimmer.sandbox.readers import reader

CONFIG_LIMIT = 1 << 18
"""The largest configuration that is read, in bytes."""

NAMES = ("tsconfig.json", "jsconfig.json", "deno.json", "deno.jsonc")
_CHAIN = 8
_ALIASES, _TARGETS = 2000, 8
_LEVELS = 60
_COMMENT = re.compile(r'("(?:[^"\\\n]|\\.)*"?)|//[^\n]*|/\*.*?(?:\*/|\Z)', re.DOTALL)
_COMMA = re.compile(r'("(?:[^"\\\n]|\\.)*"?)|,(?=\s{0,200}[}\]])', re.DOTALL)
_OPTIONS = ("--tsconfig", "--project", "-p", "-P", "--tsconfig-override")
_VARIABLES = ("TS_NODE_PROJECT", "TSX_TSCONFIG_PATH", "TS_CONFIG_PATH")


@dataclass(frozen=True, slots=True)
class Alias:
    """A pattern with at most one star, and what it stands for: paths relative to a folder, or specifiers such as "npm:ms@2"."""

    pattern: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Config:
    """One configuration file. `jsx` is the package whose functions JSX becomes; "" if the file does not say."""

    extends: tuple[str, ...] = ()
    base: str = ""
    aliases: tuple[Alias, ...] = ()
    jsx: str = ""


@reader
def read_config(content: bytes) -> Config:
    """Read a configuration, which is JSON with comments and trailing commas. Parts that make no sense count as missing."""
    text = content.decode("utf-8-sig", "replace")
    text = _COMMA.sub(lambda match: match[1] or "", _COMMENT.sub(lambda match: match[1] or " ", text))
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return Config()
    if not isinstance(data, dict):
        return Config()
    options = data.get("compilerOptions")
    options = options if isinstance(options, dict) else {}
    extends = data.get("extends")
    return Config(
        extends=tuple(islice(_texts(extends if isinstance(extends, list) else [extends]), _CHAIN)),
        base=next(_texts([options.get("baseUrl")]), ""),
        aliases=(*_aliases(options.get("paths")), *_imports(data.get("imports"))),
        jsx=next(_texts([options.get("jsxImportSource")]), ""),
    )


def _texts(values: Iterable[Any]) -> Iterator[str]:
    return (value for value in values if isinstance(value, str) and 0 < len(value) <= 1000 and "\0" not in value)


def _aliases(paths: Any) -> Iterator[Alias]:
    for pattern, targets in list(paths.items())[:_ALIASES] if isinstance(paths, dict) else ():
        found = tuple(_texts(targets if isinstance(targets, list) else [targets]))[:_TARGETS]
        if found and pattern.count("*") <= 1 and len(pattern) <= 1000:
            yield Alias(pattern, found)


def _imports(imports: Any) -> Iterator[Alias]:
    """Yield the entries of an import map. One that ends with a slash stands for all that begins with it."""
    for name, target in list(imports.items())[:_ALIASES] if isinstance(imports, dict) else ():
        for one in _texts([target]):
            star = "*" if name.endswith("/") else ""
            yield Alias(name + star, (one + star,))


@dataclass(frozen=True, slots=True)
class Settings:
    """What a configuration says together with those that it extends: its files, and the folders that its parts are relative to."""

    files: tuple[str, ...]
    base: str = ""
    folder: str = ""
    aliases: tuple[Alias, ...] = ()
    jsx: str = ""

    def candidates(self, specifier: str) -> Iterator[str]:
        """Yield absolute paths, and specifiers with a scheme, that a specifier stands for. The longest pattern wins."""
        best: tuple[int, Alias | None, str] = (-1, None, "")
        for alias in self.aliases:
            start, star, end = alias.pattern.partition("*")
            is_exact = not star and specifier == alias.pattern
            fits = (
                star
                and len(specifier) >= len(start) + len(end)
                and specifier.startswith(start)
                and specifier.endswith(end)
            )
            rank = 1 << 20 if is_exact else len(start)
            if (is_exact or fits) and rank > best[0]:
                best = (rank, alias, specifier[len(start) : len(specifier) - len(end)] if fits else "")
        for target in best[1].targets if best[1] is not None else ():
            found = target.replace("*", best[2], 1)
            yield found if ":" in found else posixpath.normpath(posixpath.join(self.base or self.folder, found))
        if self.base:
            yield posixpath.normpath(posixpath.join(self.base, specifier))


class TsConfigs:
    """The configurations of an image. Each is read once."""

    def __init__(self, image: ImageView) -> None:
        self._image, self._tree = image, image.tree
        self._read: dict[str, Config] = {}
        self._nearest: dict[str, Settings | None] = {}
        self._named = next(_named(image), None)

    def of(self, path: str) -> Settings | None:
        """Return what the configuration for a source says: the one that the command names, or the nearest above the source."""
        return self._of_folder(posixpath.dirname(path), _LEVELS)

    def _of_folder(self, folder: str, levels: int) -> Settings | None:
        if folder not in self._nearest:
            place = self._named or next(
                (
                    f"{folder.rstrip('/')}/{name}"
                    for name in NAMES
                    if self._tree.is_file(f"{folder.rstrip('/')}/{name}")
                ),
                None,
            )
            if place is not None:
                self._nearest[folder] = self._settings(place)
            else:
                above = posixpath.dirname(folder)
                self._nearest[folder] = (
                    self._of_folder(above, levels - 1) if levels and folder not in ("/", "") else None
                )
        return self._nearest[folder]

    def _settings(self, place: str) -> Settings:
        """Join a configuration with those that it extends. What it says itself comes first."""
        files: dict[str, None] = {}
        waiting, found = [place], Settings(())
        while waiting and len(files) < _CHAIN:
            path = waiting.pop(0)
            config = self._config(path)
            if path in files or config is None:
                continue
            files[path] = None
            folder = posixpath.dirname(path)
            is_new = bool(config.aliases) and not found.aliases
            found = Settings(
                files=tuple(files),
                base=found.base or (posixpath.normpath(posixpath.join(folder, config.base)) if config.base else ""),
                folder=folder if is_new else found.folder,
                aliases=config.aliases if is_new else found.aliases,
                jsx=found.jsx or config.jsx,
            )
            waiting += [one for name in reversed(config.extends) if (one := self._extended(folder, name)) is not None]
        return found

    def _extended(self, folder: str, name: str) -> str | None:
        """Return the path of a configuration that another one extends: relative, absolute, or in a package."""
        if name.startswith((".", "/")):
            starts = [posixpath.normpath(posixpath.join(folder, name))]
        else:
            starts = []
            for _ in range(_LEVELS):
                starts.append(f"{folder.rstrip('/')}/node_modules/{name}")
                if folder in ("/", ""):
                    break
                folder = posixpath.dirname(folder)
        places = (start + end for start in starts for end in ("", ".json", "/tsconfig.json"))
        return next((place for place in places if self._tree.is_file(place)), None)

    def _config(self, path: str) -> Config | None:
        end = self._tree.resolve(path).end
        if end is None:
            return None
        if end not in self._read:
            self._read[end] = Config()
            self._read |= dict(read_files(self._image, read_config, Config, [end], CONFIG_LIMIT))
        return self._read[end]


def _named(image: ImageView) -> Iterator[str]:
    """Yield the configurations that the image's variables and command name, if they exist."""
    names = [image.env[name] for name in _VARIABLES if image.env.get(name)]
    words: list[str] = list(image.config.command)
    for word, following in pairwise([*words, ""]):
        option, found, value = word.partition("=")
        if option in _OPTIONS and (value if found else following).endswith(".json"):
            names.append(value if found else following)
    for name in names:
        place = image.absolute(name)
        if image.tree.is_file(place):
            yield place
