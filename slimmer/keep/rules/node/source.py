"""Reads a JavaScript or TypeScript source for what it loads and names.

Modules: `require`, `import`, `import()`, `export … from`, `require.resolve`. Paths: expressions of texts, `__dirname`,
`import.meta`, `process.cwd()`, `path.join` and the like, with constants of the same file put in. Unknown parts are holes.
Sources that cannot be parsed (too long: bundles) are searched for the plain forms.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slimmer.keep.rules.named_paths import HOLE, Base, Mention
from slimmer.keep.rules.node.expressions import JavaScript
from slimmer.keep.rules.syntax import Found, Grammar, find, first_child, is_source, text

if TYPE_CHECKING:
    from tree_sitter import Node

VERSION = 1
"""Of the facts: another one makes those in the cache unknown."""

WORDS = 5000
"""How many texts of one source are remembered."""

_FUNCTIONS = frozenset(
    [
        "function_declaration",
        "function_expression",
        "arrow_function",
        "method_definition",
        "generator_function",
        "generator_function_declaration",
        "try_statement",
    ]
)
_PLACES = frozenset(("call_expression", "new_expression", "binary_expression", "string", "template_string"))
_WANTED = _PLACES | {"import_statement", "export_statement", "variable_declarator", "import_require_clause"}
_LEAVES = frozenset(
    ("string", "number", "comment", "regex", "identifier", "property_identifier", "type_annotation", "jsx_text")
)
_JAVASCRIPT = Grammar("tree_sitter_javascript", _FUNCTIONS, _WANTED, _LEAVES)
_TYPESCRIPT = Grammar("tree_sitter_typescript", _FUNCTIONS, _WANTED, _LEAVES, "language_typescript")
_TSX = Grammar("tree_sitter_typescript", _FUNCTIONS, _WANTED, _LEAVES, "language_tsx")
_GRAMMARS = {".ts": _TYPESCRIPT, ".mts": _TYPESCRIPT, ".cts": _TYPESCRIPT, ".tsx": _TSX}

_REQUIRES = re.compile(r"\w{0,40}[rR]equire\w{0,40}")
"""Also what bundlers and createRequire's users call it; a word that leads to no module does no harm."""

_STARTERS = frozenset(("spawn", "spawnSync", "exec", "execSync", "execFile", "execFileSync", "execa", "execaSync"))
_PLAIN = re.compile(rb"""\b(require|import|from)[ \t]{0,8}\(?[ \t]{0,8}["']([^"'\\\n]{1,300})["']""")
_LOADS = re.compile(rb"\b(?:require|import|export)\b|__dirname|\.node\b")
_WORD = re.compile(r"[\w.@/:+-]{1,214}")
_ADDONS = frozenset(
    ("bindings", "node-gyp-build", "node-gyp-build-optional-packages", "@mapbox/node-pre-gyp", "node-pre-gyp")
)


@dataclass(frozen=True, slots=True)
class Request:
    """A module that is asked for: the specifier, perhaps with holes, and whether an `import` asks."""

    specifier: str
    imported: bool
    lazy: bool
    place: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What one source says. `words` are its texts that may be names; `addons` when it looks for a native addon."""

    requests: tuple[Request, ...] = ()
    mentions: tuple[Mention, ...] = ()
    commands: tuple[Mention, ...] = ()
    words: frozenset[str] = frozenset()
    addons: bool = False


def read_source(path: str, content: bytes, *, whole: bool) -> Facts:
    """The facts of a source. Of a library's (`whole` is false), only paths that begin at its own folder are told."""
    if not whole and not _LOADS.search(content):
        return Facts()
    if not is_source(content):
        return _plain(content)
    grammar = _GRAMMARS.get(posixpath.splitext(path)[1], _JAVASCRIPT)
    return _Reading(whole).read(find(grammar, content))


def _plain(content: bytes) -> Facts:
    """Modules that a long source asks for in so many words."""
    found = dict.fromkeys((match[2], match[1] != b"require") for match in _PLAIN.finditer(content))
    requests = (Request(name.decode(errors="surrogateescape"), imported, True) for name, imported in found)
    return Facts(tuple(requests))


class _Reading:
    """One source that is being read."""

    def __init__(self, whole: bool) -> None:
        self._whole = whole
        self._evaluator = JavaScript()
        self._requests: dict[Request, None] = {}
        self._mentions: dict[Mention, None] = {}
        self._commands: dict[Mention, None] = {}
        self._words: set[str] = set()
        self._understood = 0  # up to which byte the text belongs to an expression whose meaning is known

    def read(self, found: Iterator[Found]) -> Facts:
        for node in found:
            self._look(node)
        requests = tuple(self._requests)
        addons = any(request.specifier in _ADDONS or request.specifier.endswith(".node") for request in requests)
        return Facts(requests, tuple(self._mentions), tuple(self._commands), frozenset(self._words), addons)

    def _look(self, found: Found) -> None:
        node = found.node
        if node.start_byte < self._understood:
            return
        if node.type in ("import_statement", "export_statement", "import_require_clause"):
            source = node.child_by_field_name("source")
            if source is not None:
                self._request(source, found, imported=node.type != "import_require_clause")
        elif node.type == "variable_declarator":
            self._evaluator.define(node)
        elif node.type == "call_expression" and self._is_request(found):
            return
        elif node.type in _PLACES:
            self._mention(found)

    def _is_request(self, found: Found) -> bool:
        """Whether a call asks for a module, and if so, which."""
        function = found.node.child_by_field_name("function")
        called = text(function, 200)
        arguments = found.node.child_by_field_name("arguments")
        first = first_child(arguments)
        if first is None or function is None:
            return False
        name = called.rpartition(".")[2]
        if called in (
            "require",
            "require.resolve",
            "import",
            "import.meta.resolve",
            "module.require",
            "jest.requireActual",
        ):
            self._request(first, found, imported=called.startswith("import"))
            return True
        if name in _STARTERS:
            command = self._evaluator.value(first)
            self._commands[
                Mention(command.path, Base.ANY, name.startswith("exec") and "File" not in name, found.place)
            ] = None
        return False

    def _request(self, node: Node, found: Found, *, imported: bool) -> None:
        self._understood = node.end_byte
        value = self._evaluator.value(node)
        specifier = value.path if value.base is Base.ANY else f"./{value.path}"
        if specifier.strip(HOLE) and value.base is not Base.WORKING:
            self._requests[Request(specifier, imported, found.lazy, found.place)] = None

    def _mention(self, found: Found) -> None:
        """Note an expression that may be a path; a bare word is one only where it is given to somebody."""
        value = self._evaluator.value(found.node)
        if not value.path.strip(HOLE) or len(self._mentions) > WORDS:
            return
        self._understood = found.node.end_byte
        if value.base is Base.ANY and not self._whole:
            return
        if value.base is Base.ANY and found.node.type == "string" and _WORD.fullmatch(value.path):
            self._words.add(value.path)
        sure = value.base is not Base.ANY or found.parent in ("arguments", "pair")
        self._mentions[Mention(value.path, value.base, sure, found.place)] = None
