"""Reads what packages declare: what they need, and what an author asked for. Runs in the sandbox.

Sources: deb-control(5) (Depends, Source, Priority, Section, Essential); apt's extended_states; apk-tools, doc/apk-v2.5.scd (P:, D:, o:)
and apk-world(5); PyPA's "Core metadata" (Requires-Dist) and "pyproject.toml" (project.dependencies); package.json of npm; the
specifications of RubyGems and Bundler's Gemfile; composer.json and Composer's installed.json.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any

from slimmer.sandbox.readers import reader

PACKAGES = 1 << 16
"""The most packages of one file that count."""

NAMES = 2_000
"""The most names that one package declares."""

_NAME = re.compile(r"[A-Za-z0-9@][\w.+@/-]{0,200}")
_DEB = re.compile(r"[a-z0-9][a-z0-9.+-]{1,200}")
_GEM = re.compile(
    r"""(?:add_(?:runtime_)?dependency\(?\s{0,9}|^\s{0,9}gem\s{1,9})(?:%q<|["'])([\w.-]{1,200})""", re.MULTILINE
)
_TOOLS = frozenset(("devel", "libdevel", "debug", "doc", "localization", "introspection", "vcs", "kernel"))
_APK = frozenset(("P:", "D:", "p:", "o:"))
_BASIC = frozenset(("required", "important", "standard"))


class Form(StrEnum):
    """The form of a declaration."""

    DPKG = "dpkg's status"
    STATES = "apt's extended_states"
    APK = "apk's list of what is installed"
    WORLD = "apk's world"
    METADATA = "a distribution's METADATA"
    PYPROJECT = "pyproject.toml"
    NODE = "package.json"
    RUBY = "a gemspec or a Gemfile"
    COMPOSER = "composer.json"
    INSTALLED = "Composer's installed.json"


@dataclass(frozen=True, slots=True)
class Declared:
    """A package and the names of those that it needs. `name` is "" if the file describes only one.

    `basic` is true for a package that every system has, and `tool` for one to build software with. `automatic` is true if it was
    installed only because another package needs it. `source` is what a package of the system was built from, often with others.
    """

    name: str = ""
    needs: tuple[str, ...] = ()
    basic: bool = False
    tool: bool = False
    automatic: bool = False
    source: str = ""


@dataclass(frozen=True, slots=True)
class Declaration:
    """What one file declares."""

    packages: tuple[Declared, ...] = ()


@reader
def read_declaration(content: bytes, form: str) -> Declaration:
    """Read a file of this form. What makes no sense counts as missing."""
    text = content.decode("utf-8", "replace")
    try:
        return Declaration(tuple(islice(_READERS[Form(form)](text), PACKAGES)))
    except (ValueError, RecursionError):
        return Declaration()


def _paragraphs(text: str) -> Iterator[Mapping[str, str]]:
    fields: dict[str, str] = {}
    for line in (*text.splitlines(), ""):
        if not line.strip():
            if fields:
                yield fields
            fields = {}
        elif not line.startswith((" ", "\t")):
            name, _, value = line.partition(":")
            fields.setdefault(name, value.strip())


def _dpkg(text: str) -> Iterator[Declared]:
    for one in _paragraphs(text):
        depends = f"{one.get('Depends', '')},{one.get('Pre-Depends', '')}"
        names = (match[0] for word in re.split(r"[,|]", depends) if (match := _DEB.match(word.strip())))
        section = one.get("Section", "").rpartition("/")[2]
        name = one.get("Package", "")
        basic = one.get("Essential") == "yes" or one.get("Priority") in _BASIC
        is_tool = section in _TOOLS or name.endswith(("-dev", "-doc", "-dbg"))
        source = one.get("Source", name).partition(" ")[0]
        yield Declared(name, _some(names), basic, is_tool, source=source)


def _states(text: str) -> Iterator[Declared]:
    for one in _paragraphs(text):
        if one.get("Auto-Installed") == "1":
            yield Declared(one.get("Package", ""), automatic=True)


def _apk(text: str) -> Iterator[Declared]:
    owner: dict[str, str] = {}
    packages = []
    for paragraph in text.split("\n\n"):
        head = dict(line.split(":", 1) for line in reversed(paragraph.splitlines()) if line[:2] in _APK)
        name = head.get("P", "")
        if name:
            owner.setdefault(name, name)
            owner.update((_plain(word), name) for word in head.get("p", "").split())
            packages.append((name, head.get("D", "").split(), head.get("o", name)))
    for name, needs, source in packages:
        found = (owner[_plain(word)] for word in needs if _plain(word) in owner)
        is_tool = name.endswith(("-dev", "-doc", "-dbg", "-static"))
        yield Declared(name, _some(found), tool=is_tool, source=source)


def _world(text: str) -> Iterator[Declared]:
    yield Declared(needs=_some(_plain(word) for word in text.split()))


def _plain(word: str) -> str:
    return re.split(r"[<>=~@]", word, maxsplit=1)[0]


def _metadata(text: str) -> Iterator[Declared]:
    head = text.partition("\n\n")[0]
    lines = (line.partition(":")[2].strip() for line in head.splitlines() if line.lower().startswith("requires-dist:"))
    yield Declared(needs=_some(_requirements(lines)))


def _pyproject(text: str) -> Iterator[Declared]:
    project = tomllib.loads(text).get("project")
    words = project.get("dependencies") if isinstance(project, dict) else None
    yield Declared(needs=_some(_requirements(word for word in words or () if isinstance(word, str))))


def _requirements(lines: Any) -> Iterator[str]:
    """Yield the names of requirements (PEP 508), without those of extras."""
    return (match[0] for line in lines if "extra ==" not in line and (match := re.match(r"[\w.-]{1,200}", line)))


def _node(text: str) -> Iterator[Declared]:
    read = json.loads(text)
    groups = (read.get(key) for key in ("dependencies", "optionalDependencies")) if isinstance(read, dict) else ()
    yield Declared(needs=_some(name for group in groups if isinstance(group, dict) for name in group))


def _ruby(text: str) -> Iterator[Declared]:
    yield Declared(needs=_some(_GEM.findall(text)))


def _composer(text: str) -> Iterator[Declared]:
    read = json.loads(text)
    require = read.get("require") if isinstance(read, dict) else None
    yield Declared(needs=_some(name.lower() for name in require) if isinstance(require, dict) else ())


def _installed(text: str) -> Iterator[Declared]:
    read = json.loads(text)
    packages = read.get("packages") if isinstance(read, dict) else read
    for one in packages if isinstance(packages, list) else ():
        if isinstance(one, dict) and isinstance(require := one.get("require"), dict):
            yield Declared(str(one.get("name")).lower(), _some(name.lower() for name in require))


def _some(names: Any) -> tuple[str, ...]:
    """Return the first names, each once, without those that cannot be names of packages."""
    return tuple(dict.fromkeys(islice((name for name in names if _NAME.fullmatch(name)), NAMES)))


_READERS: Mapping[Form, Callable[[str], Iterator[Declared]]] = {
    Form.DPKG: _dpkg,
    Form.STATES: _states,
    Form.APK: _apk,
    Form.WORLD: _world,
    Form.METADATA: _metadata,
    Form.PYPROJECT: _pyproject,
    Form.NODE: _node,
    Form.RUBY: _ruby,
    Form.COMPOSER: _composer,
    Form.INSTALLED: _installed,
}
