"""Reads the calls of a source that import by a string or start a command."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slimmer.keep.languages.python.facts import Dynamic
from slimmer.keep.languages.python.grammar import GRAMMAR, head, text
from slimmer.keep.languages.python.scopes import Scopes
from slimmer.keep.sources.named_paths import HOLE
from slimmer.keep.sources.syntax import find

if TYPE_CHECKING:
    from tree_sitter import Node

_IMPORTS = re.compile(rb"import\w{0,40}\(|find_spec\(")
_COMMANDS = re.compile(rb"subprocess|\bos\b|shutil|popen|pexpect")
_STARTERS = frozenset(
    {
        "Popen", "call", "check_call", "check_output", "create_subprocess_exec", "create_subprocess_shell", "execlp",
        "execvp", "getoutput", "getstatusoutput", "popen", "run", "spawn", "system", "which",
    }
)  # fmt: skip
_SHELLS = frozenset({"create_subprocess_shell", "getoutput", "getstatusoutput", "popen", "system"})
"""Those of _STARTERS that pass a command line to the shell. Others do so with `shell=True`."""

_SHELL = "/bin/sh"
OWN_PACKAGE = frozenset({"__name__", "__package__", "__spec__.parent", "__spec__.name"})
_OWN_NAME = re.compile(
    rb"^[ \t]{0,99}(\w{1,80})[ \t]{0,9}=[ \t]{0,9}__(?:name|package)__(?:\.r?(?:partition|split)\([^()\n]{0,20}\)\[0\])?[ \t\r]{0,99}$",
    re.MULTILINE,
)
"""A variable that holds the module's own package."""

_NAME = re.compile(r"\.{0,9}\w{1,80}(?:\.\w{1,80}){0,19}")
_PREFIX = re.compile(r"\.{1,9}\w{0,80}|\.{0,9}\w{1,80}(?:\.\w{1,80}){0,19}\.\w{0,80}")
_MIDDLE = re.compile(rf"{HOLE}((?:\.\w{{1,80}}){{1,9}}\.){HOLE}")
_HOLES = re.compile(f"{HOLE}{{2,}}")
PLACEHOLDER = re.compile(r"%(?:\(\w{1,80}\))?[sdr]|\{[^{}]{0,80}\}")
"""A placeholder in a template of str.format or the % operator."""

_LEVEL = re.compile(r"[0-9]")
LINE = 4096
"""The most characters of a command line that are read."""

_COMMAND = re.compile(r"\s{0,9}(?:exec\s{1,9})?([\w./+@-]{1,200})")
_IN_A_LINE = re.compile(r"(?:^|[|;&(`])\s{0,9}(?:exec\s{1,9}|\w{1,40}=\S{0,100}\s{1,9})?([\w./+@-]{1,200})")


@dataclass(frozen=True, slots=True)
class Calls:
    """The imports by strings, and the programs that a source starts, each once."""

    dynamic: tuple[Dynamic, ...] = ()
    commands: tuple[str, ...] = ()


def read_calls(source: bytes, scopes: Scopes, *, commands: bool) -> Calls:
    """Return the calls of a source. Commands are read only if `commands` is true. Sources without the words of such calls are not searched."""
    commands = commands and _COMMANDS.search(source) is not None
    if not commands and not _IMPORTS.search(source):
        return Calls()
    own = OWN_PACKAGE | own_names(source)
    dynamic: dict[Dynamic, None] = {}
    started: dict[str, None] = {}
    for call, scope in scopes.locate(found.node for found in find(GRAMMAR, source)):
        name = _name(source, call)
        if scope.skipped or not ("import" in name or name == "find_spec" or (commands and name in _STARTERS)):
            continue
        argument = _argument(call)
        if argument is None:
            continue
        if name not in _STARTERS:
            level = _level(call) if name == "__import__" else 0
            if read := _imported(argument, level, scope.where, own):
                dynamic[read] = None
        else:
            started.update(dict.fromkeys(_commands(call, name, argument)))
    return Calls(tuple(dynamic), tuple(started))


def own_names(source: bytes) -> Set[str]:
    """Return the variables of a source that hold its own package."""
    return {match[1].decode() for match in _OWN_NAME.finditer(source)}


