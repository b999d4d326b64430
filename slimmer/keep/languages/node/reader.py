"""Reads a JavaScript or TypeScript source for what it loads and names.

Modules: `require`, `import`, `import()`, `export … from`, `require.resolve`, and any name that `createRequire` or `require` was given.
Paths: expressions of texts, `__dirname`, `import.meta`, `process.cwd()`, `path.join` and the like, with constants of the same file put in.
Unknown parts are holes.
Sources that cannot be parsed (too long: bundles) are searched for the plain forms.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from slimmer.keep.language import Origin, Source
from slimmer.keep.languages.node.expressions import JavaScript, called
from slimmer.keep.sources.named_paths import HOLE, Base, Mention
from slimmer.keep.sources.source_reader import Named, SourceReader
from slimmer.keep.sources.syntax import Found, Grammar, find, first_child, is_source, text

if TYPE_CHECKING:
    from tree_sitter import Node

LIBRARY_LIMIT = 1 << 17
"""The largest source of a library that is parsed, in bytes. A larger one comes from a bundler, and loads modules in plain forms."""

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

_LOADERS = frozenset(
    [
        "require",
        "require.resolve",
        "import",
        "import.meta.resolve",
        "module.require",
        "jest.requireActual",
        "__non_webpack_require__",
    ]
)
_MAKER = re.compile(r"(?:^|[.\s(,])createRequire\)?$")
"""What is called to make a `require`: `createRequire`, `module$1.createRequire`, `(0, module_1.createRequire)`."""

_MAKER_ALIAS = re.compile(r"\bcreateRequire\s{0,9}(?:as\s{1,9}|:\s{0,9})([\w$]{1,80})")
_REQUIRE_ITSELF = re.compile(r"(?:.{0,200}[?:|]\s{0,9})?(?:__non_webpack_)?require(?:__)?", re.DOTALL)
_MADE = re.compile(
    rb"(?<![\w$])([\w$]{1,60})[ \t]{0,4}=[ \t]{0,4}(?:[\w$]{1,60}\.|\(0,[ \t]{0,4}[\w$.]{1,60}\.)?createRequire\)?\("
)
_MADE_NAMES = 8
_LISTS = re.compile(
    rb"\b(?:readdir|opendir|glob|fast-glob|globby|require-?(?:all|dir|directory)|walk|klaw)(?:Sync|sync)?\b"
)
_JSX_SOURCE = re.compile(rb"@jsxImportSource[ \t]{1,9}([\w@./-]{1,100})")
_STARTERS = frozenset(("spawn", "spawnSync", "exec", "execSync", "execFile", "execFileSync", "execa", "execaSync"))
_PLAIN = re.compile(rb"""\b(require|import|from)[ \t]{0,8}\(?[ \t]{0,8}["']([^"'\\\n]{1,300})["']""")
_MODULES = re.compile(rb"""["'](?:\./)?([\w.-]{1,100}\.wasm)["']""")
_MODULES_LIMIT = 100
"""Modules of WebAssembly. Emscripten's code computes the folder, which is its own, and adds the name."""

_COMPUTED = rb"""[ \t]{0,8}\([ \t]{0,8}(?:["'](\.{1,2}/[\w./-]{1,100})["'][ \t]{0,8}\+|`(\.{1,2}/[\w./-]{1,100})\$\{)"""
"""A name in a folder that a long source loads: `load("./locale/" + name)`."""

_ALIAS = re.compile(rb"(?<![\w$])([\w$]{1,60})[ \t]{0,4}=[ \t]{0,4}require[ \t]{0,4}[;,)\n]")
_LOADS = re.compile(rb"\b(?:require|import|export)\b|__dirname|\.node\b")
_WORD = re.compile(r"[\w.@/:+-]{1,214}")
_ADDONS = frozenset(
    ("bindings", "node-gyp-build", "node-gyp-build-optional-packages", "@mapbox/node-pre-gyp", "node-pre-gyp")
)


@dataclass(frozen=True, slots=True)
class ModuleRequest:
    """A module that a source loads: the specifier, perhaps with holes, and `imported`, which is true for an `import`."""

    specifier: str
    imported: bool
    lazy: bool
    place: str = ""


@dataclass(frozen=True, slots=True)
class Facts(Named):
    """The facts of one source. `words` are its texts that may be names; `addons` is true if it looks for a native addon.

    `lists` is true if it may list a folder to find modules. `jsx` is the package that a comment names for what JSX becomes.
    """

    requests: tuple[ModuleRequest, ...] = ()
    words: frozenset[str] = frozenset()
    addons: bool = False
    lists: bool = False
    jsx: str = ""


def read(source: Source) -> Facts:
    """Return the facts of a source. For a library's source, these include only paths that start from its own folder."""
    found = _read(source)
    modules = dict.fromkeys(match[1].decode() for match in islice(_MODULES.finditer(source.content), _MODULES_LIMIT))
    mentions = tuple(Mention(name, Base.FOLDER, sure=True) for name in modules)
    return replace(found, mentions=(*found.mentions, *mentions)) if mentions else found


def _read(source: Source) -> Facts:
    content, whole = source.content, source.origin is Origin.APP
    if not whole and not _LOADS.search(content):
        return Facts()
    if not is_source(content) or (not whole and len(content) > LIBRARY_LIMIT):
        return _plain(content)
    grammar = _GRAMMARS.get(source.suffix, _JAVASCRIPT)
    found = _Reader(whole).read(find(grammar, content))
    jsx = _JSX_SOURCE.search(content)
    return replace(found, lists=_LISTS.search(content) is not None, jsx=jsx[1].decode() if jsx is not None else "")


def _plain(content: bytes) -> Facts:
    """Return the modules that a long source loads in plain forms."""
    found = dict.fromkeys((match[2], match[1] != b"require") for match in _PLAIN.finditer(content))
    made = [re.escape(name) for name in dict.fromkeys(match[1] for match in _MADE.finditer(content))][:_MADE_NAMES]
    if made:
        names = b"|".join(made)
        calls = re.compile(
            rb"(?<![\w$.])(?:" + names + rb")(?:\.resolve)?[ \t]{0,8}\([ \t]{0,8}[\"']([^\"'\\\n]{1,300})[\"']"
        )
        found |= dict.fromkeys((match[1], False) for match in calls.finditer(content))
    found |= dict.fromkeys((name + HOLE.encode(), False) for name in _computed(content))
    requests = (ModuleRequest(name.decode(errors="surrogateescape"), imported, True) for name, imported in found)
    return Facts(requests=tuple(requests))


def _computed(content: bytes) -> Iterator[bytes]:
    """Yield the known beginnings of computed names that a long source loads, by `require`, `import` or another name for `require`."""
    aliases = [re.escape(match[1]) for match in islice(_ALIAS.finditer(content), _MADE_NAMES)]
    calls = re.compile(rb"(?<![\w$.])(?:" + rb"|".join((b"require", b"import", *aliases)) + rb")" + _COMPUTED)
    yield from (match[1] or match[2] for match in calls.finditer(content))


class _Reader(SourceReader[JavaScript]):
    """Reads one JavaScript or TypeScript source."""

    takers = frozenset(("arguments", "pair"))

    def __init__(self, whole: bool) -> None:
        super().__init__(JavaScript(), whole)
        self._requests: dict[ModuleRequest, None] = {}
        self._words: set[str] = set()
        self._makers: set[str] = set()
        self._loaders = set(_LOADERS)

    def read(self, nodes: Iterator[Found]) -> Facts:
        self.look_at(nodes)
        requests = tuple(self._requests)
        addons = any(request.specifier in _ADDONS or request.specifier.endswith(".node") for request in requests)
        return Facts(tuple(self._mentions), tuple(self._commands), requests, frozenset(self._words), addons)

    def _look(self, found: Found) -> None:
        node = found.node
        if node.type in ("import_statement", "export_statement", "import_require_clause"):
            source = node.child_by_field_name("source")
            self._makers.update(_MAKER_ALIAS.findall(text(node, 1000)))
            if source is not None:
                self._request(source, found, imported=node.type != "import_require_clause")
        elif node.type == "variable_declarator":
            self._declare(node)
        elif node.type in _PLACES and not (node.type == "call_expression" and self._is_request(found)):
            value = self._mention(found)
            if value is not None and value.base is Base.ANY and node.type == "string" and _WORD.fullmatch(value.path):
                self._words.add(value.path)

    def _declare(self, node: Node) -> None:
        """Remember the value of a variable, and whether it is a function that loads modules."""
        self._evaluator.define(node)
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is None or value is None:
            return
        if name.type == "object_pattern":
            self._makers.update(_MAKER_ALIAS.findall(text(name, 1000)))
        elif name.type == "identifier" and (self._makes(value) or _REQUIRE_ITSELF.fullmatch(text(value, 300))):
            self._loaders |= {text(name, 100), f"{text(name, 100)}.resolve"}

    def _makes(self, node: Node | None) -> bool:
        """Return True if an expression is a call of `createRequire`, under any name."""
        name = text(node.child_by_field_name("function"), 200) if node is not None else ""
        return bool(name) and (_MAKER.search(name) is not None or name in self._makers)

    def _is_request(self, found: Found) -> bool:
        """Return True if a call loads a module. Notes the module, or a command that the call starts."""
        function = found.node.child_by_field_name("function")
        name = called(function)
        first = first_child(found.node.child_by_field_name("arguments"))
        if first is None or not name:
            return False
        if name in self._loaders or (function is not None and self._makes(function)):
            self._request(first, found, imported=name.startswith("import"))
            return True
        last = name.rpartition(".")[2]
        if last in _STARTERS:
            shell = last.startswith("exec") and "File" not in last
            self._start(self._evaluator.value(first).path, found, shell=shell)
        return False

    def _request(self, node: Node, found: Found, *, imported: bool) -> None:
        self._understand(node)
        for value in self._evaluator.values(node):
            specifier = value.path if value.base is Base.ANY else f"./{value.path}"
            if specifier.strip(HOLE) and value.base is not Base.WORKING:
                self._requests[ModuleRequest(specifier, imported, found.lazy, found.place)] = None
