"""Read the JSON metadata of packages of npm and Composer. It comes from an untrusted image, so a child process reads it.

Sources: npm's package-json(5), "license"; Composer's "vendor/composer/installed.json" and its schema, "license".
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from slimmer.image.declared_licences import bounded
from slimmer.image.packages import NAME_LIMIT, PACKAGES_LIMIT
from slimmer.sandbox.readers import reader

PACKAGE_LIMIT = 1 << 20
"""The largest package.json that is read, in bytes."""

INSTALLED_LIMIT = 1 << 23
"""The largest installed.json that is read, in bytes."""


@dataclass(frozen=True, slots=True)
class Described:
    """A package as its metadata describes it."""

    name: str
    version: str
    licences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Descriptions:
    """The packages that a file describes, without those that have no name. The version may be ""."""

    packages: tuple[Described, ...]


@reader
def read_package_json(content: bytes) -> Descriptions:
    """Read a package.json. Raises ValueError if it is no JSON."""
    return Descriptions(tuple(_described([_parsed(content)])))


@reader
def read_installed_json(content: bytes) -> Descriptions:
    """Read an installed.json: a list of packages, or an object that has it under "packages". Raises ValueError if it is no JSON."""
    found = _parsed(content)
    packages = found.get("packages") if isinstance(found, dict) else found
    return Descriptions(tuple(_described(packages if isinstance(packages, list) else [])))


def _parsed(content: bytes) -> Any:
    return json.loads(content.decode("utf-8-sig", "replace"))


def _described(packages: Iterable[Any]) -> Iterable[Described]:
    for _, one in zip(range(PACKAGES_LIMIT), packages, strict=False):
        if isinstance(one, dict):
            name, version = _word(one.get("name")), _word(one.get("version"))
            if name:
                yield Described(name, version, bounded(_licences(one)))


def _licences(package: dict[str, Any]) -> Iterable[str]:
    """Yield what `license` says (a text, an object with a type, or a list of them), or the older `licenses`."""
    found = package.get("license") or package.get("licenses") or ()
    for one in found if isinstance(found, list) else [found]:
        licence = one.get("type") if isinstance(one, dict) else one
        if isinstance(licence, str):
            yield licence


def _word(value: Any) -> str:
    return value if isinstance(value, str) and len(value) <= NAME_LIMIT and value.isprintable() else ""
