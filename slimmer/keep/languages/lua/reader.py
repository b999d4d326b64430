"""Reads a Lua source, or a configuration of nginx with Lua in it, for what it requires and names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, ClassVar

from slimmer.keep.language import Origin, Source
from slimmer.keep.languages.lua.nginx import configuration
from slimmer.keep.sources.expressions import FOLDER, LENGTH, Evaluator
from slimmer.keep.sources.named_paths import HOLE, UNKNOWN, Base, Mention, Value
from slimmer.keep.sources.source_reader import LIMIT, Named, SourceReader
from slimmer.keep.sources.syntax import Found, Grammar, find, first_child, is_source, text

if TYPE_CHECKING:
    from tree_sitter import Node

_REQUIRE = re.compile(r"(?:[\w.:]{0,80}[._:])?(?:require|load_module(?:_if_exists)?)")
_ZONES = "/usr/share/zoneinfo"
_START = re.compile(r"(?:io\.)?popen|os\.execute|(?:shell|resty_shell)\.run|(?:ngx_)?pipe\.spawn|spawn")
_ASSIGNMENTS = re.compile(r"(?:\w{1,80}=[^\s;|&]{0,400}\s{1,20}){1,9}")
_ZONE = re.compile(r"TZ=[\"']?:?([A-Z][\w/+-]{2,40})")
_PATH = re.compile(r"(?<![\w./=-])[\w.-]{0,80}(?:/[\w.\0-]{1,80}){1,20}")
_MODULE = re.compile(r"[A-Za-z_][\w-]{0,80}(?:\.[\w\0-]{1,80}){1,9}")
_LONG, _LONG_END = re.compile(rb"\[(=*+)\["), re.compile(rb"\](=*+)(?=\])")
_SPECIFIER = re.compile(r"%[-+ #0-9.]{0,9}[a-zA-Z]")


class Kind(StrEnum):
    """How a source asks for something, as its reason says it."""

    REQUIRED = "required"
    NAMED = "named"
    """A text that may be the name of a module."""
    NATIVE = "loaded"
    """A library that LuaJIT's ffi.load opens."""


@dataclass(frozen=True, slots=True)
class Request:
    """A module or library that a source asks for. `lazy` if that happens in a function; `place` names the function: " in pay()"."""

    name: str
    kind: Kind = Kind.REQUIRED
    lazy: bool = False
    place: str = ""


@dataclass(frozen=True, slots=True)
class Facts(Named):
    """All that one source says. `paths` are patterns with a `?`, as in package.path and package.cpath."""

    requests: tuple[Request, ...] = ()
    paths: tuple[Mention, ...] = ()


_LUA = Grammar(
    "tree_sitter_lua",
    functions=frozenset(("function_declaration", "function_definition")),
    wanted=frozenset(("assignment_statement", "function_call", "string", "binary_expression")),
    leaves=frozenset(("comment",)),
)


class Lua(Evaluator):
    """Expressions of Lua."""

    names: ClassVar[Mapping[str, Value]] = {}
    variables = frozenset(("identifier", "dot_index_expression"))

    def assign(self, assignment: Node) -> dict[str, Value]:
        """Remember `a, b = x, y`, and return the value of each name."""
        left, right = assignment.named_children[0], assignment.named_children[-1]
        pairs = zip(left.children_by_field_name("name"), right.children_by_field_name("value"), strict=False)
        values = {text(name, 200): self.value(value) for name, value in pairs if name.type in self.variables}
        for name, value in values.items():
            self._remember(name, value)
        return values

    def _value(self, node: Node, depth: int) -> Value:
        if node.type == "string":
            return Value(text(node.child_by_field_name("content"), 1024))
        if node.type in self.variables:
            return self._named(node)
        if node.type == "binary_expression":
            return self._binary(node, depth)
        if node.type == "function_call":
            return self._called(node, depth)
        return self.value(first_child(node), depth) if node.type == "parenthesized_expression" else UNKNOWN

    def _binary(self, node: Node, depth: int) -> Value:
        operator = next((child.type for child in node.children if not child.is_named), "")
        if operator == "..":
            return self._both_sides(node, depth)
        left = self.value(node.child_by_field_name("left"), depth) if operator == "or" else UNKNOWN
        return self.value(node.child_by_field_name("right"), depth) if operator == "or" and left == UNKNOWN else left

    def _called(self, node: Node, depth: int) -> Value:
        """The folder of the source, as `debug.getinfo(1).source:match("(.*/)")`, or a text with `%s` in it."""
        function, said = node.child_by_field_name("name"), text(node, 200)
        if ("debug.getinfo" in said or "arg[0]" in said) and "/)" in said:
            return FOLDER
        if function is None or not text(function, 1024).endswith("format"):
            return UNKNOWN
        template = function.child_by_field_name("table") if function.type == "method_index_expression" else None
        value = self.value(template or first_child(node.child_by_field_name("arguments")), depth)
        return replace(value, path=_SPECIFIER.sub(HOLE, value.path))


