"""Reads a Python source of any version for what it says about other modules and files.

The host's own parser would reject what other versions' syntax allows; tree-sitter takes all of it. A source that is
broken gives the facts of the parts that could be understood.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from slimmer.keep.languages.python.calls import read_calls
from slimmer.keep.languages.python.facts import BY_NAME, Facts, Import
from slimmer.keep.languages.python.grammar import captures, parse, text
from slimmer.keep.languages.python.scopes import Scope, scopes_of

if TYPE_CHECKING:
    from tree_sitter import Node

SOURCE_LIMIT = 1 << 20
"""Bytes of a source; a larger one is data, and is not parsed."""

BROKEN_LIMIT = 1 << 15
"""Bytes that are read of a source with syntax errors: errors make nodes so wide that queries take quadratic time."""

LIST_LIMIT = 20_000
"""Entries of any list in the facts of one source."""

_STRINGS = "(string_content) @content"
_ATTRIBUTES = "(attribute) @attribute"
_EXPORTS = """
(module (expression_statement (assignment left: (identifier) @target right: [(list) (tuple)] @listed)))
(module (expression_statement (augmented_assignment left: (identifier) @target right: [(list) (tuple)] @listed)))
"""

_COOKIE = re.compile(rb"[ \t\f]{0,99}#[^\n]{0,200}?coding[:=][ \t]{0,9}([-\w.]{1,40})")
_DATA = re.compile(
    rb"__file__|importlib[._]resources|pkgutil|pkg_resources|__loader__|\.get_data\(|PackageLoader"
    rb"|(?<!getLogger)\(\s{0,9}__(?:name|package)__\s{0,9}[,)]|,\s{0,9}__(?:name|package)__\s{0,9}[,)]"
)
_IMPORTING = re.compile(rb"import|find_spec|__all__|entry_points|__getattr__")
"""Without one of these words, a library's source imports nothing: it is data, and need not be parsed."""

_FUTURE = re.compile(rb"^\s{0,99}from\s{1,9}__future__\s", re.MULTILINE)
_COMPUTED_ENCODING = re.compile(
    rb"\.(?:en|de)code\(\s{0,99}(?:encoding\s{0,9}=\s{0,9})?(?!encoding\b|errors\b|\w{0,2}['\"])\w|[(,]\s{0,99}encoding\s{0,9}=\s{0,9}(?!None\b|\w{0,2}['\"])\w"
    rb"|codecs\.(?:lookup|getreader|getwriter|getdecoder|getencoder)\(\s{0,99}(?!\w{0,2}['\"])\w"
)
"""Calls with an encoding that is no literal."""

_WORD = re.compile(r"[\w.:/+@-]{2,200}")
_DOTTED_STRING = re.compile(rb"""['"]([A-Za-z_]\w{0,79}(?:\.\w{1,80}){2,8})['":]""")
_STATEMENT = re.compile(
    rb"""['"][ ]{0,9}(?:from[ ]{1,9}(\w{1,80}(?:\.\w{1,80}){0,9})[ ]{1,9}import[ ]{1,9}([\w*]{1,80}(?:,[ ]{0,9}\w{1,80}){0,20})"""
    rb"""|import[ ]{1,9}(\w{1,80}(?:\.\w{1,80}){0,9})[ ]{0,9}(?:['";\\]|as\b))"""
)
"""An import statement that a string begins with: it is given to exec(), or to another Python."""

_SCRIPT_STRING = re.compile(rb"""['"]([\w{}%.-]{1,80}\.py)['"]""")
_CHAIN = re.compile(r"\w{1,80}(?:\.\w{1,80}){1,5}")


def read_source(content: bytes, whole: bool) -> Facts:
    """The facts of a source; `whole` asks for all words, attributes and commands, too, which cost more."""
    if len(content) > SOURCE_LIMIT:
        return Facts()
    source = _utf8(content)
    if b"\0" in source:
        return Facts()  # no Python reads it
    if not whole and not _IMPORTING.search(source):
        return Facts(words=_dotted_strings(source), reads_data=_DATA.search(source) is not None)
    root = parse(source)
    if root.has_error and len(source) > BROKEN_LIMIT:
        source = source[:BROKEN_LIMIT]
        root = parse(source)
    scopes = scopes_of(source, root)
    imports = [entry for node, scope in scopes.locate(scopes.imports) for entry in _imports(node, scope)][:LIST_LIMIT]
    if _FUTURE.search(source):
        imports.append(Import("__future__"))  # a statement of its own kind to the grammar
    imports += islice(_in_strings(source), LIST_LIMIT)
    calls = read_calls(source, scopes, commands=whole)
    groups = b"entry_points" in source
    words = _words(root) if whole or groups else ()
    return Facts(
        imports=tuple(imports),
        dynamic=calls.dynamic[:LIST_LIMIT],
        words=words if whole else _dotted_strings(source),
        attributes=_attributes(root, imports) if whole else (),
        groups=words if groups else (),
        exports=_exports(root) if b"__all__" in source else (),
        commands=calls.commands[:LIST_LIMIT],
        reads_data=_DATA.search(source) is not None,
        lazy=b"def __getattr__(" in source,
        any_encoding=whole and _COMPUTED_ENCODING.search(source) is not None,
    )