def _name(source: bytes, call: Node) -> str:
    """Return the name of the called function, without the object that it belongs to."""
    function = call.child_by_field_name("function")
    attribute = function.child_by_field_name("attribute") if function is not None else None
    return head(source, attribute or function, 80)


def _argument(call: Node) -> Node | None:
    """Return the value of a call's first argument; None if there is none."""
    arguments = call.child_by_field_name("arguments")
    node = arguments.named_child(0) if arguments is not None and arguments.named_child_count else None
    return node.child_by_field_name("value") if node is not None and node.type == "keyword_argument" else node


def _imported(argument: Node, level: int, where: str, own: Set[str]) -> Dynamic | None:
    """Return the import of a literal or partly known name: f"a.{x}", "a.b_" + x, "%s.a.%s" % (x, y), "a.{}".format(x)."""
    known = "." * level + _HOLES.sub(HOLE, pattern(argument, own))
    start, hole, _ = known.partition(HOLE)
    if not hole:
        return Dynamic(known, where=where) if _NAME.fullmatch(known) else None
    if match := _MIDDLE.fullmatch(known):
        return Dynamic(HOLE + match[1], prefix=True, where=where)
    return Dynamic(start, prefix=True, where=where) if _PREFIX.fullmatch(start) else None


def pattern(node: Node, own: Set[str], depth: int = 8) -> str:
    """Return the text of a string expression, with HOLE for computed parts. `__name__ + ".x"` counts as ".x"."""
    if node.type == "string":
        return _string(node, own)
    if node.type == "binary_operator" and depth:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        operator = text(node.child_by_field_name("operator"))
        if left is not None and right is not None and operator == "+":
            return ("" if text(left) in own else pattern(left, own, depth - 1)) + pattern(right, own, depth - 1)
        if left is not None and operator == "%":
            return PLACEHOLDER.sub(HOLE, pattern(left, own, depth - 1))
    if node.type == "call":
        template = _template(node)
        return PLACEHOLDER.sub(HOLE, pattern(template, own, depth - 1)) if template is not None and depth else HOLE
    return HOLE


def _template(call: Node) -> Node | None:
    """Return the template of a call of `format`; None for other calls."""
    function = call.child_by_field_name("function")
    if function is None or text(function.child_by_field_name("attribute")) != "format":
        return None
    return function.child_by_field_name("object")


def _string(node: Node, own: Set[str]) -> str:
    parts = [child for child in node.named_children if child.type in ("string_content", "interpolation")]
    known = ""
    for position, part in enumerate(parts):
        if part.type == "string_content":
            known += text(part)
        elif position == 0 and text(part).strip("{}") in own:
            known += "" if len(parts) > 1 and parts[1].type == "string_content" else "."
        else:
            known += HOLE
    return known


def _level(call: Node) -> int:
    """Return the `level` of `__import__(name, globals(), locals(), names, level)`: the number of leading dots."""
    arguments = call.child_by_field_name("arguments")
    given = arguments.named_children if arguments is not None else []
    named = [node for node in given if text(node.child_by_field_name("name")) == "level"]
    level = named[0].child_by_field_name("value") if named else (given[4] if len(given) == 5 else None)
    return int(text(level)) if level is not None and _LEVEL.fullmatch(text(level)) else 0


def _commands(call: Node, name: str, argument: Node) -> Iterator[str]:
    """Yield the program of `["program", …]` or of a command line. For a shell's line, yield the shell and all programs in the line."""
    if name in _SHELLS or _is_for_the_shell(call):
        yield _SHELL
        line = _line(argument) if argument.type == "string" else ""
        yield from (match[1] for match in _IN_A_LINE.finditer(line))
        return
    if argument.type in ("list", "tuple"):
        argument = next(iter(argument.named_children), argument)
    if argument.type == "string" and (match := _COMMAND.match(_string(argument, OWN_PACKAGE))):
        yield match[1]


def _is_for_the_shell(call: Node) -> bool:
    arguments = call.child_by_field_name("arguments")
    given = arguments.named_children if arguments is not None else ()
    return any(text(node) == "shell=True" for node in given if node.type == "keyword_argument")


def _line(node: Node) -> str:
    """Return the text of a string, with a space for each computed part."""
    return "".join(text(part) if part.type == "string_content" else " " for part in node.named_children[1:-1])[:LINE]