def read(source: Source) -> Facts:
    """The facts of a source. Of a library's, only what it requires and paths that begin at its own folder."""
    if not is_source(source.content) or _is_endless(source.content):
        return Facts()
    reader = _Reader(Lua(), source.origin is Origin.APP)
    if source.suffix == ".lua" or source.content.startswith(b"#!"):
        reader.look_at(find(_LUA, source.content))
        return reader.facts()
    said = configuration(source.content)
    reader.look_at(find(_LUA, said.code))
    facts = reader.facts()
    files = tuple(Mention(name, Base.ANY, True) for name in said.files[:LIMIT])
    paths = [one for path in said.paths for one in _patterns(Value(path))]
    return replace(facts, mentions=(*files, *facts.mentions)[:LIMIT], paths=(*paths, *facts.paths)[:LIMIT])


def _is_endless(content: bytes) -> bool:
    """Return True if many long texts (`[[`) do not end: for each, the parser looks through the rest of the source."""
    ends = {len(one[1]): one.start() for one in _LONG_END.finditer(content)}
    unclosed = (one for one in _LONG.finditer(content) if one.start() > ends.get(len(one[1]), -1))
    return next(islice(unclosed, 100, None), None) is not None


def _patterns(path: Value) -> Iterator[Mention]:
    """The patterns of a load path, each relative to the source's folder or to the working directory."""
    for index, pattern in enumerate(path.path.split(";")[:100]):
        if "?" in pattern:
            of_folder = pattern.startswith(HOLE) or (index == 0 and path.base is Base.FOLDER)
            known = pattern.lstrip(f"{HOLE}/") if of_folder else pattern
            yield Mention(known[:1024], Base.FOLDER if of_folder else Base.WORKING, True)


def _relative(mention: Mention) -> Mention:
    """A path below a folder that nobody knows, such as ngx.config.prefix(), is looked for as if it were relative."""
    return replace(mention, path=mention.path.lstrip(f"{HOLE}/")) if mention.path.startswith(HOLE) else mention


class _Reader(SourceReader[Lua]):
    """A Lua source that is being read."""

    takers = frozenset(("arguments", "field"))

    def __init__(self, evaluator: Lua, whole: bool) -> None:
        super().__init__(evaluator, whole)
        self._requests: dict[Request, None] = {}
        self._paths: dict[Mention, None] = {}

    def facts(self) -> Facts:
        mentions = tuple(dict.fromkeys(_relative(mention) for mention in self._mentions))
        return Facts(mentions, tuple(self._commands), tuple(self._requests), tuple(self._paths)[:LIMIT])

    def _look(self, found: Found) -> None:
        if found.node.type == "assignment_statement":
            self._assigned(self._evaluator.assign(found.node))
        elif found.node.type == "function_call":
            self._call(found)
        elif (value := self._mention(found)) is not None and _MODULE.fullmatch(value.path):
            self._ask(value.path, Kind.NAMED, found)

    def _assigned(self, values: Mapping[str, Value]) -> None:
        for name in ("package.path", "package.cpath"):
            if name in values:
                self._paths.update(dict.fromkeys(_patterns(values[name])))

    def _call(self, found: Found) -> None:
        name = text(found.node.child_by_field_name("name"), 100)
        arguments = found.node.child_by_field_name("arguments")
        given = arguments.named_children[:3] if arguments is not None else []
        if name in ("pcall", "xpcall") and given:
            name, given = text(given[0], 100), given[1:]
        if not given:
            return
        if _REQUIRE.fullmatch(name) or name == "ffi.load":
            self._understand(given[0])
            self._ask(self._evaluator.value(given[0]).path, Kind.NATIVE if name == "ffi.load" else Kind.REQUIRED, found)
        elif _START.fullmatch(name):
            is_list = given[0].type == "table_constructor"
            line = self._evaluator.value(first_child(first_child(given[0])) if is_list else given[0]).path
            zones = [f"{_ZONES}/{zone}" for zone in _ZONE.findall(line[:LENGTH])]
            for path in (*zones, *_PATH.findall(line[:LENGTH])) if self._whole else ():
                self._mentions[Mention(path, Base.ANY, True, found.place)] = None
            self._start(_ASSIGNMENTS.sub("", line, count=1), found, shell=not is_list)

    def _ask(self, name: str, kind: Kind, found: Found) -> None:
        if name.strip(HOLE) and len(self._requests) < LIMIT:
            self._requests[Request(name, kind, found.lazy, found.place)] = None
