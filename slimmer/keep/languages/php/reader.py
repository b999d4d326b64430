"""Reads a PHP source for the files that it includes, the classes that it uses, and the paths that it names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slimmer.keep.language import Origin, Source
from slimmer.keep.languages.php.expressions import Php
from slimmer.keep.sources.named_paths import HOLE, Base
from slimmer.keep.sources.source_reader import LIMIT, Named, SourceReader
from slimmer.keep.sources.syntax import Found, Grammar, find, first_child, is_source, text

if TYPE_CHECKING:
    from tree_sitter import Node

_INCLUDES = frozenset(
    ("include_expression", "include_once_expression", "require_expression", "require_once_expression")
)
_PARENTS = frozenset(("base_clause", "class_interface_clause", "use_declaration"))
_USERS = _PARENTS | {
    "object_creation_expression",
    "scoped_call_expression",
    "class_constant_access_expression",
    "scoped_property_access_expression",
    "named_type",
    "attribute",
}
_PLACES = frozenset(("string", "encapsed_string", "binary_expression", "function_call_expression"))
_WANTED = _INCLUDES | _PLACES | frozenset(
    ("assignment_expression", "namespace_definition", "namespace_use_declaration", "name", "qualified_name", "shell_command_expression")
)  # fmt: skip
_FUNCTIONS = frozenset(
    ("function_definition", "method_declaration", "anonymous_function", "arrow_function", "try_statement")
)
_PHP = Grammar("tree_sitter_php", _FUNCTIONS, _WANTED, frozenset(("comment", "qualified_name", "text")), "language_php")
_STARTERS = frozenset(("exec", "shell_exec", "system", "passthru", "proc_open", "popen"))
_AUTOLOADER = re.compile(rb"\bspl_autoload_register\b|\bfunction\s{1,9}__autoload\b", re.IGNORECASE)
_CLASS = re.compile(r"\\?[A-Za-z_]\w{0,100}(?:\\[A-Za-z_]\w{0,100}){0,12}")
_USE = re.compile(r"\s*(?:function\s|const\s)?\s*([\w\\]{1,300})(?:\s+as\s+(\w{1,100}))?\s*")


@dataclass(frozen=True, slots=True)
class Include:
    """A file that a source includes: its path, perhaps with holes, and the folder that it is relative to.

    `deep` is true if the source is an autoloader of its own: a hole in the path may stand for folders, too.
    """

    path: str
    base: Base
    place: str = ""
    deep: bool = False


@dataclass(frozen=True, slots=True)
class ClassUse:
    """A class that a source uses. `names` are the full names that it may have.

    `parent` is true if the source's own class extends, implements or uses it. A hole as the last part stands for any class of that namespace.
    """

    names: tuple[str, ...]
    parent: bool
    place: str = ""


@dataclass(frozen=True, slots=True)
class Facts(Named):
    """The facts of one source."""

    includes: tuple[Include, ...] = ()
    classes: tuple[ClassUse, ...] = ()
    namespace: str = ""


def read(source: Source) -> Facts:
    """Return the facts of a source. For a library's source, these include only paths that start from its own folder."""
    if not is_source(source.content) or b"<?" not in source.content:
        return Facts()
    autoloads = _AUTOLOADER.search(source.content) is not None
    return _Reader(source.origin is Origin.APP, autoloads).read(find(_PHP, source.content))


class _Reader(SourceReader[Php]):
    """Reads one PHP source."""

    takers = frozenset(("argument", "array_element_initializer"))

    def __init__(self, whole: bool, autoloads: bool) -> None:
        super().__init__(Php(), whole)
        self._autoloads = autoloads
        self._namespace = ""
        self._aliases: dict[str, str] = {}
        self._includes: dict[Include, None] = {}
        self._classes: dict[ClassUse, None] = {}

    def read(self, nodes: Iterator[Found]) -> Facts:
        self.look_at(nodes)
        return Facts(
            tuple(self._mentions), tuple(self._commands), tuple(self._includes), tuple(self._classes), self._namespace
        )

    def _look(self, found: Found) -> None:
        node, kind = found.node, found.node.type
        if kind in ("name", "qualified_name"):
            if found.parent in _USERS and (self._whole or found.parent != "named_type"):
                self._use(self._full_names(text(node, 400)), found)
        elif kind in _INCLUDES:
            self._include(first_child(node), found)
        elif kind == "assignment_expression":
            self._evaluator.define(node)
        elif kind == "namespace_definition":
            self._namespace = text(node.child_by_field_name("name"), 400)
            self._aliases = {}
        elif kind == "namespace_use_declaration":
            self._import(text(node))
        elif kind == "shell_command_expression":
            self._start(text(node)[1:-1], found)
        else:
            self._look_at_place(found)

    def _import(self, statement: str) -> None:
        r"""Note the short names that `use A\B as C, D;` and `use A\{B, C};` define."""
        names = statement.strip().removeprefix("use").rstrip(";")
        prefix, grouped, rest = names.partition("{")
        for part in (rest.rstrip("} \n") if grouped else names).split(",")[:200]:
            match = _USE.fullmatch(part)
            if match is not None:
                full = (prefix.strip() if grouped else "") + match[1]
                self._aliases[match[2] or full.rpartition("\\")[2]] = full.lstrip("\\")

    def _full_names(self, name: str) -> tuple[str, ...]:
        first, separator, rest = name.partition("\\")
        if not first:
            return (rest,)
        if first in self._aliases:
            return (self._aliases[first] + separator + rest,)
        return (f"{self._namespace}\\{name}", name) if self._namespace else (name,)

    def _use(self, names: tuple[str, ...], found: Found) -> None:
        if len(self._classes) < LIMIT:
            self._classes[ClassUse(names, found.parent in _PARENTS, found.place)] = None

    def _include(self, node: Node | None, found: Found) -> None:
        value = self._evaluator.value(node) if node is not None else None
        if node is not None and value is not None and value.path.strip(HOLE):
            self._understand(node)
            deep = self._autoloads and HOLE in value.path
            self._includes[Include(value.path, value.base, found.place, deep)] = None

    def _look_at_place(self, found: Found) -> None:
        """Look at a function's call, or at an expression that may be a path or the name of a class."""
        node = found.node
        if node.type == "function_call_expression":
            name = text(node.child_by_field_name("function"), 100).lstrip("\\")
            first = first_child(node.child_by_field_name("arguments"))
            if name == "define":
                self._evaluator.define_constant(node)
            if name in _STARTERS and first is not None:
                self._start(self._evaluator.value(first).path, found)
        value = self._mention(found)
        if value is None:
            return
        is_class = node.type == "string" and "\\" in value.path and _CLASS.fullmatch(value.path)
        if is_class or (value.path.endswith("\\" + HOLE) and _CLASS.fullmatch(value.path[:-2])):
            self._use((value.path.lstrip("\\"),), found)