def _utf8(content: bytes) -> bytes:
    """The source as tree-sitter wants it (PEP 263: the encoding is declared in one of the first two lines)."""
    for line in content[:1000].split(b"\n")[:2]:
        if match := _COOKIE.match(line):
            name = match[1].decode("ascii", "replace")
            try:
                if codecs.lookup(name).name not in ("utf-8", "ascii"):
                    return content.decode(name, "replace").encode(errors="replace")
            except (LookupError, ValueError, TypeError):
                return content  # no such encoding, or none of text
    return content


def _imports(node: Node, scope: Scope) -> Iterator[Import]:
    """The modules that a statement names, unless it never runs."""
    if scope.skipped:
        return
    instead = tuple(_dotted(tried) for tried in scope.tried)
    if node.type == "import_statement":
        for module in _names(node.children_by_field_name("name")):
            yield Import(module, where=scope.where, instead=instead)
        return
    level, module = _from(node)
    names = _names(node.children_by_field_name("name"))
    if any(child.type == "wildcard_import" for child in node.named_children):
        names = ("*",)
    yield Import(module, level, names, scope.where, instead)


def _in_strings(source: bytes) -> Iterator[Import]:
    """Statements in strings; they may or may not run, as a function's."""
    for match in _STATEMENT.finditer(source):
        module, names, alone = (group.decode() if group else "" for group in match.groups())
        yield Import(module or alone, names=tuple(name.strip() for name in names.split(",") if name), where=BY_NAME)


def _from(node: Node) -> tuple[int, str]:
    """Leading dots and module of a `from` statement."""
    written = "".join(text(node.child_by_field_name("module_name")).split())[:400]
    module = written.lstrip(".")
    return len(written) - len(module), module


def _dotted(node: Node) -> str:
    """The one module that an attempt is about, with leading dots."""
    if node.type == "import_statement":
        return next(iter(_names(node.children_by_field_name("name"))), "")
    level, module = _from(node)
    return "." * level + module


def _names(nodes: Sequence[Node]) -> tuple[str, ...]:
    """Names as they are looked up: without `as`."""
    found = []
    for node in nodes[:LIST_LIMIT]:
        named = node.child_by_field_name("name") if node.type == "aliased_import" else node
        found.append("".join(text(named).split())[:400])
    return tuple(name for name in found if name)


def _words(root: Node) -> tuple[str, ...]:
    found = dict.fromkeys(text(node) for node in captures(_STRINGS, root).get("content", ()) if _short(node))
    return tuple(word for word in found if _WORD.fullmatch(word))[:LIST_LIMIT]


def _dotted_strings(source: bytes) -> tuple[str, ...]:
    """Strings of three parts or more, as libraries name their own modules and classes, and scripts; found without the tree."""
    found = dict.fromkeys(match[1].decode(errors="replace") for match in _DOTTED_STRING.finditer(source))
    found |= dict.fromkeys(match[1].decode(errors="replace") for match in _SCRIPT_STRING.finditer(source))
    return tuple(found)[:LIST_LIMIT]


def _short(node: Node) -> bool:
    return node.end_byte - node.start_byte <= 200


def _attributes(root: Node, imports: Sequence[Import]) -> tuple[str, ...]:
    """Dotted names that begin with the first part of an imported module: `a.b.c` after `import a`."""
    starts = {entry.module.split(".")[0] for entry in imports if not entry.names}
    chains = (text(node) for node in captures(_ATTRIBUTES, root).get("attribute", ()) if _short(node))
    found = dict.fromkeys(chain for chain in chains if chain.split(".")[0] in starts and _CHAIN.fullmatch(chain))
    return tuple(found)[:LIST_LIMIT]


def _exports(root: Node) -> tuple[str, ...]:
    """The strings of `__all__ = […]`."""
    found = captures(_EXPORTS, root)
    names: list[str] = []
    for target, listed in zip(found.get("target", ()), found.get("listed", ()), strict=False):
        if text(target) == "__all__":
            names += [text(node) for node in captures(_STRINGS, listed).get("content", ())]
    return tuple(dict.fromkeys(names))[:LIST_LIMIT]
