"""Reads which packages a source walks: it lists their modules and loads each one, whatever its name is.

Frameworks find plug-ins, template tags and commands in this way. Sources: pkgutil (iter_modules, walk_packages), importlib.util
(spec_from_file_location), and loops over a folder of sources that import by a computed name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from slimmer.keep.languages.python.bindings import bindings
from slimmer.keep.languages.python.calls import OWN_PACKAGE, PLACEHOLDER, own_names, pattern
from slimmer.keep.languages.python.facts import Walk
from slimmer.keep.languages.python.grammar import captures
from slimmer.keep.sources.named_paths import HOLE

if TYPE_CHECKING:
    from tree_sitter import Node

LIMIT = 1000
"""The most packages that one source may walk."""

_WALK = re.compile(rb"\b(?:iter_modules|walk_packages)\(")
_BY_PATH = re.compile(rb"\b(?:spec_from_file_location|SourceFileLoader|load_source)\(")
_LISTED = re.compile(rb"\b(?:listdir|scandir|iterdir|i?glob|rglob|walk)\(")
_COMPUTED = re.compile(rb"\b(?:import_module|__import__)\(\s{0,99}(?!\w{0,2}['\"])[\w(]")
_OWN_FOLDER = re.compile(rb"(?<![\w.'\"])__(?:file|path)__")
_OF_PACKAGE = re.compile(rb"((?:\b\w{1,80}\.){1,8})__path__")
_EVERYWHERE = re.compile(rb"\biter_modules\(\s{0,99}\)")
_PREFIX = re.compile(rb"\.startswith\(\s{0,99}\(?\s{0,99}['\"]([A-Za-z]\w{0,79}[._])['\"]")
_PACKAGE = re.compile(r"\w{1,80}(?:\.\w{1,80}){1,8}\.?")
_OWN = re.compile(r"\.\w{1,80}(?:\.\w{1,80}){0,8}\.?")
_BELOW = re.compile(rf"{HOLE}(?:\.\w{{1,80}}){{1,8}}\.?")
_FOLDER = re.compile(r"(?:\./)?(\w{1,80}(?:/\w{1,80}){0,8})/?(?:\*{1,2}/){0,2}(?:\*\.py)?")
_TEXTS = "(string) @text"
_IMPORTS = "(import_statement) @found (import_from_statement) @found"
_TEXT = 200
"""The most bytes of a string that may name a package."""


def read_walks(source: bytes, root: Node, *, is_app: bool) -> tuple[Walk, ...]:
    """Return the packages that a parsed source walks; () for most sources, which walk none. In an app's source, any string may name one."""
    by_name = _WALK.search(source) is not None
    by_list = is_app and _LISTED.search(source) is not None and _COMPUTED.search(source) is not None
    by_path = _BY_PATH.search(source) is not None
    if not (by_name or by_path or by_list):
        return ()
    deep = by_path or b"iter_modules(" not in source or b"walk_packages(" in source
    found = dict.fromkeys(_prefixes(source))
    found |= dict.fromkeys(_imported(source, root))
    if (by_name or by_list) and _OWN_FOLDER.search(source):
        found[Walk(".")] = None
    found |= dict.fromkeys(_named(source, root, is_app=is_app))
    return tuple(replace(walk, deep=deep) for walk in islice(found or {Walk(HOLE): None}, LIMIT))


def _prefixes(source: bytes) -> Iterator[Walk]:
    """Yield what a source takes from all modules of sys.path: those whose names begin with a text."""
    if _EVERYWHERE.search(source):
        yield from (Walk("", match[1].decode()) for match in _PREFIX.finditer(source))


def _imported(source: bytes, root: Node) -> Iterator[Walk]:
    """Yield the packages of `package.__path__`. None is known for the package in a variable or a parameter."""
    names = {match[1].decode().rstrip(".") for match in _OF_PACKAGE.finditer(source)}
    modules = bindings(captures(_IMPORTS, root).get("found", ())) if names else {}
    for name in sorted(names):
        first, dot, rest = name.partition(".")
        if first in modules:
            yield Walk(modules[first] + dot + rest)


def _named(source: bytes, root: Node, *, is_app: bool) -> Iterator[Walk]:
    """Yield the packages that strings name: "tool.plugins.lookup", f"{__name__}.plugins", f"{app}.templatetags", "plugins/*.py"."""
    own: Set[str] = OWN_PACKAGE | own_names(source)
    for node in captures(_TEXTS, root).get("text", ()):
        if node.end_byte - node.start_byte > _TEXT:
            continue
        name = PLACEHOLDER.sub(HOLE, pattern(node, own)).removesuffix(HOLE)
        computed = any(child.type == "interpolation" for child in node.named_children)
        if _PACKAGE.fullmatch(name) or _BELOW.fullmatch(name) or (computed and _OWN.fullmatch(name)):
            yield Walk(name.rstrip("."), named=True)
        elif is_app and (match := _FOLDER.fullmatch(name)):
            yield Walk(match[1].replace("/", "."), named=True)
